"""A trained network to an int8 TFLite file in the ``manul`` format: uint8 picture in, scores and sides out.

Weights int8 per output channel, activations int8 per tensor, biases int32; the file computes what ``SIMULATE`` computes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import fx, nn

from models import parts, routing
from models.flatbuffer import Writer

VALID, SAME, RELU = 1, 0, 1  # schema: Padding and ActivationFunctionType
JOIN_LIMIT = 4  # XNNPACK joins up to four maps in one operator; more would leave its graph


@dataclass(frozen=True)
class Tensor:
    """A tensor of the file: number, shape (1, h, w, c) or (1, cells, n), scale, zero; which channel sits where."""

    number: int
    shape: tuple[int, ...]
    scale: float
    zero: int
    order: tuple[int, ...] = ()


class Exporter:
    """Walks the traced network and writes its operators."""

    def __init__(self, network: nn.Module) -> None:
        self.graph = routing.Leaves().trace(network)
        self.modules = dict(network.named_modules())
        self.plan = routing.plan(self.graph, self.modules)
        self.writer = Writer()
        self.held: dict[int, Tensor] = {}
        self.gathered: dict[tuple[routing.Channel, ...], tuple[Tensor, routing.Value]] = {}

    def write(self, height: int, width: int) -> bytes:
        """The file for pictures of this size."""
        values: dict[fx.Node, routing.Value] = {}
        outputs: list[int] = []
        for number, node in enumerate(self.graph.nodes):
            if node.op == "placeholder":
                picture, self.held[number] = self._picture(height, width)
                values[node] = [(number, channel) for channel in range(3)]
            elif node.op == "output":
                outputs = [self.held[values[node_][0][0]].number for node_ in node.args[0]]
            else:
                values[node] = self._layer(number, self.modules[str(node.target)], [values[a] for a in node.args])
        return self.writer.finish([picture], outputs)

    def _layer(self, number: int, module: nn.Module, inputs: list[routing.Value]) -> routing.Value:
        if isinstance(module, routing.MOVES):
            return routing.moved(module, inputs)
        if isinstance(module, parts.Conv):
            tensor, order = self._gather(inputs[0])
            self.held[number] = self._conv(number, module, tensor, [inputs[0].index(channel) for channel in order])
        else:
            self.held[number] = self._other(module, [self._natural(value) for value in inputs])
        if module.__class__ in (parts.Double, parts.Repeat, parts.Halve, parts.MaxPool, parts.Pool, parts.Add):
            return [(number, channel) for channel in range(len(inputs[0]))]
        return [(number, channel) for channel in range(self.held[number].shape[-1])]

    # -- channels

    def _natural(self, value: routing.Value) -> Tensor:
        """The tensor behind a value whose reader cannot permute: it must be whole and in order."""
        tensor, order = self._gather(value)
        if order != value:
            raise ValueError("a layer without weights reads shuffled channels")
        return tensor

    def _gather(self, value: routing.Value) -> tuple[Tensor, routing.Value]:
        """A tensor with exactly these channels in whatever order is cheapest, and that order."""
        key = tuple(sorted(value))
        if key not in self.gathered:
            pieces = [self._slices(number, value) for number in dict.fromkeys(number for number, _ in value)]
            order = [channel for piece in pieces for channel in piece[1]]
            self.gathered[key] = (self._join([t for piece in pieces for t in piece[0]], 3), order)
        return self.gathered[key]

    def _slices(self, number: int, value: routing.Value) -> tuple[list[Tensor], routing.Value]:
        tensor = self.held[number]
        order = tensor.order or tuple(range(tensor.shape[-1]))
        wanted = {channel for source, channel in value if source == number}
        positions = [place for place, channel in enumerate(order) if channel in wanted]
        slices = [self._slice(tensor, first, count) for first, count in routing.runs(positions)]
        return slices, [(number, order[place]) for place in positions]

    def _slice(self, x: Tensor, first: int, count: int) -> Tensor:
        if count == x.shape[-1]:
            return x
        y = self._like(x, (*x.shape[:-1], count))
        begin, size = [0, 0, 0, first], list(y.shape)
        self.writer.operator("SLICE", [x.number, self.writer.constant(begin), self.writer.constant(size)], y.number)
        return y

    def _join(self, tensors: list[Tensor], axis: int) -> Tensor:
        while len(tensors) > 1:
            tensors = [self._join_few(tensors[i : i + JOIN_LIMIT], axis) for i in range(0, len(tensors), JOIN_LIMIT)]
        return tensors[0]

    def _join_few(self, tensors: list[Tensor], axis: int) -> Tensor:
        if len(tensors) == 1:
            return tensors[0]
        if len({(t.scale, t.zero) for t in tensors}) > 1:
            raise ValueError("joined tensors must share one range")
        shape = list(tensors[0].shape)
        shape[axis] = sum(t.shape[axis] for t in tensors)
        y = self._like(tensors[0], tuple(shape))
        self.writer.operator("CONCATENATION", [t.number for t in tensors], y.number, axis=axis)
        return y

    # -- operators

    def _picture(self, height: int, width: int) -> tuple[int, Tensor]:
        shape = (1, height, width, 3)
        picture = self.writer.tensor(shape, "uint8", 1.0, 0)
        inside = self._tensor(shape, 1.0, -128)
        self.writer.operator("QUANTIZE", [picture], inside.number)
        return picture, inside

    def _tensor(self, shape: tuple[int, ...], scale: float, zero: int, order: tuple[int, ...] = ()) -> Tensor:
        return Tensor(self.writer.tensor(shape, "int8", scale, zero), shape, scale, zero, order)

    def _like(self, x: Tensor, shape: tuple[int, ...], order: tuple[int, ...] = ()) -> Tensor:
        return self._tensor(shape, x.scale, x.zero, order)

    def _pad(self, x: Tensor, level: float) -> Tensor:
        batch, height, width, channels = x.shape
        y = self._like(x, (batch, height + 2, width + 2, channels), x.order)
        code = int(np.clip(round(level / x.scale) + x.zero, -128, 127))
        frame = self.writer.constant([[0, 0], [1, 1], [1, 1], [0, 0]])
        if code == x.zero:
            self.writer.operator("PAD", [x.number, frame], y.number)
        else:
            value = self.writer.tensor((1,), "int8", x.scale, x.zero, data=np.array([code], np.int8))
            self.writer.operator("PADV2", [x.number, frame, value], y.number)
        return y

    def _conv(self, number: int, layer: parts.Conv, x: Tensor, columns: list[int]) -> Tensor:
        deep = layer.conv.groups > 1
        rows = columns if deep else self.plan.order(number)
        weight, bias = _numbers(layer, rows, None if deep else columns)
        same = layer.kernel == 1 or (layer.stride == 1 and layer.padding == 0)
        if not same:
            x = self._pad(x, layer.padding)
        # A channel whose weights died still has a bias, and it must fit: 2^30 steps of an int32.
        scale = np.maximum(np.abs(weight).max((1, 2, 3)) / 127, np.abs(bias) / (x.scale * 2**30) + 1e-12)
        codes = np.clip(np.round(weight / scale[:, None, None, None]), -127, 127).astype(np.int8)
        codes = codes.transpose(1, 2, 3, 0) if deep else codes.transpose(0, 2, 3, 1)
        weights = self.writer.tensor(codes.shape, "int8", scale, data=codes, axis=3 if deep else 0)
        biases = np.round(bias / (scale * x.scale)).astype(np.int32)
        offsets = self.writer.tensor(biases.shape, "int32", scale * x.scale, data=biases)
        size = [(n if same else n - layer.kernel + layer.stride) // layer.stride for n in x.shape[1:3]]
        inner = layer.before or layer.span
        y = self._tensor((1, size[0], size[1], len(rows)), *inner.scale_and_zero(), tuple(rows))
        options = {
            "padding": SAME if same else VALID, "strideH": layer.stride, "strideW": layer.stride, "dilationHFactor": 1,
            "dilationWFactor": 1, "fusedActivationFunction": RELU if layer.activation == "relu" else 0,
        }  # fmt: skip
        kind = {"depthMultiplier": 1} if deep else {}
        name = "DEPTHWISE_CONV_2D" if deep else "CONV_2D"
        self.writer.operator(name, [x.number, weights, offsets], y.number, **options, **kind)
        return self._activated(layer, y)

    def _activated(self, layer: parts.Conv, x: Tensor) -> Tensor:
        if layer.before is None:
            return x
        y = self._tensor(x.shape, *layer.span.scale_and_zero(), x.order)
        if layer.gate is None:
            self.writer.operator("LEAKY_RELU", [x.number], y.number, alpha=parts.LEAK)
            return y
        gate = self._tensor(x.shape, *layer.gate.scale_and_zero())
        self.writer.operator("LOGISTIC", [x.number], gate.number)
        self.writer.operator("MUL", [x.number, gate.number], y.number)
        return y

    def _other(self, module: nn.Module, inputs: list[Tensor]) -> Tensor:
        writers: dict[type[nn.Module], Callable[..., Tensor]] = {
            parts.Add: self._add,
            parts.Double: self._double,
            parts.Repeat: self._repeat,
            parts.Focus: self._focus,
            parts.Halve: self._halve,
            parts.MaxPool: self._max_pool,
            parts.Pool: self._pool_around,
            parts.LargestOf: self._largest,
            parts.Scores: self._scores,
            parts.Sides: self._sides,
            parts.Cells: self._cells,
            parts.JoinCells: self._join_cells,
        }
        return writers[module.__class__](module, *inputs)

    def _add(self, module: parts.Add, a: Tensor, b: Tensor) -> Tensor:
        if (a.order or None) != (b.order or None):
            raise ValueError("summed maps hold their channels in different orders")
        y = self._tensor(a.shape, *module.span.scale_and_zero(), a.order)
        self.writer.operator("ADD", [a.number, b.number], y.number)
        return y

    def _double(self, _: parts.Double, x: Tensor) -> Tensor:
        batch, height, width, channels = x.shape
        y = self._like(x, (batch, 2 * height, 2 * width, channels), x.order)
        size = self.writer.constant([2 * height, 2 * width])
        self.writer.operator("RESIZE_BILINEAR", [x.number, size], y.number, halfPixelCenters=True)
        return y

    def _repeat(self, _: parts.Repeat, x: Tensor) -> Tensor:
        batch, height, width, channels = x.shape
        y = self._like(x, (batch, 2 * height, 2 * width, channels), x.order)
        size = self.writer.constant([2 * height, 2 * width])
        self.writer.operator("RESIZE_NEAREST_NEIGHBOR", [x.number, size], y.number)
        return y

    def _focus(self, _: parts.Focus, x: Tensor) -> Tensor:
        batch, height, width, channels = x.shape
        y = self._like(x, (batch, height // 2, width // 2, 4 * channels))
        self.writer.operator("SPACE_TO_DEPTH", [x.number], y.number, blockSize=2)
        return y

    def _pool_around(self, module: parts.Pool, x: Tensor) -> Tensor:
        y = self._like(x, x.shape, x.order)
        sides = {"strideH": 1, "strideW": 1, "filterHeight": module.size, "filterWidth": module.size}
        self.writer.operator("MAX_POOL_2D", [x.number], y.number, padding=SAME, **sides)
        return y

    def _cells(self, _: parts.Cells, x: Tensor) -> Tensor:
        return self._reshape(x, (1, x.shape[1] * x.shape[2], x.shape[3]))

    def _pool(self, x: Tensor, name: str, kernel: int) -> Tensor:
        batch, height, width, channels = x.shape
        y = self._like(x, (batch, (height - kernel) // 2 + 1, (width - kernel) // 2 + 1, channels), x.order)
        sides = {"strideH": 2, "strideW": 2, "filterHeight": kernel, "filterWidth": kernel}
        self.writer.operator(name, [x.number], y.number, padding=VALID, **sides)
        return y

    def _halve(self, _: parts.Halve, x: Tensor) -> Tensor:
        return self._pool(x, "AVERAGE_POOL_2D", 2)

    def _max_pool(self, _: parts.MaxPool, x: Tensor) -> Tensor:
        return self._pool(self._pad(x, -1e9), "MAX_POOL_2D", 3)

    def _largest(self, module: parts.LargestOf, x: Tensor) -> Tensor:
        firsts = np.cumsum([0, *module.sizes[:-1]])
        return self._join([self._largest_one(x, int(f), n) for f, n in zip(firsts, module.sizes, strict=True)], 3)

    def _largest_one(self, x: Tensor, first: int, count: int) -> Tensor:
        group = self._slice(x, first, count)
        if count == 1:
            return group
        y = self._like(x, (*x.shape[:3], 1))
        self.writer.operator("REDUCE_MAX", [group.number, self.writer.constant([3])], y.number, keepDims=True)
        return y

    def _reshape(self, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        y = self._like(x, shape)
        self.writer.operator("RESHAPE", [x.number, self.writer.constant(shape)], y.number, newShape=list(shape))
        return y

    def _scores(self, module: parts.Scores, x: Tensor) -> Tensor:
        y = self._tensor(x.shape, *module.span.scale_and_zero())
        self.writer.operator("LOGISTIC", [x.number], y.number)
        return self._reshape(y, (1, x.shape[1] * x.shape[2], x.shape[3]))

    def _sides(self, module: parts.Sides, x: Tensor) -> Tensor:
        rows = x.shape[1] * x.shape[2] * 4
        shares = self._tensor((rows, module.bins), *module.weights.scale_and_zero())
        self.writer.operator("SOFTMAX", [self._reshape(x, shares.shape).number], shares.number, beta=1.0)
        mean = parts.Conv(module.bins, 1, span=module.span)  # the expectation is a convolution with 0, 1, 2 …
        mean.conv.weight.data[:] = mean.conv.weight.new_tensor(range(module.bins)).view(1, -1, 1, 1)
        mean.conv.bias.data.zero_()
        number = -1 - len(self.held)
        self.plan.readers[number] = {0: []}
        y = self._conv(number, mean, self._reshape(shares, (1, rows, 1, module.bins)), list(range(module.bins)))
        return self._reshape(y, (1, rows // 4, 4))

    def _join_cells(self, _: parts.JoinCells, *grids: Tensor) -> Tensor:
        return self._join(list(grids), 1)


def _numbers(layer: parts.Conv, rows: list[int], columns: list[int] | None) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias with outputs (and inputs) in the order of the file."""
    weight, bias = layer.conv.weight.detach().numpy(), layer.conv.bias.detach().numpy()
    weight = weight[rows] if columns is None else weight[rows][:, columns]
    return weight, bias[rows]


def export(network: nn.Module, height: int, width: int) -> bytes:
    """The TFLite file of a network whose ranges have been watched (``models.quantise``)."""
    return Exporter(network).write(height, width)
