"""The self test over the cable: rows [part, pass/fail/skip, words, values], words with what to do when it fails.

``values["why"]`` names the words for a host that says them in another language.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from trap.capture.burst import take
from trap.duty import Trap
from trap.focus import Focus, focus
from trap.infrared import effect, paired_shots
from trap.ports import BurstPlan, Lighting, Pixels, Shot, Supervised
from trap_wire.energy.cells import PACKS
from trap_wire.entries import Kind, verified
from trap_wire.errors import PartError, StorageError, TrapError

PASS, FAIL, SKIP = "pass", "fail", "skip"
Row = list[Any]
_TRIAL = "vault/trial"
_TRIAL_BYTES = 2 * 1024 * 1024
_SLOW_CARD_MB_S = 2.0  # a burst of ten 0.5 MB frames must be on the card before the next trigger
_ENTRIES = 500
_LOADED_LOOKS = 3  # 2 to 3 s of work: the gauge averages over a second at most, and is read twice a second
_BROKEN_FRAMES = 5  # of some hundreds a visit: a line that loses more costs wakes
_BLACK, _WHITE = 8, 245
_USED_SHARE = 0.85  # of the charge: a pack that has given more is not left for months


def self_test(trap: Trap) -> list[Row]:
    """Every part once; one that raises has failed with its own words."""
    looks = (_lent, _camera, _infrared, _detector, _card, _journal, _supervisor, _battery, _load, _light, _pir)
    return [row for look in looks for row in _tried(look, trap)]


def one_shot(trap: Trap) -> Shot:
    """A single frame, by flash where there is no other light; ``PartError`` with the camera's own words when none comes."""
    return _shots(trap, 1)[0]


def _shots(trap: Trap, frames: int) -> tuple[Shot, ...]:
    metered = _taken(trap, frames, Lighting.BY_LIGHT)
    if metered[0].infrared or measures(metered[0].lores)["brightness"] >= _BLACK:
        return metered
    return _taken(trap, frames, Lighting.LIT)


def _taken(trap: Trap, frames: int, lighting: Lighting) -> tuple[Shot, ...]:
    burst = take(trap.camera, BurstPlan(frames, interval_ms=0, lighting=lighting), trap.clock.monotonic_ms)
    if not burst.shots:
        raise burst.fault or PartError("camera", "no frame came")
    return burst.shots


def measures(picture: Pixels) -> dict[str, float]:
    """``brightness`` 0..255 and ``sharpness``, the variance of the Laplacian: a cap or a fogged lens leaves it near zero."""
    grey = np.asarray(picture, dtype=np.float32).mean(axis=2)
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    return {"brightness": round(float(grey.mean()), 1), "sharpness": round(float(laplacian.var()), 1)}


def _tried(look: Callable[[Trap], Iterator[Row]], trap: Trap) -> Iterator[Row]:
    try:
        yield from look(trap)
    except TrapError as error:
        yield [look.__name__.strip("_"), FAIL, str(error), {"why": "fault"}]


def _lent(trap: Trap) -> Iterator[Row]:
    """A card that a laptop sees as a drive is no fault of the card's, and a unit must not be left so."""
    if trap.bulk is not None and trap.bulk.on:
        words = "is on: the card is lent to a laptop as a drive and no picture is taken. Eject it, manul bulk off, check again"
        yield ["bulk", FAIL, words, {"why": "on", "left_s": trap.bulk.told()["left_s"]}]


def _camera(trap: Trap) -> Iterator[Row]:
    shots = _shots(trap, 2)
    brightness, seen = measures(shots[0].lores)["brightness"], focus(shots[0].lores, shots[-1].lores)
    why, words = _seen(brightness, seen)
    values = {"brightness": brightness, "sharpness": seen.detail, "fineness": seen.fineness,
              "exposure_us": shots[0].exposure_us, "gain": shots[0].gain, "why": why}  # fmt: skip
    yield ["camera", PASS if why == "sharp" else FAIL, words, values]


