from tests.unit.supervisor.bench import NOON
from trap_supervisor import settings
from trap_supervisor.gate import Gate
from trap_supervisor.memory import Memory, unpack
from trap_wire import codes


def gate(memory=None, **given):
    return Gate(settings.complete(given), memory or Memory())


def test_first_pulse_of_a_new_unit_is_a_trigger():
    assert gate().admit(0, NOON) == codes.ADMITTED


def test_second_pulse_inside_hold_off_does_not_wake():
    unit = gate(hold_off_ms=5_000)
    unit.admit(1_000, NOON)
    assert unit.admit(5_999, NOON + 5) == codes.HELD_OFF
    assert unit.admit(6_000, NOON + 5) == codes.ADMITTED


def test_hold_off_holds_over_the_latch_by_the_rtc():
    memory = Memory()
    gate(memory).admit(0, NOON)
    later = unpack(memory.pack())
    assert gate(later).admit(0, NOON + 4) == codes.HELD_OFF
    assert gate(later).admit(0, NOON + 5) == codes.ADMITTED


def test_refused_pulse_does_not_stretch_the_hold_off():
    unit = gate(hold_off_ms=5_000)
    unit.admit(0, NOON)
    unit.admit(4_000, NOON + 4)
    assert unit.admit(5_000, NOON + 5) == codes.ADMITTED


def test_pir_means_nothing_while_it_settles():
    unit = gate(settle_ms=30_000)
    unit.settle(0)
    assert unit.admit(29_999, NOON) == codes.QUIET
    assert unit.admit(30_000, NOON) == codes.ADMITTED


def test_wind_storm_is_cut_down_to_the_bucket_and_its_refill():
    unit = gate(hold_off_ms=0, flood_triggers=30, flood_refill_s=240)
    admitted = sum(unit.admit(s * 1000, NOON + s) == codes.ADMITTED for s in range(0, 3_600, 10))
    assert admitted == 30 + 3_590 // 240


def test_storm_of_pulses_loses_no_part_of_a_token():
    often, seldom = gate(hold_off_ms=0, flood_triggers=1), gate(hold_off_ms=0, flood_triggers=1)
    fast = sum(often.admit(s * 1000, NOON + s) == codes.ADMITTED for s in range(2_400))
    slow = sum(seldom.admit(s * 1000, NOON + s) == codes.ADMITTED for s in range(0, 2_400, 40))
    assert (fast, slow) == (10, 10)


def test_lost_time_is_the_union_of_the_waits_not_their_sum():
    memory = Memory()
    unit = gate(memory, hold_off_ms=0, flood_triggers=1, flood_refill_s=100)
    unit.admit(0, NOON)
    for s in (10, 20, 99):
        assert unit.admit(s * 1000, NOON + s) == codes.FLOODED
    assert (memory.throttled_triggers, memory.throttled_s) == (3, 90)


def test_quiet_night_fills_the_bucket_and_no_more():
    unit = gate(hold_off_ms=0, flood_triggers=2, flood_refill_s=10)
    unit.admit(0, NOON)
    answers = [unit.admit(s * 1000, NOON + 86_400 + s) for s in (1, 2, 3)]
    assert answers == [codes.ADMITTED, codes.ADMITTED, codes.FLOODED]


def test_rtc_that_jumps_back_does_not_close_the_gate():
    memory = Memory()
    unit = gate(memory, hold_off_ms=0, flood_triggers=1, flood_refill_s=100)
    unit.admit(0, NOON)
    assert unit.admit(0, NOON - 1_000_000) == codes.FLOODED
    assert unit.admit(0, NOON - 1_000_000 + 100) == codes.ADMITTED


def test_dead_rtc_thins_a_flood_to_one_in_eight_instead_of_closing_the_gate():
    memory, admitted = Memory(), 0
    memory.bucket_s = 0
    for _ in range(80):
        admitted += gate(memory).admit(0, 0, rtc_ok=False) == codes.ADMITTED
    assert admitted == 10
