"""What a group of SMP commands is made of: handlers in a table, fields read with care, failures in both SMP versions."""

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any

from trap_wire.errors import TrapError
from trap_wire.smp import Error, Op

Body = Mapping[str, Any]
Handler = Callable[[Body], Body]
# (group, command, READ or WRITE) -> handler
Table = dict[tuple[int, int, int], Handler]

# One SMP packet, header included. The whole reply fits, so the data of a chunk is a little less than 16 KiB.
BUF_SIZE = 16 * 1024
BUF_COUNT = 8
CHUNK = BUF_SIZE - 64
NUMBER_MAX = 2**63 - 1


class SmpError(TrapError):
    """A request that is answered with an error: a general code, and where a group has its own words, that too."""

    def __init__(self, error: Error, reason: str = "", group: int = 0, code: IntEnum | None = None) -> None:
        super().__init__(reason or error.name.lower().replace("_", " "))
        self.error = error
        self._reason = reason
        self._own = None if code is None else {"group": group, "rc": int(code)}

    def body(self, version: int) -> Body:
        """Zephyr's forms: ``err`` {group, rc} from SMP version 2 (1 in the header) on, else ``rc``, with a reason."""
        if version > 0 and self._own is not None:
            return {"err": self._own}
        return {"rc": int(self.error), "rsn": self._reason} if self._reason else {"rc": int(self.error)}


def text(body: Body, key: str, default: str | None = None) -> str:
    """A text field; ``SmpError`` when it is of another type or, without a default, absent."""
    value = body.get(key, default)
    if not isinstance(value, str):
        raise SmpError(Error.INVALID, f"{key}: text expected")
    return value


def number(body: Body, key: str, default: int | None = None) -> int:
    """A field that counts something, 0 or more; ``SmpError`` when it is of another type or, without a default, absent."""
    value = body.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= NUMBER_MAX:
        raise SmpError(Error.INVALID, f"{key}: number from 0 on expected")
    return value


def reading(group: int, command: int, handler: Handler) -> Table:
    """One row for a command that is read."""
    return {(group, command, Op.READ): handler}


def writing(group: int, command: int, handler: Handler) -> Table:
    """One row for a command that is written."""
    return {(group, command, Op.WRITE): handler}
