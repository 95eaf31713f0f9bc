"""The systemd units of a release, in effect for as long as it is the one that is due; root's side is ``trap.update.effect``.

The card has units of its own on the root partition, with root's copy of the programme's keys beside them
(``manul release image``). A release may bring others of the same kinds; the launcher and the units that decide all this
stay the card's, since they are what takes a release back.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from trap_wire.bundle import Manifest
from trap_wire.root_folder import HOME, KEYS, LAUNCHER, MARK, VERSION
from trap_wire.root_folder import UNITS as OWN

__all__ = ["HOME", "KEYS", "LAUNCHER", "MARK", "OWN", "VERSION"]

# Where root says which folder's units are in effect, and why it took others not; gone at the next start, like the units.
RUN = Path("/run")
_SAID = "manul-units/said.json"
_TAKEN = re.compile(r"(trapd|manul-[a-z0-9-]+)\.(service|path|timer)")
_FIXED = re.compile(r"manul-(units|first)\..*")


def taken(name: str) -> bool:
    """Whether a file of this name may come with a release: accounts, device rules and what takes a release back may not."""
    return bool(_TAKEN.fullmatch(name)) and not _FIXED.fullmatch(name)


def of_bundle(manifest: Manifest) -> dict[str, str]:
    """Name -> SHA-256, hex."""
    return {PurePosixPath(file.path).name: file.sha256 for file in manifest.of_role("systemd")}


def digest(data: bytes) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(data).hexdigest()


def of_folder(folder: Path) -> dict[str, str]:
    """The same of files that lie there."""
    return {path.name: digest(path.read_bytes()) for path in sorted(folder.glob("*"))}


def changed(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Names that are not the same file in both."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def untaken(names: Iterable[str]) -> list[str]:
    """Those of ``names`` that come with a new card only."""
    return [name for name in names if not taken(name)]


def said(run: Path) -> dict[str, Any]:
    """What root said last: ``folder`` whose units are in effect (empty: the card's own), ``refused`` ones with the reason."""
    try:
        found = json.loads((run / _SAID).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def say(run: Path, told: Mapping[str, Any]) -> None:
    """Root's word, for all to read."""
    path = run / _SAID
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(told))
    part.replace(path)
