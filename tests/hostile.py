"""A whole pretend unit at the mercy of whoever speaks to it: on the bench, behind its door, and opened; and the named nasties."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.fuzzing import ECHO, SayingPort
from tests.sim.doomed import wake
from tests.sim.rig import STATION, unit
from trap import duty
from trap.assembly import summary_of
from trap.cable import StationSlot, host_facts
from trap.link.doorman import Doorman
from trap.link.host import host_table
from trap.link.smp_server import Counters, Server
from trap_sim.assembly import simulated_trap
from trap_tools.keys import public_of
from trap_wire import console, login
from trap_wire.smp import FsCommand, Group, Header, OsCommand, TrapCommand

UNIT = "MN-101"
WORK = {(Group.TRAP, command, 2) for command in TrapCommand}
# What these do when they are understood takes milliseconds to seconds, or writes an entry: seldom drawn, yet thousands of times.
RARE = {
    **dict.fromkeys(WORK, 0.7),
    (Group.TRAP, TrapCommand.AUTH, 2): 1.0,
    (Group.TRAP, TrapCommand.TEST_SHOT, 2): 0.05,
    (Group.TRAP, TrapCommand.SELF_TEST, 2): 0.02,
    (Group.OS, OsCommand.DATETIME, 2): 0.1,
}


class Whole:
    """The unit, its programme's key, and a server for each of its states: ``bench``, ``locked``, ``opened``."""

    def __init__(self, folder: Path) -> None:
        made = unit(folder, station=STATION.replace("[protocol]", "[protocol]\nopen_units = true"))
        made.board.pi_running = True
        self.trap = simulated_trap(made.rig)
        duty.start(self.trap)
        for number in (1, 2):
            duty.on_wake(self.trap, wake(number))
        slot = folder / "boot/station.toml"
        self.facts = host_facts(
            self.trap, lambda: summary_of(self.trap), StationSlot(slot.read_bytes, slot.write_bytes)
        )
        self.key = Ed25519PrivateKey.generate()
        (folder / "card/media/link.jpg").symlink_to(folder / "card/journal.sqlite")
        self.port, self.ms = SayingPort(), 0
        self.doors: dict[str, Doorman] = {}
        self.servers = {name: self._server(name) for name in ("bench", "locked", "opened")}
        self.log_in("opened")

    def _server(self, state: str) -> Server:
        keys = () if state == "bench" else (public_of(self.key),)
        trust = self.facts.trust
        self.doors[state] = door = Doorman(UNIT, lambda: keys, trust.signing, lambda: 0, trust.told)
        counted = Counters()
        self.table = host_table(
            replace(self.facts, trust=replace(trust, keys=lambda: keys)), door=door, counters=counted
        )
        return Server(self.port, self.table, door, counted, clock_ms=lambda: self.ms)

    def say(self, state: str, data: bytes) -> list[tuple[Header, dict]]:
        """What the unit answers to bytes on its line."""
        server = self.servers[state]
        self.port.said, self.port.heard = data, b""
        server.serve_for(0)
        while server._waiting:
            server.serve_for(0)
        answers = console.Decoder().feed(self.port.heard)
        return [(Header.unpack(answer), cbor2.loads(answer[8:])) for answer in answers]

    def ask(self, state: str, row: tuple[int, int, int], sequence: int = 9, **body: object) -> dict:
        """The one answer to one request."""
        [(_, answer)] = self.say(state, request(row, sequence, **body))
        return answer

    def well(self, state: str) -> bool:
        """Whether the next good request is answered, whatever came before it."""
        told = self.say(state, b"\n" + ECHO)
        return bool(told) and (told[-1][0].sequence, told[-1][1]) == (77, {"r": ""})

    def log_in(self, state: str, unit_name: str = UNIT, key: Ed25519PrivateKey | None = None) -> tuple[bytes, dict]:
        """A login as a host does it; the packet that proved it, and the answer."""
        mine = bytes(range(32))
        told = self.ask(state, (Group.TRAP, TrapCommand.CHALLENGE, 0), nonce=mine)
        signer = key or self.key
        signature = signer.sign(login.message(login.HOST, unit_name, mine, told["nonce"]))
        row = (Group.TRAP, TrapCommand.AUTH, 2)
        return request(row, 9, key=public_of(signer), sig=signature), self.ask(
            state, row, key=public_of(signer), sig=signature
        )


def request(row: tuple[int, int, int], sequence: int = 9, **body: object) -> bytes:
    group, command, op = row
    payload = cbor2.dumps(body)
    return console.encode(Header(op, 1, 0, len(payload), group, sequence, command).pack() + payload)


@dataclass(frozen=True)
class Nasty:
    """Bytes that somebody sends, and whether they are ``counted`` among broken frames, refusals or refused logins."""

    name: str
    data: bytes
    counted: str


def nasties(whole: Whole) -> Iterator[Nasty]:
    """Everything that the issue names, for a unit with a door."""
    good = request((Group.OS, OsCommand.INFO, 0))
    yield Nasty("garbage", bytes(range(256)) * 4 + b"\n", "bad")
    yield Nasty("half a frame", good[: len(good) // 2] + b"\n", "bad")
    yield Nasty("a frame whose second half never comes", b"\x06\x09" + good[2:12] + b"\n", "bad")
    yield Nasty("a frame of 64 KiB", console.encode(bytes(65_000)), "refused")
    broken = bytearray(good)
    broken[6] = ord("B") if broken[6] != ord("B") else ord("C")
    yield Nasty("a wrong CRC", bytes(broken), "bad")
    for name in (
        "../journal.sqlite",
        "/etc/passwd",
        "media/../../journal.sqlite",
        "vault/unit.seed",
        "media/link.jpg",
        "a\0b",
    ):
        yield Nasty(f"the name {name!r}", request((Group.FS, FsCommand.FILE, 0), off=0, name=name), "refused")
        yield Nasty(f"the hash of {name!r}", request((Group.FS, FsCommand.HASH, 0), name=name), "refused")
    yield Nasty(
        "a login without a challenge", request((Group.TRAP, TrapCommand.AUTH, 2), key=bytes(32), sig=bytes(64)), "login"
    )
    yield Nasty("a setting that climbs", request((Group.SETTINGS, 0, 0), name="../station.toml"), "refused")
    yield Nasty("a number of 70 bits", request((Group.TRAP, TrapCommand.ACK, 2), upto=2**70), "refused")
    yield Nasty(
        "a drive for a week", request((Group.TRAP, TrapCommand.BULK, 2), action="on", seconds=604_800), "refused"
    )


def counts(whole: Whole, state: str) -> dict[str, int]:
    """What the unit counts, by the names of ``Nasty.counted``."""
    server, door = whole.servers[state], whole.doors[state]
    return {"bad": server.counters.bad, "refused": server.counters.refused, "login": door.refused}
