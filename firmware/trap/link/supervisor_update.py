"""A new supervisor through the UART: announced with size and SHA-256, sent piece by piece, committed.

It is swapped in at the supervisor's next power-up and stays only if this end says HELLO to it (``trap_supervisor.slots``).
"""

import hashlib
import struct
from collections.abc import Callable

from trap.link.supervisor import PART, SupervisorLine
from trap_wire import codes
from trap_wire.errors import IntegrityError, PartError, RefusedError

PIECE = 232  # with its offset it fits the 240 bytes of a frame


def send_update(line: SupervisorLine, image: bytes, progress: Callable[[int, int], object] = lambda *_: None) -> None:
    """Send an image (``trap_wire.supervisor_image``); ``progress(sent, size)`` after each piece.

    ``RefusedError`` when the supervisor does not want it, ``IntegrityError`` when it arrived damaged, ``PartError`` when the
    line is gone or the flash is full. Nothing changes over there before the commit.
    """
    begin = struct.pack("<I", len(image)) + hashlib.sha256(image).digest()
    _must(line.ask(codes.UPDATE_BEGIN, begin), "the update: is it larger than 128 KiB?")
    for at in range(0, len(image), PIECE):
        piece = struct.pack("<I", at) + image[at : at + PIECE]
        _must(line.ask(codes.UPDATE_DATA, piece), f"the update at byte {at}: start it again")
        progress(min(at + PIECE, len(image)), len(image))
    _must(line.ask(codes.UPDATE_COMMIT, b"", timeout_s=10.0), "to commit the update")


def _must(result: int, what: str) -> None:
    if result == codes.RESULT_REFUSED:
        raise RefusedError(f"{PART}: refuses {what}")
    if result == codes.RESULT_MISMATCH:
        raise IntegrityError(f"{PART}: the update arrived with another SHA-256; send it again")
    if result != codes.RESULT_DONE:
        raise PartError(
            PART, f"cannot store the update ({codes.RESULT_NAMES.get(result, result)}): its flash is full or worn"
        )
