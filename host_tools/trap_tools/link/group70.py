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


class ChallengeRequest(message.ReadRequest):
    """Begin a login: the host's nonce, 32 bytes."""

    _GROUP_ID = int(Group.TRAP)
    _COMMAND_ID = int(TrapCommand.CHALLENGE)

    nonce: bytes


class ChallengeResponse(message.ReadResponse):
    """The unit's name, nonce and public key."""

    model_config = ConfigDict(extra="allow", frozen=True)
    _GROUP_ID = int(Group.TRAP)
    _COMMAND_ID = int(TrapCommand.CHALLENGE)

    unit: str
    nonce: bytes
    key: bytes


class AuthRequest(message.WriteRequest):
    """The host's public key and its signature of ``trap_wire.login.message``."""

    _GROUP_ID = int(Group.TRAP)
    _COMMAND_ID = int(TrapCommand.AUTH)

    key: bytes
    sig: bytes


class AuthResponse(message.WriteResponse):
    """The unit's signature back, and how long the session lasts."""

    model_config = ConfigDict(extra="allow", frozen=True)
    _GROUP_ID = int(Group.TRAP)
    _COMMAND_ID = int(TrapCommand.AUTH)

    sig: bytes
    seconds: int


class AckRequest(message.WriteRequest):
    """Everything up to this sequence number is safe here."""

    _GROUP_ID = int(Group.TRAP)
    _COMMAND_ID = int(TrapCommand.ACK)

    upto: int


class TestShotRequest(message.WriteRequest):
    """Take and keep one picture; by the infrared flash if asked (older units do not know it and take it by the light).

    ``position`` is that of a walk test, whose setup picture it is.
    """

    __test__ = False  # not a test of pytest's
    _GROUP_ID = int(Group.TRAP)
    _COMMAND_ID = int(TrapCommand.TEST_SHOT)

    flash: bool | None = None
    position: str | None = None


class SelfTestRequest(message.WriteRequest):
    """Try every part."""

    _GROUP_ID = int(Group.TRAP)
    _COMMAND_ID = int(TrapCommand.SELF_TEST)


class WalkTestRequest(message.WriteRequest):
    """``start``, ``read`` or ``stop`` counting triggers; ``led``, ``led_read``, ``led_stop`` the test on the unit's LED."""

    _GROUP_ID = int(Group.TRAP)
    _COMMAND_ID = int(TrapCommand.WALK_TEST)

    action: str
    position: str = ""
    seconds: int = 0


class DeployRequest(message.WriteRequest):
    """``start`` or ``end`` the deployment of the unit's station settings."""

    _GROUP_ID = int(Group.TRAP)
    _COMMAND_ID = int(TrapCommand.DEPLOY)

    action: str
    note: str = ""


class BulkReadRequest(message.ReadRequest):
    """Whether the unit's card is shown as a drive."""

    _GROUP_ID = int(Group.TRAP)
    _COMMAND_ID = int(TrapCommand.BULK)


class BulkReadResponse(message.ReadResponse):
    """``on``, for how long still, the drive's label, and why it ended last."""

    model_config = ConfigDict(extra="allow", frozen=True)
    _GROUP_ID = int(Group.TRAP)
    _COMMAND_ID = int(TrapCommand.BULK)

    on: bool
    left_s: int
    label: str = ""
    ended: str = ""


class BulkRequest(message.WriteRequest):
    """Show the card as a read-only drive (``on``, for so long) or take it away (``off``)."""

    _GROUP_ID = int(Group.TRAP)
    _COMMAND_ID = int(TrapCommand.BULK)

    action: str
    seconds: int | None = None


class WorkResponse(message.WriteResponse):
    """Whatever one of these commands gives back."""

    model_config = ConfigDict(extra="allow", frozen=True)
    _GROUP_ID = int(Group.TRAP)
    _COMMAND_ID = int(TrapCommand.ACK)
