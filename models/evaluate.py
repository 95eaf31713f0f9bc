"""Figures of one network on everything that was held out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models import dataset, judge
from models.candidates import Scorer
from models.photographs import ANIMAL, Photo, Pixels, read
from models.warp import Frame, warp
from models.weather import INFRARED, shoot
from trap_models.measure import RECALLS, Floats, auc, bootstrap, operate, per_burst, threshold_for, wilson
from trap_models.scoring import infrared, photograph

SMALL = {"Squirrel", "Striped_Skunk", "Fox", "Turkey"}  # species that stay below a sixth of this camera's frame
DARK = 60  # mean grey level of a flash frame at this camera
SIMULATED = 200  # frames of either kind under simulated infra-red


@dataclass(frozen=True)
class Seen:
    """The held-out camera's frames with a network's scores."""

    frames: Sequence[judge.Judged]
    animal: Floats
    best: Floats
    dark: np.ndarray

    def part(self, chosen: np.ndarray) -> "Seen":
        """Only these rows."""
        frames = [frame for frame, wanted in zip(self.frames, chosen, strict=True) if wanted]
        return Seen(frames, self.animal[chosen], self.best[chosen], self.dark[chosen])

    def half(self, name: str) -> "Seen":
        """Frames of the choosing or the reporting dates."""
        return self.part(np.array([frame.half == name for frame in self.frames]))

    @property
    def labels(self) -> np.ndarray:
        """animal, human, vehicle or empty."""
        return np.array([frame.row.label for frame in self.frames])


def look(scorer: Scorer, data: Path, frames: Sequence[judge.Judged], squashed: bool = False) -> Seen:
    """Score every frame of the held-out camera, in the shape that the camera took it or as the data set squashed it."""
    pictures = (photograph(data / judge.SOURCE / "images" / frame.row.file) for frame in frames)
    shaped = (pixels if squashed else judge.unsquashed(pixels) for pixels in pictures)
    rows = [(*scorer(pixels), float(pixels.mean())) for pixels in shaped]
    animal, best, light = (np.array(column) for column in zip(*rows, strict=True))
    return Seen(frames, animal, best, light < DARK)


def ranking(seen: Seen) -> dict[str, Any]:
    """AUC of animal against empty frames; the interval draws whole dates."""
    kinds = seen.labels

    def figure(rows: np.ndarray) -> float:
        return auc(seen.animal[rows][kinds[rows] == "animal"], seen.animal[rows][kinds[rows] == "empty"])

    low, high = bootstrap(figure, [frame.date for frame in seen.frames], draws=400)
    counts = {name: int((kinds == name).sum()) for name in ("animal", "empty")}
    return {"auc": round(figure(np.arange(len(kinds))), 4), "low": round(low, 4), "high": round(high, 4), **counts}


def bursts(seen: Seen, scores: Floats | None = None) -> tuple[Floats, Floats]:
    """Best scores of animal bursts and of bursts in which all frames are empty."""
    values = seen.best if scores is None else scores
    best, labels, _ = per_burst(values, list(seen.labels), [frame.row.sequence for frame in seen.frames])
    kinds = np.array(labels)
    return best[kinds == "animal"], best[kinds == "empty"]


def quiet_runs(seen: Seen) -> Floats:
    """Best scores of the empty frames of each burst, also of bursts that hold an animal in other frames.

    Only 27 bursts of this camera are wholly empty; these runs say more about blanks, though they are shorter.
    """
    empty = seen.part(seen.labels == "empty")
    best, _, _ = per_burst(empty.best, list(empty.labels), [frame.row.sequence for frame in empty.frames])
    return best


def operating(seen: Seen) -> dict[str, Any]:
    """Thresholds from the choosing dates, what they do on the reporting dates, by the unit's rule (best of any class)."""
    animal, _ = bursts(seen.half(judge.CHOOSE))
    report = seen.half(judge.REPORT)
    found = {}
    for recall in RECALLS:
        threshold = threshold_for(animal, recall)
        row = operate(*bursts(report), threshold).as_dict()
        runs = quiet_runs(report)
        found[f"{recall:.2f}"] = row | {
            "quiet_runs_discarded": float((runs < threshold).mean()),
            "quiet_runs": len(runs),
        }
    return found


