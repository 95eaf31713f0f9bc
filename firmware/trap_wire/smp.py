"""SMP numbers and the 8-byte header, for the unit's lean server and the host's bulk path.

Source: Zephyr ``doc/services/device_mgmt/smp_protocol.rst`` and ``mgmt/mcumgr/mgmt/mgmt_defines.h``. The host's control
messages use the pydantic models of the ``smp`` package instead; a test holds the two against each other.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

_HEADER = struct.Struct(">BBHHBB")
HEADER_SIZE = _HEADER.size
assert HEADER_SIZE == 8  # noqa: S101  # the size is part of the protocol


class Op(IntEnum):
    """Operation, the low three bits of the first byte."""

    READ = 0
    READ_RESPONSE = 1
    WRITE = 2
    WRITE_RESPONSE = 3


class Group(IntEnum):
    """Management groups that a unit answers. Shell (9) is left out for ever: a unit runs no commands from a cable."""

    OS = 0
    IMG = 1
    STATS = 2
    SETTINGS = 3
    FS = 8
    ENUM = 10
    TRAP = 70  # first group free for applications is 64


class OsCommand(IntEnum):
    """Group 0."""

    ECHO = 0
    TASK_STATISTICS = 2
    DATETIME = 4
    RESET = 5
    PARAMS = 6
    INFO = 7


class FsCommand(IntEnum):
    """Group 8."""

    FILE = 0
    STATUS = 1
    HASH = 2
    SUPPORTED_HASHES = 3
    CLOSE = 4


class TrapCommand(IntEnum):
    """Group 70, ours: what camera traps need and SMP has no group for."""

    INDEX = 0  # cursor -> files: name, size, sha256, role
    SUMMARY = 1  # one screen's worth of state
    CHALLENGE = 2
    AUTH = 3
    BULK = 4
    ACK = 5
    TEST_SHOT = 6
    SELF_TEST = 7
    WALK_TEST = 8
    DEPLOY = 9


class Error(IntEnum):
    """SMP v1 result codes (``MGMT_ERR_E*``), in ``rc``."""

    OK = 0
    UNKNOWN = 1
    NO_MEMORY = 2
    INVALID = 3
    TIMEOUT = 4
    NO_ENTRY = 5
    BAD_STATE = 6
    MESSAGE_TOO_LARGE = 7
    NOT_SUPPORTED = 8
    CORRUPT = 9
    BUSY = 10
    ACCESS_DENIED = 11


@dataclass(frozen=True, slots=True)
class Header:
    """SMP header. ``length`` counts the CBOR after it; ``version`` 0 is SMP v1, 1 is SMP v2."""

    op: int
    version: int
    flags: int
    length: int
    group: int
    sequence: int
    command: int

    def pack(self) -> bytes:
        """Eight bytes, big-endian."""
        first = (self.version << 3) | self.op
        return _HEADER.pack(first, self.flags, self.length, self.group, self.sequence, self.command)

    @classmethod
    def unpack(cls, packet: bytes) -> "Header":
        """Header from the start of a packet; ``ValueError`` when it is shorter than eight bytes."""
        if len(packet) < HEADER_SIZE:
            raise ValueError(f"SMP packet of {len(packet)} bytes, at least {HEADER_SIZE}")
        first, flags, length, group, sequence, command = _HEADER.unpack_from(packet)
        return cls(first & 0b111, (first >> 3) & 0b11, flags, length, group, sequence, command)
