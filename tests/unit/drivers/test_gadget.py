"""configfs is a file system whose folders fill themselves; here it is plain folders, in the machine it is the kernel's."""

import os
from pathlib import Path

import pytest

from trap.drivers import gadget
from trap_wire.errors import PartError


@pytest.fixture
def controllers(tmp_path):
    (tmp_path / "udc" / "3f980000.usb").mkdir(parents=True)
    return tmp_path / "udc"


@pytest.fixture
def configfs(tmp_path, monkeypatch):
    """What the kernel makes of a mkdir: attributes appear, and a folder's own mkdir needs no parents."""
    root = tmp_path / "usb_gadget"
    root.mkdir()
    real = Path.mkdir

    def mkdir(self, *args, **kwargs):
        real(self, *args, **kwargs)
        if self.name == "mass_storage.drive":
            real(self / "lun.0")
            for name in ("file", "forced_eject", "ro", "removable", "inquiry_string"):
                (self / "lun.0" / name).write_text("")
        if (root / "manul").is_dir() and not (root / "manul/UDC").exists():
            (root / "manul/UDC").write_text("")

    monkeypatch.setattr(Path, "mkdir", mkdir)
    return root


def test_gadget_is_a_serial_port_and_an_empty_read_only_drive(configfs, controllers):
    gadget.up("MN-017", configfs=configfs, controllers=controllers)
    made = configfs / "manul"
    assert (made / "strings/0x409/serialnumber").read_text() == "MN-017"
    assert (made / "functions/mass_storage.drive/lun.0/ro").read_text() == "1"
    assert gadget.Drive(configfs).shown == ""
    assert (made / "UDC").read_text() == "3f980000.usb"
    assert {link.name for link in (made / "configs/c.1").iterdir() if link.is_symlink()} == {
        "acm.serial",
        "mass_storage.drive",
    }


def test_gadget_that_is_already_up_is_left_alone(configfs, controllers):
    gadget.up("MN-017", configfs=configfs, controllers=controllers)
    gadget.up("MN-018", configfs=configfs, controllers=controllers)
    assert (configfs / "manul/strings/0x409/serialnumber").read_text() == "MN-017"


def test_drive_shows_one_partition_and_is_emptied_by_force(configfs, controllers):
    gadget.up("MN-017", configfs=configfs, controllers=controllers)
    drive = gadget.Drive(configfs)
    drive.show(Path("/dev/mmcblk0p4"))
    assert drive.shown == "/dev/mmcblk0p4"
    drive.hide()
    assert (configfs / "manul/functions/mass_storage.drive/lun.0/forced_eject").read_text() == "1"


def test_without_a_controller_the_overlay_is_named(configfs, tmp_path, monkeypatch):
    with pytest.raises(PartError, match="dtoverlay=dwc2,dr_mode=peripheral"):
        gadget._controller(tmp_path / "none", wait_s=0)


def test_without_configfs_the_module_is_named(tmp_path, controllers):
    with pytest.raises(PartError, match="libcomposite"):
        gadget.up("MN-017", configfs=tmp_path / "none", controllers=controllers)


def test_drive_without_a_gadget_says_what_to_run(tmp_path):
    with pytest.raises(PartError, match="trapd gadget up"):
        gadget.Drive(tmp_path).show(Path("/dev/sda1"))


@pytest.fixture
def card_drive(configfs, controllers, tmp_path):
    """The drive over a card that lies on a partition of these numbers, at a host that has configured the gadget."""
    gadget.up("MN-017", configfs=configfs, controllers=controllers)
    (controllers / "3f980000.usb/state").write_text("configured\n")
    number = tmp_path.stat().st_dev
    folder = tmp_path / "blocks" / f"{os.major(number)}:{os.minor(number)}"
    folder.mkdir(parents=True)
    (folder / "uevent").write_text("MAJOR=179\nMINOR=4\nDEVNAME=mmcblk0p4\nDEVTYPE=partition\n")
    return gadget.CardDrive(tmp_path, configfs, controllers, tmp_path / "blocks")


def test_card_drive_shows_the_partition_that_holds_the_card(card_drive, configfs):
    assert not card_drive.shown
    card_drive.show()
    assert (configfs / "manul/functions/mass_storage.drive/lun.0/file").read_text() == "/dev/mmcblk0p4"
    assert card_drive.shown


def test_card_drive_knows_whether_a_host_is_at_the_cable(card_drive, controllers):
    assert card_drive.plugged
    (controllers / "3f980000.usb/state").write_text("not attached\n")
    assert not card_drive.plugged


def test_card_that_lies_on_no_partition_is_said(tmp_path):
    with pytest.raises(PartError, match="no partition that could be shown"):
        gadget.partition_of(tmp_path, tmp_path / "none")
