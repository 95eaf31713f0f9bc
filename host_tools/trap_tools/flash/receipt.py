"""What remains of a flashing: a JSON receipt that other commands read, and a label on the box."""

import dataclasses
import json
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from trap_tools import durable, keys
from trap_tools.flash.disks import Disk
from trap_tools.flash.image import Image
from trap_tools.flash.outcome import Outcome
from trap_tools.flash.stations import Ticket
from trap_wire.errors import BadInputError

NAMESPACE = "manul-receipt"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a card's contents came from; ``bundle`` is empty without one."""

    image: Image
    image_sha256: str
    bundle: dict[str, str]


def facts(outcome: Outcome, disk: Disk, source: Source, ticket: Ticket | None, at: datetime) -> dict[str, Any]:
    """The receipt as JSON-ready facts. ``at`` is UTC."""
    station = ticket.facts.station if ticket else None
    return {
        "receipt": "manul-flash/1",
        "at": at.isoformat(timespec="seconds"),
        "result": "good" if outcome.good else "failed",
        "trouble": outcome.trouble,
        "stage": outcome.stage,
        "unit": station.unit if station else "",
        "deployment": station.deployment if station else "",
        "programme": station.programme if station else "",
        "card": {"path": disk.path, "model": disk.model, "serial": disk.serial, "bytes": disk.size},
        "image": {
            "file": source.image.path.name,
            "sha256": source.image_sha256,
            "written_sha256": outcome.image_sha256,
            "written_bytes": outcome.written_bytes,
        },
        "bundle": source.bundle,
        "protocol": _protocol(ticket),
        "slot_sha256": outcome.slot_sha256,
        "retried": [str(found) for found in outcome.retried],
        "bad": [str(found) for found in outcome.bad],
        "seconds": {"write": round(outcome.write_s, 1), "verify": round(outcome.verify_s, 1)},
        "manul": version("manul"),
    }


def _protocol(ticket: Ticket | None) -> dict[str, Any]:
    if ticket is None:
        return {}
    rules = ticket.facts.protocol
    return {**dataclasses.asdict(rules), "sha256": rules.digest}


def save(receipt: dict[str, Any], folder: Path, key: Path | None) -> Path:
    """Write ``UNIT.json`` (and ``UNIT.json.sig``) into a folder; earlier receipts of a unit keep their time in the name."""
    name = receipt["unit"] or Path(receipt["card"]["path"]).name
    path = folder / f"{name}.json"
    if path.exists():
        _put_aside(path)
    text = json.dumps(receipt, indent=1, ensure_ascii=False) + "\n"
    durable.write(path, text.encode())
    if key:
        signature = keys.sign(keys.load_private(key), text.encode(), NAMESPACE)
        durable.write(path.with_name(path.name + ".sig"), signature.encode())
    return path


def _put_aside(path: Path) -> None:
    """An earlier receipt and its signature get the time of their writing into their names."""
    when = datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (f"{path.stem}.{when}{more}.json" for more in ("", *(f"-{n}" for n in range(2, 1000))))
    aside = next(path.with_name(name) for name in names if not path.with_name(name).exists())
    durable.rename(path, aside)
    signature = path.with_name(path.name + ".sig")
    if signature.exists():  # left where it is, it would stand beside a receipt that it does not sign
        durable.rename(signature, aside.with_name(aside.name + ".sig"))


def check_folder(folder: Path) -> None:
    """Say that receipts have no place before a card is written, and not after."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadInputError(
            f"--receipts {folder}: nothing can be written there ({error.strerror}): give another folder"
        ) from error


def finished(folder: Path) -> set[str]:
    """Units whose last receipt in a folder is good: a box of cards goes on where it stopped."""
    units = set()
    for path in folder.glob("*.json"):
        try:
            receipt = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if isinstance(receipt, dict) and receipt.get("receipt") == "manul-flash/1" and receipt.get("result") == "good":
            units |= {str(receipt.get("unit"))} & {path.stem}  # an earlier one has its time in its name, too
    return units
