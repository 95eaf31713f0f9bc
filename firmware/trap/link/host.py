"""The host link as one piece: what it needs from the unit, put together into a server."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from trap.link.answers import CHUNK, Body, Table
from trap.link.enum_group import enum_group
from trap.link.fs_group import fs_group
from trap.link.os_group import os_group
from trap.link.smp_server import Server
from trap.link.trap_group import trap_group
from trap.ports import Clock, HostPort, Shelf


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What a host may ask for. ``clock_told(unit_time, host_time)`` is called before the clock is stepped."""

    unit: str
    version: str
    clock: Clock
    shelf: Shelf
    summary: Callable[[], Body]
    clock_told: Callable[[datetime, datetime], None]


def host_table(facts: HostFacts, chunk: int = CHUNK) -> Table:
    """Every command that a unit answers."""
    table = {
        **os_group(facts.unit, facts.version, facts.clock, facts.clock_told),
        **fs_group(facts.shelf, chunk),
        **trap_group(facts.shelf, facts.summary, chunk),
    }
    return {**table, **enum_group(table)}


def host_server(port: HostPort, facts: HostFacts, chunk: int = CHUNK) -> Server:
    """The server for one port; ``chunk`` is the most data in one reply: 1 KiB on a UART, the default on USB."""
    return Server(port, host_table(facts, chunk))
