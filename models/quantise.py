"""From float weights to an int8 file: watch the ranges on training frames, then write."""

import copy
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
from torch import nn

from models.export import export
from models.nanodet import NanoDet
from models.parts import OBSERVE, OFF, SIMULATE, Conv, Range, set_mode
from models.photographs import Pixels
from models.samples import Mix
from models.warp import HEIGHT, WIDTH

FRAMES = 192  # ranges settle after about a hundred frames
BATCH = 8
UNBIASED = 48  # frames whose channel means correct the biases
# Softened logits that the file tells apart: scores 0.002 to 0.95. The mean extreme of a picture's logits is below 0 where most
# pictures hold nothing, and a range learnt from it made every sure animal score exactly 0.5.
LOGITS = (-6.0, 3.0)


def soften(network: NanoDet, by: float) -> NanoDet:
    """The same network with logits divided by ``by``: order unchanged, low scores spread over more of the 256 steps."""
    softer = copy.deepcopy(network)
    for head in softer.last():
        head.conv.weight.data /= by
        head.conv.bias.data /= by
    return softer


def watched(network: NanoDet, mix: Mix, size: tuple[int, int], *, seed: int = 0, frames: int = FRAMES) -> NanoDet:
    """A copy that has seen ``frames`` training frames of ``size`` (height, width), for ``export``; none of them judges."""
    ready = copy.deepcopy(network).eval()
    for module in ready.modules():
        if isinstance(module, Range):
            module.momentum = BATCH / frames * 4
    for head in ready.last():
        head.span = Range(LOGITS)
    set_mode(ready, OBSERVE)
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for _ in range(frames // BATCH):
            ready(_batch(rng, mix, *size))
    for group in ready.alike():
        widen(group)
    with torch.no_grad():
        unbias(ready, _batch(rng, mix, *size, count=UNBIASED))
    set_mode(ready, SIMULATE)
    return ready


def unbias(network: nn.Module, pictures: torch.Tensor) -> None:
    """Take out of every bias what rounding adds to the mean of its channel (Nagel et al. 2019), layer after layer.

    Depthwise filters of nine rounded weights shift their channels; over a hundred layers the shifts add up.
    """
    wanted: dict[Conv, torch.Tensor] = {}

    def remember(layer: Conv) -> Callable[[nn.Module, tuple[torch.Tensor]], None]:
        return lambda _, given: wanted.update({layer: given[0].mean((0, 2, 3))})

    def correct(layer: Conv) -> Callable[[nn.Module, tuple[torch.Tensor]], tuple[torch.Tensor]]:
        def shifted(_: nn.Module, given: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
            shift = given[0].mean((0, 2, 3)) - wanted[layer]
            layer.conv.bias.data -= shift
            return (given[0] - shift.view(1, -1, 1, 1),)

        return shifted

    for mode, make in ((OFF, remember), (SIMULATE, correct)):
        set_mode(network, mode)
        convs = [module for module in network.modules() if isinstance(module, Conv)]
        hooks = [(layer.before or layer.span).register_forward_pre_hook(make(layer)) for layer in convs]
        network(pictures)
        for hook in hooks:
            hook.remove()


def widen(group: Sequence[Range]) -> None:
    """Give every range of the group the span of them all: a join of int8 maps needs one scale."""
    low, high = min(float(one.lo) for one in group), max(float(one.hi) for one in group)
    for one in group:
        one.lo.fill_(low)
        one.hi.fill_(high)


def _batch(rng: np.random.Generator, mix: Mix, height: int, width: int, count: int = BATCH) -> torch.Tensor:
    """Training frames at the size of the file; cut rather than shrunk, so that nothing is small twice."""
    frames = [_fitted(mix.frame(rng).pixels, height, width) for _ in range(count)]
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float()


def _fitted(pixels: Pixels, height: int, width: int) -> Pixels:
    if height > HEIGHT or width > WIDTH:
        return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
    top, left = (HEIGHT - height) // 2, (WIDTH - width) // 2
    return pixels[top : top + height, left : left + width]


def int8(network: NanoDet, mix: Mix, size: tuple[int, int], *, seed: int = 0) -> bytes:
    """The file for pictures of ``size`` (height, width)."""
    return export(watched(network, mix, size, seed=seed), *size)
