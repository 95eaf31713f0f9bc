"""NanoDet-m (RangiLyu/nanodet, Apache-2.0) with COCO's 80 classes collapsed to animal, human and vehicle.

ShuffleNetV2 1.0x, a PAN of 96 channels, a tower a scale; strides 8, 16, 32; raw RGB pixels in. The animal score of a cell
is the largest of ten animal logits (COCO bird … giraffe): the collapsed network starts exactly where NanoDet-m ended.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models import ncnn
from models.parts import (
    Add,
    Conv,
    Double,
    Half,
    Halve,
    Join,
    JoinCells,
    LargestOf,
    MaxPool,
    Range,
    Scores,
    Shuffle,
    Sides,
)

ANIMAL = list(range(14, 24))  # COCO's bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe
HUMAN = [0]
VEHICLE = list(range(1, 9))  # bicycle … boat
GROUPS = (ANIMAL, HUMAN, VEHICLE)
STRIDES = (8, 16, 32)
BINS = 8
WIDTH = 96
STAGES = ((116, 3), (232, 7), (464, 3))
MEAN_BGR = np.array([103.53, 116.28, 123.675], np.float32)  # config/nanodet-m.yml
SCALE_BGR = np.array([57.375, 57.12, 58.395], np.float32)
GREY = 114.0  # pixel level of the frame around the picture; within 10 of every channel's mean


def unit(inputs: int, outputs: int, activation: str, span: Range | None = None) -> Conv:
    """1 x 1 convolution with its activation."""
    return Conv(inputs, outputs, activation=activation, span=span)


def depthwise(channels: int, stride: int = 1, activation: str = "") -> Conv:
    """3 x 3, one filter a channel."""
    return Conv(channels, channels, kernel=3, stride=stride, groups=channels, activation=activation)


class Down(nn.Module):
    """ShuffleNetV2 block that halves the size; both branches see the whole input."""

    def __init__(self, inputs: int, half: int, activation: str, span: Range) -> None:
        super().__init__()
        self.left = nn.Sequential(depthwise(inputs, 2), unit(inputs, half, activation, span))
        self.right = nn.Sequential(
            unit(inputs, half, activation), depthwise(half, 2), unit(half, half, activation, span)
        )
        self.join, self.shuffle = Join(), Shuffle()

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 2*half, h/2, w/2)."""
        return self.shuffle(self.join(self.left(x), self.right(x)))


class Same(nn.Module):
    """ShuffleNetV2 block that keeps the size; half of the channels pass untouched."""

    def __init__(self, half: int, activation: str, span: Range) -> None:
        super().__init__()
        self.first, self.second = Half(second=False), Half(second=True)
        self.branch = nn.Sequential(unit(half, half, activation), depthwise(half), unit(half, half, activation, span))
        self.join, self.shuffle = Join(), Shuffle()

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return self.shuffle(self.join(self.first(x), self.branch(self.second(x))))


