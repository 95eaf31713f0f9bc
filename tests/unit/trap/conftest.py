import dataclasses
from collections.abc import Callable

import pytest

from tests.unit.trap.parts import QueueLink, ScriptedCamera, ScriptedDetector, SteadyClock, animal, wake
from trap.deployment import Deployment, Protocol, Station
from trap.drivers.card import FolderCard
from trap.duty import Trap
from trap.store.journal import Journal
from trap.store.media import MediaStore, Reserve
from trap.triage.judge import Triage
from trap_wire import codes, frames

STATION = Station(unit="MN-017", deployment="tost-2026-a", audit_key="5c" * 32)


@pytest.fixture
def journal(tmp_path):
    made = Journal(tmp_path / "journal.sqlite")
    yield made
    made.close()


@pytest.fixture
def build(tmp_path, journal) -> Callable[..., Trap]:
    """A unit of small parts; keyword arguments replace fields of the trap or of its protocol."""

    def built(*, sees=None, protocol=None, wakes=None, **changes) -> Trap:
        deployment = Deployment(station=STATION, protocol=dataclasses.replace(Protocol(), **(protocol or {})))
        clock, card = SteadyClock(), FolderCard(tmp_path)
        detector = ScriptedDetector(sees if sees is not None else [(animal(0.9),)] * 3)
        waiting = [frames.Frame(codes.WAKE, 0, frames.pack_wake(w)) for w in (wakes or [wake()])]
        trap = Trap(
            deployment=deployment,
            camera=ScriptedCamera(),
            supervisor=QueueLink(waiting),
            card=card,
            clock=clock,
            triage=Triage(detector, deployment, clock.monotonic_ms),
            journal=journal,
            store=MediaStore(card, journal, Reserve(journal=0, heartbeat=0)),
        )
        return dataclasses.replace(trap, **changes)

    return built
