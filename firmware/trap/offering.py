"""The running release's supervisor files, handed to the supervisor over the UART once that release is confirmed."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trap.duty import Trap
from trap.link.supervisor import SupervisorLine
from trap.link.supervisor_update import Answer, Offer, offer
from trap.ports import SupervisorLink
from trap.releases import FOLDER, card_of
from trap.update import state
from trap.update.state import Release
from trap_wire.entries import Kind
from trap_wire.errors import TrapError

PART = "supervisor"  # the folder of the release that is for it, and its name in the journal
_LOOK_BACK = 20  # entries: each supervisor release writes two or three


class SupervisorOffer:
    """An errand of the duty cycle: offers the files once a start, when nothing else is to be done.

    Only a release that is confirmed offers: were it left, the supervisor of the one before would have to come back as well.
    What comes of it is journalled when it changes; whatever goes wrong, the supervisor that runs goes on.
    """

    def __init__(
        self,
        trap: Trap,
        link: SupervisorLink,
        alive: Callable[[], object],
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """``alive`` is called between the pieces; ``environment`` names the release's folder, where a launcher started it."""
        self._trap, self._alive = trap, alive
        self._line = link if isinstance(link, SupervisorLine) else None
        self._folder = Path(environment[FOLDER]) if FOLDER in environment else None

    def __call__(self) -> bool:
        """Whether it took so long that a trigger may be waiting."""
        line, self._line = self._line, None
        if line is None or self._folder is None:
            return False
        try:
            told = self._offered(line, self._folder)
        except (TrapError, OSError) as error:
            self._trouble(str(error))
            return True
        if told is not None:
            self._tell(told)
        return told is not None and told.answer is Answer.STAGED

    def _offered(self, line: SupervisorLine, folder: Path) -> Offer | None:
        release = confirmed(folder)
        files = supervisor_files(folder) if release else {}
        return offer(line, files, release.version, lambda *_: self._alive()) if release and files else None

    def _tell(self, told: Offer) -> None:
        self._journal(told.body())
        if told.answer is Answer.FELL:
            self._trouble(f"release {told.version}: its supervisor was tried and given up; the one before runs")
        elif told.answer is Answer.REFUSED:
            self._trouble(f"release {told.version}: {told.words}")

    def _journal(self, body: Mapping[str, Any]) -> None:
        entries = self._trap.journal.newest(Kind.UPDATE, _LOOK_BACK)
        last = next((entry.body for entry in entries if entry.body.get("part") == PART), None)
        if last != body:
            self._trap.journal.append(Kind.UPDATE, self._trap.clock.now(), body)

    def _trouble(self, words: str) -> None:
        """Once, not at every wake of a year."""
        body = {"part": PART, "words": words}
        if not any(entry.body == body for entry in self._trap.journal.newest(Kind.ERROR, _LOOK_BACK)):
            self._trap.journal.append(Kind.ERROR, self._trap.clock.now(), body)


def confirmed(folder: Path) -> Release | None:
    """The release in this folder, when it is the one that stays; None while it is on trial, or after it was left."""
    now = state.load(card_of(folder))
    return now.release(now.active) if now.active == folder.name and not now.trial else None


def supervisor_files(folder: Path) -> dict[str, bytes]:
    """The modules that a release brings for its supervisor, by their path on the chip; none in one that brings a UF2."""
    root = folder / PART
    found = sorted(path for kind in ("*.py", "*.mpy") for path in root.glob(f"*/{kind}"))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}
