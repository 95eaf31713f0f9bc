"""Hostile bytes for the unit's end of the cable: what they are made of, and a port that says them."""

import random
from collections.abc import Mapping

import cbor2

from trap.link.answers import Table
from trap_wire import console
from trap_wire.smp import FsCommand, Group, Header, Op, TrapCommand

KEYS = (
    "d",
    "datetime",
    "format",
    "off",
    "len",
    "max",
    "name",
    "type",
    "cursor",
    "limit",
    "index",
    "groups",
    "val",
    "nonce",
    "key",
    "sig",
    "action",
    "position",
    "note",
    "seconds",
    "upto",
    "flash",
    "max_size",
)
BYTES = {"nonce": 32, "key": 32, "sig": 64, "val": 20}
FIELDS = {
    (Group.TRAP, TrapCommand.INDEX): ("cursor", "limit"),
    (Group.TRAP, TrapCommand.CHALLENGE): ("nonce",),
    (Group.TRAP, TrapCommand.AUTH): ("key", "sig"),
    (Group.TRAP, TrapCommand.BULK): ("action", "seconds"),
    (Group.TRAP, TrapCommand.ACK): ("upto",),
    (Group.TRAP, TrapCommand.TEST_SHOT): ("flash", "position"),
    (Group.TRAP, TrapCommand.WALK_TEST): ("action", "position", "seconds"),
    (Group.TRAP, TrapCommand.DEPLOY): ("action", "note"),
    (Group.FS, FsCommand.FILE): ("name", "off", "max"),
    (Group.FS, FsCommand.HASH): ("name", "type", "off", "len"),
    (Group.SETTINGS, 0): ("name", "val"),
}
NUMBERS = ("seconds", "upto", "cursor", "limit", "off", "len", "max")
ACTIONS = ("on", "off", "start", "read", "stop", "end", "led", "led_read", "led_stop", "sideways", "")
NAMES = (
    "station.toml",
    "programme_keys",
    "start",
    "end",
    "media/p.jpg",
    "journal/00000001-00000003.jsonl",
    "../journal.sqlite",
    "/etc/passwd",
    "media/../../x",
    "a\0b",
    "",
    "é" * 300,
)
VALUES = (
    0,
    1,
    -1,
    2**31,
    2**63,
    2**64,
    -(2**64),
    0.5,
    float("nan"),
    True,
    None,
    b"",
    b"\xff" * 40,
    bytes(32),
    bytes(64),
    "x",
    [],
    {},
    [[[]]],
)
ECHO = console.encode(Header(Op.WRITE, 1, 0, 4, 0, 77, 0).pack() + cbor2.dumps({"d": ""}))


class SayingPort:
    """Says one thing, keeps what the unit answers."""

    def __init__(self) -> None:
        self.said = b""
        self.heard = b""

    def read(self, timeout_s: float) -> bytes:
        said, self.said = self.said, b""
        return said

    def write(self, data: bytes) -> None:
        self.heard += data


Row = tuple[int, int, int]


class Source:
    """A source of inputs: bodies of every command with wild values, bent frames, bent lines, plain garbage.

    ``rare``: commands that do much work when they are understood, and the share of the times that they are drawn at all.
    """

    def __init__(self, draw: random.Random, table: Table, rare: Mapping[Row, float]) -> None:
        self._draw, self._rows, self._rare = draw, sorted(table), rare

    def __call__(self) -> bytes:
        draw, kind = self._draw, self._draw.random()
        if kind < 0.6:
            return console.encode(self._packet())
        if kind < 0.75:
            return console.encode(self._bent(self._packet()) or b"\0")
        if kind < 0.9:
            return self._bent(console.encode(self._packet()))
        if kind < 0.9999:
            return draw.randbytes(draw.randrange(200))
        return console.encode(draw.randbytes(65_000))

    def _packet(self) -> bytes:
        draw = self._draw
        known = draw.random() < 0.9
        group, command, op = self._row() if known else (draw.randrange(65536), draw.randrange(256), draw.randrange(8))
        payload = (
            self._body(FIELDS.get((group, command), ())) if draw.random() < 0.8 else draw.randbytes(draw.randrange(60))
        )
        length = len(payload) if draw.random() < 0.95 else draw.randrange(65536)
        return Header(op, draw.choice((0, 1, 1, 2, 3)), 0, length, group, draw.randrange(256), command).pack() + payload

    def _row(self) -> Row:
        while True:
            drawn = self._draw.choice(self._rows)
            if self._draw.random() < self._rare.get(drawn, 1.0):
                return drawn

    def _body(self, fields: tuple[str, ...]) -> bytes:
        """Half of the time the fields that the command knows, most of them as they should be; else any fields, most of them not."""
        draw = self._draw
        known = bool(fields) and draw.random() < 0.5
        keys = fields if known else [draw.choice(KEYS) for _ in range(draw.randrange(5))]
        good = 0.8 if known else 0.3
        return cbor2.dumps({key: self._likely(key) if draw.random() < good else self._wild() for key in keys})

    def _wild(self) -> object:
        draw = self._draw
        return draw.choice((draw.choice(VALUES), draw.choice(NAMES), draw.randbytes(draw.randrange(30))))

    def _likely(self, key: str) -> object:
        """A value of the kind that the field has, so that requests come through to the work itself."""
        draw = self._draw
        if key in ("action", "name"):
            return draw.choice(ACTIONS if key == "action" else NAMES)
        if key in BYTES:
            return draw.randbytes(BYTES[key])
        return draw.randrange(4_000) if key in NUMBERS else True if key == "flash" else "a name"

    def _bent(self, data: bytes) -> bytes:
        draw, at = self._draw, self._draw.randrange(len(data))
        return draw.choice((data[:at], data[:at] + draw.randbytes(1) + data[at + 1 :], data[at:], data[:at] + data))


def inputs(draw: random.Random, table: Table, rare: Mapping[Row, float] | None = None) -> Source:
    """Inputs by a seed, for the commands of a table."""
    return Source(draw, table, rare or {})
