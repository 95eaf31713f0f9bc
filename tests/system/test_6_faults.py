"""What breaks on a mountain: each fault ends in the state that docs/system-test.md names."""

from tests.system import bench as benches
from tests.system.machine import WATCHDOG, MachineError, overlay, running
from tests.system.unit import burst, entries, head, until


def test_full_card_is_said_and_the_journal_goes_on(armed):
    armed.run("dd if=/dev/zero of=/var/lib/manul/card/fill bs=1M 2>/dev/null; sync; true", timeout_s=120)
    found = burst(armed, head(armed))
    assert any("card full" in body["words"] for body in found["error"])
    assert found["verdict"][0]["decision"] in ("keep", "unknown")


def test_media_partition_that_turns_read_only_loses_pictures_and_nothing_else(armed):
    armed.run("mount -o remount,ro /dev/vda4 /var/lib/manul/card")
    found = burst(armed, head(armed))
    assert any("pictures of" in body["words"] and "lost" in body["words"] for body in found["error"])
    armed.run("mount -o remount,rw /dev/vda4 /var/lib/manul/card; sleep 5")
    assert len([body for body in burst(armed, head(armed))["media"] if body["role"] == "photograph"]) == 3


def test_journal_partition_that_turns_read_only_ends_trapd_and_systemd_tries_again(armed):
    """As the kernel does it when a card fails: an error in the file system, and from then on it is read-only."""
    before = head(armed)
    armed.run("echo 1 > /sys/fs/ext4/vda3/trigger_fs_error")
    armed.run("sh /run/bench/bin/pulse.sh")
    restarts = until(lambda: int(armed.run("systemctl show -P NRestarts trapd")), 120)
    assert restarts >= 1
    said = armed.run("journalctl -b -u trapd -o cat")
    assert "trapd: journal" in said, said[-1500:]
    # Releases lie in the same file system, mounted a second time.
    armed.run(
        "systemctl stop trapd; umount /var/lib/manul/update /var/lib/manul/journal; e2fsck -fp /dev/vda3; [ $? -le 1 ]"
    )
    armed.run(
        "systemctl start var-lib-manul-journal.mount var-lib-manul-update.mount; systemctl reset-failed trapd",
        check=False,
    )
    armed.run("systemctl start trapd", timeout_s=400)
    assert entries(armed, "boot", before), "mended and mounted, it writes on"


def test_camera_that_is_gone_is_an_entry_at_every_wake_and_the_unit_waits_on(staged):
    staged.run("umount /usr/share/libcamera; systemctl start trapd", timeout_s=400)
    assert "no camera 0: is the ribbon seated, contacts down?" in entries(staged, "error")[-1]["body"]["words"]
    found = burst(staged, head(staged))
    assert found["burst"][0]["frames"] == 0
    assert "ribbon" in found["error"][0]["words"]
    assert staged.run("systemctl is-active trapd") == "active"


def test_camera_that_hangs_costs_one_process_and_comes_back(armed):
    """The camera's library is stopped in mid-call, as a driver that waits for a lost interrupt stops it."""
    before = head(armed)
    armed.run("touch /run/hang-camera")
    armed.run("sh /run/bench/bin/pulse.sh")
    until(lambda: [e for e in entries(armed, "error", before) if "trapd starts anew" in e["body"]["words"]], 120)
    armed.run("rm /run/hang-camera")
    until(
        lambda: armed.run("systemctl is-active trapd", check=False) == "active" and entries(armed, "boot", before), 400
    )
    assert burst(armed, head(armed))["burst"][0]["frames"] == 3


def test_trapd_that_stops_saying_that_it_lives_is_started_again(armed):
    armed.run(
        "mkdir -p /run/systemd/system/trapd.service.d; printf '[Service]\\nWatchdogSec=5s\\n' > /run/systemd/system/trapd.service.d/zz.conf"
    )
    armed.run("systemctl daemon-reload; systemctl restart trapd", timeout_s=400)
    armed.run("kill -STOP $(systemctl show -P MainPID trapd)")
    until(lambda: int(armed.run("systemctl show -P NRestarts trapd")) >= 1, 120)
    assert "Watchdog timeout" in armed.run("journalctl -b -u trapd -o cat")


def test_kernel_that_stops_is_reset_by_the_watchdog(image, bench):
    folder = benches.where() / "watchdog"
    folder.mkdir(exist_ok=True)
    with running(folder, image, overlay(image / "manul.img", folder / "card.qcow2"), bench, *WATCHDOG) as machine:
        machine.wait_for_shell()
        boot = machine.run("cat /proc/sys/kernel/random/boot_id")
        machine.run(
            "for n in $(seq 200); do grep -q ^active /sys/class/watchdog/watchdog0/state && break; sleep 0.2; done"
        )
        machine.run("echo 1 > /sys/fs/cgroup/init.scope/cgroup.freeze; sleep 1")  # systemd feeds it, and no longer can
        until(lambda: _boot_id(machine) not in ("", boot), 300)


def _boot_id(machine):
    """Which boot this is; empty while the machine is on its way."""
    try:
        return machine.run("cat /proc/sys/kernel/random/boot_id", timeout_s=10)
    except MachineError:
        machine.wait_for_shell()
        return ""