def _seen(brightness: float, seen: Focus) -> tuple[str, str]:
    if brightness < _BLACK:
        return "black", "the picture is black: take the cap off, or mend the infrared flash"
    if brightness > _WHITE:
        return "white", "the picture is white: shade the lens and try again"
    if not seen.sharp:
        return "blurred", "nothing in the picture is sharp: wipe the lens, then check its focus"
    return "sharp", f"brightness {brightness:.0f}, sharpness {seen.detail:.0f}"


def _infrared(trap: Trap) -> Iterator[Row]:
    """What the flash adds between pictures of one exposure: one picture alone cannot tell its light from the sky's."""
    shots = paired_shots(trap.camera, trap.clock.monotonic_ms)
    if len(shots) < 3:
        yield ["infrared", SKIP, "the camera gives no picture to tell by", {"why": "no_picture"}]
        return
    seen = effect(*shots)
    state, words = {
        "adds": (PASS, f"the flash adds {seen.adds:.0f} of 255 to the picture"),
        "weak": (FAIL, "the picture is no brighter by the flash: hold a hand half a metre before the lens and check again, "
                       "then look at the flash's cable and its MOSFET"),
        "too_bright": (SKIP, "too bright here to tell: hang a jacket over the unit, not on the lens, and check again"),
        "unlit": (FAIL, "the flash cannot be switched: look at header pin 12 and at the summary's trouble"),
    }[seen.why]  # fmt: skip
    yield ["infrared", state, words, {"why": seen.why, "adds": seen.adds, "dark": seen.dark, "lit": seen.lit}]


def _detector(trap: Trap) -> Iterator[Row]:
    detector = trap.triage.detector
    if detector is None:
        yield [
            "detector",
            FAIL,
            "none: everything is kept. See the summary's trouble, and send the detector again",
            {"why": "none"},
        ]
        return
    try:
        picture = one_shot(trap).lores
    except PartError:
        yield ["detector", SKIP, "the camera gives no picture to tell by", {"why": "no_picture"}]
        return
    began = time.monotonic()
    detector.look(picture)
    took_ms = round((time.monotonic() - began) * 1000)
    # Its known answer was compared when it was loaded; one that gave another was not loaded.
    yield [
        "detector",
        PASS,
        f"{detector.identity}, {took_ms} ms a look",
        {"why": "answers", "look_ms": took_ms, "detector": str(detector.identity)},
    ]


