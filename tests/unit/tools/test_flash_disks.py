import json

import pytest

from trap_tools.flash import disks
from trap_tools.flash.disks import Disk
from trap_wire.errors import RefusedError

CARD = {
    "name": "sdb", "kname": "sdb", "path": "/dev/sdb", "type": "disk", "size": 31_914_983_424, "model": "STORAGE DEVICE ",
    "serial": "000000000821", "vendor": "Generic ", "tran": "usb", "rm": True, "hotplug": True, "ro": False,
    "mountpoints": [None], "fstype": None,
}  # fmt: skip
PART = {**CARD, "name": "sdb1", "kname": "sdb1", "path": "/dev/sdb1", "type": "part", "rm": True}


def one(**changes):
    return disks.parse(json.dumps({"blockdevices": [{**CARD, **changes}]}))[0]


def test_card_in_a_usb_reader_may_be_written():
    card = one(children=[PART])
    assert disks.refusal(card) == ""
    assert str(card) == "/dev/sdb  Generic STORAGE DEVICE, serial 000000000821, 31.9 GB"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"children": [{**PART, "mountpoints": ["/"]}]}, "holds the running system"),
        ({"children": [{**PART, "mountpoints": ["[SWAP]"]}]}, "holds the running system"),
        ({"children": [{**PART, "mountpoints": ["/media/anna/DCIM"]}]}, "umount /media/anna/DCIM"),
        ({"children": [{**PART, "children": [{**PART, "type": "crypt"}]}]}, "in use (crypt)"),
        ({"size": 12_000_138_625_024}, "raise the cap with --max-size"),
        ({"size": 0}, "no card in it"),
        ({"rm": False, "hotplug": False, "tran": "nvme"}, "built into this machine"),
        ({"ro": True}, "slide the lock"),
        ({"type": "part"}, "is a partition, not a disk"),
        ({"type": "loop"}, "is a loop, not a disk"),
    ],
)
def test_what_could_be_somebodys_data_is_refused_with_the_fix(changes, said):
    assert said in disks.refusal(one(**changes))


def test_card_in_a_built_in_reader_is_told_from_soldered_flash(tmp_path):
    for name, kind in (("mmcblk0", "SD"), ("mmcblk1", "MMC")):
        (tmp_path / "block" / name / "device").mkdir(parents=True)
        (tmp_path / "block" / name / "device" / "type").write_text(kind + "\n")
    devices = [
        {**CARD, "kname": name, "path": f"/dev/{name}", "rm": False, "hotplug": False, "tran": None}
        for name in ("mmcblk0", "mmcblk1")
    ]
    card, soldered = disks.parse(json.dumps({"blockdevices": devices}), tmp_path)
    assert disks.refusal(card) == ""
    assert "built into this machine" in disks.refusal(soldered)


def test_only_what_has_just_appeared_is_offered():
    old, new = one(), one(path="/dev/sdc", serial="77")
    empty = one(path="/dev/sdd", size=0)
    filled = one(path="/dev/sdd")
    mounted = one(path="/dev/sde", children=[{**PART, "mountpoints": ["/media/x"]}])
    assert disks.appeared([old, empty], [old, new, filled, mounted]) == [new, filled]


def test_a_regular_file_is_refused_with_the_option_that_takes_it(tmp_path):
    (tmp_path / "card.img").write_bytes(b"x")
    with pytest.raises(RefusedError, match="--file"):
        disks.chosen(str(tmp_path / "card.img"), [])
    with pytest.raises(RefusedError, match="is not there"):
        disks.chosen(str(tmp_path / "nosuch"), [])


def test_this_machines_own_disks_are_listed_and_the_running_system_is_never_offered():
    found = disks.listed()
    system = [disk for disk in found if "/" in disk.mounted]
    assert all(isinstance(disk, Disk) for disk in found)
    assert all("running system" in disks.refusal(disk) for disk in system if disk.kind == "disk")
