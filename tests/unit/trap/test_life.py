import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from smp import os_management as os_mgmt

from tests.link_rig import serving
from tests.unit.drivers.fake_gpiod import FakeGpiod
from tests.unit.drivers.fake_picamera2 import FakePicamera2
from tests.unit.trap.parts import NOON, QueueLink
from trap import assembly, cli, life
from trap.assembly import UnitConfig, load_deployment, real_trap
from trap.drivers import camera as camera_driver
from trap.drivers.camera import CameraSettings, PiCamera
from trap.drivers.hostport import LastingPort
from trap.drivers.inputs import Input
from trap.drivers.lone import LoneSupervisor
from trap.drivers.tty import open_pty
from trap_tools.link.client import Unit
from trap_tools.link.line import Line
from trap_wire import codes, slot
from trap_wire.entries import Kind
from trap_wire.errors import PartError

TOML = '[station]\nunit = "MN-017"\ndeployment = "tost-2026-a"\n'


@pytest.fixture
def config(tmp_path):
    for name in ("journal", "card"):
        (tmp_path / name).mkdir()
    (tmp_path / "station.toml").write_bytes(slot.fill(TOML))
    return UnitConfig(
        station=tmp_path / "station.toml",
        journal=tmp_path / "journal/journal.sqlite",
        card=tmp_path / "card",
        detectors=(tmp_path / "detector",),
        uart=tmp_path / "serial0",
        host_port=tmp_path / "ttyGS0",
        gpio_chip=str(tmp_path / "gpiochip9"),
        camera=CameraSettings((64, 48), (32, 24)),
    )


def lone_trap(build, library, *, pulses=1):
    """A unit whose PIR is driven by the test and which has no supervisor."""
    gpiod = FakeGpiod()
    pir = Input(17, "PIR", chip="/dev/gpiochip0", gpiod=gpiod)
    for n in range(pulses):
        gpiod.pull(17, high=True, at_ns=(1 + n) * 10**10)
        gpiod.pull(17, high=False, at_ns=(1 + n) * 10**10 + 10**8)
    camera = PiCamera(CameraSettings((64, 48), (32, 24)), lambda: NOON, library=lambda _: library)
    return build(camera=camera, supervisor=LoneSupervisor(pir, 5_000, lambda: NOON))


def test_unit_without_any_of_its_parts_starts_and_says_what_is_missing(config):
    trap = real_trap(config)
    body = life.arm(trap, started_ns=0)
    boot = trap.journal.newest(Kind.BOOT)[0].body
    assert boot["unit"] == "MN-017"
    assert "nothing wakes this unit" in boot["trouble"]
    assert "no detector" in boot["trouble"]
    assert trap.journal.newest(Kind.ERROR)[0].body["part"] == "camera"
    assert (body["state"], body["camera_open_ms"]) == ("armed", None)


def test_units_own_key_lies_beside_the_journal_and_never_on_the_drive_that_hosts_see(config):
    real_trap(config)
    assert (config.journal.parent / "vault" / "unit.seed").is_file()
    assert not (config.card / "vault").exists()


def test_torn_station_slot_is_the_safe_default_and_said(config):
    raw = bytearray(slot.fill(TOML))
    raw[60] ^= 0xFF
    config.station.write_bytes(raw)
    deployment = load_deployment(config.station)
    assert not deployment.protocol.filter_blanks
    assert "does not match its hash" in deployment.trouble


def test_absent_boot_partition_is_the_safe_default_and_said(config):
    config.station.unlink()
    assert "is the boot partition mounted?" in load_deployment(config.station).trouble


def test_pulse_wakes_a_unit_without_supervisor_and_it_waits_for_the_next(build, journal):
    stopping = threading.Event()
    trap = lone_trap(build, FakePicamera2())
    watched = life.Watched(trap.supervisor, lambda: journal.head > 3 and stopping.set(), stopping)
    assert life.live(replace(trap, supervisor=watched), stopping) == 0
    assert len(journal.newest(Kind.BURST, 9)) == 1


def test_stopping_waits_for_the_trigger_that_runs(build, journal):
    stopping = threading.Event()
    trap = lone_trap(build, FakePicamera2(), pulses=2)
    watched = life.Watched(trap.supervisor, lambda: journal.head > 0 and stopping.set(), stopping)
    life.live(replace(trap, supervisor=watched), stopping)
    (burst,) = journal.newest(Kind.BURST, 9)
    assert burst.body["frames"] == 3


def test_unit_with_a_rail_asks_to_be_switched_off(build, tmp_path):
    trap = build()
    assert life.live(trap, threading.Event(), tmp_path / "sleep") == 0
    assert (tmp_path / "sleep").exists()
    assert trap.supervisor.sent[-1][0] == codes.SLEEP_REQUEST


