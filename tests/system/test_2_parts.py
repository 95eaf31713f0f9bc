"""Gauge and clock on a simulated I²C bus: what they say is journalled, and that they are gone too; the unit keeps running."""

import json
from datetime import datetime

import pytest

from tests.system.unit import REGSIM, burst, cable, entries, head, manul, until


def doctor(machine, *parts):
    out = machine.run(f"PYTHONPATH=/run/bench/site trapd doctor --json {' '.join(parts)}", check=False, timeout_s=300)
    return {line["part"]: line for line in map(json.loads, out.splitlines())}


def test_battery_that_falls_is_seen_at_every_wake(armed):
    for millivolts in (7_000, 6_200):
        armed.run(f"python3 /run/bench/bin/chips.py {millivolts} -120")
        found = burst(armed, head(armed))
        assert found["battery"][0]["battery_mv"] == pytest.approx(millivolts, abs=2)
        assert found["battery"][0]["battery_ma"] == -120
        armed.run("sleep 5")


def test_gauge_that_vanishes_is_flagged_and_the_trigger_counts(armed):
    armed.run(f"echo 1 > {REGSIM}/absent")
    found = burst(armed, head(armed))
    assert "gauge_missing" in found["wake"][0]["flags"]
    assert found["battery"][0]["battery_mv"] is None
    assert found["burst"][0]["frames"] == 3
    armed.run(f"echo 0 > {REGSIM}/absent; sleep 5")
    assert burst(armed, head(armed))["battery"][0]["battery_mv"] == 7_200


def test_slow_bus_delays_the_wake_and_takes_nothing_from_it(armed):
    armed.run(f"echo 40 > {REGSIM}/slow_ms")
    found = burst(armed, head(armed))
    assert found["battery"][0]["battery_mv"] == 7_200
    assert found["burst"][0]["frames"] == 3


def test_doctor_names_gauge_clock_and_lines_and_what_is_wrong_with_them(staged):
    found = doctor(staged, "gpio", "pir", "gauge", "rtc", "journal", "card")
    assert {name: line["state"] for name, line in found.items()} == dict.fromkeys(found, "ok")
    assert found["gauge"]["facts"] == {"chip": "INA226", "battery_mv": 7_200, "battery_ma": -80}
    assert found["rtc"]["facts"]["temperature_c"] == 21.25
    staged.run(f"echo 3 > {REGSIM}/absent; echo pull-up > /run/header/sim_gpio17/pull")
    found = doctor(staged, "pir", "gauge", "rtc")
    assert found["pir"]["state"] == "warning"
    assert "no INA226 at 0x40: is it wired to pins 3 (SDA) and 5 (SCL)? see hardware/wiring" in found["gauge"]["words"]
    assert "no DS3231 at 0x68" in found["rtc"]["words"]


def test_clock_of_an_rtc_that_stood_still_is_not_taken_and_the_summary_says_so(staged):
    staged.python(f"f = open('{REGSIM}/0x68', 'r+b', buffering=0); f.seek(15); f.write(b'\\x80')")
    staged.run("systemctl restart trapd", timeout_s=400)
    boot = entries(staged, "boot")[-1]["body"]
    assert "oscillator stood still" in boot["trouble"]


def test_host_sets_the_clock_and_the_chip_behind_it(armed):
    with cable(armed) as port:
        manul("pull", "--port", port, "--to", str(armed.folder / "home"))
    steps = until(lambda: entries(armed, "clock"), 30)
    assert steps[-1]["body"]["cause"] == "host"
    registers = armed.run(f"head -c 7 {REGSIM}/0x68 | od -An -tx1").split()
    year = datetime.fromtimestamp(steps[-1]["body"]["host_us"] / 1e6).year  # noqa: DTZ006  # only the year
    assert int(registers[6], 16) >> 4 == (year - 2000) // 10
