"""SMP group 10: which groups there are, so that a general client finds its way."""

from enum import IntEnum

from trap.link.answers import Body, SmpError, Table, number, reading
from trap_wire.smp import Error, Group

_COUNT, _LIST, _SINGLE, _DETAILS = 0, 1, 2, 3
_NAMES = {Group.OS: "os mgmt", Group.FS: "fs mgmt", Group.ENUM: "enum mgmt", Group.TRAP: "camera trap"}
_NAMES |= {Group.IMG: "img mgmt", Group.STATS: "stat mgmt", Group.SETTINGS: "settings mgmt"}


class EnumError(IntEnum):
    """Zephyr's ``ENUM_MGMT_ERR_*``."""

    INDEX_TOO_LARGE = 4


def enum_group(table: Table) -> Table:
    """Handlers that describe ``table`` and themselves."""
    groups = sorted({group for group, _, _ in table} | {int(Group.ENUM)})

    def single(body: Body) -> Body:
        index = number(body, "index", 0)
        if index >= len(groups):
            raise SmpError(Error.INVALID, group=Group.ENUM, code=EnumError.INDEX_TOO_LARGE)
        last = {"end": True} if index == len(groups) - 1 else {}
        return {"group": groups[index], **last}

    def details(body: Body) -> Body:
        wanted = body.get("groups", groups)
        if not isinstance(wanted, list | tuple):
            raise SmpError(Error.INVALID, "groups: list expected")
        return {"groups": [_details(group, every) for group in groups if group in wanted]}

    mine = {
        **reading(Group.ENUM, _COUNT, lambda _body: {"count": len(groups)}),
        **reading(Group.ENUM, _LIST, lambda _body: {"groups": groups}),
        **reading(Group.ENUM, _SINGLE, single),
        **reading(Group.ENUM, _DETAILS, details),
    }
    every = {**table, **mine}
    return mine


def _details(group: int, table: Table) -> Body:
    handlers = len({command for of, command, _ in table if of == group})
    return {"group": group, "name": _NAMES.get(Group(group), str(group)), "handlers": handlers}
