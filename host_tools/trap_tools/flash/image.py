"""An image as a stream of pieces, whatever it is packed in: raw, ``.xz``, ``.zst``; with a ``.bmap`` beside it or without.

Every pass over the image proves it as far as the bmap allows: a range whose checksum is wrong ends the pass.
"""

import hashlib
import lzma
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import zstandard

from trap_tools.flash.mapping import PIECE, Mapping, Range, bmap, pieces, sparse, whole
from trap_wire.errors import BadInputError, IntegrityError

# zstd sets no limit on what comes out: 4 bytes may hold a block of 128 KiB of zeroes, so 4 KiB give 128 MiB at most.
_INPUT = {"xz": 1024 * 1024, "zst": 4 * 1024}
_MAGIC = {b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zst"}


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Up to 4 MiB at ``offset``, in page-aligned memory, and how far into the image we are, 0..1."""

    offset: int
    data: memoryview
    share: float
    digest: bytes

    @property
    def range(self) -> Range:
        """Where it belongs."""
        return Range(self.offset, self.offset + len(self.data))


@dataclass(frozen=True, slots=True)
class Image:
    """An image file, how it is packed, and what of it matters."""

    path: Path
    packing: str
    mapping: Mapping

    def pieces(self, only: tuple[Range, ...] | None = None) -> Iterator[Piece]:
        """Pieces in order, all mapped ranges or ``only`` some; ``IntegrityError`` when the image is cut short or changed."""
        ranges = self.mapping.ranges if only is None else only
        with self.path.open("rb") as file:
            if self.packing == "raw":
                yield from _raw(file, self, ranges)
            else:
                yield from _packed(file, self, ranges)


def opened(path: Path, map_path: Path | None = None) -> Image:
    """Look at an image file; ``map_path`` overrides the ``.bmap`` beside it. Reads nothing but its first bytes."""
    try:
        with path.open("rb") as file:
            head = file.read(6)
            packing = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "raw")
            size = os.fstat(file.fileno()).st_size
            holes = sparse(file.fileno()) if packing == "raw" else whole(None)
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}: give an image (.img, .img.xz or .img.zst)") from error
    if size < (512 if packing == "raw" else 1):
        raise IntegrityError(f"{path}: has only {size} bytes: get it again")
    map_path = map_path or _beside(path)
    mapping = bmap(map_path) if map_path else holes
    if packing == "raw" and mapping.size != size:
        raise IntegrityError(
            f"{path}: has {size} bytes, its bmap says {mapping.size}: it is truncated or another image"
        )
    return Image(path, packing, mapping)


def _beside(path: Path) -> Path | None:
    names = [path.with_name(path.name + ".bmap"), path.with_suffix(".bmap")]
    return next((name for name in names if name.is_file()), None)


class _Proof:
    """Checks the bmap's sums while pieces go by, and gives each piece its own digest."""

    def __init__(self, image: Image, ranges: tuple[Range, ...]) -> None:
        self._image = image
        self._sums = {r.start: r for r in ranges if r.sha256}
        self._open: tuple[Range, hashlib._Hash] | None = None

    def piece(self, offset: int, data: memoryview, share: float) -> Piece:
        if offset in self._sums:
            self._open = (self._sums[offset], hashlib.sha256())
        if self._open:
            self._open = self._fed(*self._open, offset, data)
        return Piece(offset, data, share, hashlib.sha256(data).digest())

    def _fed(
        self, range_: Range, total: "hashlib._Hash", offset: int, data: memoryview
    ) -> "tuple[Range, hashlib._Hash] | None":
        total.update(data)
        if offset + len(data) < range_.end:
            return range_, total
        if total.hexdigest() != range_.sha256:
            raise IntegrityError(
                f"{self._image.path}: {range_} are not what its bmap says: the image was changed, get it again"
            )
        return None


def _raw(file: BinaryIO, image: Image, ranges: tuple[Range, ...]) -> Iterator[Piece]:
    proof, total, done = _Proof(image, ranges), sum(r.end - r.start for r in ranges), 0
    for wanted in pieces(ranges):
        length = wanted.end - wanted.start
        data = memoryview(mmap.mmap(-1, length))
        if os.preadv(file.fileno(), [data], wanted.start) != length:
            raise IntegrityError(f"{image.path}: ends before {wanted}: it is truncated, get it again")
        done += length
        yield proof.piece(wanted.start, data, done / total)


class _Unpacker(Protocol):
    """One xz stream or one zstd frame."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def unused_data(self) -> bytes:
        """What came after its end."""

    def unpack(self, data: bytes) -> Iterator[bytes]:
        """Bytes out of bytes, never more than some MiB at once however well they were packed."""


class _Xz:
    def __init__(self) -> None:
        self._xz = lzma.LZMADecompressor(lzma.FORMAT_XZ)

    @property
    def eof(self) -> bool:
        return self._xz.eof

    @property
    def unused_data(self) -> bytes:
        return self._xz.unused_data

    def unpack(self, data: bytes) -> Iterator[bytes]:
        yield self._xz.decompress(data, PIECE)
        while not self._xz.eof and not self._xz.needs_input:
            yield self._xz.decompress(b"", PIECE)


class _Zst:
    def __init__(self) -> None:
        self._zst = zstandard.ZstdDecompressor().decompressobj()

    @property
    def eof(self) -> bool:
        return self._zst.eof

    @property
    def unused_data(self) -> bytes:
        return self._zst.unused_data

    def unpack(self, data: bytes) -> Iterator[bytes]:
        yield self._zst.decompress(data)


def _stream(file: BinaryIO, image: Image) -> Iterator[tuple[bytes, float]]:
    """Unpacked bytes and the share of the input that they took; several frames or streams in a row are one image."""
    size = os.fstat(file.fileno()).st_size
    kind: type[_Xz] | type[_Zst] = _Xz if image.packing == "xz" else _Zst
    unpacker: _Unpacker = kind()
    pending, ended = b"", False
    while data := pending or file.read(_INPUT[image.packing]):
        try:
            for unpacked in unpacker.unpack(data):
                yield unpacked, file.tell() / size
        except (lzma.LZMAError, zstandard.ZstdError) as error:
            raise IntegrityError(f"{image.path}: cannot be unpacked ({error}): it is damaged, get it again") from error
        pending, fresh = b"", unpacker.eof
        if fresh:
            pending, unpacker = unpacker.unused_data.lstrip(b"\0"), kind()
        ended = fresh and not pending
    if not ended:
        raise IntegrityError(f"{image.path}: ends in the middle: the download is not whole, get it again")


def _packed(file: BinaryIO, image: Image, ranges: tuple[Range, ...]) -> Iterator[Piece]:
    proof, wanted = _Proof(image, ranges), pieces(ranges)
    target = next(wanted, None)
    at, buffer, share = 0, bytearray(), 0.0  # buffer holds the unpacked bytes from ``at`` on
    for data, share in _stream(file, image):
        buffer += data
        while target and at + len(buffer) >= target.end:
            yield proof.piece(target.start, _aligned(buffer, target.start - at, target.end - at), share)
            del buffer[: target.end - at]
            at, target = target.end, next(wanted, None)
        drop = min(len(buffer), target.start - at if target else len(buffer))
        del buffer[:drop]
        at += drop
    yield from _last(image, proof, target, at, buffer)


def _last(image: Image, proof: _Proof, target: Range | None, at: int, buffer: bytearray) -> Iterator[Piece]:
    """The end of an image whose size nobody told; with a bmap, a short image is a truncated one."""
    if target is None:
        return
    if image.mapping.size is not None:
        raise IntegrityError(
            f"{image.path}: unpacks to {at + len(buffer)} bytes, too few: it is truncated or another image"
        )
    if buffer:
        yield proof.piece(at, _aligned(buffer, 0, len(buffer)), 1.0)


def _aligned(buffer: bytearray, start: int, end: int) -> memoryview:
    memory = memoryview(mmap.mmap(-1, end - start))
    memory[:] = memoryview(buffer)[start:end]
    return memory


__all__ = ["PIECE", "Image", "Piece", "opened"]
