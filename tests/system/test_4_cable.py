"""The cable: real gadget, real host controller, real ``manul``, and a hand that pulls the plug in the middle."""

import json
import signal
import subprocess
import sys
import time

from tests.system.unit import MANUL, burst, cable, entries, head, local, manul, pulse, until

DRIVE = """
import pathlib
from trap.drivers.gadget import Drive
drive = Drive()
{call}
"""


def bursts(machine, count):
    for _ in range(count):
        burst(machine, head(machine))
        machine.run("sleep 5")


def test_pull_that_was_cut_in_the_middle_is_taken_up_and_verified(armed, tmp_path):
    bursts(armed, 3)
    words = [sys.executable, str(MANUL), "pull", "--to", str(tmp_path), "--keep-clock", "--port"]
    with cable(armed) as port:
        first = subprocess.Popen([*words, port], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        while not local(tmp_path) and first.poll() is None:
            time.sleep(0.01)
        armed.run("kill $(cat /run/cable.pid)")
        out, _ = first.communicate(timeout=120)
        assert first.returncode == 5, out
        cut_at = len(local(tmp_path))
    with cable(armed) as port:
        report = manul("pull", "--to", str(tmp_path), "--port", port, "--json", "--keep-clock")
    files = [entry["body"] for entry in entries(armed, "media")]
    assert 0 < cut_at < len(files), f"the cut came after {cut_at} of {len(files)} files: {out}"
    assert len(local(tmp_path)) == len(files)
    assert json.loads(report)


def test_unit_takes_its_next_picture_while_it_is_being_pulled(armed, tmp_path):
    """The picture comes first. An emulated burst may outlast the laptop's patience of 30 s: then the pull is taken up again."""
    bursts(armed, 3)
    words = ["pull", "--to", str(tmp_path), "--keep-clock", "--port"]
    with cable(armed) as port:
        pulling = subprocess.Popen(
            [sys.executable, str(MANUL), *words, port], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        while not local(tmp_path) and pulling.poll() is None:
            time.sleep(0.01)
        found = burst(armed, head(armed))
        assert found["burst"][0]["frames"] == 3
        out, _ = pulling.communicate(timeout=180)
        assert pulling.returncode in (0, 5), out
        manul(*words, port)
        assert len(local(tmp_path)) == len(entries(armed, "media"))


def test_drive_is_empty_until_it_is_asked_for_and_then_read_only(armed):
    (media,) = [body for entry in entries_after_one(armed) if (body := entry["body"])["role"] == "photograph"][:1]
    armed.run(
        "systemctl start manul-gadget; modprobe usb-storage; modprobe sd_mod; udevadm settle; sleep 3; udevadm settle"
    )
    assert "vda4" in armed.run("blkid -L MANUL-MEDIA")
    assert armed.run("cat /sys/kernel/config/usb_gadget/manul/functions/mass_storage.drive/lun.0/file") == ""
    as_manul = "setpriv --reuid=manul --regid=manul --init-groups python3 -c"
    shown = DRIVE.format(call="drive.show(pathlib.Path('/dev/vda4'))")
    armed.run(
        f'{as_manul} "{shown}"; for n in $(seq 100); do [ -s /sys/block/sda/size ] && [ $(cat /sys/block/sda/size) != 0 ] && break; sleep 0.1; done'
    )
    armed.run("mkdir -p /run/laptop; mount -t vfat -o ro /dev/sda /run/laptop", timeout_s=60)
    seen = armed.run(f"sha256sum /run/laptop/{media['path']}").split()[0]
    assert seen == media["sha256"]
    assert "read-only" in armed.run("mount -o remount,rw /run/laptop", check=False).lower() + armed.run(
        "cat /sys/block/sda/ro | sed s/1/read-only/"
    )
    armed.run("umount /run/laptop")
    armed.run(f'{as_manul} "{DRIVE.format(call="drive.hide()")}"')
    assert armed.run("cat /sys/kernel/config/usb_gadget/manul/functions/mass_storage.drive/lun.0/file") == ""


def test_bulk_shows_the_card_as_a_read_only_drive_and_capture_waits(armed):
    """``manul bulk on`` by the cable; the drive comes up at the laptop's end, which is this machine's own host controller."""
    media = [entry["body"] for entry in entries_after_one(armed)]
    armed.run("modprobe usb-storage; modprobe sd_mod; modprobe nls_ascii; udevadm settle")
    with cable(armed) as port:
        # Exit code 5: it waits in vain for the drive to come up on the computer that the test runs on.
        said = json.loads(manul("bulk", "on", "--json", "--port", port, code=5))
        assert (said["on"], said["label"]) == (True, "MANUL-MEDIA")
        armed.run("for n in $(seq 200); do [ $(cat /sys/block/sda/size) != 0 ] && break; sleep 0.1; done")
        armed.run("mkdir -p /run/laptop; mount -t vfat -o ro /dev/sda /run/laptop", timeout_s=60)
        for body in media:
            assert armed.run(f"sha256sum /run/laptop/{body['path']}").split()[0] == body["sha256"]
        assert armed.run("cat /sys/block/sda/ro") == "1"
        before = head(armed)
        pulse(armed)
        until(lambda: entries(armed, "throttled", before), 60)
        assert not entries(armed, "burst", before), "it photographed onto a drive that a host was reading"
        armed.run("umount /run/laptop")
        assert json.loads(manul("bulk", "off", "--json", "--port", port))["on"] is False
        states = [body["to"] for entry in entries(armed, "state", 2) if "to" in (body := entry["body"])]
        assert states == ["bulk", "armed"]
        armed.run("sleep 5")
        assert burst(armed, head(armed))["burst"][0]["frames"] == 3


def entries_after_one(machine):
    burst(machine, head(machine))
    return entries(machine, "media")


def test_pull_that_is_killed_leaves_the_unit_well(armed, tmp_path):
    bursts(armed, 1)
    with cable(armed) as port:
        pulling = subprocess.Popen(
            [sys.executable, str(MANUL), "pull", "--to", str(tmp_path), "--port", port], stdout=subprocess.DEVNULL
        )
        time.sleep(1.0)
        pulling.send_signal(signal.SIGKILL)
        pulling.wait()
        assert json.loads(manul("summary", "--json", "--port", port))["totals"]["triggers"] == 1
