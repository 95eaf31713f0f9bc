import os
import socket

import pytest

from trap.drivers import vitals, watchdog


@pytest.fixture
def sys(tmp_path):
    zone = tmp_path / "class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text("47236\n")
    firmware = tmp_path / "devices/platform/soc/soc:firmware"
    firmware.mkdir(parents=True)
    (firmware / "get_throttled").write_text("50005\n")
    return tmp_path


def test_temperature_is_in_degrees(sys, tmp_path):
    assert vitals.cpu_temperature_c(sys) == 47.236
    assert vitals.cpu_temperature_c(tmp_path / "none") is None


def test_throttling_is_said_in_words(sys, tmp_path):
    assert vitals.throttled(sys) == [
        "under-voltage now",
        "throttled now",
        "under-voltage since boot",
        "throttled since boot",
    ]
    assert vitals.throttled(tmp_path / "none") is None


def test_storage_says_size_and_whether_it_may_be_written(tmp_path):
    found = vitals.storage(tmp_path)
    assert found.size_bytes >= found.free_bytes > 0
    assert not found.read_only
    assert vitals.storage(tmp_path / "none") is None


def test_card_that_reports_wear_is_believed_in_the_worse_of_its_two_figures(tmp_path):
    device = tmp_path.stat().st_dev
    disk = tmp_path / "devices/mmc/mmcblk0"
    (disk / "mmcblk0p4").mkdir(parents=True)
    (disk / "device").mkdir()
    (disk / "device/life_time").write_text("0x02 0x07\n")
    links = tmp_path / "dev/block"
    links.mkdir(parents=True)
    (links / f"{os.major(device)}:{os.minor(device)}").symlink_to(disk / "mmcblk0p4")
    assert vitals.storage(tmp_path, tmp_path).worn_pct == 70


def test_memory_is_read_from_the_kernel():
    found = vitals.memory_kb()
    assert found["peak"] >= found["rss"] > 1_000


def test_service_manager_hears_that_we_are_ready(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        assert watchdog.sd_notify("READY=1", str(tmp_path / "notify"))
        assert manager.recv(100) == b"READY=1"


def test_without_a_service_manager_nothing_happens(tmp_path):
    assert not watchdog.sd_notify("READY=1", "")
    assert not watchdog.sd_notify("READY=1", str(tmp_path / "gone"))


def test_hardware_watchdogs_are_listed_with_their_state(tmp_path):
    device = tmp_path / "watchdog0"
    device.mkdir()
    (device / "identity").write_text("Broadcom BCM2835 Watchdog timer\n")
    (device / "state").write_text("active\n")
    assert watchdog.hardware(tmp_path) == {"watchdog0": "Broadcom BCM2835 Watchdog timer, active, unknown s"}
    assert watchdog.hardware(tmp_path / "none") == {}
