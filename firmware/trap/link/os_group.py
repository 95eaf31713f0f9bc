"""SMP group 0: echo, time, buffer sizes, and who is there."""

from collections.abc import Callable
from datetime import UTC, datetime

from trap.link.answers import BUF_COUNT, BUF_SIZE, Body, SmpError, Table, reading, text, writing
from trap.ports import Clock
from trap_wire.smp import Error, Group, OsCommand

NAME = "Manul"  # kernel name and operating system: how a host tells a unit from any other SMP server
_HARDWARE = "camera trap"
Told = Callable[[datetime, datetime], None]


def _no_restart() -> None:
    raise SmpError(Error.NOT_SUPPORTED, "nothing here starts this unit again")


def os_group(
    unit: str, version: str, clock: Clock, clock_told: Told, restart: Callable[[], object] | None = None
) -> Table:
    """Handlers; ``clock_told(unit_time, host_time)`` is called before the clock is stepped, to journal the offset.

    ``restart`` is called for ``reset`` and must return: the answer goes out first, then the duty cycle comes to its end.
    """
    start_anew = restart or _no_restart
    facts = {
        "s": NAME,
        "n": unit,
        "r": version,
        "v": version,
        "m": "aarch64",
        "p": "aarch64",
        "i": _HARDWARE,
        "o": NAME,
    }

    def time_of_day(_body: Body) -> Body:
        return {"datetime": clock.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")}

    def set_time(body: Body) -> Body:
        told = _parsed(text(body, "datetime"))
        clock_told(clock.now(), told)
        clock.set(told)
        return {}

    def reset(_body: Body) -> Body:
        start_anew()
        return {}

    def info(body: Body) -> Body:
        wanted = text(body, "format", "s")
        if strange := set(wanted) - {*facts, "a"}:
            raise SmpError(Error.INVALID, f"format: {''.join(sorted(strange))[:20]} unknown")
        return {"output": " ".join(value for key, value in facts.items() if key in wanted or "a" in wanted)}

    return {
        **reading(Group.OS, OsCommand.ECHO, _echo),
        **writing(Group.OS, OsCommand.ECHO, _echo),
        **reading(Group.OS, OsCommand.DATETIME, time_of_day),
        **writing(Group.OS, OsCommand.DATETIME, set_time),
        **writing(Group.OS, OsCommand.RESET, reset),
        **reading(Group.OS, OsCommand.PARAMS, lambda _body: {"buf_size": BUF_SIZE, "buf_count": BUF_COUNT}),
        **reading(Group.OS, OsCommand.INFO, info),
    }


def _echo(body: Body) -> Body:
    return {"r": text(body, "d")}


def _parsed(value: str) -> datetime:
    """Time from RFC 3339 text; without an offset it is UTC. The range is that of the DS3231, 2000 to 2099."""
    try:
        told = datetime.fromisoformat(value)
        told = told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise SmpError(Error.INVALID, "datetime: yyyy-MM-ddTHH:mm:ss expected") from error
    if not 2000 <= told.year <= 2099:
        raise SmpError(Error.INVALID, "datetime: year 2000 to 2099 expected")
    return told
