import struct

from tests.unit.supervisor.bench import (
    ALARM,
    HOST,
    NONE,
    NOON,
    PIR,
    RESET_BY_WATCHDOG,
    Bench,
    names,
    records,
    sample,
    sent,
    wakes,
)  # fmt: skip
from trap_supervisor import actions
from trap_supervisor.memory import Memory, unpack
from trap_wire import codes, frames
from trap_wire.crc16 import crc16

SIX_TOMORROW = NOON + 18 * 3_600


def unit(**settings):
    """A unit whose first, cold wake is behind it."""
    bench = Bench(settings)
    bench.whole_wake(NONE)
    bench.log = []
    return bench


def test_pulse_raises_the_rail_only_after_everything_is_durable():
    bench = unit()
    done = bench.wake(PIR, after_s=600)
    assert names(done) == ["hold_latch", "record", "remember", "rail_on"]
    assert records(done) == [("wake", codes.REASON_PIR, 2)]


def test_supervisor_never_speaks_before_the_pi():
    bench = unit()
    bench.wake(PIR, after_s=600)
    bench.tick(3)
    bench.pulse(3)
    assert "send" not in names(bench.log)
    bench.hello()
    assert names(bench.done)[:2] == ["send", "send"]


def test_wake_says_why_and_how_old_the_edge_is():
    bench = unit()
    bench.wake(PIR, sample(mv=5_500, ma=30, cc=-2_150, lux=7), after_s=600)
    bench.hello(after_s=4)
    (wake,) = wakes(bench.done)
    assert (wake.reason, wake.wake_number, wake.battery_mv, wake.temperature_cc) == (codes.REASON_PIR, 2, 5_500, -2_150)
    assert (wake.light_lux, wake.trigger_age_ms, wake.rtc_s) == (7, 4_000, bench.at)


def test_whole_life_from_pulse_to_dropped_latch():
    bench = unit()
    bench.whole_wake(PIR)
    assert records(bench.log) == [("wake", codes.REASON_PIR, 2), ("sleep", 0, 13_000)]
    assert names(bench.log)[-4:] == ["record", "arm", "remember", "drop_latch"]


def test_rail_is_not_cut_before_the_halt_signal():
    bench = unit()
    bench.wake(PIR, after_s=600)
    bench.hello()
    bench.send(codes.SLEEP_REQUEST)
    assert names(bench.tick(3)) == []
    assert "rail_off" in names(bench.tick(1, halted=True))


def test_flash_is_dark_while_the_pi_boots_and_while_it_is_cut():
    bench = unit()
    bench.whole_wake(PIR)
    order = [(n, a.value) for n, a in zip(names(bench.log), bench.log) if n in ("interlock", "rail_on", "rail_off")]
    assert order == [("rail_on", 0), ("interlock", 1), ("interlock", 0), ("rail_off", 0)]


def test_pulse_inside_hold_off_drops_the_latch_again():
    bench = unit(hold_off_ms=60_000)
    bench.whole_wake(PIR)
    done = bench.wake(PIR, after_s=10)
    assert "rail_on" not in names(done)
    assert names(done)[-1] == "drop_latch"


def test_trigger_while_the_pi_is_up_goes_to_it_at_once():
    bench = unit()
    bench.wake(PIR, after_s=600)
    bench.hello()
    bench.pulse(6)
    assert records(bench.done) == [("trigger", codes.REASON_PIR, 3)]
    assert [w.wake_number for w in wakes(bench.done)] == [3]


def test_trigger_that_the_pi_has_not_seen_is_sent_again():
    bench = unit()
    bench.wake(PIR, after_s=600)
    bench.hello()
    bench.pulse(6)
    assert [w.wake_number for w in wakes(bench.beat(seen=2))] == [3]
    assert wakes(bench.beat(seen=3)) == []
    assert wakes(bench.beat(seen=3)) == []


