"""``python -m tests.system.boot_table``: kernel start → armed, unit by unit, for the untuned and the tuned image. Needs root.

The tuned one a second time with Debian's own initramfs in the place of ours. All boot in the machine's own time (``-icount``: an instruction a nanosecond, one core; waiting for the disk takes the host's
time), so the figures compare and are no seconds of a Zero 2 W. There is no camera at that moment: what opening one takes is not in it.
"""

import json
import re
import shutil
import sys
from pathlib import Path

from tests.system import bench as benches
from tests.system import debian_initrd
from tests.system.machine import WAITING, Machine, overlay, running
from tools.image.card import card

LONGEST = 14
ARMED = "import json,sys; print(json.dumps([l for l in map(json.loads, sys.stdin) if l['body'].get('state') == 'armed'][-1]['body']))"


def measured(image: Path) -> dict[str, object]:
    """What ``systemd-analyze`` and the unit's own entry say of one boot of an image's folder."""
    folder = benches.where() / "boot"
    folder.mkdir(exist_ok=True)
    disk = overlay(image / "manul.img", folder / "card.qcow2")
    bench = benches.disk(benches.where())
    with running(
        folder, image, disk, bench, hold=False
    ) as machine:  # the first boot makes the media partition and the journal
        machine.wait_for_shell()
        machine.run("for n in $(seq 900); do systemctl is-active -q trapd && break; sleep 1; done; sync")
    with running(folder, image, disk, bench, pace=WAITING, hold=False) as machine:
        machine.wait_for_shell()
        machine.run("for n in $(seq 900); do systemctl is-active -q trapd && break; sleep 1; done")
        machine.run("systemctl is-system-running --wait", timeout_s=900, check=False)
        return {
            "time": machine.run("systemd-analyze time").splitlines()[0],
            "initrd_kib": (image / "initrd.img").stat().st_size >> 10,
            "trapd_started_ms": started(machine),
            "armed": armed(machine),
            "blame": blame(machine.run("systemd-analyze blame --no-pager")),
            "chain": machine.run("systemd-analyze critical-chain --no-pager trapd.service"),
        }


def with_debians_initramfs(image: Path) -> Path:
    """A folder like the image's, its initramfs Debian's own."""
    folder = benches.where() / "boot-debian"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, target in {
        "initrd.img": debian_initrd.made(image),
        **{n: image / n for n in ("manul.img", "kernel8.img")},
    }.items():
        (folder / name).symlink_to(target)
    return folder


def armed(machine: Machine) -> dict[str, int]:
    """The unit's entry: ``since_boot_ms``, ``since_start_ms``."""
    machine.run("mkdir -p /run/bench; mount -o ro /dev/vdb /run/bench")
    found: dict[str, int] = json.loads(machine.run(f'python3 /run/bench/bin/entries.py | python3 -c "{ARMED}"'))
    return found


def started(machine: Machine) -> int:
    """When systemd started trapd, milliseconds since the kernel began."""
    return int(machine.run("systemctl show -P ExecMainStartTimestampMonotonic trapd")) // 1000


def blame(shown: str) -> dict[str, int]:
    """Unit -> milliseconds, the longest first."""
    lines = (re.fullmatch(r"\s*(.+?s) (\S+)", line) for line in shown.splitlines())
    return {found[2]: milliseconds(found[1]) for found in lines if found}


def milliseconds(words: str) -> int:
    """Of ``1min 2.345s`` or ``345ms``."""
    units = {"min": 60_000.0, "s": 1_000.0, "ms": 1.0, "us": 0.001}
    return round(sum(float(n) * units[unit] for n, unit in re.findall(r"([\d.]+)(min|ms|us|s)", words)))


def table(boots: dict[str, dict[str, int]]) -> str:
    """A Markdown table of the units that took longest in any boot."""
    longest = {
        name: max(blamed.get(name, 0) for blamed in boots.values()) for blamed in boots.values() for name in blamed
    }
    names = sorted(longest, key=lambda name: -longest[name])[:LONGEST]
    rows = [
        f"| `{name}` | " + " | ".join(str(blamed.get(name, "—")) for blamed in boots.values()) + " |" for name in names
    ]
    heads = [f"| unit | {', ms | '.join(boots)}, ms |", "| --- " * (len(boots) + 1) + "|"]
    return "\n".join([*heads, *rows])


def main() -> None:
    """The boots, and the table."""
    tuned = card()
    images = {"untuned": card(tuned=False), "tuned": tuned, "Debian's initramfs": with_debians_initramfs(tuned)}
    found = {name: measured(image) for name, image in images.items()}
    benches.note("boot", found)
    for name, figures in found.items():
        sys.stdout.write(
            f"{name}: {figures['time']}\ntrapd started: {figures['trapd_started_ms']} ms, initramfs {figures['initrd_kib']} KiB\n"
        )
        sys.stdout.write(f"armed: {figures['armed']}\n{figures['chain']}\n\n")
    blamed = {name: figures["blame"] for name, figures in found.items()}
    sys.stdout.write(table({name: units for name, units in blamed.items() if isinstance(units, dict)}) + "\n")


if __name__ == "__main__":
    main()
