"""A unit that starts anew, so that settings which were sent hold before anybody leaves it."""

import time
from collections.abc import Callable, Iterable

from smp import os_management as os_mgmt

from trap_tools.keys.keystore import Signer
from trap_tools.link.client import HASTY_S, Unit
from trap_tools.link.line import Line
from trap_tools.link.login import Session, opened
from trap_wire.errors import RefusedError, TrapError

Signers = Callable[[], Iterable[Signer]]
PATIENCE_S = 90.0  # systemd, Python and the detector on the unit take about ten
_PAUSE_S = 0.5


def restarted(port: str, baud: int, signers: Signers, deployment: str, patience_s: float = PATIENCE_S) -> bool:
    """Restart the unit and wait until it is back in this deployment; False when it cannot, or is not in time."""
    try:
        with opened(port, signers, baud) as (unit, _, _):
            unit.ask(os_mgmt.ResetWriteRequest(), os_mgmt.ResetWriteResponse)
    except RefusedError:
        return False
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        time.sleep(_PAUSE_S)
        if _is_in(port, baud, signers, deployment):
            return True
    return False


def _is_in(port: str, baud: int, signers: Signers, deployment: str) -> bool:
    """Whether the unit answers and says so; one that is away, or about to go, does not."""
    try:
        with Line(port, baud) as line:
            unit = Unit(line)
            unit.hello(HASTY_S)
            Session(unit, signers).open()
            return unit.summary().get("deployment") == deployment
    except TrapError:
        return False
