"""SMP group 8: journal pages, thumbnails and photographs, to be read and proved, never to be written.

A name is only ever looked up on the shelf, which knows what it lists; there is no path to climb out of.
"""

import hashlib
import zlib
from collections.abc import Iterator
from enum import IntEnum

from trap.link.answers import CHUNK, NUMBER_MAX, Body, SmpError, Table, number, reading, text, writing
from trap.ports import Shelf
from trap_wire.smp import Error, FsCommand, Group

_PIECE = 64 * 1024
_KINDS = {"crc32": {"format": 0, "size": 4}, "sha256": {"format": 1, "size": 32}}


class FsError(IntEnum):
    """Zephyr's ``FS_MGMT_ERR_*`` that a read-only shelf can give."""

    NOT_FOUND = 3
    OFFSET_TOO_LARGE = 12
    HASH_UNKNOWN = 13
    READ_ONLY = 15
    EMPTY = 16


class _Files:
    def __init__(self, shelf: Shelf, chunk: int) -> None:
        self._shelf = shelf
        self._chunk = chunk

    def download(self, body: Body) -> Body:
        """``max`` is ours: a host on a noisy line asks for smaller chunks. Other SMP clients do not send it."""
        name, size, offset = self._found(body)
        length = min(self._chunk, number(body, "max", self._chunk), size - offset)
        reply = {"off": offset, "data": self._shelf.read(name, offset, length)}
        return {**reply, "len": size} if offset == 0 else reply

    def status(self, body: Body) -> Body:
        return {"len": self._found(body)[1]}

    def hash(self, body: Body) -> Body:
        kind = text(body, "type", "crc32")
        if kind not in _KINDS:
            raise _failed(Error.NOT_SUPPORTED, FsError.HASH_UNKNOWN)
        name, size, offset = self._found(body)
        length = min(number(body, "len", NUMBER_MAX), size - offset)
        if length == 0:
            raise _failed(Error.INVALID, FsError.EMPTY)
        output = _hash(kind, self._pieces(name, offset, length))
        reply = {"type": kind, "len": length, "output": output}
        return {**reply, "off": offset} if offset else reply

    def _found(self, body: Body) -> tuple[str, int, int]:
        """Name, size and offset of the file that a request is about."""
        name, offset = text(body, "name"), number(body, "off", 0)
        size = self._shelf.size(name)
        if size is None:
            raise _failed(Error.NO_ENTRY, FsError.NOT_FOUND)
        if offset > size:
            raise _failed(Error.INVALID, FsError.OFFSET_TOO_LARGE)
        return name, size, offset

    def _pieces(self, name: str, offset: int, length: int) -> Iterator[bytes]:
        for at in range(offset, offset + length, _PIECE):
            yield self._shelf.read(name, at, min(_PIECE, offset + length - at))


def fs_group(shelf: Shelf, chunk: int = CHUNK) -> Table:
    """Handlers; ``chunk`` is the most data in one reply: 1 KiB suits a UART, the whole buffer USB."""
    files = _Files(shelf, min(chunk, CHUNK))
    return {
        **reading(Group.FS, FsCommand.FILE, files.download),
        **writing(Group.FS, FsCommand.FILE, _refuse_upload),
        **reading(Group.FS, FsCommand.STATUS, files.status),
        **reading(Group.FS, FsCommand.HASH, files.hash),
        **reading(Group.FS, FsCommand.SUPPORTED_HASHES, lambda _body: {"types": _KINDS}),
        **writing(Group.FS, FsCommand.CLOSE, lambda _body: {}),  # no handle is ever kept open
    }


def _refuse_upload(_body: Body) -> Body:
    raise _failed(Error.NOT_SUPPORTED, FsError.READ_ONLY)


def _failed(error: Error, code: FsError) -> SmpError:
    return SmpError(error, group=Group.FS, code=code)


def _hash(kind: str, pieces: Iterator[bytes]) -> int | bytes:
    if kind == "crc32":
        crc = 0
        for piece in pieces:
            crc = zlib.crc32(piece, crc)
        return crc
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.digest()
