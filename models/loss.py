"""Which cells answer for which box, and what a wrong answer costs.

Assignment: SimOTA (YOLOX). Scores: quality focal loss; sides: distribution focal and GIoU loss (both NanoDet). One more
term works on the picture's own score, the mean of its three best animal cells, because that is what decides about a frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.nanodet import BINS, STRIDES
from models.photographs import ANIMAL
from models.samples import Targets

BOX_WEIGHT, SIDES_WEIGHT, PICTURE_WEIGHT = 1.5, 0.25, 0.2
LEAST_QUALITY = 0.4  # a found animal counts even when its box is loose: presence decides, not fit
REACH = 1.6  # strides from the box's centre within which a cell may answer
TOP_CELLS = 3
LARGEST_LOG = 4.0  # 55 strides: more than any picture


def cells(height: int, width: int) -> Tensor:
    """(n, 3): x and y of the centre in pixels, stride; finest grid first, row by row."""
    grids = []
    for stride in STRIDES:
        rows, columns = -(-height // stride), -(-width // stride)
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        same = torch.full((rows * columns,), float(stride))
        grids.append(torch.stack([(x.flatten() + 0.5) * stride, (y.flatten() + 0.5) * stride, same], 1))
    return torch.cat(grids)


def area(boxes: Tensor) -> Tensor:
    """Areas of (n, 4) boxes."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)


def iou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection over union, and the union, of boxes that broadcast."""
    corner, other = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    common = (other - corner).clamp(min=0).prod(-1)
    union = area(a) + area(b) - common + 1e-6
    return common / union, union


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU of pairs, -1..1."""
    overlap, union = iou(a, b)
    hull = torch.cat([torch.minimum(a[:, :2], b[:, :2]), torch.maximum(a[:, 2:], b[:, 2:])], 1)
    whole = area(hull) + 1e-6
    return overlap - (whole - union) / whole


