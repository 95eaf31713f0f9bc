"""A whole unit of real parts behind the real supervisor: the duty cycle over a pty."""

import pytest

from tests.supervisor_desk import Desk
from trap import duty
from trap.assembly import UnitConfig, real_trap
from trap.drivers.camera import CameraSettings
from trap.drivers.supervised import SupervisedRtc, supervisor_on
from trap.link.supervisor import SupervisorLine
from trap_wire import codes
from trap_wire.entries import Kind

TOML = '[station]\nunit = "MN-017"\ndeployment = "bench"\n[protocol]\nhold_off_ms = 9000\n'


@pytest.fixture
def desk(tmp_path):
    bench = Desk(tmp_path / "flash")
    bench.board.rtc_ok = False  # a trusted RTC would have the unit step the clock of the machine that runs the tests
    with bench as open_desk:
        open_desk.until(open_desk.rail)
        yield open_desk


@pytest.fixture
def trap(tmp_path, desk):
    (tmp_path / "station.toml").write_text(TOML)
    (tmp_path / "card").mkdir()
    config = UnitConfig(
        station=tmp_path / "station.toml", journal=tmp_path / "journal.sqlite", card=tmp_path / "card", detectors=(),
        uart=tmp_path / "uart", host_port=tmp_path / "none", gpio_chip=str(tmp_path / "gpiochip9"),
        camera=CameraSettings((64, 48), (32, 24)),
    )  # fmt: skip
    config.uart.symlink_to(desk.board.path)
    unit = real_trap(config)
    yield unit
    unit.journal.close()


def test_unit_with_a_supervisor_finds_it_on_its_uart(trap):
    assert isinstance(trap.supervisor, SupervisorLine)


def test_unit_without_one_is_told_apart_in_a_second(tmp_path):
    silent = Desk(tmp_path / "flash")
    assert supervisor_on(silent.board.path, hello_s=0.3) is None
    assert supervisor_on(tmp_path / "no-such-port") is None
    silent.board.close()


def test_duty_cycle_journals_the_wake_and_the_ring_and_asks_to_sleep(trap, desk):
    duty.start(trap)
    duty.awake(trap)
    (wake,) = trap.journal.entries(kind=Kind.WAKE)
    assert (wake.body["reason"], wake.body["battery_mv"], wake.body["light_lux"]) == ("reset", 5_870, 42)
    merged = [entry.body["record"] for entry in trap.journal.entries(kind=Kind.SUPERVISOR)]
    assert merged == ["fault", "boot", "wake"]  # the fault is the clock's
    desk.until(lambda: desk.body.life.rail == codes.RAIL_CUTTING)
    desk.until(lambda: desk.body._ring.since(0, 10) == [])


def test_protocol_of_the_card_rules_the_supervisor(trap, desk):
    assert desk.body.life._settings["hold_off_ms"] == 9_000


def test_clock_behind_the_supervisor_is_not_believed_when_it_says_so(trap):
    assert "oscillator stood still" in trap.deployment.trouble
    assert not SupervisedRtc(trap.supervisor).read().trusted
