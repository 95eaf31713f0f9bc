"""The card that a technician hands out: written by ``manul flash``, booted, it answers by its station's name, and takes releases."""

import json
import re
import subprocess
import sys

import pytest

from tests.system import bench as benches
from tests.system import releases
from tests.system.conftest import keep
from tests.system.machine import running
from tests.system.unit import DETECTOR, burst, cable, entries, head, manul
from trap.drivers.partition import LABEL
from trap.update import state
from trap_tools.sums import sha256_of

STATION = '[station]\nunit = "MN-017"\ndeployment = "tost-2026-a"\nprogramme = "tost"\n'
CARD = 4 << 30
USED = b"\xa5" * (1 << 20)  # what was on the card before; holes of an image leave it there
BY_CABLE = (
    4 << 20
)  # of a bundle: the emulated cable is slow, and going on where a cut stopped is what it must do anyway
UPDATE = "/var/lib/manul/update"
BUNDLE_DISK = "virtio-blk-pci,drive=bundle,addr=0x11"


@pytest.fixture(scope="module")
def flashed(image):
    """A used card of 4 GB as ``manul flash`` leaves it."""
    folder = benches.where() / "flashed"
    folder.mkdir(exist_ok=True)
    card = folder / "card.img"
    card.unlink(missing_ok=True)
    with card.open("wb") as file:
        for _ in range((image / "manul.img").stat().st_size >> 20):
            file.write(USED)
        file.truncate(CARD)
    (folder / "station.toml").write_text(STATION)
    out = manul(
        "flash", "--image", str(image / "manul.img"), "--file", str(card), "--station", str(folder / "station.toml"),
        "--protocol", "pallas-cat", "--receipts", str(folder / "receipts"), "--yes", card.name, "--json",
    )  # fmt: skip
    assert json.loads(out.splitlines()[-1])["result"] == "good"
    return card


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    return releases.desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def unit(flashed, desk, image, bench):
    """The card in a machine, armed. A second disk has the part of release 1.0 that came before the cable was cut."""
    begun = flashed.parent / "begun.bin"
    begun.write_bytes((desk / "1.0.manul").read_bytes()[:-BY_CABLE])
    with begun.open("r+b") as file:
        file.truncate(-(-begun.stat().st_size // 512) * 512)
    drive = ("-drive", f"file={begun},if=none,id=bundle,format=raw,readonly=on", "-device", BUNDLE_DISK)
    with running(flashed.parent, image, flashed, bench, *drive) as machine:
        machine.wait_for_shell()
        machine.run("mkdir -p /run/bench; mount -o ro /dev/vdb /run/bench; sh /run/bench/bin/stage.sh")
        machine.run("systemctl start trapd", timeout_s=400)
        yield machine


@pytest.fixture(autouse=True)
def kept(request, unit):
    yield
    if getattr(request.node, "failed", False):
        keep(request.node.name, unit)


def test_written_card_boots_grows_and_answers_with_its_stations_name(unit):
    (boot,) = entries(unit, "boot")
    assert (boot["body"]["unit"], boot["body"]["trouble"]) == ("MN-017", None)
    with cable(unit) as port:
        said = json.loads(manul("summary", "--json", "--port", port))
        assert said["unit"] == "MN-017"
        assert "MN-017" in manul("ports", "--port", port, "--json")
        echo(port)
    # The image's media partition is 512 MB; the card's is what is left of 4 GB.
    size_mb = int(unit.run("df --output=size -B1000000 /var/lib/manul/card | tail -1"))
    assert size_mb > 2_500
    assert LABEL in unit.run("blkid -o value -s LABEL /dev/vda4")
    assert "Photographs" in unit.run("cat /var/lib/manul/card/README.txt")
    found = burst(unit, head(unit))
    assert len([body for body in found["media"] if body["role"] == "photograph"]) == 3
    grown = unit.run(
        "systemctl show -P ActiveState -P ConditionResult manul-media; journalctl -b -u manul-media -o cat"
    )
    benches.note("flashed", {"media_mb": size_mb, "grown": grown})


def test_release_that_comes_by_the_cable_is_proved_installed_tried_and_stays(unit, desk):
    """Its wheels for ARM run there: LiteRT, NumPy, Pillow, cryptography, gpiod, from the card's one executable place."""
    bundle = desk / "1.0.manul"
    arrived = f"{UPDATE}/inbox/{sha256_of(bundle)}-{bundle.stat().st_size}.part"
    with cable(unit) as port:
        manul("keys", "add", str(desk / "key.pub"), "--port", port)
        shown = json.loads(manul("update", "--show", "--json", "--port", port, "--login", str(desk / "key")))
        assert [(row["slot"], row["version"], row["confirmed"]) for row in shown] == [(0, built_in(unit), True)]
        unit.run(
            f"install -d -o manul -g manul {UPDATE}/inbox; "
            f"head -c {bundle.stat().st_size - BY_CABLE} /dev/vdc > {arrived}; chown manul: {arrived}",
            timeout_s=120,
        )
        said = json.loads(update(desk, "1.0", port))
        assert (said["version"], said["confirmed"]) == ("1.0", True)
    assert environment(unit)["MANUL_RELEASE"] == f"{UPDATE}/a"
    words = [entry["body"].get("words") for entry in entries(unit, "update")]
    assert words == ["release 1.0 is healthy and stays"]
    unit.run("sleep 5")
    found = burst(unit, head(unit))
    assert found["burst"][0]["frames"] == 3
    assert found["verdict"][0]["fail_open"] is None
    loaded = set(re.findall(rf"{UPDATE}/a/site/(\w+)", unit.run(f"cat /proc/{main_pid(unit)}/maps")))
    assert {"ai_edge_litert", "numpy", "PIL", "gpiod", "cbor2"} <= loaded, loaded
    assert f"{UPDATE}/a/model/{DETECTOR.name}" in unit.run(
        f"tr '\\0' '\\n' < /proc/{main_pid(unit)}/environ; ls -d {UPDATE}/a/model/*"
    )
    starts = [e["body"]["since_start_ms"] for e in entries(unit, "state") if e["body"].get("state") == "armed"]
    size_mb = int(unit.run(f"du -sm {UPDATE}/a | cut -f1"))
    benches.note(
        "update", {"bundle_mb": bundle.stat().st_size >> 20, "installed_mb": size_mb, "since_start_ms": starts}
    )


def test_release_that_falls_over_when_it_starts_is_left_by_itself(unit, desk):
    with cable(unit) as port:
        said = update(desk, "1.1", port, code=6)
        assert "went back to 1.0" in said
    assert unit.run("systemctl is-active trapd") == "active"
    assert environment(unit)["MANUL_RELEASE"] == f"{UPDATE}/a"
    last = entries(unit, "error")[-1]["body"]
    assert last["part"] == "update"
    assert "release 1.1 was left: it did not become healthy in its starts; 1.0 runs again" in last["words"]
    assert "a release with a fault" in unit.run("journalctl -b -u trapd -o cat")


def test_card_that_was_reset_has_grown_once_and_runs_its_release_again(unit):
    (picture,) = [entry["body"]["path"] for entry in entries(unit, "media")][:1]
    unit.reset()
    unit.wait_for_shell()
    unit.run(f"for n in $(seq 600); do mountpoint -q {UPDATE} && break; sleep 0.2; done")
    unit.run("for n in $(seq 600); do mountpoint -q /var/lib/manul/card && break; sleep 0.2; done")
    assert "no" in unit.run("systemctl show -P ConditionResult manul-media"), "it must not run twice"
    assert unit.run(f"ls /var/lib/manul/card/{picture}")
    flags = unit.run(f"findmnt -no OPTIONS {UPDATE}; findmnt -no OPTIONS /var/lib/manul/journal").splitlines()
    assert ["noexec" in line for line in flags] == [False, True], flags
    assert "manul-boot: 1.0; " in unit.run("trapd doctor journal", check=False)
    # And when the card lost what it had: the image's own.
    unit.run(f"echo '{{' > /var/lib/manul/{state.PATH}")
    assert f"manul-boot: {built_in(unit)}; " in unit.run("trapd doctor journal", check=False)


def built_in(machine):
    return json.loads(machine.run("cat /var/lib/manul/image/release.json"))["version"]


def main_pid(machine):
    return machine.run("systemctl show -P MainPID trapd")


def environment(machine):
    lines = machine.run(f"tr '\\0' '\\n' < /proc/{main_pid(machine)}/environ").splitlines()
    return dict(line.partition("=")[::2] for line in lines)


def update(desk, version, port, code=0):
    """What ``manul update --restart`` said on both its outputs, in its last line the result."""
    line = [
        sys.executable, benches.ROOT / ".venv/bin/manul", "update", desk / f"{version}.manul", "--key", desk / "key.pub",
        "--login", desk / "key", "--port", port, "--restart", "--json",
    ]  # fmt: skip
    done = subprocess.run([str(word) for word in line], capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def echo(port):
    """Any SMP client gets an answer: smpmgr's echo."""
    line = [benches.ROOT / ".venv/bin/smpmgr", "--port", port, "os", "echo", "manul"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "manul" in done.stdout, done.stdout + done.stderr