def test_trigger_while_the_pi_halts_brings_the_rail_up_again():
    bench = unit()
    bench.wake(PIR, after_s=600)
    bench.hello()
    bench.send(codes.SLEEP_REQUEST)
    bench.pulse(2)
    assert "rail_off" in names(bench.tick(1, halted=True))
    assert bench.life.deadline_ms() == bench.ms + 1_000
    assert names(bench.tick(1)) == ["record", "remember", "rail_on"]
    bench.hello()
    assert [(w.wake_number, w.reason) for w in wakes(bench.done)] == [(3, codes.REASON_PIR)]


def test_pi_that_starts_again_gets_its_wake_again():
    bench = unit()
    bench.wake(PIR, after_s=600)
    bench.hello()
    bench.hello()
    assert [w.wake_number for w in wakes(bench.done)] == [2]


def test_heartbeat_comes_once_a_day_at_its_hour():
    bench = unit(heartbeat_hour=6)
    bench.at = SIX_TOMORROW
    assert bench.whole_wake(ALARM, after_s=1)
    assert records(bench.log)[:2] == [("charge", 0, 0), ("wake", codes.REASON_SCHEDULE, 2)]
    assert not bench.whole_wake(ALARM, after_s=60)
    assert [a.value for a in bench.log if a.do == actions.ARM][-1] == SIX_TOMORROW + 86_400


def test_alarm_is_armed_in_the_future_after_every_life():
    bench = unit(heartbeat_hour=6)
    bench.whole_wake(PIR)
    armed = [a.value for a in bench.log if a.do == actions.ARM]
    assert armed == [SIX_TOMORROW]


def test_missed_heartbeat_rides_along_with_the_next_trigger():
    bench = unit(heartbeat_hour=6)
    bench.at = SIX_TOMORROW + 7_000
    bench.wake(PIR)
    bench.hello()
    assert [(w.reason, w.wake_number) for w in wakes(bench.done)] == [(codes.REASON_PIR, 2), (codes.REASON_SCHEDULE, 3)]


def test_cable_brings_the_pi_up():
    bench = unit()
    bench.wake(HOST, after_s=600)
    assert records(bench.done) == [("wake", codes.REASON_HOST, 2)]


def test_first_power_up_shows_itself_and_then_lets_the_pir_settle():
    bench = Bench({"settle_ms": 30_000})
    done = bench.wake(NONE)
    assert records(done) == [("boot", 0, 0), ("wake", codes.REASON_RESET, 1)]
    bench.hello()
    bench.pulse(1)
    assert wakes(bench.done) == []
    bench.sleep()
    assert "drop_latch" not in names(bench.log)
    bench.tick(30)
    assert names(bench.log)[-1] == "drop_latch"


def test_hung_pi_is_cut_and_rests_longer_each_time():
    bench, rested = unit(hold_off_ms=0), []
    for _ in range(3):
        assert "rail_on" in names(bench.wake(PIR, after_s=30_000))
        bench.tick(60)
        assert records(bench.done)[0] == ("killed", codes.KILL_NO_HELLO, 60_000)
        cut_at = bench.at
        while "rail_on" not in names(bench.wake(PIR, after_s=60)):
            pass
        rested.append(bench.at - cut_at)
        bench.tick(60)
    assert rested == [300, 4_800, 21_600]


def test_hung_pi_is_told_at_its_next_wake_and_forgiven_after_a_good_one():
    bench = unit()
    bench.wake(PIR, after_s=600)
    bench.tick(60)
    bench.wake(PIR, after_s=600)
    bench.hello()
    assert wakes(bench.done)[0].flags & codes.FLAG_LAST_WAKE_KILLED
    bench.sleep()
    bench.wake(PIR, after_s=600)
    bench.hello()
    assert wakes(bench.done)[0].flags == 0


def test_power_cut_under_a_running_pi_is_a_brown_out_and_backs_off():
    bench = unit()
    bench.wake(PIR, after_s=600)  # and the power goes, the memory says open
    done = bench.wake(PIR, after_s=2)
    assert ("fault", codes.FAULT_BROWN_OUT, 1) in records(done)
    assert "rail_on" not in names(done)
    assert "rail_on" in names(bench.wake(PIR, after_s=300))


