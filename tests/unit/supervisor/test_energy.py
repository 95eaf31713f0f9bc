from tests.unit.supervisor.bench import NOON, sample
from trap_supervisor import energy, settings
from trap_supervisor.memory import Memory
from trap_wire import codes

RULES = settings.complete({})


def rungs(voltages, cc=2_000, chemistry="lithium-aa-12"):
    rules, rung, found = settings.complete({"chemistry": chemistry}), codes.LADDER_FULL, []
    for mv in voltages:
        rung = energy.ladder(rules, rung, sample(mv=mv, cc=cc), False)
        found.append(rung)
    return found


def test_falling_pack_goes_down_rung_by_rung():
    assert rungs([5_900, 5_399, 4_999, 4_399]) == [0, 1, 2, 3]


def test_pack_that_recovers_a_little_does_not_climb():
    assert rungs([5_399, 5_450, 5_549, 5_550]) == [1, 1, 1, 0]


def test_pack_on_the_edge_does_not_swing():
    assert rungs([5_399, 5_401] * 20) == [1] * 40


def test_new_cells_climb_all_rungs_at_once():
    assert rungs([4_300, 6_000]) == [3, 0]


def test_cold_pack_is_not_taken_for_an_empty_one():
    assert rungs([5_250], cc=2_000) == [codes.LADDER_NO_HOLD_OFF]
    assert rungs([5_250], cc=-2_000) == [codes.LADDER_FULL]


def test_cold_excuses_two_tenths_of_a_volt_at_most():
    assert rungs([5_199], cc=-5_000) == [codes.LADDER_NO_HOLD_OFF]


def test_sag_under_load_moves_nothing():
    assert energy.ladder(RULES, codes.LADDER_FULL, sample(mv=4_000), True) == codes.LADDER_FULL
    assert energy.ladder(RULES, codes.LADDER_HEARTBEAT_ONLY, sample(mv=6_000), True) == codes.LADDER_HEARTBEAT_ONLY


def test_dead_gauge_leaves_the_rung_as_it_is():
    assert energy.ladder(RULES, codes.LADDER_NO_HOLD_OFF, sample(mv=None), False) == codes.LADDER_NO_HOLD_OFF


def test_each_chemistry_has_its_own_rungs():
    assert rungs([4_700], chemistry="alkaline-aa-12") == [codes.LADDER_NO_HOLD_OFF]
    assert rungs([4_700], chemistry="nimh-aa-12") == [codes.LADDER_NO_HOLD_OFF]
    assert rungs([7_100, 6_900, 6_500, 6_100], chemistry="liion-2s") == [0, 1, 2, 3]
    assert rungs([1], chemistry="mains") == [codes.LADDER_FULL]


def test_pack_that_sags_to_the_converters_limit_is_cut_off_before_it_browns_out():
    assert energy.sagging(RULES, sample(mv=3_599))
    assert not energy.sagging(RULES, sample(mv=3_600))
    assert not energy.sagging(RULES, sample(mv=None))


def test_day_has_a_budget_and_a_new_day_a_new_one():
    rules, memory = settings.complete({"budget_mah": 10}), Memory()
    energy.spend(memory, NOON, 239_000, -150)
    assert not energy.overspent(rules, memory, NOON)
    energy.spend(memory, NOON, 1_000, -150)
    assert energy.overspent(rules, memory, NOON)
    assert not energy.overspent(rules, memory, NOON + 86_400)


def test_budget_is_kept_without_a_gauge():
    rules, memory = settings.complete({"budget_mah": 1}), Memory()
    energy.spend(memory, NOON, 22_500, None)
    assert energy.overspent(rules, memory, NOON)


def test_no_budget_is_no_limit():
    memory = Memory()
    energy.spend(memory, NOON, 80_000_000, -500)
    assert not energy.overspent(RULES, memory, NOON)