def crossed(seen: Seen) -> dict[str, Any]:
    """Each half of the dates judged by the other's threshold, both together: twice the bursts, and no choice of half."""
    found = {}
    for recall in RECALLS:
        counts = np.zeros(4, int)
        for chooses, reports in ((judge.CHOOSE, judge.REPORT), (judge.REPORT, judge.CHOOSE)):
            threshold = threshold_for(bursts(seen.half(chooses))[0], recall)
            animal, empty = bursts(seen.half(reports))
            counts += [int((animal >= threshold).sum()), len(animal), int((empty < threshold).sum()), len(empty)]
        kept, animals, blank, empties = (int(count) for count in counts)
        found[f"{recall:.2f}"] = {
            "recall": kept / animals, "recall_interval": wilson(kept, animals), "animals": animals,
            "discarded": blank / empties, "discarded_interval": wilson(blank, empties), "empties": empties,
        }  # fmt: skip
    return found


def apart(seen: Seen) -> dict[str, Any]:
    """AUC of day, flash night, and the small species against the same empties."""
    kinds = seen.labels
    small = np.array([frame.species in SMALL for frame in seen.frames]) | (kinds == "empty")
    return {
        "day": ranking(seen.part(~seen.dark)),
        "flash_night": ranking(seen.part(seen.dark)),
        "small": ranking(seen.part(small)),
    }


def held_out_camera(scorer: Scorer, data: Path) -> tuple[Seen, dict[str, Any]]:
    """All figures on NACTI CA-01; ``mended`` leaves out the frames of corrections.csv, everything else does not."""
    frames = judge.frames(data, mended=False)
    seen, squashed = look(scorer, data, frames), look(scorer, data, frames, squashed=True)
    kept = {frame.row.file for frame in judge.frames(data)}
    mended = seen.part(np.array([frame.row.file in kept for frame in seen.frames]))
    best = Seen(seen.frames, seen.best, seen.best, seen.dark)
    figures = {
        "all_dates": ranking(seen),
        "reporting_dates": ranking(seen.half(judge.REPORT)),
        "choosing_dates": ranking(seen.half(judge.CHOOSE)),
        "mended": ranking(mended),
        "any_class": ranking(best),
        "bursts": _burst_ranking(seen),
        "choosing_bursts": _burst_ranking(seen.half(judge.CHOOSE)),
        "squashed": ranking(squashed) | {"bursts": _burst_ranking(squashed), "operating": operating(squashed)},
    }
    return seen, figures | apart(seen) | {"operating": operating(seen), "crossed": crossed(seen)}


def _burst_ranking(seen: Seen) -> dict[str, Any]:
    animal, empty = bursts(seen)
    return {"auc": round(auc(animal, empty), 4), "animal": len(animal), "empty": len(empty)}


def others(scorer: Scorer, held_out: Sequence[Photo], threshold: float) -> dict[str, Any]:
    """Share kept of held-out animals and discarded of held-out rock, by source; infra-red frames apart."""
    rows = [(photo, pixels, scorer(pixels)[1]) for photo in held_out for pixels in [read(photo.path, 960)]]
    found: dict[str, Any] = {}
    for photo, pixels, best in rows:
        if not photo.animal and photo.source not in dataset.ROCKS:
            continue
        light = "infrared" if infrared(pixels) else "day"
        entry = found.setdefault(f"{photo.source}, {light}", {"animal": photo.animal, "hits": 0, "frames": 0})
        entry["hits"] += int((best >= threshold) == photo.animal)
        entry["frames"] += 1
    for entry in found.values():
        entry["low"], entry["high"] = wilson(entry["hits"], entry["frames"])
    return found


def simulated_infrared(scorer: Scorer, held_out: Sequence[Photo], seed: int = 1) -> dict[str, Any]:
    """AUC under simulated infra-red: held-out animal photographs against held-out rock and objects. Not real IR."""
    rng = np.random.default_rng(seed)
    animals = [photo for photo in held_out if photo.boxes and any(box[4] == ANIMAL for box in photo.boxes)]
    empties = [photo for photo in held_out if photo.empty]

    def score(photo: Photo, make: Callable[[Photo, Pixels], Frame]) -> float:
        frame = make(photo, read(photo.path))
        return scorer(shoot(rng, frame.pixels, frame.boxes, INFRARED))[0]

    def small(photo: Photo, pixels: Pixels) -> Frame:
        return warp(rng, pixels, (0.5, 1.0), photo.boxes)

    def filled(_: Photo, pixels: Pixels) -> Frame:
        return warp(rng, pixels, (0.5, 1.0))

    positive = np.array([score(photo, small) for photo in animals[:SIMULATED]])
    negative = np.array([score(photo, filled) for photo in empties[:SIMULATED]])
    return {"auc": round(auc(positive, negative), 4), "animal": len(positive), "empty": len(negative)}
