"""``manul aim --led`` over a pty, against the unit's own link and, behind it, the real supervisor on its UART."""

import dataclasses
import threading
import time

import pytest
from click.testing import CliRunner

from tests.link_rig import Cable
from tests.link_unit import WholeUnit
from tests.supervisor_desk import Desk
from trap.drivers.uart import Uart
from trap.link.supervisor import SupervisorLine
from trap_supervisor import actions
from trap_supervisor.ring import Ring
from trap_tools.cli import main
from trap_wire import codes, frames


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MANUL_HOME", str(tmp_path / "laptop"))
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def desk(tmp_path):
    with Desk(tmp_path / "pico") as one:
        one.until(one.rail)
        yield one


@pytest.fixture
def whole(tmp_path, desk):
    port = Uart(desk.board.path)
    line = SupervisorLine(port, time.monotonic)
    assert line.hello(5.0)
    made = WholeUnit(tmp_path / "unit")
    made.trap = dataclasses.replace(made.trap, supervisor=line)
    yield made
    made.journal.close()
    port.close()


def aim(port, seconds):
    return CliRunner().invoke(main, ["aim", "--port", port, "--led", "--seconds", str(seconds)])


def walker(desk, times, then=lambda: None):
    """Somebody who walks by once the test has begun."""

    def go():
        desk.until(lambda: desk.body.life.walking)
        for _ in range(times):
            desk.pass_by()
        then()

    thread = threading.Thread(target=go)
    thread.start()
    return thread


def counted(desk):
    found = [frames.unpack_record(raw) for raw in Ring(desk.files).since(0, 1_000)]
    return [record.value for record in found if record.kind == codes.RECORD_WALK_TEST]


def test_led_follows_whoever_walks_and_the_count_is_read_over_the_cable(whole, desk):
    with whole.at_a_cable() as port:
        walking = walker(desk, 3)
        run = aim(port, 3)
        walking.join(10)
    assert run.exit_code == 0, run.output
    assert "3 pulses, journalled" in run.output
    desk.until(lambda: counted(desk) == [3])
    assert not desk.board.pins[actions.LED]


def test_cable_that_is_pulled_ends_the_watching_and_not_the_test(whole, desk):
    with whole.at_a_cable() as port:
        cable = Cable(port, lambda data: data)
        walking = walker(desk, 2, cable.close)
        run = aim(cable.path, 5)
        walking.join(10)
    assert run.exit_code == 0, run.output
    assert "unplugged: the test goes on by itself" in run.output
    desk.pass_by()  # the LED still answers
    desk.until(lambda: counted(desk) == [3], 15)
