"""The host link as one piece: what it needs from the unit, put together into a server."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from trap.link.answers import CHUNK, Body, Table
from trap.link.bulk import Bulk
from trap.link.bulk_group import bulk_group
from trap.link.doorman import Doorman, Signing, coarse
from trap.link.enum_group import enum_group
from trap.link.fs_group import fs_group
from trap.link.img_group import Images, img_group
from trap.link.os_group import os_group
from trap.link.settings_group import Setting, settings_group
from trap.link.smp_server import Counters, Server
from trap.link.stats_group import Stats, stats_group
from trap.link.trap_group import trap_group
from trap.link.work_group import Fieldwork, work_group
from trap.ports import Clock, HostPort, Shelf


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Trust:
    """Who may log in: the programme's public keys now, the unit's own key, and who hears of logins and refusals."""

    keys: Callable[[], tuple[bytes, ...]]
    signing: Signing
    told: Callable[[str, str], None] = lambda _words, _key: None


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What a host may ask for. ``clock_told(unit_time, host_time)`` is called before the clock is stepped.

    Without ``trust`` there is no door at all; without ``work``, ``settings``, ``images``, ``bulk`` and ``restart`` their
    commands are not supported.
    """

    unit: str
    version: str
    clock: Clock
    shelf: Shelf
    summary: Callable[[], Body]
    clock_told: Callable[[datetime, datetime], None]
    trust: Trust | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict)
    stats: Mapping[str, Stats] = field(default_factory=dict)
    work: Fieldwork | None = None
    images: Images | None = None
    bulk: Bulk | None = None
    restart: Callable[[], object] | None = None


def host_table(
    facts: HostFacts, chunk: int = CHUNK, door: Doorman | None = None, counters: Counters | None = None
) -> Table:
    """Every command that a unit answers."""
    summary = facts.summary if door is None else lambda: _summary(facts, door)
    counted = counters or Counters()
    stats = {"link": lambda: asdict(counted), **facts.stats}
    if door is not None:
        stats["door"] = lambda: {"refused": door.refused}
    table = {
        **os_group(facts.unit, facts.version, facts.clock, facts.clock_told, facts.restart),
        **stats_group(stats),
        **(settings_group(facts.settings) if facts.settings else {}),
        **fs_group(facts.shelf, chunk),
        **trap_group(facts.shelf, summary, chunk),
        **(door.table() if door else {}),
        **(work_group(facts.work) if facts.work else {}),
        **(img_group(facts.images) if facts.images else {}),
        **(bulk_group(facts.bulk) if facts.bulk else {}),
    }
    return {**table, **enum_group(table)}


def host_server(port: HostPort, facts: HostFacts, chunk: int = CHUNK) -> Server:
    """The server for one port; ``chunk`` is the most data in one reply: 1 KiB on a UART, the default on USB."""
    trust, counters = facts.trust, Counters()
    door = Doorman(facts.unit, trust.keys, trust.signing, _now_ms, trust.told) if trust else None
    return Server(port, host_table(facts, chunk, door, counters), door, counters)


def _summary(facts: HostFacts, door: Doorman) -> Body:
    full = facts.summary()
    return {**full, "bench": door.bench} if door.open else coarse(full)