def test_first_animal_long_after_a_brown_out_is_not_refused():
    bench = unit()
    bench.wake(PIR, after_s=600)  # and the power goes
    done = bench.wake(PIR, after_s=7_200)
    assert ("fault", codes.FAULT_BROWN_OUT, 1) in records(done)
    assert "rail_on" in names(done)


def test_battery_that_collapses_at_every_boot_is_no_boot_loop():
    bench, rises = unit(), 0
    for _ in range(24 * 60):
        rises += "rail_on" in names(bench.wake(PIR, after_s=60))
    assert rises <= 10  # of 1,440: 5 min, 20 min, 80 min, 5 h 20 min, then each 6 h


def test_watchdog_reset_with_the_rail_down_is_recorded_and_wakes_nobody():
    bench = unit()
    done = bench.wake(RESET_BY_WATCHDOG, after_s=600)
    assert records(done) == [("fault", codes.FAULT_WATCHDOG, 0)]
    assert "rail_on" not in names(done)


def test_dead_gauge_is_named_once_and_stops_nothing():
    bench = unit()
    done = bench.wake(PIR, sample(mv=None, ma=None), after_s=600)
    assert records(done) == [("fault", codes.FAULT_GAUGE, 1), ("wake", codes.REASON_PIR, 2)]
    bench.hello()
    (wake,) = wakes(bench.done)
    assert (wake.flags, wake.battery_mv) == (codes.FLAG_GAUGE_MISSING, 0)
    assert records(bench.read(sample(mv=None, ma=None))) == []
    assert records(bench.read(sample())) == [("fault", codes.FAULT_GAUGE, 0)]


def test_dead_rtc_is_named_and_triggers_still_come():
    bench = unit()
    bench.wake(PIR, sample(rtc_ok=False), after_s=600)
    bench.hello()
    assert wakes(bench.done)[0].flags == codes.FLAG_RTC_COMPROMISED
    bench.sleep()


def test_rtc_that_does_not_answer_has_no_alarm_to_arm():
    bench = unit()
    bench.at = 0
    bench.whole_wake(PIR, sample(rtc_ok=False))
    assert [a.value for a in bench.log if a.do == actions.ARM] == [0]


def test_clock_that_lost_its_time_still_gives_one_frame_a_day():
    bench = unit()
    lost = sample(rtc_ok=False)
    bench.at = 5_000  # seconds since some year nobody knows
    bench.whole_wake(PIR, lost)
    (armed,) = [a.value for a in bench.log if a.do == actions.ARM]
    assert armed == bench.at - 30 + 86_400  # from when the latch dropped, half a minute ago
    bench.at = armed
    bench.wake(ALARM, lost)
    assert ("wake", codes.REASON_SCHEDULE, bench.life.wake_number) in records(bench.done)


def test_setting_the_clock_moves_what_is_remembered():
    bench = unit(hold_off_ms=60_000)
    bench.wake(PIR, after_s=600)
    bench.hello()
    bench.send(codes.SET_CLOCK, frames.pack_u32(bench.at + 86_400))
    assert names(bench.done) == ["set_rtc"]
    bench.at += 86_400
    bench.take(bench.life.clock_set(bench.at, True, 86_400))
    assert records(bench.done) == [("clock", 0, 86_400)]
    assert sent(bench.done, codes.RESULT) == [bytes((codes.SET_CLOCK, codes.RESULT_DONE))]
    bench.sleep()
    assert "rail_on" not in names(bench.wake(PIR, after_s=20))  # still inside the hold-off


def test_rtc_that_ran_back_is_a_fault_and_blocks_nothing():
    bench = unit()
    back_s = 90_000 - 43  # the last reading was taken 43 s before the latch dropped
    bench.wake(PIR, after_s=-90_000)
    assert records(bench.done)[0] == ("fault", codes.FAULT_RTC, back_s)
    assert "rail_on" in names(bench.done)


