"""Every rule of the protocol must change what a unit, its supervisor or the tools do: a rule that nothing reads is a lie."""

import dataclasses
from contextlib import suppress

import pytest
from PIL import Image

from tests.unit.supervisor.bench import Bench, sample
from tests.unit.trap.parts import (
    NOON,
    QueueLink,
    ScriptedCamera,
    ScriptedDetector,
    SteadyClock,
    animal,
    jpeg,
    shot,
    wake,
)
from tests.unit.trap.test_media import SmallCard, acknowledge, kept
from trap import duty
from trap.assembly import Parts, put_together
from trap.deployment import Deployment, Protocol, Station
from trap.fieldwork import UnitWork
from trap.health.summary import summary
from trap.link.supervisor import settings_of
from trap.store.media import Reserve
from trap.triage.judge import Triage
from trap_supervisor import settings as supervisor_settings
from trap_tools import i18n
from trap_tools.audit.species import species
from trap_wire import codes, frames
from trap_wire.energy.ladder import steps
from trap_wire.entries import Kind
from trap_wire.errors import RefusedError, StorageError
from trap_wire.vocabulary import Role

STATION = Station(unit="MN-017", deployment="a", audit_key="5c" * 32, chemistry="lithium-aa-12")


class Pi:
    """A unit put together as the real one is, on a card of ten pictures, with a detector that sees what it is told."""

    def __init__(self, folder, protocol):
        self.card = SmallCard(folder, 10 * len(jpeg()))
        deployment, clock = Deployment(station=STATION, protocol=protocol), SteadyClock()
        waking = frames.Frame(codes.WAKE, 0, frames.pack_wake(wake()))
        parts = Parts(deployment, ScriptedCamera([shot()] * 10), QueueLink([waking]), self.card, clock,
                      folder.parent / f"{folder.name}.sqlite", None, Reserve(journal=0, heartbeat=0))  # fmt: skip
        self.trap = put_together(parts)

    def awake(self, score=0.9):
        """One trigger, at which the detector sees an animal with this score in every frame."""
        detector = ScriptedDetector([(animal(score),)] * 10)
        triage = Triage(detector, self.trap.deployment, self.trap.clock.monotonic_ms)
        duty.awake(dataclasses.replace(self.trap, triage=triage))
        return self

    def verdict(self):
        return self.trap.journal.newest(Kind.VERDICT)[0].body

    def says(self):
        return summary(self.trap.journal, self.trap.deployment, None, 0, NOON)


@pytest.fixture
def pi(tmp_path):
    made = []

    def build(protocol):
        folder = tmp_path / f"unit{len(made)}"
        folder.mkdir()
        made.append(Pi(folder, protocol))
        return made[-1]

    yield build
    for one in made:
        one.trap.journal.close()


def over_the_uart(protocol):
    deployment = Deployment(station=STATION, protocol=protocol)
    payload = frames.pack_settings(settings_of(deployment), steps(STATION.chemistry, protocol))
    return supervisor_settings.unpack(payload)


def life_of(_, protocol):
    """What a supervisor does in a few hours: cold start, four states of the pack, a Pi that falls silent, a flood."""
    bench = Bench(over_the_uart(protocol))
    bench.wake(readings=sample(mv=6_900, cc=2_000))
    bench.hello()
    bench.pulse(after_s=15)
    bench.sleep()
    bench.tick(60)
    for mv in (6_900, 6_080, 5_900, 5_400, 6_900):
        bench.wake(readings=sample(mv=mv, cc=2_000), after_s=3_600)
        bench.hello()
        bench.pulse(after_s=20)
        bench.read(sample(mv=5_400, ma=-400), after_s=50)
        bench.sleep()
    bench.wake(readings=sample(mv=6_900, cc=2_000), after_s=3_600)
    bench.hello()
    bench.tick(100)
    for _ in range(80):
        bench.whole_wake(readings=sample(mv=6_900, cc=2_000), after_s=70)
    return bench.log


