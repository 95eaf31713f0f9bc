"""What each driver makes of a part that is absent, lies, or goes away: the ones that no other test shows."""

import os
import sys
import threading
import time
from datetime import UTC, datetime

import pytest

from tests.unit.drivers.fake_gpiod import FakeGpiod
from tests.unit.drivers.fake_picamera2 import FakePicamera2
from trap.drivers import gadget, i2c, partition, vitals, watchdog
from trap.drivers.absent import AbsentSupervisor
from trap.drivers.age import sealer
from trap.drivers.camera import CameraSettings, PiCamera
from trap.drivers.card import FolderCard
from trap.drivers.clock import BackedClock, SystemClock
from trap.drivers.ed25519 import Ed25519, new_seed
from trap.drivers.flash import Flash
from trap.drivers.hostport import LastingPort
from trap.drivers.inputs import Input
from trap.drivers.lone import LoneSupervisor
from trap.drivers.rtc import RtcTime
from trap.drivers.tty import open_pty, open_tty
from trap.drivers.uart import Uart
from trap.ports import BurstPlan, Vitals
from trap_wire import codes, frames
from trap_wire.errors import PartError, StorageError

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Chip:
    """An RTC as the clock sees it."""

    def __init__(self, read):
        self.answer, self.was_set = read, None

    def read(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def set(self, now):
        self.was_set = now


# --- card


def test_card_that_is_not_mounted_is_said_at_every_call(tmp_path):
    (tmp_path / "card").write_bytes(b"a file where a folder should be")
    card = FolderCard(tmp_path / "card")
    for call in (lambda: card.write("media/1.jpg", b"x"), lambda: card.read("1.jpg"), lambda: card.size("1.jpg")):
        with pytest.raises(StorageError, match="card: "):
            call()


def test_card_that_was_pulled_in_mid_use_is_said(tmp_path):
    card = FolderCard(tmp_path / "card")
    card.root.mkdir()
    card.write("1.jpg", b"x")
    (tmp_path / "card").rename(tmp_path / "pulled")
    assert card.size("1.jpg") is None
    with pytest.raises(StorageError, match="No such file"):
        card.sync("1.jpg")
    with pytest.raises(StorageError, match="No such file"):
        card.free_bytes()


def test_full_card_is_said_in_the_kernels_words(tmp_path):
    (tmp_path / "1.jpg").symlink_to("/dev/full")
    with pytest.raises(StorageError, match="No space left"):
        FolderCard(tmp_path).write("1.jpg", b"x")


# --- clock


def test_rtc_that_is_absent_or_stood_still_is_said_and_its_time_not_taken():
    assert "no DS3231" in BackedClock(Chip(PartError("DS3231", "no DS3231 at 0x68"))).adopt()
    assert "oscillator stood still" in BackedClock(Chip(RtcTime(NOON, trusted=False, temperature_c=0.0))).adopt()


def test_account_that_may_not_set_the_time_is_told_which_capability_it_lacks():
    with pytest.raises(PartError, match="CAP_SYS_TIME"):
        SystemClock().set(NOON)
    assert "CAP_SYS_TIME" in BackedClock(Chip(RtcTime(NOON, trusted=True, temperature_c=0.0))).adopt()


def test_time_of_a_host_is_taken_though_the_rtc_is_gone_and_that_is_said(monkeypatch):
    stepped = []
    monkeypatch.setattr(time, "clock_settime", lambda _, seconds: stepped.append(seconds))

    class Gone(Chip):
        def set(self, now):
            raise PartError("DS3231", "no DS3231 at 0x68")

    with pytest.raises(PartError, match="no DS3231"):
        BackedClock(Gone(None)).set(NOON)
    assert stepped == [NOON.timestamp()]


# --- lines


def test_pulses_of_a_long_burst_wait_in_the_kernel_with_their_time():
    gpiod = FakeGpiod()
    pir = Input(17, "PIR, header pin 11", chip="/dev/gpiochip0", gpiod=gpiod)
    for number in range(40):
        gpiod.pull(17, high=number % 2 == 0, at_ns=(1 + number) * 100_000_000)
    seen = [pir.wait(0.1) for _ in range(40)]
    assert [edge.at_ns // 100_000_000 for edge in seen] == list(range(1, 41))


def test_pir_whose_line_is_gone_ends_the_wait_of_a_unit_without_supervisor():
    gpiod = FakeGpiod()
    supervisor = LoneSupervisor(Input(17, "PIR, header pin 11", chip="/dev/gpiochip0", gpiod=gpiod), 0, lambda: NOON)
    gpiod.gone = True
    with pytest.raises(PartError, match="line is gone"):
        supervisor.receive(0.1)


def test_slow_gauge_is_in_the_age_of_the_trigger_and_takes_nothing_from_it():
    gpiod = FakeGpiod()

    def slow():
        time.sleep(0.05)
        return Vitals(battery_mv=7_000)

    pir = Input(17, "PIR, header pin 11", chip="/dev/gpiochip0", gpiod=gpiod)
    supervisor = LoneSupervisor(pir, 0, lambda: NOON, slow)
    gpiod.pull(17, high=True)
    wake = frames.unpack_wake(supervisor.receive(0.1).payload)
    assert (wake.reason, wake.battery_mv) == (codes.REASON_PIR, 7_000)
    assert wake.trigger_age_ms >= 50


def test_unit_that_nothing_wakes_waits_for_a_laptop():
    nobody = AbsentSupervisor()
    started = time.monotonic()
    assert nobody.receive(0.05) is None
    assert time.monotonic() - started >= 0.05
    nobody.send(codes.HEARTBEAT)


class DeadLine(FakeGpiod):
    """A chip that is gone when a line is to be set."""

    def request_lines(self, *args, **kwargs):
        request = super().request_lines(*args, **kwargs)
        request.set_value = self._gone
        return request

    def _gone(self, *_):
        raise OSError(19, "No such device")


def test_flash_whose_line_is_gone_costs_the_light_and_not_the_picture():
    flash = Flash(chip="/dev/gpiochip0", gpiod=DeadLine())
    with flash.lit() as lit_ns:
        assert lit_ns is None
    settings = CameraSettings(main_px=(64, 48), lores_px=(32, 24))
    camera = PiCamera(settings, lambda: NOON, flash, lambda _: FakePicamera2())
    shots = list(camera.burst(BurstPlan(frames=2, interval_ms=0, light_lux=0.0)))
    assert [shot.infrared for shot in shots] == [False, False]


# --- bus


@pytest.mark.parametrize(
    ("error", "words"), [(PermissionError(13, "no"), "group i2c"), (FileNotFoundError(2, "no"), "i2c_arm=on")]
)
def test_bus_that_cannot_be_opened_names_the_group_or_the_line_of_config_txt(error, words):
    def refused(_):
        raise error

    with pytest.raises(PartError, match=words):
        i2c.opened("INA226", 1, refused)


# --- cables


def test_host_port_that_comes_goes_and_comes_again_is_silence_in_between():
    cable = open_pty()
    places = iter([PartError("host port", "not there"), cable.path, cable.path])

    def opened(_):
        place = next(places)
        if isinstance(place, Exception):
            raise place
        return open_tty(place)

    port = LastingPort("/dev/ttyGS0", opened)
    assert port.read(0.01) == b""
    port.write(b"nobody hears this")
    port._not_before_s = 0.0
    assert port.read(0.01) == b""
    cable.port.write(b"hello")
    assert port.read(1.0) == b"hello"
    port.close()
    cable.close()


def test_uart_that_is_absent_names_its_port_and_one_that_is_cut_off_says_so(tmp_path):
    with pytest.raises(PartError, match="switched on in config"):
        Uart(str(tmp_path / "serial0"))
    cable = open_pty()
    uart = Uart(cable.path)
    cable.close()
    with pytest.raises(PartError, match="supervisor"):
        for _ in range(3):
            uart.write(b"?")
            uart.read(0.05)
    uart.close()


def test_usb_controller_that_comes_late_is_waited_for(tmp_path):
    def late():
        (tmp_path / "udc" / "3f980000.usb").mkdir(parents=True)

    timer = threading.Timer(0.3, late)
    timer.start()
    assert gadget._controller(tmp_path / "udc") == "3f980000.usb"
    timer.join()


# --- what is in memory


def test_picture_that_cannot_be_sealed_is_not_written_in_the_clear():
    pyrage = pytest.importorskip("pyrage")
    seal = sealer(str(pyrage.x25519.Identity.generate().to_public()))
    assert seal(b"a picture").startswith(b"age-encryption.org")
    with pytest.raises(StorageError, match="not sealed, so not written"):
        seal("no bytes at all")


def test_unit_without_cryptography_starts_and_fails_at_the_first_login(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
    signing = Ed25519(new_seed())
    with pytest.raises(ImportError):
        signing.public()


def test_signature_or_key_that_is_none_is_not_good():
    signing = Ed25519(new_seed())
    signed = signing.sign(b"nonce")
    assert signing.is_signed(signing.public(), signed, b"nonce")
    for public, signature in ((signing.public(), b"short"), (b"no key", signed), (bytes(32), signed)):
        assert not signing.is_signed(public, signature, b"nonce")


def test_buffer_of_another_size_is_a_fault_of_the_camera():
    library = FakePicamera2()
    library.torn = True
    camera = PiCamera(CameraSettings(main_px=(64, 48), lores_px=(32, 24)), lambda: NOON, library=lambda _: library)
    with pytest.raises(PartError, match="camera"):
        list(camera.burst(BurstPlan(frames=1, interval_ms=0)))
    assert library.out == 0


def test_command_that_does_not_come_back_leaves_the_media_partition_as_it_is(monkeypatch):
    monkeypatch.setattr(partition, "PATIENCE_S", 0.1)
    with pytest.raises(PartError, match=r"sleep: .*timed out"):
        partition._run(["sleep", "10"])


# --- the Pi's own state


def test_files_that_hold_no_number_are_no_reading(tmp_path):
    zone = tmp_path / "class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text("hot\n")
    firmware = tmp_path / "devices/platform/soc/soc:firmware"
    firmware.mkdir(parents=True)
    (firmware / "get_throttled").write_text("\n")
    assert vitals.cpu_temperature_c(tmp_path) is None
    assert vitals.throttled(tmp_path) is None
    device = tmp_path.stat().st_dev
    card = tmp_path / "dev/block" / f"{os.major(device)}:{os.minor(device)}"
    card.parent.mkdir(parents=True)
    (tmp_path / "mmcblk0/mmcblk0p4").mkdir(parents=True)
    (tmp_path / "mmcblk0/device").mkdir()
    (tmp_path / "mmcblk0/device/life_time").write_text("unknown\n")
    card.symlink_to(tmp_path / "mmcblk0/mmcblk0p4")
    assert vitals.storage(tmp_path, tmp_path).worn_pct is None


def test_service_manager_that_died_does_not_take_the_unit_with_it(tmp_path):
    assert watchdog.sd_notify("WATCHDOG=1", str(tmp_path / "gone.sock")) is False
    assert watchdog.hardware(tmp_path) == {}