def test_camera_that_never_comes_back_ends_the_process_with_an_entry(build, journal, monkeypatch):
    monkeypatch.setattr(camera_driver, "START_S", 0.05)
    library = FakePicamera2()
    library.hang_in = "start"
    trap = lone_trap(build, library)
    trap = replace(trap, supervisor=_OnePulse(trap.supervisor))
    assert life.live(trap, threading.Event()) == PartError.exit_code
    assert "trapd starts anew" in journal.newest(Kind.ERROR)[0].body["words"]
    library.unhang()


class _OnePulse:
    """Passes on one frame, then has no more; the wait of five seconds between two is not this test's subject."""

    def __init__(self, link):
        self._link, self._given = link, False

    def receive(self, timeout_s):
        frame = None if self._given else self._link.receive(0.2)
        self._given = True
        return frame

    def send(self, type_, payload=b""):
        self._link.send(type_, payload)


def test_laptop_reads_the_summary_over_a_port_that_comes_and_goes(build):
    pty = open_pty()
    ports = iter([PartError("host port", "absent"), pty.port])

    def open_port(path):
        found = next(ports)
        if isinstance(found, PartError):
            raise found
        return found

    port = LastingPort("/dev/ttyGS0", open_port)
    trap = assembly.with_host(build(), port)
    assert trap.host.serve_for(1) == 0
    port._not_before_s = 0.0
    with serving(trap.host), Line(pty.path) as line:
        assert Unit(line).summary()["unit"] == "MN-017"
    pty.close()


def test_every_call_of_the_duty_cycle_is_a_sign_of_life():
    said = []
    watched = life.Watched(QueueLink([]), lambda: said.append(1), threading.Event())
    watched.receive(0.0)
    watched.send(codes.HEARTBEAT)
    assert len(said) == 2


def test_doctor_asks_every_part_and_ends_with_8_when_one_is_at_fault(config, capsys):
    data = config.card.parent
    code = cli.main(
        ["doctor", "--json", "--data", str(data), "--station", str(config.station), "station", "card", "usb"]
    )
    found = {line["part"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert code == 8
    assert (found["station"]["state"], found["station"]["facts"]["unit"]) == ("ok", "MN-017")
    assert found["card"]["state"] == "ok"
    assert "manul-gadget.service" in found["usb"]["words"]


def test_doctor_names_a_part_that_does_not_exist(capsys):
    assert cli.main(["doctor", "flux-capacitor"]) == 3
    assert "there are station, gpio, pir" in capsys.readouterr().err


def test_camera_sizes_that_are_none_are_wrong_usage_with_an_example(capsys):
    assert cli.main(["doctor", "station", "--camera", "big"]) == 3
    assert "2304x1296:640x360:YUV420" in capsys.readouterr().err


def test_host_that_asks_for_a_restart_is_answered_and_the_rail_stays_up(build, journal, tmp_path):
    pty = open_pty()
    trap = assembly.with_host(build(), LastingPort("/dev/ttyGS0", lambda _: pty.port))
    ended = []
    unit = threading.Thread(target=lambda: ended.append(life.live(trap, threading.Event(), tmp_path / "sleep")))
    with Line(pty.path) as line:
        host = Unit(line)
        unit.start()
        host.hello()
        host.ask(os_mgmt.ResetWriteRequest(), os_mgmt.ResetWriteResponse)
    unit.join(10)
    pty.close()
    assert ended == [life.RESTART]
    assert not (tmp_path / "sleep").exists()
    assert codes.SLEEP_REQUEST not in [type_ for type_, _ in trap.supervisor.sent]
    assert journal.newest(Kind.STATE)[0].body == {"state": "restarting", "cause": "host"}


def test_service_comes_again_after_a_restart_that_a_host_asked_for():
    service = (Path(__file__).parents[3] / "firmware/systemd/trapd.service").read_text()
    assert f"RestartForceExitStatus={life.RESTART}" in service


def test_unit_that_is_stopped_does_not_wait_for_a_host_that_has_gone_quiet(build):
    pty, stopping = open_pty(), threading.Event()
    trap = assembly.with_host(replace(build(), stopping=stopping), LastingPort("/dev/ttyGS0", lambda _: pty.port))
    unit = threading.Thread(target=life.live, args=(trap, stopping))
    with Line(pty.path) as line:
        unit.start()
        Unit(line).hello()
    stopping.set()
    unit.join(5)
    assert not unit.is_alive()
    pty.close()


def test_what_became_of_a_release_is_journalled_once_and_one_that_was_left_is_trouble(build, journal):
    trap = build()
    said = "release 1.1 was left: it did not become healthy in its starts; 1.0 runs again"
    for words in ("", said, said, said):
        life._tell(trap, words)
    assert [entry.body for entry in journal.entries(kind=Kind.UPDATE)] == [{"words": said}]
    assert [entry.body for entry in journal.entries(kind=Kind.ERROR)] == [{"part": "update", "words": said}]
    life._tell(trap, "release 1.2 is healthy and stays")
    assert journal.newest(Kind.UPDATE)[0].body == {"words": "release 1.2 is healthy and stays"}
    assert len(list(journal.entries(kind=Kind.ERROR))) == 1
