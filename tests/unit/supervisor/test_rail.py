from trap_supervisor import settings
from trap_supervisor.rail import Rail, back_off_s
from trap_wire import codes

RULES = settings.complete({})


def up(now_ms=5_000):
    rail = Rail(RULES)
    rail.rise(0)
    rail.hello(now_ms)
    return rail


def test_rail_goes_off_booting_up_cutting_off():
    rail = Rail(RULES)
    seen = [rail.state]
    rail.rise(0)
    seen.append(rail.state)
    rail.hello(4_000)
    seen.append(rail.state)
    rail.sleep_request(9_000)
    seen.append(rail.state)
    assert rail.tick(11_000, halted=False) is None
    assert rail.tick(12_000, halted=True) == 0
    assert rail.fall(12_000) == 12_000
    seen.append(rail.state)
    assert seen == [codes.RAIL_OFF, codes.RAIL_BOOTING, codes.RAIL_UP, codes.RAIL_CUTTING, codes.RAIL_OFF]


def test_pi_that_never_speaks_is_cut():
    rail = Rail(RULES)
    rail.rise(0)
    assert rail.tick(59_999) is None
    assert rail.tick(60_000) == codes.KILL_NO_HELLO


def test_pi_that_falls_silent_is_cut():
    rail = up()
    rail.heartbeat(20_000, codes.PI_BUSY)
    assert rail.tick(79_999) is None
    assert rail.tick(80_000) == codes.KILL_SILENT


def test_pi_that_beats_for_ever_meets_the_hard_limit():
    rail = up()
    for now_ms in range(10_000, 180_000, 10_000):
        rail.heartbeat(now_ms, codes.PI_ARMED)
        assert rail.tick(now_ms) is None
    assert rail.tick(180_000) == codes.KILL_MAX_ON


def test_another_trigger_starts_the_hard_limit_anew():
    rail = up()
    rail.trigger(100_000)
    rail.heartbeat(270_000, codes.PI_BUSY)
    assert rail.tick(279_999) is None
    assert rail.tick(280_000) == codes.KILL_MAX_ON


def test_laptop_being_served_grants_hours_but_not_for_ever():
    rail = up()
    for now_ms in range(10_000, 14_400_000, 20_000):
        rail.heartbeat(now_ms, codes.PI_HOST)
        assert rail.tick(now_ms) is None
    assert rail.tick(14_400_000) == codes.KILL_MAX_ON


def test_busy_beat_between_two_words_of_a_laptop_does_not_cut_it_off():
    rail = up()
    rail.heartbeat(190_000, codes.PI_HOST)
    rail.heartbeat(270_000, codes.PI_BUSY)
    assert rail.tick(279_999) is None
    assert rail.tick(280_000) == codes.KILL_MAX_ON


def test_armed_pi_may_be_silent_while_it_waits_for_the_next_trigger():
    rail = Rail(settings.complete({"stay_up_ms": 600_000}))
    rail.rise(0)
    rail.hello(5_000)
    assert rail.tick(664_999) is None
    assert rail.tick(665_000) == codes.KILL_SILENT


def test_pi_that_asks_for_sleep_and_never_halts_is_cut():
    rail = up()
    rail.sleep_request(10_000)
    assert rail.tick(29_999) is None
    assert rail.tick(30_000) == codes.KILL_NO_HALT


def test_halt_signal_before_the_request_cuts_nothing_at_once():
    assert up().tick(6_000, halted=True) is None


def test_rail_stays_off_long_enough_to_reset_the_pi():
    rail = up()
    rail.fall(10_000)
    assert not rail.may_rise(10_999)
    assert rail.may_rise(11_000)


def test_deadline_is_when_tick_will_cut():
    rail = up()
    deadline = rail.deadline_ms()
    assert rail.tick(deadline - 1) is None
    assert rail.tick(deadline) is not None
    rail.fall(deadline)
    assert rail.deadline_ms() is None


def test_back_off_grows_by_four_and_stops_at_six_hours():
    assert [back_off_s(RULES, n) for n in range(6)] == [0, 300, 1_200, 4_800, 19_200, 21_600]
    assert back_off_s(RULES, 255) == 21_600


def test_pi_that_has_halted_without_being_heard_to_ask_is_cut_in_order_after_half_a_second():
    rail = up()
    assert rail.tick(20_000, halted=True) is None
    assert rail.deadline_ms() == 20_500
    assert rail.tick(20_400, halted=False) is None  # a glitch
    assert rail.tick(21_000, halted=True) is None
    assert rail.tick(21_500, halted=True) == 0
