"""Fine-tuning of a released network: AdamW with steps relative to each tensor, cosine, running mean, weights averaged.

Folded batch-norms leave tensors whose sizes differ a thousandfold; one absolute step wrecks the first layer (AUC fell from
0.89 to 0.71 in 300 steps), so each tensor's step is a share of its own root mean square. At the end the fine-tuned weights
are averaged with the released ones (WiSE-FT): what COCO taught about animals carries to cameras that no composite shows.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from models.loss import batch_loss
from models.samples import Batches, Targets


@dataclass(frozen=True)
class Plan:
    """How long and how hard. ``step`` is the largest relative change of a weight in one step.

    ``steps`` of a cosine that would end at ``cosine``: where the released weights were taken.
    """

    steps: int = 1150
    cosine: int = 1400
    batch: int = 16
    step: float = 8e-4
    warm_up: int = 100
    seed: int = 0
    workers: int = 2
    threads: int = 1

    def rate(self, at: int) -> float:
        """Relative step at step ``at``: linear warm-up, then cosine toward a fiftieth."""
        wave = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * at / self.cosine))
        return self.step * min(1.0, (at + 1) / self.warm_up) * wave


Note = Callable[[str], None]
Network = TypeVar(
    "Network", bound=nn.Module
)  # with ``raw``: logits (batch, cells, 3) and boxes, see ``loss.batch_loss``


def optimiser(network: nn.Module) -> torch.optim.AdamW:
    """One group a tensor; ``size`` is its root mean square at the start."""
    groups = [
        {"params": [p], "size": max(1e-3, float(p.detach().square().mean().sqrt()))} for p in network.parameters()
    ]
    return torch.optim.AdamW(groups, lr=1.0, weight_decay=0.0)


def toward(mean: nn.Module, network: nn.Module, share: float) -> None:
    """Move the running mean of the weights toward the network by ``share``."""
    with torch.no_grad():
        for old, new in zip(mean.state_dict().values(), network.state_dict().values(), strict=True):
            if old.is_floating_point():
                old.lerp_(new, share)


def stream(batches: Batches, plan: Plan) -> Iterator[tuple[Tensor, list[Targets]]]:
    """Batches from the workers; the workers count in the seed, so a rerun needs the same number."""
    loader = DataLoader(batches, batch_size=None, num_workers=plan.workers, prefetch_factor=4 if plan.workers else None)
    for pictures, targets in loader:
        tensor = torch.as_tensor(pictures).float().contiguous(memory_format=torch.channels_last)
        yield tensor, [(known.numpy(), unsure.numpy(), bool(weak)) for known, unsure, weak in _tensors(targets)]


def _tensors(targets: list[Targets]) -> Iterator[tuple[Tensor, Tensor, bool]]:
    for known, unsure, weak in targets:
        yield torch.as_tensor(known), torch.as_tensor(unsure), weak


def fine_tune(
    network: Network, batches: Batches, plan: Plan, note: Note, check: Callable[[Network], str] | None = None
) -> Network:
    """The running mean of the trained weights; ``check`` is called on it 28 times on the way, and its words noted."""
    torch.manual_seed(plan.seed)
    torch.set_num_threads(plan.threads)
    network = network.to(memory_format=torch.channels_last).train()
    mean, steps, began = copy.deepcopy(network), optimiser(network), time.monotonic()
    source = stream(batches, plan)
    for at in range(plan.steps):
        for group in steps.param_groups:
            group["lr"] = plan.rate(at) * group["size"]
        pictures, targets = next(source)
        logits, sides = network.raw(pictures)
        loss = batch_loss(logits, sides, targets, pictures.shape[2], pictures.shape[3])
        steps.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        steps.step()
        toward(mean, network, max(0.002, 1 - (1 + at) / (10 + at)))
        if (at + 1) % max(1, plan.steps // 28) == 0:
            words = check(mean) if check else ""
            pace = (time.monotonic() - began) / (at + 1)
            note(f"step {at + 1}/{plan.steps}, {pace:.2f} s each, loss {float(loss.detach()):.3f} {words}")
    return mean


def blend(released: Network, tuned: Network, share: float) -> Network:
    """Weights between the released (0) and the fine-tuned (1) network."""
    mixed = copy.deepcopy(released)
    toward(mixed, tuned, share)
    return mixed
