"""YOLOX-nano (Megvii, Apache-2.0) with COCO's 80 classes collapsed to animal, human and vehicle.

CSPDarknet of depthwise convolutions, a PAN, decoupled heads; strides 8, 16, 32; raw BGR of the original turned to raw RGB.
The original multiplies an objectness with a class score. Here both are one logit, their mean: the order of scores is nearly
the same, it is one convolution over both towers, and low scores keep steps of their own in int8.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.nanodet import GROUPS, STRIDES, depthwise, put, unit
from models.parts import Add, Cells, Conv, Focus, Join, JoinCells, LargestOf, Pool, Range, Repeat, Scores

SILU = "silu"
HEAD = 64
LOUDNESS = ([1, 2, 6, 9, 12], [0, 4, 5, 7, 8, 10], [3, 11, 13, 14, 15])  # to 80, to 25, to 0.8
Weights = tuple[np.ndarray, np.ndarray]
# YOLOX puts the pixels of a 2 x 2 block as top left, bottom left, top right, bottom right, each BGR; here rows first, and RGB.
FOCUS = [3 * block + colour for block in (0, 2, 1, 3) for colour in (2, 1, 0)]


def separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Depthwise 3 x 3, then 1 x 1."""
    return nn.Sequential(depthwise(inputs, stride, SILU), unit(inputs, outputs, SILU))


class Stem(nn.Module):
    """First convolution and the depthwise one after it, in groups of channels that are about as loud.

    The edge detectors among the 16 channels reach 80, others 0.5. With one scale for all, int8 drops the quiet ones and the AUC
    on the choosing dates falls from 0.91 to 0.76; in groups, each with a scale of its own, it stays.
    """

    def __init__(self) -> None:
        super().__init__()
        sizes = [len(group) for group in LOUDNESS]
        self.focus = Focus()
        self.first = nn.ModuleList([Conv(12, n, kernel=3, activation=SILU) for n in sizes])
        self.second = nn.ModuleList([depthwise(n, 2, SILU) for n in sizes])
        self.join = Join()

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 16, h/4, w/4), channels in the order of ``LOUDNESS``."""
        x = self.focus(x)
        return self.join(*[self.second[i](self.first[i](x)) for i in range(len(LOUDNESS))])

    def alike(self) -> list[Range]:
        """Ranges that meet in the join."""
        return [layer.span for layer in self.second]

    def put(self, first: Weights, second: Weights) -> None:
        """Spread the released weights of both layers over the groups."""
        for number, group in enumerate(LOUDNESS):
            put(self.first[number], first[0][group][:, FOCUS], first[1][group])
            put(self.second[number], second[0][group], second[1][group])


class Bottleneck(nn.Module):
    """1 x 1 and separable 3 x 3, added to what came in when ``residual``."""

    def __init__(self, channels: int, residual: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(unit(channels, channels, SILU), *separable(channels, channels))
        self.add = Add() if residual else None

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        y = self.body(x)
        return self.add(x, y) if self.add else y

    @property
    def span(self) -> Range:
        """Range of the result."""
        return self.add.span if self.add else self.body[-1].span


class Stage(nn.Module):
    """CSP: half of the channels through bottlenecks, half past them."""

    def __init__(self, inputs: int, outputs: int, repeats: int, residual: bool = True) -> None:
        super().__init__()
        half = outputs // 2
        self.first, self.past = unit(inputs, half, SILU), unit(inputs, half, SILU)
        self.body = nn.Sequential(*[Bottleneck(half, residual) for _ in range(repeats)])
        self.join, self.last = Join(), unit(outputs, outputs, SILU)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, outputs, h, w)."""
        first = self.first(x)
        past = self.past(x)
        return self.last(self.join(self.body(first), past))

    def alike(self) -> list[Range]:
        """Ranges that meet in the join."""
        return [self.body[-1].span, self.past.span]


class Pyramid(nn.Module):
    """SPP: maxima over 5, 9 and 13 cells beside the map itself."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = unit(channels, channels // 2, SILU)
        self.five, self.nine, self.thirteen = Pool(5), Pool(5), Pool(5)  # each on the one before
        self.join, self.last = Join(), unit(2 * channels, channels, SILU)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        x = self.first(x)
        five = self.five(x)
        nine = self.nine(five)
        return self.last(self.join(x, five, nine, self.thirteen(nine)))


class Head(nn.Module):
    """One scale: logits of 19 COCO classes, and middle and size of the box."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.stem = unit(inputs, HEAD, SILU)
        self.kinds = nn.Sequential(*separable(HEAD, HEAD), *separable(HEAD, HEAD))
        self.places = nn.Sequential(*separable(HEAD, HEAD), *separable(HEAD, HEAD))
        self.join = Join()
        self.logits = unit(2 * HEAD, sum(len(group) for group in GROUPS), "")
        self.box = unit(HEAD, 4, "")
        self.collapse, self.scores, self.cells = LargestOf([len(group) for group in GROUPS]), Scores(), Cells()

    def maps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Collapsed logits (batch, 3, h, w) and raw boxes (batch, 4, h, w)."""
        x = self.stem(x)
        kinds = self.kinds(x)
        places = self.places(x)
        return self.collapse(self.logits(self.join(kinds, places))), self.box(places)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and boxes, cells in rows."""
        logits, box = self.maps(x)
        return self.scores(logits), self.cells(box)