def thumbnail_size(pi, protocol):
    unit = pi(protocol).awake()
    (item,) = unit.trap.journal.files(role=Role.THUMBNAIL)
    with Image.open(unit.card.root / item.path) as picture:
        return picture.size


def audited(pi, protocol):
    return pi(protocol).awake(score=0.05).verdict()["audited"]


def deployed_without_keys(pi, protocol):
    unit = pi(protocol)
    try:
        return UnitWork(unit.trap, lambda: True, lambda: unit.trap.deployment).deploy("start", "")["action"]
    except RefusedError as error:
        return str(error)


def first_to_go(pi, protocol):
    """Which of two thumbnails a full card gives up: the one that a host has had for ten days, or an audit frame of later."""
    unit = pi(protocol)
    store, journal = unit.trap.store, unit.trap.journal
    kept(store, journal, "t", Role.THUMBNAIL)
    acknowledge(journal, days_ago=10)
    kept(store, journal, "late", Role.AUDIT)
    with suppress(StorageError):
        for n in range(12):
            kept(store, journal, f"p{n}", Role.PHOTOGRAPH)
    return journal.newest(Kind.EVICTED, 9)[-1].body["path"]


def language(pi, protocol):
    """Of a laptop that speaks none of the protocol's, once it has read the summary."""
    i18n.use(None)
    i18n._chosen[0] = "kk"
    i18n.suggest(pi(protocol).says()["languages"])
    spoken = i18n._chosen[0]
    i18n.use("en")
    return spoken


def plan(pi, protocol):
    return pi(protocol).awake().trap.camera.plans


# Rule: another value than the default, and what shows it. The supervisor's go through its SETTINGS frame into its whole life.
EFFECTS = {
    "name": ("steppe", lambda pi, protocol: pi(protocol).says()["protocol"]),
    "version": (2, lambda pi, protocol: pi(protocol).says()["protocol"]),
    "burst_frames": (5, plan),
    "burst_interval_ms": (300, plan),
    "hold_off_ms": (60_000, life_of),
    "stay_up_ms": (120_000, life_of),
    "settle_ms": (5_000, life_of),
    "flood_triggers": (2, life_of),
    "flood_refill_s": (7_200, life_of),
    "budget_mah": (5, life_of),
    "heartbeat_hour": (13, life_of),
    "audit_every": (1, audited),
    "thumbnail_px": (128, thumbnail_size),
    "filter_blanks": (False, lambda pi, protocol: pi(protocol).awake(score=0.05).verdict()["decision"]),
    "keep_bias": (0.9, lambda pi, protocol: pi(protocol).awake(score=0.05).verdict()["decision"]),
    "leds": (True, life_of),
    "open_units": (True, deployed_without_keys),
    "no_hold_off_pct": (70, life_of),
    "heartbeat_only_pct": (40, life_of),
    "off_pct": (14, life_of),
    "keep_acked_days": (5, first_to_go),
    "languages": ("mn,en", language),
    "species": ("Lynx lynx", lambda pi, protocol: species(pi(protocol).card.root, "en", [protocol])),
}
RULES = [field.name for field in dataclasses.fields(Protocol)]


@pytest.mark.parametrize("rule", RULES)
def test_another_value_of_a_rule_changes_what_is_done(pi, rule):
    assert rule in EFFECTS, f"nothing shows that the rule {rule} is read anywhere: say here what it changes"
    value, effect = EFFECTS[rule]
    usual = Protocol(flood_triggers=30, audit_every=1_000)
    assert getattr(usual, rule) != value
    assert effect(pi, usual) != effect(pi, dataclasses.replace(usual, **{rule: value}))


def test_a_story_tells_the_same_twice():
    assert life_of(None, Protocol()) == life_of(None, Protocol())


@pytest.mark.parametrize("rule", [name for name in RULES if EFFECTS[name][1] is life_of])
def test_supervisors_rule_has_its_value_after_the_uart_or_stands_in_millivolts(rule):
    value = EFFECTS[rule][0]
    told = over_the_uart(dataclasses.replace(Protocol(), **{rule: value}))
    assert told[rule] == value if rule in told else told != over_the_uart(Protocol())
