"""The rules that every unit of a programme runs: parsed on the unit, written, signed and compared on the host."""

import dataclasses
import hashlib
from dataclasses import dataclass

from trap_wire.entries import canonical
from trap_wire.facts import NAME, number, text

_LANGUAGE = "(en|ru|kk|mn|uz)"
_LATIN = "[A-Z][a-z]+( [a-z]+){0,2}"  # a genus, a species or a subspecies


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """The rules that every unit of a programme runs; its hash travels with every photograph.

    Each preset in ``trap_tools/presets`` says why it has its values; docs/protocol.md says what each rule does.
    """

    name: str = text("bench", NAME, "pallas-cat")
    version: int = number(1, 1, 9999)
    burst_frames: int = number(3, 1, 10)
    burst_interval_ms: int = number(500, 0, 10_000)
    hold_off_ms: int = number(5_000, 0, 3_600_000)  # after a trigger: further pulses are the same visit
    stay_up_ms: int = number(0, 0, 600_000)  # armed mode: the Pi waits this long for the next trigger
    settle_ms: int = number(30_000, 0, 300_000)  # PIR warm-up after power, EKMB datasheet: 30 s at most
    flood_triggers: int = number(30, 1, 10_000)  # size of the token bucket
    flood_refill_s: int = number(240, 1, 86_400)  # one token each
    budget_mah: int = number(
        0, 0, 65_535
    )  # charge of a UTC day; wakes beyond it are lost effort, the heartbeat is not; 0: no bound
    heartbeat_hour: int = number(6, 0, 23)  # UTC
    audit_every: int = number(20, 1, 1_000)
    thumbnail_px: int = number(320, 64, 1_024)
    filter_blanks: bool = True
    keep_bias: float = number(0.0, 0.0, 1.0)  # lowers both thresholds by this share; never raises them
    leds: bool = False
    open_units: bool = False  # a unit without keys, which anybody can open, may be deployed
    no_hold_off_pct: int = number(50, 0, 100)  # battery ladder, % of charge left: below it the Pi never stays up
    heartbeat_only_pct: int = number(15, 0, 100)  # below it: no triggers, one frame a day
    off_pct: int = number(5, 0, 100)  # below it: nothing, so that the cells are not drained flat
    keep_acked_days: int = number(30, 0, 3_650)  # what a host has verified is evicted first, but not sooner than this
    languages: str = text(
        "en,ru", f"{_LANGUAGE}(,{_LANGUAGE})*", "ru,en"
    )  # of labels, screens and reports, first is default
    species: str = text(
        "", f"({_LATIN}(,{_LATIN}){{0,63}})?", "Panthera uncia,Canis lupus"
    )  # what people may call an animal, most wanted first

    @property
    def species_list(self) -> list[str]:
        """Latin names that people choose from when they label; empty for the list that comes with Manul."""
        return self.species.split(",") if self.species else []

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the canonical JSON of every field."""
        return hashlib.sha256(canonical(dataclasses.asdict(self)).encode()).hexdigest()


def contradictions(protocol: Protocol) -> list[str]:
    """What no single field shows: rules that cannot hold together, one line each."""
    found = []
    if not protocol.off_pct <= protocol.heartbeat_only_pct <= protocol.no_hold_off_pct:
        found.append(
            f"protocol: battery ladder must go down: no_hold_off_pct {protocol.no_hold_off_pct} >= "
            f"heartbeat_only_pct {protocol.heartbeat_only_pct} >= off_pct {protocol.off_pct}"
        )
    for field, names in (("species", protocol.species_list), ("languages", protocol.languages.split(","))):
        if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
            found.append(f"protocol.{field}: named twice: {', '.join(twice)}")
    return found
