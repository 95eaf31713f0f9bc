"""``python -m tests.system.boot_table``: kernel start → armed, unit by unit, for the untuned and the tuned image. Needs root.

Both boot in the machine's own time (``-icount``: an instruction a nanosecond, one core; waiting for the disk takes the host's
time), so the figures compare and are no seconds of a Zero 2 W. There is no camera at that moment: what opening one takes is not in it.
"""

import json
import re
import sys

from tests.system import bench as benches
from tests.system.machine import WAITING, Machine, overlay, running
from tools.image.card import card

LONGEST = 14
ARMED = "import json,sys; print(json.dumps([l for l in map(json.loads, sys.stdin) if l['body'].get('state') == 'armed'][-1]['body']))"


def measured(*, tuned: bool) -> dict[str, object]:
    """What ``systemd-analyze`` and the unit's own entry say of one boot."""
    image = card(tuned=tuned)
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
            "trapd_started_ms": started(machine),
            "armed": armed(machine),
            "blame": blame(machine.run("systemd-analyze blame --no-pager")),
            "chain": machine.run("systemd-analyze critical-chain --no-pager trapd.service"),
        }


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


def table(before: dict[str, int], after: dict[str, int]) -> str:
    """A Markdown table of the units that took longest in either boot."""
    names = sorted(before.keys() | after.keys(), key=lambda name: -max(before.get(name, 0), after.get(name, 0)))
    rows = [f"| `{name}` | {before.get(name, '—')} | {after.get(name, '—')} |" for name in names[:LONGEST]]
    return "\n".join(["| unit | untuned, ms | tuned, ms |", "| --- | --- | --- |", *rows])


def main() -> None:
    """Both boots, and the table."""
    found = {"untuned": measured(tuned=False), "tuned": measured(tuned=True)}
    benches.note("boot", found)
    for name, figures in found.items():
        sys.stdout.write(f"{name}: {figures['time']}\narmed: {figures['armed']}\n{figures['chain']}\n\n")
    before, after = found["untuned"]["blame"], found["tuned"]["blame"]
    assert isinstance(before, dict) and isinstance(after, dict)
    sys.stdout.write(table(before, after) + "\n")


if __name__ == "__main__":
    main()
