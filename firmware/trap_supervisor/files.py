"""Small files in the Pico's flash, written so that a power cut leaves either the old or the new.

``Files`` holds the rules over four raw operations; ``FolderFiles`` does these with ``os`` and ``open``, which MicroPython's
littlefs makes durable when a file is closed. Tests put a flash that loses power under the same rules.
"""

import os
import struct

from trap_wire.crc16 import crc16

_PART = ".part"


class Files:
    """Names may have folders in them (``7/life.py``).

    A raw operation may stop half way, except ``_rename``, which littlefs and ext4 do whole or not at all.
    """

    def names(self, head: str = "") -> "list[str]":
        """Names that begin with ``head``, sorted."""
        return sorted(name for name in self._list() if name.startswith(head) and not name.endswith(_PART))

    def read(self, name: str, at: int = 0, length: int = -1) -> bytes:
        """A file's bytes from ``at`` on; nothing when it is not there."""
        raise NotImplementedError

    def append(self, name: str, data: bytes) -> None:
        """Add to the end of a file; a cut may leave a part of ``data`` there."""
        raise NotImplementedError

    def write(self, name: str, data: bytes) -> None:
        """Replace a file whole: after a cut it holds the old bytes or the new ones."""
        self._put(name + _PART, data)
        self._rename(name + _PART, name)

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens when it is not there."""
        raise NotImplementedError

    def _list(self) -> "list[str]":
        raise NotImplementedError

    def _put(self, name: str, data: bytes) -> None:
        raise NotImplementedError

    def _rename(self, name: str, to: str) -> None:
        raise NotImplementedError


class FolderFiles(Files):
    """In a folder of a mounted file system, made when it is not there."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        _make(folder)

    def read(self, name: str, at: int = 0, length: int = -1) -> bytes:
        """A file's bytes; nothing when it is not there or cannot be read."""
        try:
            with open(self._folder + "/" + name, "rb") as file:
                file.seek(at)
                return bytes(file.read(length))
        except OSError:
            return b""

    def append(self, name: str, data: bytes) -> None:
        """Add to the end of a file."""
        self._store(name, "ab", data)

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        try:
            os.remove(self._folder + "/" + name)
        except OSError:
            pass  # it was not

    def _list(self) -> "list[str]":
        found: list[str] = []
        folders = [""]
        while folders:
            head = folders.pop()
            for name in os.listdir(self._folder + "/" + head):
                is_folder = os.stat(self._folder + "/" + head + name)[0] & 0x4000
                (folders if is_folder else found).append(head + name + ("/" if is_folder else ""))
        return found

    def _put(self, name: str, data: bytes) -> None:
        self._store(name, "wb", data)

    def _rename(self, name: str, to: str) -> None:
        os.rename(self._folder + "/" + name, self._folder + "/" + to)

    def _store(self, name: str, mode: str, data: bytes) -> None:
        for at, letter in enumerate(name):
            if letter == "/":
                _make(self._folder + "/" + name[:at])
        with open(self._folder + "/" + name, mode) as file:
            file.write(data)
            file.flush()
            if hasattr(os, "fsync"):  # littlefs has committed the file once it is closed; Linux has not
                os.fsync(file.fileno())


def _make(folder: str) -> None:
    try:
        os.mkdir(folder)
    except OSError:
        pass  # it is there


def sealed(*numbers: int) -> bytes:
    """A few numbers with a CRC, for a file that is replaced whole."""
    body = struct.pack("<%dI" % len(numbers), *numbers)
    return body + struct.pack("<H", crc16(body))


def unsealed(raw: bytes, count: int) -> "tuple[int, ...]":
    """The numbers of a sealed file; noughts when it is not there or torn."""
    if len(raw) != count * 4 + 2 or struct.unpack("<H", raw[-2:])[0] != crc16(raw[:-2]):
        return (0,) * count
    return tuple(struct.unpack("<%dI" % count, raw[:-2]))
