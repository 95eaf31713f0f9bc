import dataclasses

import pytest

from tests.unit.trap.parts import ScriptedCamera, animal, shot, wake
from trap import duty
from trap.store.media import MediaStore, Reserve
from trap.triage.judge import Triage
from trap_wire import codes, frames
from trap_wire.entries import Kind, verified
from trap_wire.protocol import Protocol
from trap_wire.vocabulary import Decision, Role


def kinds(journal):
    return [str(entry.kind) for entry in journal.entries()]


def of(journal, kind):
    return [entry.body for entry in journal.entries(kind=kind)]


def test_pulse_becomes_photographs_a_thumbnail_and_a_line_for_each(build, journal, tmp_path):
    duty.awake(build())
    assert kinds(journal) == ["wake", "battery", "burst", "verdict", "media", "media", "media", "media"]
    assert {item.role for item in journal.files()} == {Role.PHOTOGRAPH, Role.THUMBNAIL}
    assert all((tmp_path / item.path).stat().st_size == item.size for item in journal.files())
    assert len(list(verified(journal.entries()))) == journal.head


def test_unit_asks_to_sleep_after_the_burst(build):
    trap = build()
    duty.awake(trap)
    assert [type_ for type_, _ in trap.supervisor.sent] == [codes.HEARTBEAT, codes.HEARTBEAT, codes.SLEEP_REQUEST]


def test_trigger_that_the_supervisor_repeats_is_one_trigger(build, journal):
    duty.awake(build(wakes=[wake(), wake(), wake(wake_number=2)], sees=[(animal(0.9),)] * 6))
    assert [body["wake"] for body in of(journal, Kind.WAKE)] == [1, 2]


def test_each_cause_of_lost_effort_that_the_supervisor_tells_is_in_the_journal(build, journal):
    losses = (frames.Loss(codes.FLOODED, 9, 1_000), frames.Loss(codes.OVERSPENT, 3, 900), frames.Loss(77, 1, 0))
    duty.awake(build(wakes=[wake(throttled_triggers=13, throttled_s=1_900, losses=losses)]))
    (body,) = of(journal, Kind.WAKE)
    assert body["lost"] == [
        {"cause": "flooded", "triggers": 9, "seconds": 1_000},
        {"cause": "overspent", "triggers": 3, "seconds": 900},
        {"cause": "77", "triggers": 1, "seconds": 0},
    ]


def test_supervisor_is_told_which_trigger_was_seen_last(build):
    trap = build(wakes=[wake(wake_number=7)])
    duty.awake(trap)
    assert [frames.unpack_heartbeat(payload).wake_number for _, payload in trap.supervisor.sent] == [7, 7, 7]


def test_unit_at_a_cable_stays_up_and_says_that_it_lives(build):
    class SlowHost:
        """Asks once, then thinks; each slice is a second long."""

        asked = False

        def serve_for(self, milliseconds):
            clock.ms += 1_000
            first, self.asked = not self.asked, True
            return int(first)

    trap = build(wakes=[wake(codes.REASON_HOST)])
    clock = trap.clock
    duty.awake(dataclasses.replace(trap, host=SlowHost()))
    beats = [
        frames.unpack_heartbeat(payload).state for type_, payload in trap.supervisor.sent if type_ == codes.HEARTBEAT
    ]
    assert set(beats) == {codes.PI_BUSY, codes.PI_HOST}
    assert len(beats) >= duty.HOST_VISIT_MS / (duty.BEAT_MS + 1_000)
    assert clock.ms >= duty.HOST_VISIT_MS


def test_weak_battery_does_not_keep_the_unit_armed(build):
    def waited_ms(ladder):
        trap = build(wakes=[wake(ladder=ladder)], protocol={"stay_up_ms": 3_000})
        duty.awake(trap)
        return trap.clock.ms

    assert waited_ms(codes.LADDER_FULL) > 3_000
    assert waited_ms(codes.LADDER_NO_HOLD_OFF) < 1_000


def test_long_burst_is_not_taken_for_a_hang(build):
    class SlowCamera(ScriptedCamera):
        def burst(self, plan):
            for taken in super().burst(plan):
                clock.ms += 10_000
                yield taken

    trap = build(camera=SlowCamera())
    clock = trap.clock
    duty.awake(trap)
    states = [
        frames.unpack_heartbeat(payload).state for type_, payload in trap.supervisor.sent if type_ == codes.HEARTBEAT
    ]
    assert states == [codes.PI_BUSY] * 4 + [codes.PI_ARMED]


