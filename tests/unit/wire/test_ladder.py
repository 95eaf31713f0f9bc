"""The protocol's battery ladder: percent become millivolts by the cells' curve, and both processors climb it alike."""

import itertools

import pytest

from tests.unit.supervisor.bench import sample
from trap_supervisor import energy, settings
from trap_wire import codes
from trap_wire.energy import cells, ladder
from trap_wire.energy.ladder import Ladder, Steps, rung, steps
from trap_wire.protocol import Protocol

USUAL = Protocol()


@pytest.mark.parametrize("chemistry", sorted(cells.PACKS))
def test_steps_go_down_and_lie_above_the_voltage_at_which_the_unit_goes_dark(chemistry):
    found = steps(chemistry, USUAL)
    assert found.no_hold_off_mv > found.heartbeat_only_mv > found.off_mv > cells.pack(chemistry).cutoff_mv


@pytest.mark.parametrize("chemistry", sorted(cells.PACKS))
@pytest.mark.parametrize("left_pct", [80, 40, 10, 2])
def test_pack_with_so_much_charge_stands_on_the_rung_that_the_protocol_says(chemistry, left_pct):
    rested_mv = cells.pack(chemistry).millivolts(1 - left_pct / 100, 20.0, 0.0)
    said = sum(left_pct < share for share in (USUAL.no_hold_off_pct, USUAL.heartbeat_only_pct, USUAL.off_pct))
    assert rung(steps(chemistry, USUAL), codes.LADDER_FULL, rested_mv, 20.0) == said


def test_mains_have_no_ladder():
    assert steps("mains", USUAL) == Steps(0, 0, 0)
    assert Ladder("mains", USUAL).judged(1.0, -100.0, 20.0) == codes.LADDER_FULL


def test_supervisor_and_pi_come_to_the_same_rung_from_every_rung_at_every_voltage_and_temperature():
    given = steps("lithium-aa-12", USUAL)
    rules = settings.complete(given._asdict())
    for mv, celsius, now in itertools.product(range(4_500, 7_000, 10), (-40, -20, 0, 19, 30), range(4)):
        there = energy.ladder(rules, now, sample(mv=mv, cc=celsius * 100), False)
        assert there == rung(given, now, mv, float(celsius)), (mv, celsius, now)
    assert (ladder.HYSTERESIS_MV, ladder.COLD_MV_PER_C, ladder.COLD_MOST_MV) == (
        energy._HYSTERESIS_MV, energy._COLD_MV_PER_C, energy._COLD_MOST_MV,
    )  # fmt: skip


def test_sag_of_a_working_unit_is_not_taken_for_an_empty_pack():
    pack = cells.pack("alkaline-aa-12")
    rested_mv = pack.millivolts(0.4, -10.0, 0.0)
    loaded_mv = pack.millivolts(0.4, -10.0, 400.0)
    assert rested_mv - loaded_mv > 100
    judge = Ladder("alkaline-aa-12", USUAL)
    assert judge.judged(loaded_mv, -400.0, -10.0) == rung(steps("alkaline-aa-12", USUAL), 0, rested_mv, -10.0)


def test_dead_gauge_leaves_the_rung_as_it_was():
    judge = Ladder("lithium-aa-12", USUAL)
    assert judge.judged(5_600, 0.0, 20.0) == codes.LADDER_HEARTBEAT_ONLY
    assert judge.judged(None, None, None) == codes.LADDER_HEARTBEAT_ONLY