def stage(inputs: int, outputs: int, repeats: int, activation: str) -> nn.Sequential:
    """One resolution of the backbone; its channels are passed around, so all blocks share one range."""
    span = Range()
    blocks = [Same(outputs // 2, activation, span) for _ in range(repeats)]
    return nn.Sequential(Down(inputs, outputs // 2, activation, span), *blocks)


def tower(activation: str) -> nn.Sequential:
    """Two depthwise-separable convolutions before the predictions of a scale."""
    pairs = [(depthwise(WIDTH, 1, activation), unit(WIDTH, WIDTH, activation)) for _ in range(2)]
    return nn.Sequential(*[layer for pair in pairs for layer in pair])


class NanoDet(nn.Module):
    """Picture (batch, 3, h, w), RGB 0..255, h and w multiples of 32, to scores and sides of every cell."""

    boxes = "sides"

    def __init__(self, activation: str = "leaky") -> None:
        super().__init__()
        self.stem = Conv(3, 24, kernel=3, stride=2, activation=activation, padding=GREY)
        self.pool = MaxPool()
        widths = [24] + [width for width, _ in STAGES]
        self.stages = nn.ModuleList(
            [stage(inputs, outputs, n, activation) for inputs, (outputs, n) in zip(widths, STAGES, strict=False)]
        )
        self.lateral = nn.ModuleList([unit(width, WIDTH, "") for width in widths[1:]])
        self.up, self.down = nn.ModuleList([Double(), Double()]), nn.ModuleList([Halve(), Halve()])
        self.add = nn.ModuleList([Add() for _ in range(4)])
        self.towers = nn.ModuleList([tower(activation) for _ in STRIDES])
        sizes = [len(group) for group in GROUPS]
        self.classes = nn.ModuleList([unit(WIDTH, sum(sizes), "") for _ in STRIDES])
        self.distances = nn.ModuleList([unit(WIDTH, 4 * BINS, "") for _ in STRIDES])
        self.collapse = LargestOf(sizes)
        self.scores = nn.ModuleList([Scores() for _ in STRIDES])
        self.sides = nn.ModuleList([Sides(BINS) for _ in STRIDES])
        self.join_scores, self.join_sides = JoinCells(), JoinCells()

    def features(self, x: Tensor) -> list[Tensor]:
        """Three maps of 96 channels, strides 8, 16, 32, after the towers."""
        x = self.pool(self.stem(x))
        maps = []
        for one in self.stages:
            x = one(x)
            maps.append(x)
        fine, middle, coarse = (lateral(m) for lateral, m in zip(self.lateral, maps, strict=True))
        middle = self.add[0](middle, self.up[0](coarse))
        fine = self.add[1](fine, self.up[1](middle))
        middle = self.add[2](middle, self.down[0](fine))
        coarse = self.add[3](coarse, self.down[1](middle))
        return [t(m) for t, m in zip(self.towers, (fine, middle, coarse), strict=True)]

    def raw(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (batch, cells, 3) and distributions (batch, cells, 32), for the loss."""
        maps = self.features(x)
        logits = [self.collapse(head(m)).flatten(2).transpose(1, 2) for head, m in zip(self.classes, maps, strict=True)]
        sides = [head(m).flatten(2).transpose(1, 2) for head, m in zip(self.distances, maps, strict=True)]
        return torch.cat(logits, 1), torch.cat(sides, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (batch, cells, 3), 0..1, and sides (batch, cells, 4), in strides: the ``manul`` output format."""
        maps = self.features(x)
        scores = [self.scores[i](self.collapse(self.classes[i](maps[i]))) for i in range(len(STRIDES))]
        sides = [self.sides[i](self.distances[i](maps[i])) for i in range(len(STRIDES))]
        return self.join_scores(*scores), self.join_sides(*sides)

    def last(self) -> list[Conv]:
        """The convolutions that give the logits."""
        return list(self.classes)

    def alike(self) -> list[list[Range]]:
        """Groups of ranges to make one: none, blocks whose maps are joined share a ``Range`` from the start."""
        return []

    def trunk(self) -> list[Conv]:
        """Convolutions up to the towers, in the order of the released file."""
        backbone = [m for one in (self.stem, *self.stages) for m in one.modules() if isinstance(m, Conv)]
        return backbone + [m for m in self.lateral if isinstance(m, Conv)]


def put(layer: Conv, weight: np.ndarray, bias: np.ndarray) -> None:
    """Copy weights into a layer; ValueError when the shapes differ."""
    if tuple(layer.conv.weight.shape) != weight.shape:
        raise ValueError(f"layer holds {tuple(layer.conv.weight.shape)}, file {weight.shape}")
    layer.conv.weight.data = torch.tensor(weight, dtype=torch.float32)
    layer.conv.bias.data = torch.tensor(bias, dtype=torch.float32)


def pixels_in(weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights for raw RGB from weights for normalised BGR."""
    scaled = weight / SCALE_BGR[None, :, None, None]
    shift = (weight * (MEAN_BGR / SCALE_BGR)[None, :, None, None]).sum((1, 2, 3))
    return scaled[:, ::-1].copy(), bias - shift


def released(folder: Path, activation: str = "leaky") -> NanoDet:
    """The network as its authors released it (``ncnn_nanodet-m.param``/``.bin`` in ``folder``), collapsed."""
    network = NanoDet(activation)
    weights = iter(ncnn.read(folder / "ncnn_nanodet-m.param", folder / "ncnn_nanodet-m.bin"))
    for number, layer in enumerate(network.trunk()):
        weight, bias = next(weights)
        put(layer, *(pixels_in(weight, bias) if number == 0 else (weight, bias)))
    wanted = [index for group in GROUPS for index in group]
    for scale, layers in enumerate(network.towers):
        for layer in layers:
            put(layer, *next(weights))
        weight, bias = next(weights)
        put(network.classes[scale], weight[wanted], bias[wanted])
        put(network.distances[scale], weight[80:], bias[80:])
    return network
