"""Channel shuffles without moving a byte more than needed.

ShuffleNet splits, joins and interleaves channels between its blocks; on a CPU those copies cost a quarter of the time. But
a channel that a block passes on does not change, and the order in which a convolution writes its channels is free: the
weights can be permuted. So channels are followed by name through the graph, each convolution writes those that are read
together next to each other, and a reader takes a few slices instead of a shuffle.
"""

from dataclasses import dataclass, field

import torch
from torch import fx, nn

from models.parts import Conv, Focus, Half, Join, Shuffle

Channel = tuple[int, int]  # (number of the tensor that holds it, its number in the float network)
Value = list[Channel]
MOVES = (Join, Half, Shuffle)


def moved(module: nn.Module, values: list[Value]) -> Value:
    """What a join, a half or a shuffle makes of lists of channels."""
    if isinstance(module, Join):
        return [channel for value in values for channel in value]
    (value,) = values
    middle = len(value) // 2
    if isinstance(module, Half):
        return value[middle:] if module.second else value[:middle]
    return [channel for pair in zip(value[:middle], value[middle:], strict=True) for channel in pair]


@dataclass
class Plan:
    """Which operator reads each channel: ``readers[tensor][channel]`` holds positions in the graph, ascending."""

    readers: dict[int, dict[int, list[int]]] = field(default_factory=dict)

    def order(self, tensor: int) -> list[int]:
        """The order in which to write the channels of a tensor: read together, written together."""
        channels = self.readers[tensor]
        return sorted(channels, key=lambda channel: (channels[channel], channel))


def plan(graph: fx.Graph, modules: dict[str, nn.Module]) -> Plan:
    """Follow all channels through the graph once. Tensors carry the number of the operator that writes them."""
    made, values = Plan(), {}
    for number, node in enumerate(graph.nodes):
        if node.op != "call_module":
            values[node] = _fresh(made, number, 3) if node.op == "placeholder" else []
            continue
        module, inputs = modules[str(node.target)], [values[argument] for argument in node.args]
        if isinstance(module, MOVES):
            values[node] = moved(module, inputs)
            continue
        for tensor, channel in (channel for value in inputs for channel in value):
            made.readers[tensor][channel].append(number)
        values[node] = _fresh(made, number, _outputs(module, len(inputs[0])))
    return made


def _outputs(module: nn.Module, inputs: int) -> int:
    if isinstance(module, Conv):
        return int(module.conv.out_channels)
    return 4 * inputs if isinstance(module, Focus) else inputs


def _fresh(made: Plan, number: int, channels: int) -> Value:
    made.readers[number] = {channel: [] for channel in range(channels)}
    return [(number, channel) for channel in range(channels)]


def runs(positions: list[int]) -> list[tuple[int, int]]:
    """(first, count) of each stretch of consecutive numbers in an ascending list."""
    found: list[tuple[int, int]] = []
    for position in positions:
        if found and position == sum(found[-1]):
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((position, 1))
    return found


class Leaves(fx.Tracer):
    """Traces a network down to the layers of ``models.parts``."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:  # noqa: ARG002  # torch's signature
        """True for a layer that the writer knows."""
        return m.__module__ == "models.parts" or isinstance(m, torch.nn.Conv2d)