def test_blank_keeps_only_its_thumbnail_and_its_line(build, journal):
    duty.awake(build(sees=[()] * 3, protocol={"audit_every": 1_000}))
    (verdict,) = of(journal, Kind.VERDICT)
    assert (verdict["decision"], verdict["audited"]) == (Decision.BLANK, False)
    assert [item.role for item in journal.files()] == [Role.THUMBNAIL]


def test_blank_drawn_for_the_audit_is_kept_whole(build, journal):
    duty.awake(build(sees=[()] * 3, protocol={"audit_every": 1}))
    assert of(journal, Kind.VERDICT)[0]["audited"]
    assert [item.role for item in journal.files()] == [Role.AUDIT] * 3 + [Role.THUMBNAIL]


def test_doubtful_burst_is_kept_as_unknown(build, journal):
    duty.awake(build(sees=[(), (animal(0.2),), ()]))
    (verdict,) = of(journal, Kind.VERDICT)
    assert (verdict["decision"], verdict["observation_type"], verdict["best_frame"]) == ("unknown", "unknown", 1)
    assert len(journal.files(role=Role.PHOTOGRAPH)) == 3


def test_journal_keeps_the_boxes_that_tell_something(build, journal):
    duty.awake(build(sees=[(animal(0.9), animal(0.6), animal(0.2)), (), (animal(0.5),) * 9]))
    assert [len(frame) for frame in of(journal, Kind.VERDICT)[0]["boxes"]] == [2, 0, 5]


def test_heartbeat_frame_is_never_filtered(build, journal):
    duty.awake(build(sees=[()], wakes=[wake(codes.REASON_SCHEDULE)]))
    (burst,), (verdict,) = of(journal, Kind.BURST), of(journal, Kind.VERDICT)
    assert (burst["frames"], burst["capture_method"]) == (1, "timeLapse")
    assert (verdict["decision"], verdict["observation_type"]) == ("keep", "blank")
    assert len(journal.files(role=Role.PHOTOGRAPH)) == 1


def test_camera_that_fails_in_mid_burst_loses_only_the_frames_that_never_came(build, journal):
    duty.awake(build(camera=ScriptedCamera(fails_after=2)))
    assert of(journal, Kind.BURST)[0]["frames"] == 2
    assert "ribbon" in of(journal, Kind.ERROR)[0]["words"]
    assert len(journal.files(role=Role.PHOTOGRAPH)) == 2


def test_dead_camera_is_an_entry_and_the_unit_sleeps(build, journal):
    trap = build(camera=ScriptedCamera(fails_after=0))
    duty.awake(trap)
    assert kinds(journal) == ["wake", "battery", "burst", "error"]
    assert trap.supervisor.sent[-1][0] == codes.SLEEP_REQUEST


def test_without_a_detector_everything_is_kept_and_the_reason_said(build, journal):
    trap = build()
    blind = Triage(None, trap.deployment, trap.clock.monotonic_ms, "detector.tflite has sha256 00, the card says ff")
    duty.awake(dataclasses.replace(trap, triage=blind))
    (verdict,) = of(journal, Kind.VERDICT)
    assert (verdict["decision"], verdict["observation_type"]) == ("keep", "unclassified")
    assert "the card says" in verdict["fail_open"]
    assert len(journal.files(role=Role.PHOTOGRAPH)) == 3


def test_full_card_is_said_and_the_duty_cycle_goes_on(build, journal):
    trap = build(wakes=[wake(), wake(codes.REASON_SCHEDULE, wake_number=2)], sees=[(animal(0.9),)] * 4)
    full = MediaStore(trap.card, journal, Reserve(journal=0, heartbeat=2**62))
    duty.awake(dataclasses.replace(trap, store=full))
    refused = of(journal, Kind.ERROR)[0]
    assert "card full" in refused["words"] and refused["lost_burst"] == "MN-017-00000001"
    assert len(journal.files(role=Role.PHOTOGRAPH)) == 1  # the heartbeat, from its own reserve


