"""The table of a detector on labelled photographs: per frame and per burst, day and infra-red apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trap.ports import Thresholds
from trap_models.measure import RECALLS, Floats, auc, bootstrap, operate, per_burst, reliability, threshold_for, wilson
from trap_models.scoring import Scored

FEWEST = 10  # animals and empties below which a share is not worth a row


def table(scored: Sequence[Scored], at: Thresholds) -> dict[str, Any]:
    """Everything that ``manul model evaluate`` writes, ready for JSON."""
    seen = [one for one in scored if not one.trouble]
    parts = {"all": seen, "day": [s for s in seen if not s.infrared], "infrared": [s for s in seen if s.infrared]}
    cameras = sorted({s.row.camera for s in seen if s.row.camera})
    if len(cameras) > 1:
        parts |= {f"camera {name}": [s for s in seen if s.row.camera == name] for name in cameras}
    return {
        "parts": {name: part(rows, at) for name, rows in parts.items() if rows},
        "unreadable": {one.row.file: one.trouble for one in scored if one.trouble},
        "scores": [one_score(one) for one in scored],
    }


def one_score(one: Scored) -> dict[str, Any]:
    """A file's line in the JSON."""
    shares = {name: round(getattr(one, name), 5) for name in ("animal", "human", "vehicle")}
    return {
        "file": one.row.file,
        "label": one.row.label,
        "sequence": one.row.sequence,
        **shares,
        "trouble": one.trouble,
    }


def part(rows: Sequence[Scored], at: Thresholds) -> dict[str, Any]:
    """Figures of some photographs, frames and bursts; burst figures use the best frame, as the unit does."""
    labels, sequences = [r.row.label for r in rows], [r.row.sequence for r in rows]
    best = np.array([r.best for r in rows])
    bursts, burst_labels, _ = per_burst(best, labels, sequences)
    animal = np.array([r.animal for r in rows])
    return {
        "frames": {name: labels.count(name) for name in sorted(set(labels))},
        "auc": ranking(animal, labels, sequences),
        "per_frame": operating(best, labels, at),
        "per_burst": operating(bursts, burst_labels, at),
        "reliability": reliability(animal, np.array([label == "animal" for label in labels])),
    }


def ranking(scores: Floats, labels: Sequence[str], groups: Sequence[str]) -> dict[str, float] | None:
    """AUC of animal against empty with its bootstrap interval over bursts; None when there is too little of either."""
    kinds = np.array(labels)

    def figure(rows: np.ndarray) -> float:
        return auc(scores[rows][kinds[rows] == "animal"], scores[rows][kinds[rows] == "empty"])

    if min((kinds == "animal").sum(), (kinds == "empty").sum()) < FEWEST:
        return None
    low, high = bootstrap(figure, groups, draws=400)
    return {"auc": figure(np.arange(len(kinds))), "low": low, "high": high}


def operating(scores: Floats, labels: Sequence[str], at: Thresholds) -> dict[str, Any]:
    """What the card's threshold does, and what each recall would cost."""
    kinds = np.array(labels)
    animal, empty = scores[kinds == "animal"], scores[kinds == "empty"]
    found: dict[str, Any] = {"card": operate(animal, empty, at.blank_at).as_dict()}
    for name in ("human", "vehicle"):
        chosen = scores[kinds == name]
        kept = int((chosen >= at.blank_at).sum())
        found[f"{name}_kept"] = (kept, len(chosen), *wilson(kept, len(chosen)))
    if len(animal) >= FEWEST:
        found |= {
            f"{recall:.2f}": operate(animal, empty, threshold_for(animal, recall)).as_dict() for recall in RECALLS
        }
    return found


def lines(document: dict[str, Any]) -> list[list[str]]:
    """Rows of the printed table: part, unit, threshold, recall, discarded, counts."""
    found = []
    for name, figures in document["parts"].items():
        for unit in ("per_frame", "per_burst"):
            for key, row in figures[unit].items():
                if isinstance(row, dict) and row["animals"] + row["empties"]:
                    found.append([name, unit.removeprefix("per_"), key, *_shares(row)])
    return found


def _shares(row: dict[str, float]) -> list[str]:
    recall = (
        f"{row['recall']:.3f} [{row['recall_low']:.3f}, {row['recall_high']:.3f}]" if row["animals"] else "no animals"
    )
    gone = (
        f"{row['discarded']:.3f} [{row['discarded_low']:.3f}, {row['discarded_high']:.3f}]"
        if row["empties"]
        else "no empties"
    )
    return [f"{row['threshold']:.4f}", recall, gone, f"{row['animals']:.0f}", f"{row['empties']:.0f}"]
