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
    energy.spend(memory, NOON, 239_000, -150, loaded=True)
    assert not energy.overspent(rules, memory, NOON)
    energy.spend(memory, NOON, 1_000, -150, loaded=True)
    assert energy.overspent(rules, memory, NOON)
    assert not energy.overspent(rules, memory, NOON + 86_400)


def test_budget_is_kept_without_a_gauge():
    rules, memory = settings.complete({"budget_mah": 1}), Memory()
    energy.spend(memory, NOON, 22_500, None, loaded=True)
    assert energy.overspent(rules, memory, NOON)


def test_no_budget_is_no_limit():
    memory = Memory()
    energy.spend(memory, NOON, 80_000_000, -500, loaded=True)
    assert not energy.overspent(RULES, memory, NOON)


def test_charge_is_counted_to_the_last_milliampere_second_over_many_short_samples():
    memory, rest = Memory(), 0
    for _ in range(7_200):  # an hour at 25 mA, half a second a sample
        rest = energy.spend(memory, NOON, 500, -25, loaded=False, rest=rest)
    assert memory.charge_mas == 25 * 3_600


def test_panel_gives_back_to_the_cells_but_not_to_the_day():
    memory = Memory()
    energy.spend(memory, NOON, 60_000, -100, loaded=True)
    energy.spend(memory, NOON, 30_000, 50, loaded=True)
    assert (memory.charge_mas, memory.spent_mas) == (6_000 - 1_500, 6_000)
    energy.spend(memory, NOON, 600_000, 100, loaded=False)
    assert memory.charge_mas == 0  # full is full


def test_charge_is_assumed_while_the_gauge_is_dead_so_that_nobody_hopes_too_much():
    memory = Memory()
    energy.spend(memory, NOON, 10_000, None, loaded=True)
    assert memory.charge_mas == 1_600
    energy.spend(memory, NOON, 10_000, None, loaded=False)
    assert memory.charge_mas == 1_850