def test_stuck_pir_is_named_after_five_minutes_and_again_when_it_lets_go():
    bench = unit()
    bench.wake(HOST, after_s=600)
    bench.hello()
    bench.tick(1, pir_high=True)
    bench.beat(codes.PI_HOST)
    assert records(bench.tick(298, pir_high=True)) != [("fault", codes.FAULT_PIR_STUCK, 1)]
    assert ("fault", codes.FAULT_PIR_STUCK, 1) in records(bench.tick(2, pir_high=True))
    assert ("fault", codes.FAULT_PIR_STUCK, 0) in records(bench.tick(1, pir_high=False))


def test_full_ring_is_told():
    bench = unit()
    bench.wake(PIR, sample(lost=12), after_s=600)
    bench.hello()
    assert wakes(bench.done)[0].flags == codes.FLAG_RING_OVERFLOW


def test_lost_effort_is_in_the_ring_and_in_the_next_wake():
    bench = unit(flood_triggers=1, flood_refill_s=600, hold_off_ms=0)
    bench.whole_wake(PIR, after_s=700)
    for _ in range(5):
        assert not bench.whole_wake(PIR, after_s=10)
    bench.log = []
    bench.wake(PIR, after_s=600)
    bench.hello()
    (wake,) = wakes(bench.done)
    assert (wake.throttled_triggers, wake.throttled_s) == (5, 600 - 43 - 10)
    assert wake.losses == ((codes.FLOODED, 5, 547),)
    assert records(bench.beat()) == [("throttled", codes.FLOODED, 5), ("throttled", codes.FLOODED | 0x80, 547)]
    assert names(bench.done)[-1] == "remember"
    bench.sleep()
    bench.wake(PIR, after_s=700)
    bench.hello()
    assert wakes(bench.done)[0].throttled_triggers == 0


def test_walk_test_follows_the_pir_with_the_led_and_counts_without_the_pi():
    bench = unit()
    bench.wake(HOST, after_s=600)
    bench.hello()
    bench.send(codes.WALK_TEST, frames.pack_u32(80))
    bench.sleep()
    for _ in range(3):
        bench.pulse(5)
        assert [(a.do, a.value) for a in bench.tick(0, pir_high=True)] == [(actions.LED, 1)]
        assert [(a.do, a.value) for a in bench.tick(2, pir_high=False)] == [(actions.LED, 0)]
    bench.tick(60)
    assert records(bench.done) == [("walk_test", 0, 3)]
    assert names(bench.done)[-1] == "drop_latch"


def test_walk_test_begins_at_once_tells_its_count_and_ends_when_the_pi_says_so():
    bench = unit()
    bench.wake(HOST, after_s=600)
    bench.hello()
    bench.send(codes.WALK_TEST, frames.pack_u32(60))
    for _ in range(2):
        bench.pulse(3)
    assert [(a.do, a.value) for a in bench.tick(0, pir_high=True)] == [(actions.LED, 1)]
    (told,) = sent(bench.send(codes.WALK_TEST, frames.pack_u32(codes.WALK_COUNT)), codes.RESULT)
    assert told == bytes((codes.WALK_TEST, codes.RESULT_DONE)) + frames.pack_u32(2)
    bench.send(codes.WALK_TEST, frames.pack_u32(0))
    bench.tick(1)
    assert records(bench.log)[-1] == ("walk_test", 0, 2)
    assert bench.life.wake_number == 2  # no pulse of the test was a trigger


def test_pi_of_the_first_protocol_hears_no_word_that_it_does_not_know():
    bench = unit()
    bench.wake(PIR, after_s=600)
    bench.send(codes.HELLO, frames.pack_hello(frames.Hello(1, 0, 1, 0)), after_s=5)
    assert [len(payload) for payload in sent(bench.done, codes.WAKE)] == [29]
    assert sent(bench.send(codes.WALK_TEST, frames.pack_u32(60)), codes.RESULT) == [
        bytes((codes.WALK_TEST, codes.RESULT_DONE))
    ]


def test_hello_of_no_protocol_is_no_hello():
    bench = unit()
    bench.wake(PIR, after_s=600)
    assert sent(bench.send(codes.HELLO, frames.pack_hello(frames.Hello(0, 0, 1, 0)), after_s=5), codes.HELLO) == []


