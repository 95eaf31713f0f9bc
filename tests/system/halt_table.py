"""``python -m tests.system.halt_table``: asking for sleep → power off, for the unit's own halt and systemd's whole shutdown.

In the machine's own time (``-icount``: an instruction a nanosecond, one core), from the stamp of a kernel message beside the file
that asks to the last one that systemd or the file system writes. Needs root, as ``tests.system.boot_table`` does.
"""

import re
import sys

from tests.system import bench as benches
from tests.system.machine import WAITING, overlay, running
from tools.image.card import card

SERVICE = "/run/systemd/system/manul-sleep.service.d"
WHOLE = "[Service]\\nExecStart=\\nExecStart=/usr/bin/systemctl --no-block poweroff\\n"
ARMED = (
    "for n in $(seq 900); do systemctl is-active -q trapd && break; sleep 1; done; systemctl is-system-running --wait"
)
ASK = (
    b"echo 8 > /proc/sys/kernel/printk; echo '<1>manul asks' > /dev/kmsg; mkdir -p /run/manul; touch /run/manul/sleep\n"
)
STAMP = re.compile(r"\[ *(\d+\.\d+)\] (.*)")


def measured(*, whole: bool) -> dict[str, float]:
    """Milliseconds from asking to each of the last messages."""
    image, folder = card(), benches.where() / "halt"
    folder.mkdir(exist_ok=True)
    disk = overlay(image / "manul.img", folder / "card.qcow2")
    with running(folder, image, disk, benches.disk(benches.where()), pace=WAITING, hold=False) as machine:
        machine.wait_for_shell(900)
        machine.run(ARMED, 1_200, check=False)
        if whole:
            machine.run(f"mkdir -p {SERVICE}; printf '{WHOLE}' > {SERVICE}/whole.conf; systemctl daemon-reload")
        machine.run("sync; sleep 2", 600)
        machine.type(ASK)
        if not machine.exited(900):
            raise SystemExit("the machine never switched itself off")
        told = [(float(at), words) for at, words in STAMP.findall(machine.console)]
    asked = next(at for at, words in told if words.startswith("manul asks"))
    return {words: round(1_000 * (at - asked), 1) for at, words in told if at >= asked}


def main() -> None:
    """Both ways, and the moment of each message."""
    found = {"the unit's own": measured(whole=False), "systemd's whole shutdown": measured(whole=True)}
    benches.note("halt", found)
    for name, moments in found.items():
        sys.stdout.write(f"{name}\n" + "".join(f"  {ms:8.1f} ms  {words}\n" for words, ms in moments.items()))


if __name__ == "__main__":
    main()