def _card(trap: Trap) -> Iterator[Row]:
    if trap.bulk is not None and trap.bulk.on:
        yield ["card", SKIP, "bulk is on: a laptop has the card as a drive", {"why": "lent"}]
        return
    data = bytes(range(256)) * (_TRIAL_BYTES // 256)
    began = time.monotonic()
    try:
        trap.card.write(_TRIAL, data)
        trap.card.sync(_TRIAL)
        speed = _TRIAL_BYTES / 1e6 / max(time.monotonic() - began, 1e-6)
        good = trap.card.read(_TRIAL) == data
    except StorageError as error:
        yield ["card", FAIL, f"{error}: replace the card", {"why": "fault"}]
        return
    finally:
        with suppress(StorageError):
            trap.card.remove(_TRIAL)
            trap.card.sync_folder(_TRIAL.rpartition("/")[0])
    values = {"write_mb_s": round(speed, 1), "free_bytes": trap.store.free_bytes()}
    if not good:
        yield ["card", FAIL, "gives back other bytes than it was given: replace the card", {**values, "why": "lies"}]
    elif speed < _SLOW_CARD_MB_S:
        yield [
            "card",
            FAIL,
            f"writes {speed:.1f} MB/s, {_SLOW_CARD_MB_S} are needed: replace the card",
            {**values, "why": "slow"},
        ]
    else:
        yield [
            "card",
            PASS,
            f"writes {speed:.0f} MB/s, {values['free_bytes'] / 1e9:.1f} GB free",
            {**values, "why": "fast"},
        ]


def _journal(trap: Trap) -> Iterator[Row]:
    head = trap.journal.head
    first = max(1, head - _ENTRIES + 1)
    before = next(iter(trap.journal.entries(first - 1, first - 1)), None) if first > 1 else None
    chain = verified(trap.journal.entries(first), *((before.digest, first) if before else ()))
    count = sum(1 for _ in chain)
    yield [
        "journal",
        PASS,
        f"the newest {count} of {head} entries are one chain",
        {"why": "chained", "checked": count, "entries": head},
    ]


def _battery(trap: Trap) -> Iterator[Row]:
    newest = trap.journal.newest(Kind.BATTERY)
    body = newest[0].body if newest else {}
    mv, pack = body.get("battery_mv"), PACKS.get(trap.deployment.station.chemistry)
    if not mv:
        yield ["battery", SKIP, "no reading yet: trigger the unit once, then test again", {"why": "no_reading"}]
    elif pack is not None and mv < pack.millivolts(
        _USED_SHARE, body.get("temperature_c") or 0.0, abs(body.get("battery_ma") or 0)
    ):
        yield ["battery", FAIL, f"{mv / 1000:.2f} V: put in new cells", {"why": "low", "battery_mv": mv}]
    else:
        yield ["battery", PASS, f"{mv / 1000:.2f} V when it last woke", {"why": "good", "battery_mv": mv}]


def _supervisor(trap: Trap) -> Iterator[Row]:
    if not isinstance(trap.supervisor, Supervised):
        yield ["supervisor", SKIP, "none answers: is this unit meant to have one?", {"why": "none"}]
        return
    firmware, broken = trap.supervisor.firmware, trap.supervisor.bad_frames
    values = {"firmware": firmware, "broken": broken}
    if broken > _BROKEN_FRAMES:
        words = f"{broken} frames arrived broken: shorten the UART's wires, look at its ground"
        yield ["supervisor", FAIL, words, {**values, "why": "broken"}]
    else:
        yield ["supervisor", PASS, f"firmware {firmware}, {broken} broken frames", {**values, "why": "answers"}]


def _load(trap: Trap) -> Iterator[Row]:
    """What the pack gives while camera and detector work: at rest worn or cold cells look as good as new ones."""
    if not isinstance(trap.supervisor, Supervised):
        yield ["load", SKIP, "no supervisor, no reading under load", {"why": "none"}]
        return
    with suppress(PartError):  # a camera that fails has said so; the pack is weighed all the same
        for _ in range(_LOADED_LOOKS):
            shot = one_shot(trap)
            if trap.triage.detector is not None:
                trap.triage.detector.look(shot.lores)
    mv, ma = trap.supervisor.measure()
    newest, pack = trap.journal.newest(Kind.BATTERY), PACKS.get(trap.deployment.station.chemistry)
    celsius = (newest[0].body.get("temperature_c") if newest else None) or 0.0
    values = {"battery_mv": mv, "battery_ma": ma}
    if pack is not None and mv < pack.millivolts(_USED_SHARE, celsius, ma):
        words = f"{mv / 1000:.2f} V at {ma} mA: put in new cells, or mend a contact that warms"
        yield ["load", FAIL, words, {**values, "why": "sags"}]
    else:
        yield ["load", PASS, f"{mv / 1000:.2f} V at {ma} mA", {**values, "why": "good"}]


def _light(trap: Trap) -> Iterator[Row]:
    newest = trap.journal.newest(Kind.WAKE)
    lux = newest[0].body.get("light_lux") if newest else None
    if lux is None:
        yield ["light", SKIP, "no reading yet: trigger the unit once, then test again", {"why": "no_reading"}]
    else:
        yield ["light", PASS, f"{lux} lux when it last woke", {"why": "good", "light_lux": lux}]


def _pir(trap: Trap) -> Iterator[Row]:
    seen = any(entry.body.get("reason") == "pir" for entry in trap.journal.newest(Kind.WAKE, 50))
    words = "has triggered" if seen else "has not triggered yet: walk past (manul aim --walk) and test again"
    yield ["pir", PASS if seen else SKIP, words, {"why": "seen" if seen else "not_yet"}]
