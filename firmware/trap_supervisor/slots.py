"""Which supervisor runs: the one frozen into the firmware, or an update that came over the UART.

An update is a folder of modules on the flash file system, named by a number. It is staged while the old one runs, tried at
the next power-up, and stays only if the Pi says HELLO to it; a trial that does not get that far in ``TRIES`` power-ups, or
an update that makes the watchdog bite as often, gives way to the one before. The frozen supervisor is always there.
"""

import hashlib
import struct

from trap_supervisor.files import Files, sealed, unsealed
from trap_wire import codes

TYPE_CHECKING = False  # MicroPython has no typing
if TYPE_CHECKING:
    from collections.abc import Callable

TRIES = 3
MAX_SIZE = 131_072
_STATE = "slots"
_FELL = "fell"  # SHA-256 of the image that was given up last
_IMAGE = "update.img"
_DIGEST = "%d/sha256"  # of the image that lies there; written last, and only read beside a number that was staged
_CHUNK = 1_024
_BLOCK = 4_096  # of the flash: each append to a file writes its last block anew, so pieces wait for a whole one


class Slots:
    """Owner of the choice. 0 stands for the frozen supervisor, ``event`` is what the last choice did (``codes.UPDATE_*``)."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.active, self.trial, self._tries, self._crashes, self._untold = unsealed(files.read(_STATE), 5)
        self.event = 0

    def choose(self, by_watchdog: bool) -> int:
        """At power-up, before anything of the update is imported: the number to run."""
        if self._untold:
            self.event, self._untold = self._untold, 0
            self._save()
        if self.trial:
            return self._try()
        if self.active and by_watchdog:
            self._crashes += 1
            if self._crashes >= TRIES:
                self._condemn()
                self.active, self._crashes, self.event = 0, 0, codes.UPDATE_ROLLED_BACK
            self._save()
        return self.active

    def failed(self) -> None:
        """What was chosen could not even be imported, or ended with an exception: never again."""
        self._condemn()
        if self.trial:
            self.trial = self._tries = 0
        else:
            self.active = self._crashes = 0
        self._untold = codes.UPDATE_ROLLED_BACK  # told at the next power-up, when somebody can listen
        self._save()

    def confirm(self) -> bool:
        """The link is healthy. True when that made a trial the active one; older ones are cleared away."""
        confirmed = self.trial > 0
        if confirmed or self._crashes:
            self.active, self.trial = self.trial or self.active, 0
            self._tries = self._crashes = 0
            self._save()
        if confirmed:
            self._sweep()
        return confirmed

    def knows(self, digest: bytes) -> int:
        """What an image of this SHA-256 is here: ``RESULT_CURRENT``, ``RESULT_FELL``, or ``RESULT_DONE`` for a new one."""
        if (number := self.trial or self.active) and self._files.read(_DIGEST % number) == digest:
            return codes.RESULT_CURRENT
        return codes.RESULT_FELL if self._files.read(_FELL) == digest else codes.RESULT_DONE

    def stage(self, number: int) -> None:
        """From the next power-up on, this one is on trial."""
        self.trial, self._tries = number, 0
        self._save()

    def free_number(self) -> int:
        """A number that nothing on the flash uses, not even the rest of a staging that was cut off."""
        used = [int(name.split("/")[0]) for name in self._files.names() if "/" in name]
        return max(used + [self.active, self.trial, 0]) + 1

    def _condemn(self) -> None:
        """Before it is given up: a Pi that offers it again is told so, or the two would try it for ever."""
        if number := self.trial or self.active:
            self._files.write(_FELL, self._files.read(_DIGEST % number))

    def _try(self) -> int:
        if self._tries >= TRIES:
            self._condemn()
            self.trial = self._tries = 0
            self.event = codes.UPDATE_ROLLED_BACK
            self._save()
            return self.active
        self._tries += 1
        if self._tries == 1:
            self.event = codes.UPDATE_SWAPPED
        self._save()
        return self.trial

    def _sweep(self) -> None:
        for name in self._files.names():
            if "/" in name and int(name.split("/")[0]) != self.active:
                self._files.remove(name)

    def _save(self) -> None:
        self._files.write(_STATE, sealed(self.active, self.trial, self._tries, self._crashes, self._untold))


class Staging:
    """Takes an image piece by piece, proves it, lays it out. Each call answers a ``codes.RESULT_*``.

    ``alive`` is called between two pieces of long work: a commit may take longer than the watchdog waits.
    """

    def __init__(self, files: Files, slots: Slots, alive: "Callable[[], None]" = lambda: None) -> None:
        self._files, self._slots, self._alive = files, slots, alive
        self._size = self._got = 0
        self._digest = self._held = b""
        self._done = False  # the last commit was good; its answer may have been lost

    def take(self, type_: int, payload: bytes) -> int:
        """One UPDATE_* frame."""
        if type_ == codes.UPDATE_BEGIN:
            return self._begin(payload)
        if type_ == codes.UPDATE_DATA:
            return self._data(payload)
        return self._commit()

    def _begin(self, payload: bytes) -> int:
        """``size u32 | sha256``."""
        if len(payload) != 36 or not 0 < struct.unpack("<I", payload[:4])[0] <= MAX_SIZE:
            return codes.RESULT_REFUSED
        if known := self._slots.knows(payload[4:]):
            return known
        self._size, self._got, self._digest = struct.unpack("<I", payload[:4])[0], 0, payload[4:]
        self._done, self._held = False, b""
        self._files.remove(_IMAGE)
        return codes.RESULT_DONE

    def _data(self, payload: bytes) -> int:
        """``offset u32 | bytes``; a piece that came already is taken as done, a gap is refused."""
        offset, data = struct.unpack("<I", payload[:4])[0] if len(payload) > 4 else self._size, payload[4:]
        if offset + len(data) <= self._got:
            return codes.RESULT_DONE
        if offset != self._got or offset + len(data) > self._size:
            return codes.RESULT_REFUSED
        self._held += data
        self._got += len(data)
        if len(self._held) >= _BLOCK or self._got == self._size:
            self._files.append(_IMAGE, self._held)
            self._held = b""
        return codes.RESULT_DONE

    def _commit(self) -> int:
        if self._done:  # asked again: laying out takes seconds
            return codes.RESULT_DONE
        if not self._size or self._got != self._size or self._sum() != self._digest:
            self._size = 0
            return codes.RESULT_MISMATCH
        number = self._slots.free_number()
        if not self._lay_out(number):
            return codes.RESULT_MISMATCH
        self._files.write(_DIGEST % number, self._digest)
        self._slots.stage(number)
        self._files.remove(_IMAGE)
        self._size, self._done = 0, True
        return codes.RESULT_DONE

    def _sum(self) -> bytes:
        digest = hashlib.sha256()
        for at in range(0, self._size, _CHUNK):
            digest.update(self._files.read(_IMAGE, at, _CHUNK))
            self._alive()
        return digest.digest()

    def _lay_out(self, number: int) -> bool:
        """The entries of ``trap_wire.supervisor_image``."""
        at = 0
        while at < self._size:
            self._alive()
            head = self._files.read(_IMAGE, at, 5)
            if len(head) < 5:
                return False
            name_length, size = struct.unpack("<BI", head)
            name = self._files.read(_IMAGE, at + 5, name_length)
            at += 5 + name_length
            if at + size > self._size or not _is_module(name):
                return False
            self._files.write("%d/%s" % (number, name.decode()), self._files.read(_IMAGE, at, size))
            at += size
        return at == self._size


def _is_module(name: bytes) -> bool:
    """A path of two parts below the update's folder, in plain letters."""
    parts = name.split(b"/")
    plain = bytes([c for c in name if c in b"/._" or 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122])
    return len(parts) == 2 and name == plain and b".." not in name and parts[0] != b"" and parts[1] != b""
