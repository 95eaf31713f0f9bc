"""The Pi's own state from sysfs: temperature, throttling, and the health of what it writes to.

- absent (another board, a virtual machine) or lying (no number in the file): None, never an error and never a guess.
- slow: sysfs answers at once or not at all.
- gone in mid-use (a card that was pulled): ``storage`` is None, ``trapd doctor`` says that nothing is mounted.
"""

import os
from dataclasses import dataclass
from pathlib import Path

# Bits of the firmware's get_throttled, raspberrypi.com/documentation/computers/os.html#get_throttled
THROTTLED_BITS = {
    0: "under-voltage now",
    1: "clock capped now",
    2: "throttled now",
    3: "hot now",
    16: "under-voltage since boot",
    17: "clock capped since boot",
    18: "throttled since boot",
    19: "hot since boot",
}
# eMMC and SD cards with health reporting: life time in steps of 10 %, JEDEC JESD84-B51 7.4.47; 0x0b = worn out.
LIFE_STEPS = 10


@dataclass(frozen=True, slots=True)
class Storage:
    """One mounted partition. ``worn_pct`` is the card's own estimate, upper end; None where the card does not tell.

    ``device`` is the kernel's number for it: two paths with the same one share their room.
    """

    path: str
    size_bytes: int
    free_bytes: int
    read_only: bool
    worn_pct: int | None
    device: int


def cpu_temperature_c(sys: Path = Path("/sys")) -> float | None:
    """The SoC's temperature in °C."""
    for zone in sorted((sys / "class/thermal").glob("thermal_zone*")):
        raw = _number(zone / "temp", 10)
        if raw is not None:
            return raw / 1000
    return None


def throttled(sys: Path = Path("/sys")) -> list[str] | None:
    """What the firmware reports of power and heat, in words; None where there is no such firmware."""
    found = sorted(sys.glob("devices/platform/soc/*firmware/get_throttled")) or sorted(
        sys.glob("devices/platform/**/get_throttled")
    )
    raw = _number(found[0], 16) if found else None
    return None if raw is None else [words for bit, words in THROTTLED_BITS.items() if raw >> bit & 1]


def storage(path: Path, sys: Path = Path("/sys")) -> Storage | None:
    """State of the partition that holds ``path``; None when there is none. A read-only remount shows here first."""
    try:
        status, device = os.statvfs(path), path.stat().st_dev
    except OSError:
        return None
    size, free = status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize
    return Storage(str(path), size, free, bool(status.f_flag & os.ST_RDONLY), _worn_pct(device, sys), device)


def memory_kb(proc: Path = Path("/proc/self")) -> dict[str, int]:
    """This process's memory in KiB: rss, pss, peak (VmHWM). Missing files are left out."""
    wanted = {"Rss": "rss", "Pss": "pss", "VmHWM": "peak"}
    found = {}
    for name in ("smaps_rollup", "status"):
        try:
            lines = (proc / name).read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            key, _, rest = line.partition(":")
            if key in wanted:
                found[wanted[key]] = int(rest.split()[0])
    return found


def _worn_pct(device: int, sys: Path) -> int | None:
    """From the card's life_time, two estimates of which the worse counts."""
    partition = sys / "dev/block" / f"{os.major(device)}:{os.minor(device)}"
    try:
        steps = [int(word, 16) for word in (partition.resolve().parent / "device/life_time").read_text().split()]
    except (OSError, ValueError):
        return None
    return min(max(steps, default=0), 11) * LIFE_STEPS or None


def _number(path: Path, base: int) -> int | None:
    try:
        return int(path.read_text(), base)
    except (OSError, ValueError):
        return None