def test_charge_goes_with_every_wake_once_a_day_into_the_log_and_outlives_the_latch():
    bench = unit()
    bench.wake(PIR, sample(ma=-25), after_s=600)
    for _ in range(10):
        bench.read(sample(ma=-180), 1)
    bench.hello(0)
    (wake,) = wakes(bench.done)
    before_mas = wake.charge_used_mas
    assert before_mas >= 1_800
    bench.sleep()
    bench.wake(ALARM, after_s=86_400)
    bench.hello()
    assert wakes(bench.done)[0].charge_used_mas >= before_mas
    assert [value for kind, code, value in records(bench.log) if (kind, code) == ("charge", 0)] >= [before_mas]


def test_pi_that_asks_is_told_what_the_pack_gives_under_its_load():
    bench = unit()
    bench.wake(PIR, after_s=600)
    bench.hello()
    bench.read(sample(mv=6_800, ma=-310), 1)
    (told,) = sent(bench.send(codes.MEASURE), codes.RESULT)
    assert told == bytes((codes.MEASURE, codes.RESULT_DONE)) + frames.pack_u32(6_800 | 310 << 16)


def test_pi_that_asks_for_a_gauge_that_is_gone_is_refused():
    bench = unit()
    bench.wake(PIR, after_s=600)
    bench.hello()
    bench.read(sample(mv=None, ma=None), 1)
    (told,) = sent(bench.send(codes.MEASURE), codes.RESULT)
    assert told[:2] == bytes((codes.MEASURE, codes.RESULT_REFUSED))


def test_fresh_cells_are_counted_from_nought_and_the_old_count_is_kept_in_the_log():
    bench = unit()
    bench.wake(PIR, after_s=600)
    bench.hello()
    for _ in range(10):
        bench.read(sample(ma=-180), 1)
    done = bench.send(codes.FRESH_CELLS)
    assert sent(done, codes.RESULT) == [bytes((codes.FRESH_CELLS, codes.RESULT_DONE))]
    ((kind, code, value),) = records(done)
    assert (kind, code) == ("charge", 1)
    assert value > 1_800
    bench.sleep()
    bench.wake(PIR, after_s=600)
    bench.hello()
    assert wakes(bench.done)[0].charge_used_mas < value


def test_memory_of_the_version_before_is_understood():
    memory = Memory()
    memory.wake_number, memory.ladder, memory.charge_mas = 77, codes.LADDER_NO_HOLD_OFF, 4_000
    memory.throttled_triggers, memory.throttled_s, memory.lost_reason = 5, 600, codes.OVERSPENT
    new = memory.pack()
    for version, size, charge_mas in ((1, 60, 0), (2, 64, 4_000)):
        found = unpack(sealed(bytes((version,)) + new[1 : size - 1]))
        assert (found.wake_number, found.ladder, found.charge_mas) == (77, codes.LADDER_NO_HOLD_OFF, charge_mas)
        assert found.losses() == [(codes.OVERSPENT, 5, 600)]


def test_memory_of_a_newer_supervisor_that_was_given_up_is_read_as_far_as_it_is_known():
    memory = Memory()
    memory.wake_number = 77
    assert unpack(sealed(bytes((9,)) + memory.pack()[1:-2] + b"more")).wake_number == 77
    assert unpack(sealed(bytes((9,)) + memory.pack()[1:-8])) is None
    assert unpack(sealed(bytes((3,)) + memory.pack()[1:-2] + b"more")) is None
    assert unpack(b"") is unpack(bytes(3)) is None


def sealed(body):
    return body + struct.pack("<H", crc16(body))


