"""Group 70's bulk command: show the media partition as a drive, take it away, ask."""

from collections.abc import Callable

from trap.link.answers import Body, SmpError, Table, number, reading, text, writing
from trap.link.bulk import SECONDS, SECONDS_MOST, Bulk, Cause
from trap_wire.errors import RefusedError, TrapError
from trap_wire.smp import Error, Group, TrapCommand


def bulk_group(bulk: Bulk) -> Table:
    """Handlers: read tells, write takes ``action`` (``on``, ``off``) and ``seconds``."""

    def change(body: Body) -> Body:
        action, seconds = text(body, "action"), number(body, "seconds", SECONDS)
        if action not in ("on", "off"):
            raise SmpError(Error.INVALID, "action: on or off expected")
        if not 1 <= seconds <= SECONDS_MOST:
            raise SmpError(Error.INVALID, f"seconds: 1 to {SECONDS_MOST} expected")
        _said(lambda: bulk.begin(seconds) if action == "on" else bulk.end(Cause.HOST))
        return bulk.told()

    return {
        **reading(Group.TRAP, TrapCommand.BULK, lambda _body: bulk.told()),
        **writing(Group.TRAP, TrapCommand.BULK, change),
    }


def _said(work: Callable[[], None]) -> None:
    try:
        work()
    except RefusedError as error:
        raise SmpError(Error.BAD_STATE, str(error)) from error
    except TrapError as error:
        raise SmpError(Error.UNKNOWN, str(error)) from error
