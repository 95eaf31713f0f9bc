"""Send a bundle to a unit and say what it makes of it. A cut cable is no loss: starting again goes on where it stopped."""

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from smp import image_management as img
from smp import os_management as os_mgmt

from trap_tools.keys import keystore
from trap_tools.keys.keystore import Signer
from trap_tools.link.client import Unit
from trap_tools.link.line import Line
from trap_tools.link.login import Session, opened
from trap_wire.bundle import Bundle, version_key
from trap_wire.errors import IntegrityError, LinkError, RefusedError, TrapError

CHUNK = 8 * 1024
INSTALL_S = 900.0
RESTART_S = 180.0
Advance = Callable[[int, int], None]
Signers = Callable[[], Iterable[Signer]]


@dataclass(frozen=True, slots=True)
class Slot:
    """A release on the unit."""

    version: str
    sha256: str
    pending: bool
    confirmed: bool


def slots(unit: Unit) -> dict[int, Slot]:
    """What the unit runs (0) and what is ready beside it (1)."""
    try:
        found = unit.ask(img.ImageStatesReadRequest(), img.ImageStatesReadResponse).images
    except RefusedError as error:
        if "not supported" not in str(error):
            raise
        why = "takes no releases over the cable: it is a pretend one, or its program was installed by hand, without a launcher"
        raise RefusedError(f"{unit.line.port}: this unit {why}") from error
    return {i.slot: Slot(i.version, (i.hash or b"").hex(), bool(i.pending), bool(i.confirmed)) for i in found}


def lacks(unit: Unit, bundle: Bundle) -> bool:
    """Whether the bundle must be sent; False when the unit has it ready. What it would refuse is said before an hour is lost.

    ``RefusedError`` with what to do; whether the unit runs this very release is ``runs``'s to ask before.
    """
    found, offered = slots(unit), bundle.manifest.version
    now, ready = found.get(0), found.get(1)
    if any(slot.pending and slot.sha256 != bundle.sha256 for slot in found.values()):
        raise RefusedError(
            "another release is on trial: wait until it is confirmed or rolled back, then send this again"
        )
    if now and version_key(offered) < version_key(now.version):
        raise RefusedError(
            f"release {offered} is older than {now.version}, which runs: a unit never goes back by itself. To go back, "
            "build the old one anew under a higher version, or flash a card"
        )
    return ready is None or ready.sha256 != bundle.sha256


def runs(unit: Unit, bundle: Bundle) -> bool:
    """Whether the unit runs this very release, and has confirmed it."""
    now = slots(unit).get(0)
    return now is not None and now.sha256 == bundle.sha256 and now.confirmed


def upload(unit: Unit, path: Path, advance: Advance, chunk: int = CHUNK) -> None:
    """Send a file; goes on where an earlier try stopped. ``RefusedError`` with the unit's reason when it does not take it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        sha = hashlib.file_digest(file, "sha256").digest()
        offset = 0
        while offset < size:
            file.seek(offset)
            data = file.read(chunk)
            head = (size, sha, 0) if offset == 0 else (None, None, None)
            request = img.ImageUploadWriteRequest(off=offset, data=data, len=head[0], sha=head[1], image=head[2])
            answered = unit.ask(request, img.ImageUploadWriteResponse).off or 0
            if answered == offset:
                raise LinkError(f"{unit.line.port}: the unit takes nothing at byte {offset}: start again")
            offset = answered
            advance(offset, size)


def tried(
    unit: Unit,
    bundle: Bundle,
    patience_s: float = INSTALL_S,
    pause_s: float = 0.2,
    renew: Callable[[], object] = lambda: None,
) -> None:
    """Wait until the unit has checked and unpacked the bundle, then have it tried at the next start."""
    request = img.ImageStatesWriteRequest(hash=bytes.fromhex(bundle.sha256))
    deadline = time.monotonic() + patience_s
    while True:
        try:
            unit.ask(request, img.ImageStatesWriteResponse)
        except RefusedError as error:
            if "busy" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(pause_s)
            renew()
        else:
            return


def restarted(
    port: str,
    bundle: Bundle,
    patience_s: float = RESTART_S,
    pause_s: float = 0.5,
    signers: Signers = keystore.signers,
) -> str:
    """Restart the unit and wait for its verdict; the version it runs then. ``IntegrityError`` when it went back."""
    with opened(port, signers) as (unit, _, _):
        unit.ask(os_mgmt.ResetWriteRequest(), os_mgmt.ResetWriteResponse)
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        time.sleep(pause_s)
        if (now := _running(port, signers)) is None:
            continue
        if now.sha256 == bundle.sha256 and now.confirmed:
            return now.version
        if now.sha256 != bundle.sha256 and now.confirmed and not now.pending:
            raise IntegrityError(
                f"the unit went back to {now.version}: {bundle.manifest.version} did not become healthy; "
                "'manul update --show' says why"
            )
    raise LinkError(f"{port}: no verdict after {patience_s:.0f} s: look at the unit again with 'manul update --show'")


def _running(port: str, signers: Signers) -> Slot | None:
    """What runs now, None while the unit is away or a trial is undecided."""
    try:
        with Line(port) as line:
            found = _seen(Unit(line), signers)
    except TrapError:
        return None
    if any(slot.pending for slot in found.values()):
        return None
    return found.get(0)


def _seen(unit: Unit, signers: Signers) -> dict[int, Slot]:
    """Its releases; a login only when it asks for one, so that looking twice a second does not fill its journal."""
    try:
        return slots(unit)
    except RefusedError:
        Session(unit, signers).open()
        return slots(unit)
