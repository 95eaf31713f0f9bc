"""Which ranges of an image matter: from a bmap file, from the holes of a sparse file, or all of it.

bmap: the XML of ``bmaptool create``, versions 1.3 to 2.0 (github.com/yoctoproject/bmaptool).
"""

import hashlib
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from trap_wire.errors import BadInputError, IntegrityError

PIECE = 4 * 1024 * 1024
_GRAIN = 4096


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes ``start`` to ``end`` (exclusive); ``sha256`` is the bmap's, hex, or empty."""

    start: int
    end: int
    sha256: str = ""

    def __str__(self) -> str:
        return f"bytes {self.start}..{self.end - 1} (MiB {self.start / 2**20:.2f})"


@dataclass(frozen=True, slots=True)
class Mapping:
    """Ranges in order, not touching, and the size of the whole image; ``size`` None when nobody knows it yet."""

    size: int | None
    ranges: tuple[Range, ...]

    @property
    def mapped(self) -> int | None:
        """Bytes that are written; None when unknown."""
        return sum(r.end - r.start for r in self.ranges) if self.size is not None else None


def whole(size: int | None) -> Mapping:
    """Everything."""
    return Mapping(size, (Range(0, size if size is not None else 2**63),))


def sparse(descriptor: int) -> Mapping:
    """Ranges of a file that are not holes, widened to 4 KiB."""
    size = os.fstat(descriptor).st_size
    return Mapping(size, tuple(_joined(_data(descriptor, size))))


def _data(descriptor: int, size: int) -> Iterator[Range]:
    at = 0
    while at < size:
        try:
            start = os.lseek(descriptor, at, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but holes from here on
            return
        at = os.lseek(descriptor, start, os.SEEK_HOLE)
        yield Range(start - start % _GRAIN, min(-(-at // _GRAIN) * _GRAIN, size))


def _joined(ranges: Iterator[Range]) -> Iterator[Range]:
    last: Range | None = None
    for found in ranges:
        if last and found.start <= last.end:
            last = Range(last.start, max(last.end, found.end))
            continue
        if last:
            yield last
        last = found
    if last:
        yield last


def bmap(path: Path) -> Mapping:
    """Ranges of a bmap file; ``IntegrityError`` when its own checksum is wrong, ``BadInputError`` when it is none."""
    try:
        text = path.read_text()
        root = _tree(text)
        size, block = int(_said(root, "ImageSize")), int(_said(root, "BlockSize"))
        ranges = tuple(_range(node, block, size) for node in root.iterfind("./BlockMap/Range"))
    except (OSError, UnicodeDecodeError, ValueError, ET.ParseError) as error:
        raise BadInputError(f"{path}: not a bmap file ({error}): get it again, or leave it out") from error
    _check_own_sum(path, text)
    if any(r.end <= r.start for r in ranges) or any(a.end > b.start for a, b in pairwise(ranges)):
        raise BadInputError(f"{path}: its ranges are out of order: get it again, or leave it out")
    return Mapping(size, ranges)


def _tree(text: str) -> ET.Element:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("entities are not allowed")
    return ET.fromstring(text)  # noqa: S314


def _said(root: ET.Element, tag: str) -> str:
    text = root.findtext(tag)
    if text is None:
        raise ValueError(f"no <{tag}>")
    return text.strip()


def _range(node: ET.Element, block: int, size: int) -> Range:
    first, _, last = (node.text or "").strip().partition("-")
    end = min((int(last or first) + 1) * block, size)
    return Range(int(first) * block, end, node.get("chksum") or node.get("sha256") or "")


def _check_own_sum(path: Path, text: str) -> None:
    """The bmap's checksum is over the file with zeroes in its own place."""
    found = re.search(r"<BmapFileChecksum>\s*([0-9a-f]{64})\s*</BmapFileChecksum>", text)
    if found and hashlib.sha256(text.replace(found[1], "0" * 64, 1).encode()).hexdigest() != found[1]:
        raise IntegrityError(f"{path}: does not match its own checksum: it is damaged, get it again")


def pieces(ranges: tuple[Range, ...]) -> Iterator[Range]:
    """Ranges cut at multiples of 4 MiB, so that one read is one write."""
    for whole_range in ranges:
        start = whole_range.start
        while start < whole_range.end:
            end = min(start - start % PIECE + PIECE, whole_range.end)
            yield Range(start, end)
            start = end
