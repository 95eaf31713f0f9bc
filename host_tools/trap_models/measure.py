"""Figures with their intervals. Scores are per frame or per burst; labels are animal, human, vehicle, empty."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RECALLS = (0.90, 0.95, 0.98, 0.99)
Z95 = 1.959964  # two-sided 95 % of the normal distribution


def auc(animal: Floats, empty: Floats) -> float:
    """Chance that an animal scores above an empty, ties half (Mann-Whitney); NaN when either is missing."""
    if not len(animal) or not len(empty):
        return float("nan")
    _, index, counts = np.unique(np.concatenate([animal, empty]), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[index][: len(animal)]
    return float((ranks.sum() - len(animal) * (len(animal) + 1) / 2) / (len(animal) * len(empty)))


def wilson(hits: int, tries: int) -> tuple[float, float]:
    """95 % interval of a share; (0, 1) when nothing was tried."""
    if not tries:
        return 0.0, 1.0
    share, spread = hits / tries, Z95**2 / tries
    middle, half = share + spread / 2, Z95 * sqrt((share * (1 - share) + spread / 4) / tries)
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))


def bootstrap(
    figure: Callable[[NDArray[np.int64]], float], groups: Sequence[str], draws: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of ``figure(rows)`` when whole groups (dates, bursts) are drawn again with replacement.

    Frames of one date resemble each other, so drawing single frames would promise too much.
    """
    rng = np.random.default_rng(seed)
    names = np.array(groups)
    members = [np.flatnonzero(names == name) for name in dict.fromkeys(groups)]
    found = []
    for _ in range(draws):
        rows = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        value = figure(rows)
        if not np.isnan(value):
            found.append(value)
    return (
        (float(np.percentile(found, 2.5)), float(np.percentile(found, 97.5))) if found else (float("nan"), float("nan"))
    )


def threshold_for(animal: Floats, recall: float) -> float:
    """Largest score that still keeps at least this share of the animals (``score >= threshold`` keeps)."""
    ordered = np.sort(animal)
    return float(ordered[int(np.floor((1 - recall) * len(ordered) + 1e-9))])


@dataclass(frozen=True)
class Operating:
    """What one threshold does, with 95 % Wilson intervals."""

    threshold: float
    recall: float
    recall_low: float
    recall_high: float
    discarded: float
    discarded_low: float
    discarded_high: float
    animals: int
    empties: int

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


def operate(animal: Floats, empty: Floats, threshold: float) -> Operating:
    """Recall over animals and share of empties discarded at a threshold."""
    kept, gone = int((animal >= threshold).sum()), int((empty < threshold).sum())
    shares = (kept / max(len(animal), 1), gone / max(len(empty), 1))
    recall, discarded = wilson(kept, len(animal)), wilson(gone, len(empty))
    return Operating(threshold, shares[0], *recall, shares[1], *discarded, len(animal), len(empty))


def per_burst(scores: Floats, labels: Sequence[str], bursts: Sequence[str]) -> tuple[Floats, list[str], list[str]]:
    """Best score, label and name of each burst: animal when any frame holds one, empty when all are empty."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(bursts):
        rows.setdefault(name, []).append(row)
    best = np.array([scores[members].max() for members in rows.values()])
    found = [{labels[row] for row in members} for members in rows.values()]
    order = ("animal", "human", "vehicle", "empty")
    return best, [next(label for label in order if label in seen) for seen in found], list(rows)


def reliability(scores: Floats, animal: NDArray[np.bool_], bins: int = 10) -> list[tuple[float, float, int]]:
    """(mean score, share of animals, frames) of each tenth of the frames by score."""
    order = np.argsort(scores)
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [(float(scores[part].mean()), float(animal[part].mean()), len(part)) for part in parts]
