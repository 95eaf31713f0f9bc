"""SMP group 2: counters, by group and name."""

from collections.abc import Callable, Mapping
from enum import IntEnum

from trap.link.answers import Body, SmpError, Table, reading, text
from trap_wire.smp import Error, Group

_DATA, _LIST = 0, 1
Stats = Callable[[], Mapping[str, int]]


class StatsError(IntEnum):
    """Zephyr's ``STAT_MGMT_ERR_*``."""

    INVALID_GROUP = 2


def stats_group(stats: Mapping[str, Stats]) -> Table:
    """Handlers; every group is asked anew each time."""

    def data(body: Body) -> Body:
        name = text(body, "name")
        if name not in stats:
            raise SmpError(Error.NO_ENTRY, group=Group.STATS, code=StatsError.INVALID_GROUP)
        return {"name": name, "fields": dict(stats[name]())}

    return {
        **reading(Group.STATS, _DATA, data),
        **reading(Group.STATS, _LIST, lambda _body: {"stat_list": sorted(stats)}),
    }