def test_day_over_its_budget_is_told_as_such_and_not_as_a_flood():
    bench = unit(budget_mah=1, flood_triggers=1, flood_refill_s=600, hold_off_ms=0)
    bench.whole_wake(PIR, after_s=700)
    assert not bench.whole_wake(PIR, after_s=10)  # the bucket is empty
    bench.wake(PIR, after_s=700)
    bench.hello()
    bench.read(sample(ma=-200), after_s=20)  # 4 A·s of the 3.6 that the day has
    bench.sleep()
    bench.log = []
    for _ in range(3):
        assert not bench.whole_wake(PIR, after_s=700)
    bench.log = []
    bench.wake(ALARM, after_s=18 * 3_600)  # the heartbeat comes all the same
    bench.hello()
    (wake,) = wakes(bench.done)
    ((cause, triggers, seconds),) = wake.losses
    assert (cause, triggers) == (codes.OVERSPENT, 3)
    assert (wake.throttled_triggers, wake.throttled_s) == (triggers, seconds)
    assert records(bench.beat()) == [("throttled", codes.OVERSPENT, 3), ("throttled", codes.OVERSPENT | 0x80, seconds)]


def test_second_trigger_of_a_wake_does_not_tell_the_same_lost_effort_again():
    bench = flooded_once()
    bench.wake(PIR, after_s=700)
    bench.pulse(1_300)
    bench.hello()
    assert [wake.throttled_triggers for wake in wakes(bench.done)] == [1, 0]


def test_lost_effort_told_to_a_pi_that_hangs_is_told_again_to_the_next_one():
    bench = flooded_once()
    bench.wake(PIR, after_s=700)
    bench.tick(60)  # it never says HELLO
    bench.wake(PIR, after_s=700)
    bench.hello()
    assert wakes(bench.done)[0].losses[0].triggers == 1
    bench.beat()
    bench.wake(PIR, after_s=700)  # the power went while the Pi was up, after it had heard
    bench.wake(PIR, after_s=7_000)
    bench.hello()
    assert not [loss for loss in wakes(bench.done)[0].losses if loss.cause == codes.FLOODED]


def flooded_once():
    bench = unit(flood_triggers=2, flood_refill_s=600, hold_off_ms=0)
    bench.whole_wake(PIR, after_s=1_300)
    bench.whole_wake(PIR, after_s=10)
    assert not bench.whole_wake(PIR, after_s=10)
    return bench


def test_pi_before_the_causes_gets_the_sums_alone():
    bench = unit(flood_triggers=1, flood_refill_s=600, hold_off_ms=0)
    bench.whole_wake(PIR, after_s=700)
    bench.whole_wake(PIR, after_s=10)
    bench.wake(PIR, after_s=700)
    bench.send(codes.HELLO, frames.pack_hello(frames.Hello(2, 0, 1, 0)), after_s=5)
    (wake,) = wakes(bench.done)
    assert (wake.throttled_triggers, wake.losses) == (1, ())


def test_settings_from_the_pi_hold_at_once_and_are_stored():
    bench = unit()
    bench.wake(PIR, after_s=600)
    bench.hello()
    told = frames.pack_settings(frames.Settings(90_000, 0, 30_000, 30, 240, 6, 0, codes.CHEMISTRY_NIMH, 0))
    assert names(bench.send(codes.SETTINGS, told)) == ["store_settings", "send"]
    assert wakes(bench.pulse(60)) == []
    nonsense = frames.pack_settings(frames.Settings(90_000, 0, 30_000, 0, 0, 99, 0, 77, 0))
    assert sent(bench.send(codes.SETTINGS, nonsense), codes.RESULT) == [bytes((codes.SETTINGS, codes.RESULT_REFUSED))]


def test_frame_of_a_wrong_size_is_refused_and_hurts_nobody():
    bench = unit()
    bench.wake(PIR, after_s=600)
    bench.hello()
    bench.send(codes.RING_ACK, b"xyz")
    assert sent(bench.done, codes.RESULT) == [bytes((codes.RING_ACK, codes.RESULT_REFUSED))]


def test_torn_memory_is_said_and_the_unit_starts_from_nothing():
    bench = unit()
    bench.memory = bench.memory[:-1] + bytes([bench.memory[-1] ^ 1])
    assert records(bench.wake(PIR, after_s=600))[0] == ("boot", codes.FAULT_MEMORY, 0)


def test_noise_on_the_line_of_a_dark_pi_is_ignored():
    bench = unit()
    assert bench.send(codes.HELLO, b"\1\0\1\0") == []
