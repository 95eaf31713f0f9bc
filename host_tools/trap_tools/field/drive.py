"""Where a unit's drive came up on this computer: by the USB serial number, which is the unit's name."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

SYSFS, MOUNTS, VOLUMES = Path("/sys/block"), Path("/proc/self/mounts"), Path("/Volumes")
APPEAR_S, MOUNT_S = 15.0, 6.0


@dataclass(frozen=True, slots=True)
class Found:
    """A drive: its ``device``, and the folder where it is mounted, empty when it is not."""

    device: str
    folder: str = ""


def find(unit: str, sysfs: Path = SYSFS, mounts: Path = MOUNTS) -> Found | None:
    """The unit's drive with a medium in it; None when there is none (yet)."""
    for disk in sorted(sysfs.iterdir()) if sysfs.is_dir() else ():
        if _text(disk / "size") not in ("", "0") and _serial(disk.resolve()) == unit:
            device = f"/dev/{disk.name}"
            return Found(device, _folder(device, mounts))
    return None


def wait(
    unit: str,
    label: str,
    look: Callable[[str], Found | None] = find,
    pause: Callable[[float], None] = time.sleep,
    volumes: Path = VOLUMES,
) -> Found | None:
    """Wait until the drive is there, then a little for the desktop to mount it; None when it does not come.

    Only Linux tells whose drive it is; on a Mac the volume's name has to do.
    """
    if sys.platform == "darwin":
        return _until(
            lambda: Found(label, str(volumes / label)) if (volumes / label).is_dir() else None, APPEAR_S, pause
        )
    found = _until(lambda: look(unit), APPEAR_S, pause)
    if found is None or found.folder:
        return found
    return _until(lambda: now if (now := look(unit)) and now.folder else None, MOUNT_S, pause) or found


def _until(look: Callable[[], Found | None], seconds: float, pause: Callable[[float], None]) -> Found | None:
    for _ in range(round(seconds / 0.5)):
        if (found := look()) is not None:
            return found
        pause(0.5)
    return None


def _serial(disk: Path) -> str:
    """Serial number of the USB device above a disk; empty for a disk of another kind."""
    above = (_text(folder / "serial") for folder in disk.parents if (folder / "idVendor").is_file())
    return next(above, "")


def _folder(device: str, mounts: Path) -> str:
    return next((folder for source, folder in _mounted(mounts) if source.startswith(device)), "")


def _mounted(mounts: Path) -> Iterator[tuple[str, str]]:
    for line in _text(mounts).splitlines():
        source, folder, *_ = line.split(" ")
        yield source, folder.replace("\\040", " ")


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
