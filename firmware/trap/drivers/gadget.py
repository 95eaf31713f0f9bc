"""The cable's device side through configfs: one serial port (ACM) and one drive that is empty until it is asked for.

``up`` runs as root once at boot (manul-gadget.service) and hands the drive's switch to the unit's account. The serial port is
opened and held by ``trapd`` for as long as it runs: an ACM port that nobody has opened disturbs its neighbours on dwc2
(raspberrypi/linux#2962). The drive is read-only, always: the unit alone writes its card.

- absent (no USB device controller, no configfs): ``PartError`` says which overlay or module is missing.
- slow (dwc2 that comes a moment after the service): waited for, two seconds.
- lying: a host that writes to the drive is refused by the kernel, the drive is read-only.
- gone in mid-use: the host's end sees the cable pulled; the kernel brings it back by itself.
"""

import os
import time
from pathlib import Path

from trap_wire.errors import PartError

PART = "usb gadget"
CONFIGFS = Path("/sys/kernel/config/usb_gadget")
CONTROLLERS = Path("/sys/class/udc")
BLOCKS = Path("/sys/dev/block")
NAME = "manul"
# pid.codes' vendor id, product id for tests and private builds; a product that is sold needs its own.
VENDOR, PRODUCT = 0x1209, 0x0001
DRIVE, SERIAL = "functions/mass_storage.drive", "functions/acm.serial"
SWITCHES = ("file", "forced_eject")


def up(
    serial: str, owner: tuple[int, int] | None = None, configfs: Path = CONFIGFS, controllers: Path = CONTROLLERS
) -> None:
    """Make the gadget and switch it on; nothing when it is there. ``owner`` (uid, gid) may then fill and empty the drive."""
    gadget = configfs / NAME
    if not configfs.is_dir():
        raise PartError(PART, f"no {configfs}: is libcomposite loaded?")
    controller = _controller(controllers)
    if not gadget.is_dir():
        _describe(gadget, serial)
    if owner is not None:
        for switch in SWITCHES:
            os.chown(gadget / DRIVE / "lun.0" / switch, *owner)
    if not _get(gadget / "UDC"):
        _put(gadget / "UDC", controller)


def down(configfs: Path = CONFIGFS) -> None:
    """Switch the gadget off and take it apart, in the order that configfs wants."""
    gadget = configfs / NAME
    if not gadget.is_dir():
        return
    if _get(gadget / "UDC"):
        _put(gadget / "UDC", "\n")
    for link in (gadget / "configs/c.1").iterdir():
        if link.is_symlink():
            link.unlink()
    for folder in ("configs/c.1/strings/0x409", "configs/c.1", SERIAL, DRIVE, "strings/0x409", "."):
        (gadget / folder).rmdir()


class Drive:
    """The drive's switch. ``show`` puts a partition into it, ``hide`` empties it; both work unprivileged after ``up``."""

    def __init__(self, configfs: Path = CONFIGFS) -> None:
        self._lun = configfs / NAME / DRIVE / "lun.0"

    @property
    def shown(self) -> str:
        """The device that the host sees, empty when it sees none."""
        return _get(self._lun / "file")

    def show(self, device: Path) -> None:
        """Let the host see a partition, read-only; what was written before is synced, so that it sees a whole file system."""
        os.sync()
        _put(self._lun / "file", str(device))

    def hide(self) -> None:
        """Take the partition out, even while the host reads it."""
        if self.shown:
            _put(self._lun / "forced_eject", "1")


class CardDrive:
    """``trap.ports.Drive``: the partition that holds ``card``, in the gadget's drive."""

    def __init__(
        self, card: Path, configfs: Path = CONFIGFS, controllers: Path = CONTROLLERS, blocks: Path = BLOCKS
    ) -> None:
        self._card, self._blocks = card, blocks
        self._gadget, self._controllers = configfs / NAME, controllers
        self._drive = Drive(configfs)

    @property
    def shown(self) -> bool:
        """Whether there is a medium in the drive; a host that ejects it takes it out."""
        return bool(self._drive.shown)

    @property
    def plugged(self) -> bool:
        """Whether a host has configured the gadget; one that sleeps or is gone has not."""
        state = self._controllers / _get(self._gadget / "UDC") / "state"
        return _get(state) == "configured"

    def show(self) -> None:
        """Put the card's partition in."""
        self._drive.show(partition_of(self._card, self._blocks))

    def hide(self) -> None:
        """Take it out."""
        self._drive.hide()


def partition_of(path: Path, blocks: Path = BLOCKS) -> Path:
    """The device of the partition that holds a path; ``PartError`` for one that is on no partition (a RAM disk)."""
    try:
        number = path.stat().st_dev
        lines = (blocks / f"{os.major(number)}:{os.minor(number)}" / "uevent").read_text().splitlines()
    except OSError as error:
        raise PartError(PART, f"{path} lies on no partition that could be shown: {error.strerror}") from error
    return Path("/dev") / next(line.removeprefix("DEVNAME=") for line in lines if line.startswith("DEVNAME="))


def _describe(gadget: Path, serial: str) -> None:
    for folder in ("strings/0x409", "configs/c.1/strings/0x409", SERIAL, DRIVE):
        (gadget / folder).mkdir(parents=True)
    values = {
        "idVendor": f"0x{VENDOR:04x}",
        "idProduct": f"0x{PRODUCT:04x}",
        "strings/0x409/manufacturer": "Manul",
        "strings/0x409/product": "Manul camera trap",
        "strings/0x409/serialnumber": serial,
        "configs/c.1/strings/0x409/configuration": "serial port and drive",
        "configs/c.1/MaxPower": "500",
        f"{DRIVE}/lun.0/ro": "1",
        f"{DRIVE}/lun.0/removable": "1",
        f"{DRIVE}/lun.0/inquiry_string": "Manul   photographs",
    }
    for name, value in values.items():
        _put(gadget / name, value)
    for function in (SERIAL, DRIVE):
        (gadget / "configs/c.1" / Path(function).name).symlink_to(gadget / function)


def _controller(folder: Path, wait_s: float = 2.0) -> str:
    """Name of the first USB device controller; dwc2 may come a moment after the service."""
    deadline = time.monotonic() + wait_s
    while True:
        found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        if found:
            return found[0]
        if time.monotonic() >= deadline:
            raise PartError(PART, "no USB device controller: is 'dtoverlay=dwc2,dr_mode=peripheral' in config.txt?")
        time.sleep(0.05)


def _get(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise PartError(PART, f"{path}: {error.strerror}: run 'trapd gadget up' as root") from error


def _put(path: Path, value: str) -> None:
    try:
        path.write_text(value)
    except OSError as error:
        raise PartError(
            PART, f"{path}: {value!r} refused: {error.strerror}: was 'trapd gadget up' run as root?"
        ) from error
