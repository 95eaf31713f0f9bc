"""A stock system that ``manul release image`` prepared, and releases that bring systemd units: started for real, cut for real."""

import json
import shutil
import subprocess

import pytest
from click.testing import CliRunner

from tests import wheelhouse
from tests.signing import KEY, OTHER, pem, public_line
from tests.stock import bed
from trap_tools.cli import main

pytestmark = pytest.mark.skipif(bool(bed.missing()), reason=bed.missing())
SYSTEMD = bed.ROOT / "firmware" / "systemd"
# The release's program: it decides about itself as trapd does, and starts again when it is asked to.
PROGRAM = """
import os, socket, sys, time
from trap import releases

line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
address = os.environ.get("NOTIFY_SOCKET", "").replace("@", chr(0), 1)
print("runs", os.environ["MANUL_RELEASE"], os.environ.get("MANUL_HOME"), releases.decided(""), flush=True)
line.sendto(b"READY=1", address)
while not os.path.exists("/run/manul/again"):
    line.sendto(b"WATCHDOG=1", address)
    time.sleep(0.2)
os.unlink("/run/manul/again")
sys.exit(75)
"""
# What a laptop does through the cable, as trapd does it: unprivileged, beside the release that runs.
INSTALL = """
import sys
from pathlib import Path
from trap.drivers.card import FolderCard
from trap.update import install, trust
from trap_wire import bundle
card, home = FolderCard(Path("/var/lib/manul")), Path("/opt/manul")
keys = trust.keys(Path("/mnt/all.pub").read_text())
raw, signature = bundle.signed_manifest(Path(sys.argv[1]))
trust.check_with_openssh(raw, signature.decode(), bundle.NAMESPACE, keys)
found = bundle.opened(Path(sys.argv[1]), keys, lambda *_: None)
install.arm(card, install.prepare(card, found, "3.11", home))
"""
EXTRA = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/touch /run/extra\n[Install]\nWantedBy=multi-user.target\n"


def manul(*words):
    answer = CliRunner().invoke(main, [str(word) for word in words])
    assert answer.exit_code == 0, answer.output


