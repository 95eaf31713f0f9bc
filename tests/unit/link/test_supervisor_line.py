"""The Pi's end of the UART against the real supervisor, over a pty."""

import time
from dataclasses import replace

import pytest

from tests.micropython.engine import ROOT
from tests.supervisor_desk import Desk, NoisyPort
from trap.deployment import SAFE, Protocol, Station
from trap.drivers.uart import Uart
from trap.link import ring
from trap.link.supervisor import SupervisorLine
from trap.link.supervisor_update import Answer, offer, send_update
from trap_wire import codes, frames
from trap_wire.energy.ladder import steps
from trap_wire.errors import IntegrityError, PartError, RefusedError
from trap_wire.supervisor_image import pack, sources


@pytest.fixture
def desk(tmp_path):
    with Desk(tmp_path / "flash") as open_desk:
        yield open_desk


@pytest.fixture
def line(desk):
    port = Uart(desk.board.path)
    desk.until(desk.rail)
    yield SupervisorLine(port, time.monotonic)
    port.close()


def wake_of(frame):
    return frames.unpack_wake(frame.payload)


def collected(line):
    """Every ring record, confirmed one by one as the duty cycle does."""
    line.collect(0)
    found = []
    while (frame := line.receive(0.2)) is not None:
        if frame.type == codes.RING:
            found.append(frames.unpack_record(frame.payload))
            line.send(codes.RING_ACK, frames.pack_u32(found[-1].sequence))
    return found


def test_hello_is_answered_and_the_wake_follows(line):
    assert line.hello(2.0)
    assert line.peer.protocol == codes.UART_PROTOCOL
    wake = wake_of(line.receive(1.0))
    assert (wake.reason, wake.wake_number, wake.battery_mv, wake.temperature_cc) == (
        codes.REASON_RESET,
        1,
        5_870,
        -1_275,
    )


def test_supervisor_says_nothing_before_the_hello(desk):
    port = Uart(desk.board.path)
    assert port.read(0.3) == b""
    port.close()


def test_pi_that_listens_late_still_gets_its_wake(desk, line):
    time.sleep(0.5)
    assert wake_of(line.receive(2.0)).wake_number == 1


def test_nobody_at_the_other_end_is_no_exception_but_an_answer(tmp_path):
    desk = Desk(tmp_path / "flash")  # never started
    line = SupervisorLine(Uart(desk.board.path), time.monotonic)
    assert not line.hello(0.7)
    with pytest.raises(PartError, match="does not answer set_clock"):
        line.ask(codes.SET_CLOCK, frames.pack_u32(0), timeout_s=0.1)
    desk.board.close()


def test_line_that_goes_away_is_a_part_that_failed(tmp_path):
    desk = Desk(tmp_path / "flash")
    line = SupervisorLine(Uart(desk.board.path), time.monotonic)
    desk.board.close()
    with pytest.raises(PartError, match="supervisor"):
        line.receive(1.0)


def test_port_that_does_not_exist_says_where_to_look():
    with pytest.raises(PartError, match=r"config\.txt"):
        Uart("/dev/no-such-uart")


def test_sleep_request_and_halt_cut_the_rail(desk, line):
    line.receive(2.0)
    line.send(codes.SLEEP_REQUEST)
    time.sleep(0.1)
    assert desk.rail()
    desk.board.is_halted = True
    desk.until(lambda: not desk.rail())


def test_trigger_while_up_comes_through_once_although_it_is_sent_again(desk, line):
    line.hello(2.0)
    line.settle(replace(SAFE, protocol=Protocol(hold_off_ms=0, settle_ms=0), station=Station()))
    assert wake_of(line.receive(1.0)).wake_number == 1
    desk.body.life._gate.settled_ms = None  # the thirty seconds of a cold start are not this test's
    desk.board.pending_edges = 1
    desk.until(lambda: desk.body.life.wake_number == 2)
    for _ in range(5):
        line.send(codes.HEARTBEAT)
    taken = []
    while (frame := line.receive(0.2)) is not None:
        taken.append(wake_of(frame).wake_number)
    assert taken == [2]
    line.send(codes.HEARTBEAT)
    desk.until(lambda: not desk.body.life.waiting)


