"""Layers that exist twice: in PyTorch for training, and one for one in the int8 file that ``models.export`` writes.

All feature maps are (batch, channels, height, width), float32. A layer whose result is a tensor of its own in the file
owns a ``Range``; layers that only move numbers (split, shuffle, pool, resize) keep the range of what they were given.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

STEPS = 255  # int8 has 256 levels
OFF, OBSERVE, SIMULATE = "off", "observe", "simulate"
FLAT = -6.0  # below it SiLU is within 0.015 of 0: int8 steps are worth more above
LEAK = 0.1  # NanoDet's leaky ReLU


class Range(nn.Module):
    """The span of one activation tensor: watches it, or rounds to int8 within it as the device will.

    Training uses a running mean of the per-picture extremes, which forgets single outliers; that kept 0.003 more AUC
    than the plain minimum and maximum when NanoDet-m was quantised without training.
    """

    lo: Tensor
    hi: Tensor

    def __init__(
        self, fixed: tuple[float, float] | None = None, momentum: float = 0.05, floor: float = -float("inf")
    ) -> None:
        super().__init__()
        self.floor = floor
        low, high = fixed or (0.0, 0.0)
        self.register_buffer("lo", torch.tensor(low))
        self.register_buffer("hi", torch.tensor(high))
        self.fixed, self.momentum, self.mode = fixed is not None, momentum, OFF

    def scale_and_zero(self) -> tuple[float, int]:
        """Real value of one step, and the int8 that stands for 0.0."""
        low = min(max(float(self.lo), self.floor), 0.0)
        high = max(float(self.hi), low + 1e-4, 0.0)
        scale = (high - low) / STEPS
        return scale, max(-128, min(127, round(-128 - low / scale)))

    def watch(self, x: Tensor) -> None:
        """Move the span toward the mean of the extremes of the pictures in the batch."""
        flat = x.detach().reshape(x.shape[0], -1)
        low, high = flat.amin(1).mean(), flat.amax(1).mean()
        unseen = float(self.hi) == float(self.lo)
        self.lo.copy_(low if unseen else torch.lerp(self.lo, low, self.momentum))
        self.hi.copy_(high if unseen else torch.lerp(self.hi, high, self.momentum))

    def forward(self, x: Tensor) -> Tensor:
        """``x``, watched or rounded according to ``mode``."""
        if self.mode == OBSERVE and not self.fixed:
            self.watch(x)
        if self.mode != SIMULATE:
            return x
        return torch.fake_quantize_per_tensor_affine(x, *self.scale_and_zero(), -128, 127)


def set_mode(network: nn.Module, mode: str) -> None:
    """Put every range of the network into ``OFF``, ``OBSERVE`` or ``SIMULATE``."""
    for module in network.modules():
        if isinstance(module, Range):
            module.mode = mode


def _silu(x: Tensor, before: Range, gate: Range) -> Tensor:
    if before.mode != SIMULATE:
        before(x)
        return functional.silu(x)
    x = before(x)
    return x * gate(torch.sigmoid(x))


class Conv(nn.Module):
    """Convolution with bias, optional activation; padding of one pixel a side when the kernel is 3 (PyTorch's, not SAME).

    ``padding`` is the value of the frame around the input: 0, or a pixel level for the first layer, whose mean and scale
    are folded into its weights.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        activation: str = "",
        span: Range | None = None,
        padding: float = 0.0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, 0, groups=groups, bias=True)
        self.kernel, self.stride, self.activation, self.padding = kernel, stride, activation, padding
        self.before = (
            Range(floor=FLAT if activation == "silu" else -float("inf")) if activation in ("leaky", "silu") else None
        )
        self.gate = Range((0.0, 255 / 256)) if activation == "silu" else None
        self.span = span if span is not None else Range()

    def weight(self) -> Tensor:
        """(outputs, inputs/groups, kernel, kernel); rounded to int8 per output channel when the range simulates."""
        weight = self.conv.weight
        if self.span.mode != SIMULATE:
            return weight
        scale = weight.detach().abs().amax((1, 2, 3)).clamp_min(1e-8) / 127
        return torch.fake_quantize_per_channel_affine(
            weight, scale, torch.zeros_like(scale, dtype=torch.int32), 0, -127, 127
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, outputs, ceil(height/stride), ceil(width/stride))."""
        if self.kernel > 1:
            x = functional.pad(x, (1, 1, 1, 1), value=self.padding)
        x = functional.conv2d(x, self.weight(), self.conv.bias, self.stride, 0, 1, self.conv.groups)
        if self.gate is not None and self.before is not None:
            x = _silu(x, self.before, self.gate)
        elif self.before is not None:
            x = functional.leaky_relu(self.before(x), LEAK)
        elif self.activation == "relu":
            x = functional.relu(x)
        return self.span(x)


class Add(nn.Module):
    """Sum of two maps of one shape."""

    def __init__(self) -> None:
        super().__init__()
        self.span = Range()

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """``a + b``."""
        return self.span(a + b)


class Join(nn.Module):
    """Maps one after the other along the channels; all share one range."""

    def forward(self, *maps: Tensor) -> Tensor:
        """(batch, sum of channels, height, width)."""
        return torch.cat(maps, 1)


class Half(nn.Module):
    """First or second half of the channels."""

    def __init__(self, second: bool) -> None:
        super().__init__()
        self.second = second

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels/2, height, width)."""
        middle = x.shape[1] // 2
        return x[:, middle:] if self.second else x[:, :middle]