def units(folder, **changes):
    """The firmware's own units with some changed; those that are None left out."""
    shutil.copytree(SYSTEMD, folder)
    for name, text in changes.items():
        path = folder / name.replace("__", "-").replace("_", ".")
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)
    return folder


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Keys, bundles 1.0 to 1.4, and a card of 1.0."""
    desk = tmp_path_factory.mktemp("desk")
    (desk / "key").write_bytes(pem(KEY))
    (desk / "other").write_bytes(pem(OTHER))
    (desk / "key.pub").write_text(public_line(KEY))
    (desk / "all.pub").write_text(f"{public_line(KEY)}\n{public_line(OTHER)}\n")
    own = (SYSTEMD / "trapd.service").read_text()
    changed = own.replace("[Service]\n", "[Service]\nEnvironment=SAID=changed\n")
    bundle(desk, "1.0", units(desk / "u0"))
    bundle(
        desk, "1.1", units(desk / "u1", trapd_service=changed, manul__extra_service=EXTRA, manul__media_service=None)
    )
    bundle(desk, "1.2", units(desk / "u2", trapd_service=own.replace("/usr/local/bin/trapd run", "/bin/false")))
    bundle(desk, "1.3", desk / "u0")
    bundle(desk, "1.4", desk / "u1", key="other")
    manul("release", "image", bed.stock(), "--bundle", desk / "1.0.manul", "--key", desk / "key.pub",
          "--to", desk / "manul.img")  # fmt: skip
    (desk / "bundles").mkdir()
    for path in (*desk.glob("1.*.manul"), desk / "all.pub"):
        shutil.copy(path, desk / "bundles")
    for path in (desk.parent, desk):
        path.chmod(0o755)
    return desk


def bundle(desk, version, systemd, key="key"):
    wheels = desk / f"wheels-{version}"
    wheels.mkdir()
    files = {
        path.relative_to(bed.ROOT / "firmware").as_posix(): path.read_text()
        for package in ("trap", "trap_wire")
        for path in (bed.ROOT / "firmware" / package).rglob("*.py")
    }
    app = wheelhouse.wheel(wheels, "demo", version, "py3-none-any", files={**files, "trap/cli.py": PROGRAM})
    manul("release", "build", "--version", version, "--key", desk / key, "--app", app, "--extras", "", "--wheelhouse", wheels,
          "--systemd", systemd, "--protocol", "pallas-cat", "--to", desk / f"{version}.manul")  # fmt: skip


@pytest.fixture
def card(desk, tmp_path):
    path = tmp_path / "card.img"
    subprocess.run(["cp", "--sparse=always", desk / "manul.img", path], check=True)
    return path


@pytest.fixture
def started(card, desk):
    """Starts the system; each call is a power-up, and leaving it a power cut."""
    return lambda: bed.running(card, desk / "bundles")


def armed(machine, timeout_s=90):
    """Wait until trapd runs; the folder of its release."""
    machine.wait("systemctl is-active trapd", timeout_s)
    said = machine.run("journalctl -b -u trapd -o cat | grep ^runs | tail -1")
    return said.split()[1].rpartition("/")[2]


def install(machine, version):
    machine.run(f"cat > /run/install.py <<'EOF'\n{INSTALL}\nEOF")
    site = "PYTHONPATH=$(ls -d /var/lib/manul/update/*/site | head -1)"
    return machine.run(f"umask 0027; runuser -u manul -- env {site} python3 /run/install.py /mnt/{version}.manul")


def environment(machine):
    return machine.run("systemctl show -P Environment trapd")


def settled(machine):
    """No trial is under way, and all is on the card."""
    machine.wait('grep -q \'"trial": ""\' /var/lib/manul/update/state.json && sync')


def test_prepared_stock_card_starts_its_release_as_the_units_account(started):
    with started() as machine:
        assert armed(machine) == "a"
        assert machine.run("stat -c %U /proc/$(systemctl show -P MainPID trapd)") == "manul"
        assert set(
            machine.run("stat -c %U /var/lib/manul /var/lib/manul/update/* /boot/firmware/station.toml").split()
        ) == {"manul"}
        assert machine.run("stat -c %U /opt/manul /opt/manul/*").split() == ["root"] * 5
        assert "healthy" in machine.run("cat /var/lib/manul/update/state.json")
        machine.run(
            "runuser -u manul -- dd if=/dev/zero of=/boot/firmware/station.toml bs=64k count=1 conv=notrunc,fsync"
        )


def test_root_runs_nothing_that_the_units_account_could_have_written(started):
    with started() as machine:
        armed(machine)
        machine.run("chmod 1777 /run; cd /var/lib/manul/update/a/site/trap; rm -r __pycache__; cat > cli.py <<'EOF'\n"
                    "import os\nopen(f'/run/harm-{os.geteuid()}', 'w')\nEOF")  # fmt: skip
        machine.run("trapd gadget up || true; trapd card grow || true; trapd doctor || true")
        assert machine.run("ls /run | grep harm") == "harm-900"


def test_release_brings_systemd_units_through_the_cable_and_they_last_over_starts(started):
    with started() as machine:
        armed(machine)
        install(machine, "1.1")
        machine.run("touch /run/manul/again; chown manul /run/manul/again")
        machine.wait("journalctl -b -u trapd -o cat | grep -q '^runs /var/lib/manul/update/b'")
        assert "SAID=changed" in environment(machine)
        machine.wait("test -e /run/extra")
        settled(machine)
    with started() as machine:
        assert armed(machine) == "b"
        assert "SAID=changed" in environment(machine)
        machine.wait("test -e /run/extra")
        assert machine.run("systemctl show -P LoadState manul-media") == "masked"
        assert "1.1" in machine.run("cat /var/lib/manul/update/state.json")
        install(machine, "1.3")  # with the card's own units again
        machine.run("sync")
    with started() as machine:
        assert armed(machine) == "a"
        assert "SAID=changed" not in environment(machine)
        assert machine.run("systemctl show -P LoadState manul-media") == "loaded"


def test_units_under_which_nothing_starts_are_left_after_their_starts(started):
    with started() as machine:
        armed(machine)
        install(machine, "1.2")
        machine.run("sync")
    for _ in range(3):
        with started() as machine:
            machine.wait("journalctl -b -u trapd -o cat | grep -q 'status=1/FAILURE'")
            assert json.loads(machine.run("cat /run/manul-units/said.json"))["folder"] == "b"
            machine.run("sync")
    with started() as machine:
        assert armed(machine) == "a"
        assert "1.2 was left" in machine.run("cat /var/lib/manul/update/state.json")


def test_units_that_no_key_of_this_card_signed_are_refused_twice(started):
    """By trapd when they come, and by root when somebody who has taken over trapd puts them there."""
    with started() as machine:
        armed(machine)
        with pytest.raises(AssertionError, match="signed by another key than those that this card came with"):
            install(machine, "1.4")
        install(machine, "1.1")
        machine.run("echo '[Service]' >> /var/lib/manul/update/b/systemd/manul-extra.service; sync")
    with started() as machine:
        assert armed(machine) == "b"
        assert "is not what the programme signed" in machine.run("journalctl -b -u 'manul-units@*' -o cat")
        assert machine.run("ls /run/systemd/system") == ""


def test_link_instead_of_a_unit_is_not_followed(started):
    with started() as machine:
        armed(machine)
        install(machine, "1.1")
        machine.run("cd /var/lib/manul/update/b/systemd; ln -sf /etc/shadow trapd.service; sync")
    with started() as machine:
        armed(machine)
        assert "root:" not in machine.run("journalctl -b -u 'manul-units@*' -o cat")
        assert machine.run("ls /run/systemd/system") == ""
