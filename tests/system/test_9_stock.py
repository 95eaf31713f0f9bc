"""A stock image prepared by ``manul release image``, written by ``manul flash``: its first boot installs the bundle and arms the unit."""

import json

import pytest

from tests.system import bench as benches
from tests.system import releases
from tests.system.conftest import keep
from tests.system.machine import running
from tests.system.stock import stock
from tests.system.unit import burst, cable, entries, head, manul

STATION = '[station]\nunit = "MN-018"\ndeployment = "tost-2026-a"\nprogramme = "tost"\n'
DATA = "/var/lib/manul"


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    """The card as a technician leaves it."""
    desk = releases.desk(tmp_path_factory.mktemp("desk"))
    folder = benches.where() / "stock"
    folder.mkdir(exist_ok=True)
    for name in ("prepared.img", "card.img"):
        (folder / name).unlink(missing_ok=True)
    bundle, key = str(desk / "1.0.manul"), str(desk / "key.pub")
    manul("release", "image", str(stock()), "--bundle", bundle, "--key", key, "--to", str(folder / "prepared.img"))
    with (folder / "card.img").open("wb") as file:
        file.truncate((folder / "prepared.img").stat().st_size)
    (folder / "station.toml").write_text(STATION)
    out = manul(
        "flash", "--image", str(folder / "prepared.img"), "--file", str(folder / "card.img"), "--station",
        str(folder / "station.toml"), "--protocol", "pallas-cat", "--receipts", str(folder / "receipts"), "--yes", "card.img", "--json",
    )  # fmt: skip
    assert json.loads(out.splitlines()[-1])["result"] == "good"
    return folder / "card.img"


def test_prepared_stock_image_installs_its_release_at_its_first_boot_and_photographs(card, image, bench, request):
    with running(card.parent, image, card, bench) as machine:
        machine.wait_for_shell()
        try:
            first_boot(machine)
        except BaseException:
            keep(request.node.name, machine)
            raise


def first_boot(machine):
    machine.run("systemctl start manul-first", timeout_s=600)  # waits for the one that the boot started
    assert machine.run("systemctl show -P Result manul-first") == "success"
    state = json.loads(machine.run(f"cat {DATA}/update/state.json"))
    assert (state["trial"], state["releases"]["a"]["version"]) == ("a", "1.0")
    assert machine.run(f"stat -c %U {DATA} {DATA}/update {DATA}/update/a/site").split() == ["manul"] * 3
    machine.run("mkdir -p /run/bench; mount -o ro /dev/vdb /run/bench; sh /run/bench/bin/stage.sh")
    machine.run("systemctl start trapd", timeout_s=400)
    (boot,) = entries(machine, "boot")
    assert (boot["body"]["unit"], boot["body"]["trouble"]) == ("MN-018", None)
    assert [entry["body"]["words"] for entry in entries(machine, "update")] == ["release 1.0 is healthy and stays"]
    found = burst(machine, head(machine))
    assert len([body for body in found["media"] if body["role"] == "photograph"]) == 3
    assert found["verdict"][0]["fail_open"] is None
    with cable(machine) as port:
        shown = json.loads(manul("update", "--show", "--json", "--port", port))
        assert [(row["version"], row["confirmed"]) for row in shown] == [("1.0", True)]
        said = json.loads(manul("summary", "--json", "--port", port))
        assert said["unit"] == "MN-018"
    failed = machine.run("systemctl list-units --state=failed --plain --no-legend | cut -d' ' -f1").split()
    assert not [name for name in failed if "manul" in name or "trapd" in name], failed
    assert (
        machine.run("setpriv --reuid=manul --regid=manul --clear-groups test -w /boot/firmware/station.toml; echo $?")
        == "0"
    )
