"""Hostile bytes for the unit's end of the cable: what they are made of, and a port that says them."""

import random
from collections.abc import Callable

import cbor2

from trap.link.answers import Table
from trap_wire import console
from trap_wire.smp import Header, Op

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
)
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


def inputs(draw: random.Random, table: Table) -> Callable[[], bytes]:
    """A source of inputs: bodies of every command with wild values, bent frames, bent lines, plain garbage."""
    rows = sorted(table)

    def wild() -> object:
        return draw.choice((draw.choice(VALUES), draw.choice(NAMES), draw.randbytes(draw.randrange(30))))

    def body() -> bytes:
        return cbor2.dumps({draw.choice(KEYS): wild() for _ in range(draw.randrange(5))})

    def packet() -> bytes:
        known = draw.random() < 0.9
        group, command, op = (
            draw.choice(rows) if known else [draw.randrange(65536), draw.randrange(256), draw.randrange(8)]
        )
        payload = body() if draw.random() < 0.8 else draw.randbytes(draw.randrange(60))
        length = len(payload) if draw.random() < 0.95 else draw.randrange(65536)
        return Header(op, draw.choice((0, 1, 1, 2, 3)), 0, length, group, draw.randrange(256), command).pack() + payload

    def bent(data: bytes) -> bytes:
        at = draw.randrange(len(data))
        return draw.choice((data[:at], data[:at] + draw.randbytes(1) + data[at + 1 :], data[at:], data[:at] + data))

    def one() -> bytes:
        kind = draw.random()
        if kind < 0.6:
            return console.encode(packet())
        if kind < 0.75:
            return console.encode(bent(packet()) or b"\0")
        if kind < 0.9:
            return bent(console.encode(packet()))
        if kind < 0.9999:
            return draw.randbytes(draw.randrange(200))
        return console.encode(draw.randbytes(65_000))

    return one