class YoloxNano(nn.Module):
    """Picture (batch, 3, h, w), RGB 0..255, h and w multiples of 32, to scores and boxes of every cell."""

    boxes = "centre"

    def __init__(self) -> None:
        super().__init__()
        self.stem = Stem()
        self.dark = nn.ModuleList(
            [
                nn.Sequential(unit(16, 32, SILU), Stage(32, 32, 1)),
                nn.Sequential(separable(32, 64, 2), Stage(64, 64, 3)),
                nn.Sequential(separable(64, 128, 2), Stage(128, 128, 3)),
                nn.Sequential(separable(128, 256, 2), Pyramid(256), Stage(256, 256, 1, residual=False)),
            ]
        )
        self.narrow = nn.ModuleList([unit(256, 128, SILU), unit(128, 64, SILU)])
        self.up = nn.ModuleList([Repeat(), Repeat()])
        self.down = nn.ModuleList([separable(64, 64, 2), separable(128, 128, 2)])
        self.join = nn.ModuleList([Join() for _ in range(4)])
        self.stages = nn.ModuleList(
            [
                Stage(2 * inputs, outputs, 1, residual=False)
                for inputs, outputs in ((128, 128), (64, 64), (64, 128), (128, 256))
            ]
        )
        self.heads = nn.ModuleList([Head(width) for width in (64, 128, 256)])
        self.join_scores, self.join_sides = JoinCells(), JoinCells()

    def features(self, x: Tensor) -> list[Tensor]:
        """Three maps, strides 8, 16, 32."""
        x = self.dark[0](self.stem(x))
        fine = self.dark[1](x)
        middle = self.dark[2](fine)
        coarse = self.narrow[0](self.dark[3](middle))
        between = self.narrow[1](self.stages[0](self.join[0](self.up[0](coarse), middle)))
        fine = self.stages[1](self.join[1](self.up[1](between), fine))
        middle = self.stages[2](self.join[2](self.down[0](fine), between))
        coarse = self.stages[3](self.join[3](self.down[1](middle), coarse))
        return [fine, middle, coarse]

    def raw(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (batch, cells, 3) and raw boxes (batch, cells, 4), for the loss."""
        pairs = [head.maps(m) for head, m in zip(self.heads, self.features(x), strict=True)]
        logits, boxes = (torch.cat([p[i].flatten(2).transpose(1, 2) for p in pairs], 1) for i in (0, 1))
        return logits, boxes

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (batch, cells, 3), 0..1, and boxes (batch, cells, 4): centre and logarithm of the size, in strides."""
        maps = self.features(x)
        pairs = [self.heads[i](maps[i]) for i in range(len(STRIDES))]
        return self.join_scores(*[p[0] for p in pairs]), self.join_sides(*[p[1] for p in pairs])

    def last(self) -> list[Conv]:
        """The convolutions that give the logits."""
        return [head.logits for head in self.heads]

    def alike(self) -> list[list[Range]]:
        """Groups of ranges that must be one because their maps are joined."""
        stages = [module for module in self.modules() if isinstance(module, Stage)]
        coarse, middle = self.narrow[0].span, self.dark[2][-1].last.span
        between, fine = self.narrow[1].span, self.dark[1][-1].last.span
        towers = [[head.kinds[-1].span, head.places[-1].span] for head in self.heads]
        joined = [[coarse, middle, self.down[1][-1].span], [between, fine, self.down[0][-1].span]]
        return (
            [self.stem.alike()]
            + [stage.alike() for stage in stages]
            + towers
            + joined
            + [[head.box.span for head in self.heads]]
        )


def layers(network: YoloxNano) -> list[Conv]:
    """Convolutions between stem and heads in the order of the released file."""
    parts = [network.dark, network.narrow[0], network.stages[0], network.narrow[1], network.stages[1],
             network.down[0], network.stages[2], network.down[1], network.stages[3]]  # fmt: skip
    found: list[Conv] = []
    for part in parts:
        for module in part.modules():
            if isinstance(module, Stage):
                found += [module.first, module.past, *_convs(module.body), module.last]
            elif isinstance(module, Conv) and not any(module is one for one in found):
                found.append(module)
    return found


def _convs(part: nn.Module) -> list[Conv]:
    return [module for module in part.modules() if isinstance(module, Conv)]


def released(onnx_file: Path) -> YoloxNano:
    """The network as its authors released it, collapsed."""
    network, weights = YoloxNano(), iter(read(onnx_file))
    network.stem.put(next(weights), next(weights))
    order = np.concatenate(LOUDNESS)
    for number, layer in enumerate(layers(network)):
        weight, bias = next(weights)
        put(layer, weight[:, order] if number == 0 else weight, bias)
    for head in network.heads:
        for layer in (head.stem, *head.kinds):
            put(layer, *next(weights))
        kinds, kinds_bias = next(weights)
        for layer in head.places:
            put(layer, *next(weights))
        put(head.box, *next(weights))
        thing, thing_bias = next(weights)
        wanted = [index for group in GROUPS for index in group]
        both = np.concatenate([kinds[wanted], np.repeat(thing, len(wanted), 0)], 1) / 2
        put(head.logits, both, (kinds_bias[wanted] + thing_bias) / 2)
    return network


def read(onnx_file: Path) -> list[Weights]:
    """(weight, bias) of every convolution in the order of the graph."""
    import onnx  # an extra of training
    from onnx import numpy_helper

    graph = onnx.load(str(onnx_file)).graph
    held = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    return [(held[node.input[1]], held[node.input[2]]) for node in graph.node if node.op_type == "Conv"]
