"""What a unit shows at its cable: the facts of ``trap.link.host`` from a put-together trap and its station slot."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from trap import releases
from trap.deployment import Deployment, parse, parse_or_safe
from trap.drivers.age import sealer
from trap.drivers.ed25519 import Ed25519, new_seed
from trap.duty import Trap
from trap.fieldwork import UnitWork
from trap.link.host import HostFacts, Trust
from trap.link.settings_group import Setting
from trap.ports import Card
from trap.store.journal import Journal
from trap.store.shelf import JournalShelf
from trap.store.vault import Vault
from trap_wire import __version__, slot, sshsig
from trap_wire.entries import Kind, to_us
from trap_wire.errors import BadInputError, IntegrityError, StorageError

SEED, KEYS, STATION = "unit.seed", "programme_keys", "station.toml"


@dataclass(frozen=True, slots=True)
class StationSlot:
    """The station slot as bytes: ``read`` now, ``keep`` durable when it returns."""

    read: Callable[[], bytes]
    keep: Callable[[bytes], None]


def host_facts(
    trap: Trap,
    summary: Callable[[], dict[str, Any]],
    station: StationSlot | None = None,
    data: Path | None = None,
    secrets: Card | None = None,
) -> HostFacts:
    """Everything that a laptop may ask this unit for; with a ``data`` folder for releases it takes updates, too.

    ``secrets`` is where the unit's own key lies; the media card when it is not given, which a drive would show to the host.
    """
    vault, journal = Vault(secrets or trap.card), trap.journal
    known: list[tuple[bytes, ...]] = []  # asked for at every request; a change by the cable is the only one

    def keys() -> tuple[bytes, ...]:
        if not known:
            known.append(public_keys(vault.read(KEYS) or b""))
        return known[0]

    def keep_keys(value: bytes) -> None:
        known.clear()
        vault.keep(KEYS, value)

    def told(words: str, key: str) -> None:
        journal.append(Kind.VISIT, trap.clock.now(), {"what": words, "key": key or None})

    def deployment() -> Deployment:
        return parse_or_safe(station.read()) if station else trap.deployment

    return HostFacts(
        unit=trap.deployment.station.unit,
        version=__version__,
        clock=trap.clock,
        shelf=JournalShelf(journal, trap.card, sealer(trap.deployment.station.sealed_to)),
        summary=summary,
        clock_told=lambda unit_time, host_time: clock_told(journal, unit_time, host_time),
        trust=Trust(keys, Ed25519(vault.first(SEED, new_seed)), told),
        settings=_settings(trap, vault, keep_keys, station),
        stats={"journal": lambda: {"entries": journal.head}, "card": lambda: {"free_bytes": trap.store.free_bytes()}},
        work=UnitWork(trap, lambda: not keys(), deployment),
        images=releases.images(data, keys) if data else None,
        bulk=trap.bulk,
        restart=lambda: _restart(trap),
    )


def public_keys(text: bytes) -> tuple[bytes, ...]:
    """The keys of an ``authorized_keys`` text; ``BadInputError`` names the line that is none."""
    try:
        lines = [line.strip() for line in text.decode().splitlines()]
        return tuple(sshsig.login_key(line) for line in lines if line and not line.startswith("#"))
    except (UnicodeDecodeError, IntegrityError) as error:
        raise BadInputError(f"{KEYS}: {error}") from error


def clock_told(journal: Journal, unit_time: datetime, host_time: datetime) -> None:
    """Both times of a visit, before the clock is stepped: what the host corrects by afterwards."""
    body = {"unit_us": to_us(unit_time), "host_us": to_us(host_time), "cause": "host"}
    journal.append(Kind.CLOCK, unit_time, body)


def _restart(trap: Trap) -> None:
    trap.journal.append(Kind.STATE, trap.clock.now(), {"state": "restarting", "cause": "host"})
    trap.restart.set()


def _settings(
    trap: Trap, vault: Vault, keep_keys: Callable[[bytes], None], station: StationSlot | None
) -> dict[str, Setting]:
    def kept(name: str, keep: Callable[[bytes], None]) -> Callable[[bytes], None]:
        def write(value: bytes) -> None:
            keep(value)
            trap.journal.append(Kind.SETTINGS, trap.clock.now(), {"name": name, "bytes": len(value)})

        return write

    def some_keys(value: bytes) -> None:
        if not public_keys(value):
            raise BadInputError(f"{KEYS}: no key in it; a unit that had one is not opened to all over the cable")

    found = {KEYS: Setting(lambda: vault.read(KEYS) or b"", some_keys, kept(KEYS, keep_keys))}
    if station is not None:
        found[STATION] = Setting(
            lambda: _station_text(station),
            lambda value: parse(_decoded(value), STATION),
            kept(STATION, lambda value: station.keep(slot.fill(value.decode()))),
        )
    return found


def _station_text(station: StationSlot) -> bytes:
    try:
        return slot.read(station.read()).encode()
    except (BadInputError, OSError) as error:
        raise StorageError(str(error)) from error


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise BadInputError(f"{STATION}: not UTF-8 text") from error