def test_ring_is_handed_over_and_forgotten_once_it_is_confirmed(desk, line):
    line.receive(2.0)
    found = collected(line)
    assert [codes.RECORD_NAMES[r.kind] for r in found] == ["boot", "wake"]
    desk.until(lambda: desk.body._ring.since(0, 10) == [])
    assert collected(line) == []


def test_long_ring_comes_in_batches_without_a_gap(desk, line):
    for value in range(300):
        desk.body._ring.add(frames.pack_record(frames.Record(0, 7, codes.RECORD_FAULT, codes.FAULT_RTC, value)))
    line.receive(2.0)
    numbers = [record.sequence for record in collected(line)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 302


def test_ring_that_counts_from_one_again_is_another_supervisors_and_is_taken_whole(line):
    line.receive(2.0)
    line.collect(5_000)
    assert frames.unpack_record(line.receive(1.0).payload).sequence == 1


@pytest.mark.parametrize("seed", range(4))
def test_noisy_line_loses_nothing(desk, line, seed):
    for value in range(100):
        desk.body._ring.add(frames.pack_record(frames.Record(0, 7, codes.RECORD_FAULT, codes.FAULT_RTC, value)))
    noisy = SupervisorLine(NoisyPort(line._port, 0.1, seed), time.monotonic)
    assert wake_of(noisy.receive(5.0)).wake_number == 1
    numbers = []
    for _ in range(20):
        numbers += [record.sequence for record in collected(noisy) if record.sequence not in numbers]
        if len(numbers) >= 102:
            break
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 102


def test_clock_is_set_through_the_line_and_read_from_it(desk, line):
    desk.board.rtc_ok = False
    desk.until(lambda: not desk.body.life._senses.sample.rtc_ok)
    assert line.rtc()[1] is False
    line.set_clock(1_800_000_000)
    assert desk.board.rtc_s == 1_800_000_000
    utc_s, trusted = line.rtc()
    assert trusted
    assert abs(utc_s - 1_800_000_000) <= 1


def test_rtc_that_does_not_take_the_time_is_named(desk, line):
    line.hello(2.0)
    desk.board.rtc_takes = False
    with pytest.raises(PartError, match="coin cell"):
        line.set_clock(1_800_000_000)


def test_protocol_of_the_station_reaches_the_gate_and_the_flash(desk, line, tmp_path):
    line.hello(2.0)
    line.settle(replace(SAFE, protocol=Protocol(hold_off_ms=77_000), station=Station(chemistry="nimh-aa-12")))
    with Desk(tmp_path / "flash") as next_life:
        assert next_life.body.life._settings["hold_off_ms"] == 77_000
        assert next_life.body.life._settings["chemistry"] == codes.CHEMISTRY_NIMH


def test_battery_ladder_of_the_station_reaches_the_supervisor_in_millivolts(desk, line, tmp_path):
    line.hello(2.0)
    line.settle(replace(SAFE, protocol=Protocol(heartbeat_only_pct=30), station=Station(chemistry="liion-2s")))
    with Desk(tmp_path / "flash") as next_life:
        assert (
            next_life.body.life._settings["heartbeat_only_mv"] == steps("liion-2s", Protocol(heartbeat_only_pct=30))[1]
        )


class OlderSupervisor(NoisyPort):
    """In front of one that knows no ladder in SETTINGS: such a frame is answered as it would, with a refusal."""

    def __init__(self, port):
        super().__init__(port, 0.0, 1)
        self.answer = b""

    def read(self, timeout_s):
        answer, self.answer = self.answer, b""
        return answer or super().read(timeout_s)

    def write(self, data):
        (frame,) = frames.Reader().feed(data)
        if frame.type == codes.SETTINGS and frames.unpack_steps(frame.payload) != (0, 0, 0):
            self.answer = frames.encode(codes.RESULT, 0, bytes((codes.SETTINGS, codes.RESULT_REFUSED)))
        else:
            super().write(data)


def test_older_supervisor_gets_the_rest_of_the_protocol(desk, line):
    older = SupervisorLine(OlderSupervisor(line._port), time.monotonic)
    older.hello(2.0)
    older.settle(replace(SAFE, protocol=Protocol(hold_off_ms=77_000)))
    assert desk.body.life._settings["hold_off_ms"] == 77_000
    assert desk.body.life._settings["off_mv"] == 0


def test_budget_of_the_protocol_reaches_the_supervisor(desk, line):
    line.hello(2.0)
    line.settle(replace(SAFE, protocol=Protocol(budget_mah=30), station=Station()))
    assert desk.body.life._settings["budget_mah"] == 30


def test_walk_test_is_begun_asked_and_ended_over_the_line(desk, line):
    line.hello(2.0)
    desk.body.life._gate.settled_ms = None
    assert line.walk_test(60) == 0
    desk.board.pending_edges = 3
    desk.until(lambda: desk.body.life._walk.count == 3)
    assert line.walk_test(None) == 3
    assert line.walk_test(0) == 3
    desk.until(lambda: not desk.body.life._walk.running)


def test_charge_since_fresh_cells_comes_with_the_wake(desk, line):
    line.hello(2.0)
    desk.until(lambda: desk.body.life._memory.charge_mas > 0, timeout_s=10)
    line.fresh_cells()
    assert desk.body.life._memory.charge_mas < 100
    assert wake_of(line.receive(1.0)).charge_used_mas is not None


def test_update_goes_over_the_line_and_is_staged(desk, line):
    line.hello(2.0)
    image, told = pack(sources(ROOT / "firmware")), []
    send_update(line, image, lambda sent, size: told.append((sent, size)))
    assert told[-1] == (len(image), len(image))
    assert desk.body._slots.trial == 1
    assert desk.files.read("1/trap_supervisor/life.py") == (ROOT / "firmware/trap_supervisor/life.py").read_bytes()


def test_release_offered_again_is_running_and_costs_one_frame(desk, line):
    line.hello(2.0)
    files = {"main.py": b"stays frozen", **sources(ROOT / "firmware")}
    told, sent = offer(line, files, "1.4.2"), []
    assert (told.answer, told.version, told.words) == (Answer.STAGED, "1.4.2", "")
    assert desk.files.read("1/sha256").hex() == told.sha256
    again = offer(line, files, "1.4.2", lambda *_: sent.append(1))
    assert (again.answer, sent) == (Answer.RUNNING, [])
    assert again.body() == {"part": "supervisor", "version": "1.4.2", "sha256": told.sha256, "state": "running"}


def test_release_whose_supervisor_fell_is_not_sent_again(desk, line):
    line.hello(2.0)
    offer(line, {"trap_supervisor/life.py": b"no supervisor"}, "1.4.3")
    desk.body._slots.failed()
    assert offer(line, {"trap_supervisor/life.py": b"no supervisor"}, "1.4.3").answer is Answer.FELL


def test_release_that_the_supervisor_cannot_take_is_refused_with_words(line):
    line.hello(2.0)
    told = offer(line, {"trap_supervisor/life.py": bytes(200_000)}, "1.4.4")
    assert told.answer is Answer.REFUSED
    assert "128 KiB" in told.words


def test_update_that_is_too_large_or_no_image_is_refused(line):
    line.hello(2.0)
    with pytest.raises(RefusedError, match="128 KiB"):
        send_update(line, bytes(200_000))
    with pytest.raises(IntegrityError):
        send_update(line, bytes(50))


def test_waiting_duty_cycle_keeps_itself_alive(desk, line):
    fast = SupervisorLine(line._port, lambda: time.monotonic() * 100)
    fast.receive(200)
    before = desk.body.life._rail._heard_ms
    assert fast.receive(50) is None
    assert desk.body.life._rail._heard_ms > before


def test_records_become_journal_lines():
    record = frames.Record(9, 7, codes.RECORD_KILLED, codes.KILL_SILENT, 34_000)
    ((kind, body),) = ring.lines([record])
    assert (kind, body["ring"], body["record"], body["value"]) == ("supervisor", 9, "killed", 34_000)
