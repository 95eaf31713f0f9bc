"""The card that a technician hands out: written by ``manul flash``, booted, and it answers by its station's name."""

import json
import subprocess

import pytest

from tests.system import bench as benches
from tests.system.machine import running
from tests.system.unit import burst, cable, entries, head, manul
from trap.drivers.partition import LABEL

STATION = '[station]\nunit = "MN-017"\ndeployment = "tost-2026-a"\nprogramme = "tost"\n'
CARD = 4 << 30


@pytest.fixture(scope="module")
def flashed(image):
    """A card of 4 GB as ``manul flash`` leaves it."""
    folder = benches.where() / "flashed"
    folder.mkdir(exist_ok=True)
    card = folder / "card.img"
    card.unlink(missing_ok=True)
    with card.open("wb") as file:
        file.truncate(CARD)
    (folder / "station.toml").write_text(STATION)
    out = manul(
        "flash", "--image", str(image / "manul.img"), "--file", str(card), "--station", str(folder / "station.toml"),
        "--protocol", "pallas-cat", "--receipts", str(folder / "receipts"), "--yes", card.name, "--json",
    )  # fmt: skip
    assert json.loads(out.splitlines()[-1])["result"] == "good"
    return card


def test_written_card_boots_grows_and_answers_with_its_stations_name(flashed, image, bench):
    with running(flashed.parent, image, flashed, bench) as machine:
        machine.wait_for_shell()
        machine.run("mkdir -p /run/bench; mount -o ro /dev/vdb /run/bench; sh /run/bench/bin/stage.sh")
        machine.run("systemctl start trapd", timeout_s=400)
        (boot,) = entries(machine, "boot")
        assert (boot["body"]["unit"], boot["body"]["trouble"]) == ("MN-017", None)
        with cable(machine) as port:
            said = json.loads(manul("summary", "--json", "--port", port))
            assert said["unit"] == "MN-017"
            assert "MN-017" in manul("ports", "--port", port, "--json")
            echo(port)
        # The image's media partition is 512 MB; the card's is what is left of 4 GB.
        size_mb = int(machine.run("df --output=size -B1000000 /var/lib/manul/card | tail -1"))
        assert size_mb > 3_000
        assert LABEL in machine.run("blkid -o value -s LABEL /dev/vda4")
        assert "Photographs" in machine.run("cat /var/lib/manul/card/README.txt")
        found = burst(machine, head(machine))
        assert len([body for body in found["media"] if body["role"] == "photograph"]) == 3
        grown = machine.run(
            "systemctl show -P ActiveState -P ConditionResult manul-media; journalctl -b -u manul-media -o cat"
        )
        benches.note("flashed", {"media_mb": size_mb, "grown": grown})
        machine.reset()
        machine.wait_for_shell()
        machine.run("for n in $(seq 600); do mountpoint -q /var/lib/manul/card && break; sleep 0.2; done")
        assert "no" in machine.run("systemctl show -P ConditionResult manul-media"), "it must not run twice"
        assert machine.run(f"ls /var/lib/manul/card/{found['media'][0]['path']}")


def echo(port):
    """Any SMP client gets an answer: smpmgr's echo."""
    line = [benches.ROOT / ".venv/bin/smpmgr", "--port", port, "os", "echo", "manul"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "manul" in done.stdout, done.stdout + done.stderr