class Shuffle(nn.Module):
    """ShuffleNet's exchange between two groups: a0 a1 b0 b1 becomes a0 b0 a1 b1."""

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        batch, channels, height, width = x.shape
        return x.view(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(batch, channels, height, width)


class Double(nn.Module):
    """Twice the size, bilinear."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, 2 height, 2 width)."""
        return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class Halve(nn.Module):
    """Half the size by the mean of four; the same numbers as a bilinear resize by a half."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height/2, width/2)."""
        return functional.avg_pool2d(x, 2)


class MaxPool(nn.Module):
    """3 x 3 maximum, every second pixel."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, ceil(height/2), ceil(width/2))."""
        return functional.max_pool2d(x, 3, 2, 1)


class Focus(nn.Module):
    """Blocks of 2 x 2 pixels as channels, in the order of TFLite's SPACE_TO_DEPTH: row, column, colour."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 4 channels, height/2, width/2)."""
        return torch.cat([x[..., down::2, right::2] for down in (0, 1) for right in (0, 1)], 1)


class Pool(nn.Module):
    """``size`` x ``size`` maximum around every pixel."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return functional.max_pool2d(x, self.size, 1, self.size // 2)


class Repeat(nn.Module):
    """Twice the size, every pixel four times."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, 2 height, 2 width)."""
        return functional.interpolate(x, scale_factor=2, mode="nearest")


class Cells(nn.Module):
    """Cells in rows: (batch, n, h, w) to (batch, h*w, n)."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, h*w, n)."""
        return x.flatten(2).transpose(1, 2)


class LargestOf(nn.Module):
    """Collapses groups of classes: the largest logit of each group, which keeps what COCO's ten animals have learnt."""

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes = list(sizes)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, sum(sizes), h, w) to (batch, len(sizes), h, w)."""
        return torch.cat([group.amax(1, keepdim=True) for group in x.split(self.sizes, 1)], 1)


class Scores(nn.Module):
    """Logits of one grid to scores, cells in rows: (batch, classes, h, w) to (batch, h*w, classes), 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.span = Range((0.0, 255 / 256))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, h*w, classes)."""
        return self.span(torch.sigmoid(x)).flatten(2).transpose(1, 2)


class Sides(nn.Module):
    """Distributions over 0..bins-1 strides to four distances: (batch, 4*bins, h, w) to (batch, h*w, 4), in strides."""

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.bins = bins
        self.weights = Range((0.0, 255 / 256))
        self.span = Range((0.0, float(bins - 1)))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, h*w, 4): left, top, right, bottom."""
        batch, _, height, width = x.shape
        shares = x.view(batch, 4, self.bins, height * width).permute(0, 3, 1, 2).softmax(-1)
        return self.span((self.weights(shares) * torch.arange(self.bins, dtype=x.dtype)).sum(-1))


class JoinCells(nn.Module):
    """Grids one after the other, finest first: (batch, cells, n)."""

    def forward(self, *grids: Tensor) -> Tensor:
        """(batch, all cells, n)."""
        return torch.cat(grids, 1)
