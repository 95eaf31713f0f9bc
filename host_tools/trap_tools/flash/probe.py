"""Whether a card really has the size that it says: fake flash wraps around or forgets, and an image with holes may not notice.

A mark at each power of two of MiB, and at the last block, is written and read back. A card whose true size is a power of
two (as f3 reports of nearly all fakes) loses its first mark to a later one; one that drops what is too high loses that.
"""

import hashlib
from collections.abc import Iterator

from trap_tools.flash.card import ALIGN, Card
from trap_wire.errors import StorageError

_MIB = 1024 * 1024
FIRST = 2 * _MIB  # between the partition table and the first partition of every Raspberry Pi image


def check_size(card: Card) -> None:
    """Raise ``StorageError`` when the card does not keep marks over its whole stated size; leaves zeroes where they were."""
    marks = {
        at: hashlib.sha512(f"manul {at} of {card.size}".encode()).digest() * (ALIGN // 64) for at in _places(card.size)
    }
    for at, mark in marks.items():
        card.write(at, mark)
    card.flush()
    lost = [at for at, mark in marks.items() if bytes(card.read(at, ALIGN)) != mark]
    for at in marks:
        card.write(at, bytes(ALIGN))
    if lost:
        raise StorageError(
            f"{card.name}: says it holds {card.size} bytes but loses what is written at {lost[0]}: "
            "a fake or a broken card, throw it away"
        )


def _places(size: int) -> Iterator[int]:
    yield FIRST
    at = 4 * _MIB
    while at + FIRST + ALIGN <= size:
        yield at + FIRST
        at *= 2
    yield (size - ALIGN) // ALIGN * ALIGN
