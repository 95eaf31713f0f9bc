"""Group 70, the camera trap's own commands, as pydantic models of the same make as the ``smp`` package's."""

from typing import NamedTuple

from pydantic import ConfigDict
from smp import message

from trap_wire.smp import Group, TrapCommand


class Row(NamedTuple):
    """A file that the unit offers; ``sha256`` is 32 bytes, ``sequence`` the journal's number for it."""

    path: str
    size: int
    sha256: bytes
    role: str
    sequence: int


class IndexRequest(message.ReadRequest):
    """Files whose sequence number is above ``cursor``; as many as fit into one reply, ``limit`` at most."""

    _GROUP_ID = int(Group.TRAP)
    _COMMAND_ID = int(TrapCommand.INDEX)

    cursor: int = 0
    limit: int | None = None


class IndexResponse(message.ReadResponse):
    """``next`` is the cursor to go on from; absent at the end."""

    model_config = ConfigDict(extra="allow", frozen=True)
    _GROUP_ID = int(Group.TRAP)
    _COMMAND_ID = int(TrapCommand.INDEX)

    items: tuple[Row, ...]
    next: int | None = None


class SummaryRequest(message.ReadRequest):
    """One screen's worth of state."""

    _GROUP_ID = int(Group.TRAP)
    _COMMAND_ID = int(TrapCommand.SUMMARY)


class SummaryResponse(message.ReadResponse):
    """Whatever the unit says about itself; the keys are ``trap.health``'s, and newer units may know more of them."""

    model_config = ConfigDict(extra="allow", frozen=True)
    _GROUP_ID = int(Group.TRAP)
    _COMMAND_ID = int(TrapCommand.SUMMARY)
