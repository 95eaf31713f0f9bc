"""Signs of life to systemd, and what guards systemd itself.

systemd holds ``/dev/watchdog`` (``RuntimeWatchdogSec=`` in the image), the SoC's timer resets the Pi when systemd stops,
and systemd restarts ``trapd`` when ``trapd`` stops saying that it lives. Outside systemd every call does nothing.

- absent (no timer, no service manager): an empty list, False; ``trapd doctor`` warns.
- gone in mid-use (a manager that died): False; the kernel's timer is then what resets the Pi.
- lying or slow: a timer that does not bite is only seen by making it bite (tests/system/test_6_faults.py).
"""

import os
import socket
from pathlib import Path


def sd_notify(state: str, address: str | None = None) -> bool:
    """Send a line to the service manager as its manual page says; whether there is one. ``@`` begins an abstract socket."""
    path = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
    if not path:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.sendto(state.encode(), "\0" + path[1:] if path.startswith("@") else path)
        except OSError:
            return False  # a manager that is gone must not take the unit with it
    return True


def hardware(folder: Path = Path("/sys/class/watchdog")) -> dict[str, str]:
    """Name -> what it is and whether it runs, of each watchdog timer; empty when there is none."""
    found = {}
    for device in sorted(folder.glob("watchdog*")):
        parts = [_text(device / name) for name in ("identity", "state", "timeout")]
        found[device.name] = f"{parts[0]}, {parts[1]}, {parts[2]} s"
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return "unknown"
