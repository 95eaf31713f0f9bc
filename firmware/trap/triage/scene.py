"""The unit's memory of its own place: the last quiet frame of each hour, by day and by infrared, and the spots that recur."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trap.ports import Detection, Shot
from trap.triage.change import Cells, Region
from trap.triage.repeats import Repeats

PATH = "state/scene.json"


@dataclass(frozen=True, slots=True)
class Hour:
    """What a quiet frame is comparable with: the hour of the day, UTC, and whether the flash lit it."""

    hour: int
    infrared: bool

    @classmethod
    def of(cls, shot: Shot) -> "Hour":
        """The hour that a shot was taken in."""
        return cls(shot.taken_at.hour, shot.infrared)


class Scene:
    """Owner of what triage remembers between bursts. Losing it costs a few photographs more, nothing else."""

    def __init__(self) -> None:
        self.repeats = Repeats()
        self._quiet: dict[Hour, Cells] = {}
        self._changed = False

    def quiet(self, hour: Hour) -> Cells | None:
        """The last quiet frame of that hour, as cells."""
        return self._quiet.get(hour)

    def learn(self, hour: Hour, still: Cells, regions: Sequence[Region], standing: Sequence[Detection]) -> None:
        """After a burst: what stood still while it was seen, and, when nothing moved at all, how the place looks now."""
        if standing:
            self.repeats = self.repeats.learned(standing)
        if not regions:
            self._quiet[hour] = still
        self._changed = self._changed or bool(standing) or not regions

    def to_save(self) -> bytes | None:
        """Bytes for the card when something was learned since the last call."""
        if not self._changed:
            return None
        self._changed = False
        quiet = [[hour.hour, hour.infrared, *_packed(cells)] for hour, cells in self._quiet.items()]
        return json.dumps({"quiet": quiet, "repeats": self.repeats.dump().decode()}).encode()

    @classmethod
    def load(cls, data: bytes) -> "Scene":
        """From saved bytes; anything else is an empty memory."""
        scene = cls()
        try:
            saved = json.loads(data)
            scene._quiet = {Hour(hour, infrared): _unpacked(*packed) for hour, infrared, *packed in saved["quiet"]}
            scene.repeats = Repeats.load(saved["repeats"].encode())
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()
        return scene


def _packed(cells: Cells) -> tuple[int, int, str]:
    grey = np.clip(np.rint(cells), 0, 255).astype(np.uint8)
    return cells.shape[0], cells.shape[1], base64.b64encode(grey.tobytes()).decode()


def _unpacked(rows: int, columns: int, text: str) -> Cells:
    grey = np.frombuffer(base64.b64decode(text), dtype=np.uint8)
    return grey.reshape(rows, columns).astype(np.float32)
