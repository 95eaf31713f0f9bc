"""The power latch in ngspice, over 2.4-6.5 V and the corners of the datasheets. Not yet run on hardware."""

import functools
import re
import shutil
from pathlib import Path

import pytest

from hardware.latch import simulate

needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="no ngspice here (Debian package 'ngspice')")
LATCH = Path(simulate.__file__).parent

CORNERS = tuple(simulate.CORNERS)
BOOT_S = 0.5  # longest time from power to HOLD that the supervisor is allowed: half of the shortest window, and some


@functools.cache
def figures(name: str, corner: str) -> simulate.Figures:
    scenario = next(s for s in simulate.ALL if s.name == name)
    ends = (scenario.supplies_v[0], scenario.supplies_v[-1])
    return simulate.run(scenario, corner, scenario.supplies_v if name == "window" else ends)


@needs_ngspice
@pytest.mark.parametrize("corner", CORNERS)
def test_standby_draws_tens_of_microamperes_at_most_over_the_whole_supply(corner):
    limit_a = {"typical": 5e-6, "cold": 5e-6, "hot": 50e-6}[corner]
    drawn = [-f["standby_a"] for f in figures("window", corner).values()]
    assert len(drawn) == len(simulate.SUPPLIES_V)
    assert min(drawn) > 1e-6 and max(drawn) < limit_a


@needs_ngspice
@pytest.mark.parametrize("corner", CORNERS)
def test_pir_edge_closes_the_latch_within_five_milliseconds(corner):
    assert all(0 < f["on_s"] < 5e-3 for f in figures("window", corner).values())


@needs_ngspice
@pytest.mark.parametrize("corner", CORNERS)
def test_latch_waits_for_hold_longer_than_the_supervisor_boots_and_then_gives_up(corner):
    assert all(1.5 * BOOT_S < f["window_s"] < 5 for f in figures("window", corner).values())


@needs_ngspice
@pytest.mark.parametrize("corner", CORNERS)
def test_supervisor_holds_it_under_load_and_drops_it_at_once(corner):
    for volts, f in figures("wake", corner).items():
        drop_v = f["pack_v"] - f["loaded_v"]
        assert drop_v < 0.1 * -f["loaded_a"], "through Q1, less than 0.1 ohm"
        assert 2.0 < f["lowest_v"] < volts
        assert f["release_s"] < 0.15
        assert f["after_v"] < 0.05
        assert -f["after_a"] < 50e-6


@needs_ngspice
@pytest.mark.parametrize("corner", CORNERS)
def test_converter_starts_from_three_volts_up_and_not_below(corner):
    for volts, f in figures("window", corner).items():
        assert ("five_volts_s" in f) == (volts > 3.0)
        assert f.get("five_volts_s", 0) < 10e-3


@needs_ngspice
@pytest.mark.parametrize("corner", CORNERS)
def test_running_unit_carries_on_when_the_pack_sags_to_two_point_four_volts(corner):
    for f in figures("sag", corner).values():
        assert f["five_volts_v"] == pytest.approx(5)
        assert 2.0 < f["held_v"] < 2.4
        assert f["after_v"] < 0.05


@needs_ngspice
@pytest.mark.parametrize("corner", CORNERS)
def test_stuck_pir_cannot_hold_the_latch_closed(corner):
    for f in figures("stuck", corner).values():
        assert f["after_v"] < 0.05
        assert 20e-6 < -f["after_a"] < 100e-6, "the pull-down of the PIR's output, and no more"


@needs_ngspice
@pytest.mark.parametrize("corner", CORNERS)
def test_clock_alarm_closes_it_and_the_supervisor_can_read_the_alarm(corner):
    for f in figures("alarm", corner).values():
        assert f["on_s"] < 5e-3
        assert f["held_v"] > 2.3
        assert f["pin_low_v"] < 0.8, "RP2040 reads low below 0.8 V at 3.3 V"
        assert f["pin_high_v"] > 2.0, "and high above 2.0 V"
        assert f["int_v"] < 3.3, "INT stands 5.5 V, the pack may have 8.4 V"
        assert f["after_v"] < 0.05


@needs_ngspice
@pytest.mark.parametrize("corner", CORNERS)
def test_cable_closes_it_and_keeps_it_closed_without_hold(corner):
    for f in figures("cable", corner).values():
        assert f["on_s"] < 20e-3
        assert f["pin_high_v"] > 2.0, "HOST_SENSE reads high"
        assert f["held_v"] > 2.3
        assert f["after_v"] < 0.05


@needs_ngspice
@pytest.mark.parametrize("corner", CORNERS)
def test_brown_out_in_a_wake_opens_the_latch_for_good(corner):
    for volts, f in figures("brown-out", corner).items():
        assert f["before_v"] > volts - 0.1
        assert f["dip_v"] < 1.8
        assert f["after_v"] < 0.05
        assert -f["after_a"] < 50e-6


@needs_ngspice
@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize("name", ["insertion", "fade"])
def test_cells_put_in_or_a_pack_that_fades_start_nothing(name, corner):
    assert all(f["peak_v"] < 0.2 for f in figures(name, corner).values())


@needs_ngspice
def test_a_pull_up_as_weak_as_is_usual_for_latches_would_fail_in_the_heat(tmp_path):
    weak = tmp_path / "weak.cir"
    weak.write_text(simulate.CIRCUIT.read_text().replace("R1 pack gate 10k", "R1 pack gate 1meg"))
    found = simulate.run(simulate.FADE, "hot", (5.4,), weak)
    assert found[5.4]["peak_v"] > 1, "leakage of Q2 and Q3 through 1 MOhm turns Q1 on: why R1 is 10 k"


def parts_of_the_netlist() -> set[str]:
    names = re.findall(r"^([MRCD]\d+|[US]\d+|B[UA]\d+) ", simulate.CIRCUIT.read_text(), re.MULTILINE)
    drawn_as = {"M1": "Q1", "M2": "Q2", "M3": "Q3", "M6": "Q6", "S3": "U3", "S2": "U2", "BU1": "U1"}
    return {drawn_as.get(name, name) for name in names}


def test_drawing_shows_every_part_of_the_netlist():
    drawn = set(re.findall(r"\b[QRCDU]\d+\b", (LATCH / "latch.svg").read_text())) - {"U4"}  # U4: behavioural, B5v
    assert len(drawn) > 20
    assert parts_of_the_netlist() <= drawn
    assert drawn - parts_of_the_netlist() == set(), "drawn, but not simulated"


@pytest.mark.parametrize(
    ("part", "value"), [("R1", "10k"), ("R2", "470"), ("C1", "2.2u"), ("C2", "330n"), ("R6", "10M")]
)
def test_drawing_and_netlist_give_the_same_values(part, value):
    netlist = re.search(rf"^{part} \S+ \S+ (\S+)", simulate.CIRCUIT.read_text(), re.MULTILINE)
    assert netlist is not None and netlist[1].replace("meg", "M") == value
    text = re.sub(r"<[^>]+>", " ", (LATCH / "latch.svg").read_text())
    assert re.search(rf"\b{part}\s+{value.replace('u', 'µ')}", text), f"{part} {value} is not in latch.svg"