@torch.no_grad()
def assign(logits: Tensor, boxes: Tensor, where: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """SimOTA for one picture: numbers of the cells that answer, and for each the number of its box in ``truth`` (n, 5)."""
    x, y, stride = where[:, None, 0], where[:, None, 1], where[:, None, 2]
    inside = (x > truth[:, 0]) & (x < truth[:, 2]) & (y > truth[:, 1]) & (y < truth[:, 3])
    middle = (truth[:, :2] + truth[:, 2:4]) / 2
    near = ((x - middle[:, 0]).abs() < REACH * stride) & ((y - middle[:, 1]).abs() < REACH * stride)
    candidates = (inside | near).any(1).nonzero()[:, 0]
    if not len(candidates):
        return candidates, candidates
    overlap, _ = iou(boxes[candidates][:, None], truth[None, :, :4])
    score = logits[candidates][:, truth[:, 4].long()].sigmoid()
    cost = -3 * (overlap + 1e-6).log() - (score + 1e-6).log() * (overlap - score).abs() ** 2
    cost += 1e4 * ~(inside & near)[candidates]
    longest = (truth[:, 2:4] - truth[:, :2]).max(1).values
    fit = torch.log2(longest / (5 * stride[candidates])).abs()  # a box five cells long suits its grid best
    return _cheapest(cost + 0.5 * (fit - 1).clamp(min=0), overlap, candidates)


def _cheapest(cost: Tensor, overlap: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
    counts = overlap.topk(min(10, len(candidates)), 0).values.sum(0).int().clamp(1, 9)
    chosen = torch.zeros_like(cost)
    for column, count in enumerate(counts.tolist()):
        chosen[cost[:, column].topk(min(count, len(candidates)), largest=False).indices, column] = 1
    twice = chosen.sum(1) > 1
    if twice.any():
        chosen[twice] = functional.one_hot(cost[twice].argmin(1), cost.shape[1]).float()
    answering = chosen.sum(1) > 0
    return candidates[answering], chosen[answering].argmax(1)


@dataclass
class Answers:
    """Targets of one batch: scores and their weights (batch, cells, classes), and the cells that answer for boxes."""

    scores: Tensor
    weights: Tensor
    batch: Tensor
    cell: Tensor
    truth: Tensor
    quality: Tensor


def answers(logits: Tensor, boxes: Tensor, where: Tensor, targets: Sequence[Targets]) -> Answers:
    """What every cell should say."""
    scores, weights = torch.zeros_like(logits), torch.ones_like(logits)
    found: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for number, (known, unsure, weak) in enumerate(targets):
        if weak:
            weights[number, :, ANIMAL] = 0
        _forgive(weights[number], where, unsure)
        if not len(known):
            continue
        truth = torch.from_numpy(np.asarray(known))
        cell, which = assign(logits[number], boxes[number], where, truth)
        quality = iou(boxes[number, cell].detach(), truth[which, :4])[0].clamp(LEAST_QUALITY, 1)
        classes = truth[which, 4].long()
        scores[number, cell, classes], weights[number, cell, classes] = quality, 1.0
        found.append((torch.full_like(cell, number), cell, truth[which, :4], quality))
    if not found:
        none = torch.zeros(0, dtype=torch.long)
        return Answers(scores, weights, none, none, torch.zeros(0, 4), torch.zeros(0))
    return Answers(scores, weights, *(torch.cat(parts) for parts in zip(*found, strict=True)))


def _forgive(weights: Tensor, where: Tensor, unsure: np.ndarray) -> None:
    """Cells in or beside an unsure box answer for nothing of its class."""
    for x0, y0, x1, y1, kind in np.asarray(unsure).tolist():
        across = (where[:, 0] > x0 - 8) & (where[:, 0] < x1 + 8)
        weights[across & (where[:, 1] > y0 - 8) & (where[:, 1] < y1 + 8), int(kind)] = 0


def picture_loss(logits: Tensor, targets: Sequence[Targets]) -> Tensor:
    """Is there an animal at all? Pictures in which one may be, but none is known, do not count."""
    numbers, truth = [], []
    for number, (known, unsure, weak) in enumerate(targets):
        animal = weak or bool((known[:, 4] == ANIMAL).any())
        if animal or not (unsure[:, 4] == ANIMAL).any():
            numbers.append(number)
            truth.append(float(animal))
    if not numbers:
        return logits.sum() * 0
    best = logits[numbers, :, ANIMAL].topk(TOP_CELLS, 1).values.mean(1)
    return functional.binary_cross_entropy_with_logits(best, torch.tensor(truth))


def from_sides(raw: Tensor, where: Tensor) -> Tensor:
    """Corners (batch, cells, 4) from distributions over the distance to each side, NanoDet's."""
    spread = raw.view(*raw.shape[:2], 4, BINS).softmax(-1)
    distance = (spread * torch.arange(float(BINS))).sum(-1) * where[None, :, 2:]
    return torch.cat([where[:, :2] - distance[..., :2], where[:, :2] + distance[..., 2:]], -1)


def from_centres(raw: Tensor, where: Tensor) -> Tensor:
    """Corners (batch, cells, 4) from the centre's offset and the logarithm of the size, in strides, YOLOX's."""
    stride = where[None, :, 2:]
    middle, half = where[:, :2] + (raw[..., :2] - 0.5) * stride, raw[..., 2:].clamp(max=LARGEST_LOG).exp() * stride / 2
    return torch.cat([middle - half, middle + half], -1)


def batch_loss(logits: Tensor, sides: Tensor, targets: Sequence[Targets], height: int, width: int) -> Tensor:
    """The whole loss of a batch from ``raw`` of a network; four numbers a cell are centres, more are distributions."""
    where = cells(height, width)
    spread_out = sides.shape[-1] > 4
    boxes = from_sides(sides, where) if spread_out else from_centres(sides, where)
    goal = answers(logits, boxes, where, targets)
    miss = (logits.sigmoid() - goal.scores).abs() ** 2 * goal.weights
    scores = (functional.binary_cross_entropy_with_logits(logits, goal.scores, reduction="none") * miss).sum()
    loss = scores / max(len(goal.cell), 8) + PICTURE_WEIGHT * picture_loss(logits, targets)
    if not len(goal.cell):
        return loss
    share = goal.quality / goal.quality.sum()
    loss = loss + BOX_WEIGHT * ((1 - giou(boxes[goal.batch, goal.cell], goal.truth)) * share).sum()
    if not spread_out:
        return loss
    centre, stride = where[goal.cell, :2], where[goal.cell, 2:]
    truth = torch.cat([centre - goal.truth[:, :2], goal.truth[:, 2:] - centre], 1) / stride
    spread = sides.view(*sides.shape[:2], 4, BINS)
    return loss + SIDES_WEIGHT * (_sides_loss(spread[goal.batch, goal.cell], truth.clamp(0, BINS - 1.01)) * share).sum()


def _sides_loss(spread: Tensor, truth: Tensor) -> Tensor:
    """Distribution focal loss a box: the two whole numbers around the truth share the blame."""
    low = truth.long()
    high_share = truth - low
    logs = spread.log_softmax(-1)
    low_log, high_log = logs.gather(-1, low[..., None])[..., 0], logs.gather(-1, (low + 1)[..., None])[..., 0]
    return -(low_log * (1 - high_share) + high_log * high_share).mean(1)
