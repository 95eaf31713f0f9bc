"""SMP group 70: what a camera trap has to tell that SMP has no words for."""

from collections.abc import Callable

from trap.link.answers import CHUNK, Body, Table, number, reading
from trap.ports import PAGES_A_CALL, Item, Shelf
from trap_wire.smp import Group, TrapCommand

_MOST = 128  # about what one reply holds: asking the shelf for more would be work thrown away
# CBOR around the five values of an item, at most: array, text and bytes heads, two numbers.
_ITEM_OVERHEAD = 40
_LEAST_BUDGET = 4_096


def trap_group(shelf: Shelf, summary: Callable[[], Body], chunk: int = CHUNK) -> Table:
    """Handlers; ``chunk`` bounds a reply of the index as it bounds one of a file."""
    budget = min(CHUNK, max(chunk, _LEAST_BUDGET)) - 64

    def index(body: Body) -> Body:
        limit = min(max(number(body, "limit", _MOST), 2), _MOST)
        listed = shelf.items(number(body, "cursor", 0), limit)
        # An answer can stop short of the end in two ways; asked on from a true end, the shelf has nothing.
        full = len(listed) == limit or sum(item.role == "journal" for item in listed) >= PAGES_A_CALL
        rows = _fitting(listed, budget)
        # Two items can share a number (a page ends with a photograph's entry): a cursor must not fall between them.
        if full or len(rows) < len(listed):
            after = listed[len(rows)].sequence if len(rows) < len(listed) else listed[-1].sequence
            rows = [row for row in rows if row[4] != after] or rows
            return {"items": rows, "next": rows[-1][4]}
        return {"items": rows}

    return {
        **reading(Group.TRAP, TrapCommand.INDEX, index),
        **reading(Group.TRAP, TrapCommand.SUMMARY, lambda _body: summary()),
    }


def _fitting(items: list[Item], budget: int) -> list[list[object]]:
    """Rows [path, size, sha256, role, sequence] of as many items as the reply holds, one at least."""
    rows: list[list[object]] = []
    for item in items:
        budget -= len(item.path.encode()) + len(item.role) + 32 + _ITEM_OVERHEAD
        if budget < 0 and rows:
            break
        rows.append([item.path, item.size, bytes.fromhex(item.sha256), item.role, item.sequence])
    return rows
