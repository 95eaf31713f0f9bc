"""A new supervisor through the UART: announced with size and SHA-256, sent piece by piece, committed.

It is swapped in at the supervisor's next power-up and stays only if this end says HELLO to it (``trap_supervisor.slots``).
"""

import hashlib
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from trap.link.supervisor import PART, SupervisorLine
from trap_wire import codes
from trap_wire.errors import IntegrityError, PartError, RefusedError
from trap_wire.supervisor_image import pack

PIECE = 232  # with its offset it fits the 240 bytes of a frame
BEAT_EVERY = 128  # pieces: about three seconds of line; the supervisor takes a minute of silence for a hang


class Answer(StrEnum):
    """What became of an offer."""

    STAGED = "staged"  # it is whole over there and tried from the supervisor's next power-up on
    RUNNING = "running"  # these very files run already, or are on trial
    FELL = "fell"  # these very files were tried and given up; the supervisor does not try them again
    REFUSED = "refused"  # it does not want them, ``words`` says why


@dataclass(frozen=True, slots=True)
class Offer:
    """``sha256`` (hex) is the image's, made of the files; ``words`` is empty unless the answer is ``REFUSED``."""

    answer: Answer
    version: str
    sha256: str
    words: str = ""

    def body(self) -> dict[str, str]:
        """Of a journal entry of kind ``update``."""
        said = {"part": PART, "version": self.version, "sha256": self.sha256, "state": str(self.answer)}
        return {**said, "words": self.words} if self.words else said


def offer(
    line: SupervisorLine,
    files: Mapping[str, bytes],
    version: str,
    progress: Callable[[int, int], object] = lambda *_: None,
) -> Offer:
    """Offer the supervisor a release's files and journal what comes back (``Offer.body()``).

    Call it once a start, after ``line.hello`` was answered (``trap.drivers.supervised.supervisor_on`` has done so), when the
    release that brought the files is confirmed, and before SLEEP_REQUEST::

        files = {path.removeprefix("supervisor/"): data for path, data in members if path.startswith("supervisor/")}
        told = offer(line, files, release.version)
        journal.append(Kind.UPDATE, now, told.body())

    ``files`` by their path on the chip, ``trap_supervisor/life.mpy`` or ``.py``; files at the top (``main.py``) stay frozen and
    are left out. It takes about ten seconds for 90 kB, nothing when the answer is ``RUNNING`` or ``FELL``; triggers that come
    meanwhile wait in the line's queue. ``PartError`` when the line is gone or the flash full: offer again next time.
    """
    image = pack({path: data for path, data in files.items() if path.count("/") == 1})
    sha256 = hashlib.sha256(image).hexdigest()
    begun = _begin(line, image)
    if known := _KNOWN.get(begun):
        return Offer(known, version, sha256)
    try:
        _must(begun, _WANTED)
        _send(line, image, progress)
    except (RefusedError, IntegrityError) as error:
        return Offer(Answer.REFUSED, version, sha256, str(error))
    return Offer(Answer.STAGED, version, sha256)


def send_update(line: SupervisorLine, image: bytes, progress: Callable[[int, int], object] = lambda *_: None) -> None:
    """Send an image (``trap_wire.supervisor_image``); ``progress(sent, size)`` after each piece.

    ``RefusedError`` when the supervisor does not want it, ``IntegrityError`` when it arrived damaged, ``PartError`` when the
    line is gone or the flash is full. Nothing changes over there before the commit.
    """
    _must(_begin(line, image), _WANTED)
    _send(line, image, progress)


def _begin(line: SupervisorLine, image: bytes) -> int:
    return line.ask(codes.UPDATE_BEGIN, struct.pack("<I", len(image)) + hashlib.sha256(image).digest())


def _send(line: SupervisorLine, image: bytes, progress: Callable[[int, int], object]) -> None:
    for number, at in enumerate(range(0, len(image), PIECE)):
        if number % BEAT_EVERY == 0:
            line.send(codes.HEARTBEAT)
        piece = struct.pack("<I", at) + image[at : at + PIECE]
        _must(line.ask(codes.UPDATE_DATA, piece), f"the update at byte {at}: start it again")
        progress(min(at + PIECE, len(image)), len(image))
    _must(line.ask(codes.UPDATE_COMMIT, b"", timeout_s=10.0), "to commit the update")


_WANTED = "the update: is it larger than 128 KiB?"
_KNOWN = {codes.RESULT_CURRENT: Answer.RUNNING, codes.RESULT_FELL: Answer.FELL}


def _must(result: int, what: str) -> None:
    if result in (codes.RESULT_REFUSED, *_KNOWN):
        raise RefusedError(f"{PART}: refuses {what}")
    if result == codes.RESULT_MISMATCH:
        raise IntegrityError(f"{PART}: the update arrived with another SHA-256; send it again")
    if result != codes.RESULT_DONE:
        raise PartError(
            PART, f"cannot store the update ({codes.RESULT_NAMES.get(result, result)}): its flash is full or worn"
        )