def test_unreadable_frame_is_kept_as_it_is_and_named(build, journal):
    broken = b"\xff\xd8 not a picture \xff\xd9"
    duty.awake(build(camera=ScriptedCamera([shot(data=broken)] * 3)))
    assert len(journal.files(role=Role.PHOTOGRAPH)) == 3
    assert "without a thumbnail" in of(journal, Kind.ERROR)[0]["words"]


def test_record_of_the_ring_is_acknowledged_after_it_is_in_the_journal(build, journal):
    record = frames.Record(sequence=41, rtc_s=1_795_608_000, kind=codes.RECORD_KILLED, code=1, value=90_000)
    trap = build()
    trap.supervisor.waiting[:] = [frames.Frame(codes.RING, 0, frames.pack_record(record))]
    duty.awake(trap)
    assert of(journal, Kind.SUPERVISOR)[0] == {
        "ring": 41,
        "rtc_s": 1_795_608_000,
        "record": "killed",
        "code": 1,
        "value": 90_000,
    }
    assert (codes.RING_ACK, frames.pack_u32(41)) in trap.supervisor.sent


def test_malformed_frame_is_an_entry_and_the_next_one_is_answered(build, journal):
    trap = build()
    trap.supervisor.waiting.insert(0, frames.Frame(codes.WAKE, 0, b"short"))
    duty.awake(trap)
    assert kinds(journal)[:2] == ["error", "wake"]


def test_latency_counts_from_the_pir_edge(build, journal):
    duty.awake(build())
    assert of(journal, Kind.BURST)[0]["first_frame_ms"] == 3_600 + 1


class EarlyCamera(ScriptedCamera):
    """Notes how far the journal was when it was asked to start, and when its first frame was asked for."""

    def begin(self, plan):
        self.begun = (plan, self.journal.head)

    def burst(self, plan):
        self.heads = self.journal.head
        yield from super().burst(plan)


def test_camera_is_asked_to_start_before_the_card_is_waited_for_and_looked_at_after(build, journal):
    camera = EarlyCamera()
    camera.journal = journal
    duty.awake(build(camera=camera))
    plan, head = camera.begun
    assert head == 0, "it was asked to start only after the wake was on the card"
    assert camera.heads == 2, "a frame was asked for before the wake was on the card"
    assert camera.plans == [plan]


def test_camera_is_not_started_for_a_wake_without_a_photograph(build, journal):
    camera = EarlyCamera()
    camera.journal = journal
    duty.awake(build(camera=camera, wakes=[wake(reason=codes.REASON_RESET)]))
    assert not hasattr(camera, "begun")


def test_slow_card_is_in_the_latency(build, journal, monkeypatch):
    trap = build()
    append = journal.append_all

    def slowly(at, lines):
        trap.clock.ms += 30
        return append(at, lines)

    monkeypatch.setattr(journal, "append_all", slowly)
    duty.awake(trap)
    assert of(journal, Kind.BURST)[0]["first_frame_ms"] == 3_600 + 30 + 1


def test_rules_are_in_the_journal_at_the_first_start_with_them_and_not_at_every_one(build, journal):
    for trap in (build(), build(), build(protocol={"burst_frames": 4})):
        duty.start(trap)
    first, second, third = (entry.body for entry in journal.entries(kind=Kind.BOOT))
    assert first["rules"]["burst_frames"] == 3 and "rules" not in second
    assert Protocol(**third["rules"]).digest == third["protocol_hash"]


def test_burst_entry_says_how_large_the_picture_was_that_the_detector_saw(build, journal):
    trap = build()
    duty.awake(trap)
    (burst,) = (entry.body for entry in journal.entries(kind=Kind.BURST))
    height, width = shot().lores.shape[:2]
    assert burst["lores_px"] == [width, height]


def test_start_says_who_the_unit_is(build, journal):
    duty.start(build())
    (boot,) = of(journal, Kind.BOOT)
    assert (boot["unit"], boot["deployment"], boot["trouble"]) == ("MN-017", "tost-2026-a", None)
    assert boot["model"].startswith("scripted@1.0.0+")


@pytest.mark.parametrize("flag", [codes.FLAG_GAUGE_MISSING])
def test_missing_gauge_gives_no_invented_voltage(build, journal, flag):
    duty.awake(build(wakes=[wake(flags=flag, battery_mv=0)]))
    assert of(journal, Kind.BATTERY)[0]["battery_mv"] is None
    assert of(journal, Kind.WAKE)[0]["flags"] == ["gauge_missing"]
