"""Root's side of a release's systemd units: believed only when signed, in effect only while their release is due.

``trapd`` is unprivileged and its folders may hold anything. So root, out of the launcher that came with the card, takes
nothing from there but plain files of a limited size, has OpenSSH prove the manifest by root's own keys, and proves each unit
by the manifest. They go to /run/systemd/system, which lies above the card's own in /usr/lib and is gone at the next start:
root keeps nothing of a release, and what is due is asked again at every start, so a trial that ends takes its units with it.
Which release is due, and how many starts a trial has left, is counted by the owner of those files and not by root.
"""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from trap.update import state, trust, units
from trap_wire import bundle
from trap_wire.errors import IntegrityError, RefusedError, TrapError

UNIT_MAX = 64 * 1024
_WANTED_BY = re.compile(r"^WantedBy=(.*)$", re.MULTILINE)
_TARGET = re.compile(r"[a-z][a-z-]*\.target")
Systemctl = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Places:
    """Where root finds and puts things. ``home`` holds the launcher, the card's own units and the keys; only root writes it."""

    data: Path
    home: Path = Path(units.HOME)
    run: Path = units.RUN

    @property
    def system(self) -> Path:
        """Where units lie that are gone at the next start."""
        return self.run / "systemd/system"


def systemctl(*words: str) -> None:
    """A word to systemd, which may be at fault itself: the unit's program is started whatever it answers."""
    subprocess.run(["systemctl", *words], check=False, timeout=60)


def put(places: Places, *, again: bool, order: Systemctl = systemctl) -> dict[str, Any]:
    """Bring the units of the release that is due into effect; what was done, as it is kept for the launcher.

    ``again``: not at the start of the system but later, since what is due may have changed.
    """
    before = units.said(places.run)
    name = _due(places, count=not again)
    folder, found, refused = places.data / state.folder(name), dict[str, bytes](), {}
    if name and (folder / units.MARK).exists():
        try:
            found = signed(folder, places.home)
        except (TrapError, OSError) as error:
            refused = {name: str(error)}
    files = _files(found, units.of_folder(places.home / units.OWN), places.system)
    told = {"folder": name if found else "", "files": _told(files), "refused": refused}
    if told["files"] != before.get("files", {}):
        _replace(before.get("files", {}), files)
        order("daemon-reload")
        _start(found, places.home / units.OWN, order)
    units.say(places.run, told)
    if again:
        order("--no-block", "start", "trapd.service")  # nothing where it runs; a trial's units may have ended it
    return told


def _told(files: Mapping[Path, bytes | None]) -> dict[str, str]:
    return {str(path): "" if data is None else units.digest(data) for path, data in files.items()}


def _due(places: Places, *, count: bool) -> str:
    """The folder that is due, told by its owner; a trial with units of its own loses a start at each start of the system.

    Otherwise units under which the launcher never comes to run would be tried for ever.
    """
    folder = places.data / state.FOLDER
    if not folder.is_dir():
        return ""
    owner = folder.stat()
    words = [sys.executable, "-I", str(places.home / units.LAUNCHER), "--data", str(places.data)]
    words += ["--due", "count" if count else "ask"]
    become: dict[str, Any] = (
        {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if not os.geteuid() else {}
    )
    answer = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30, cwd="/", **become)
    said = answer.stdout.strip()
    return said if answer.returncode == 0 and said in state.NAMES else ""


def signed(folder: Path, home: Path) -> dict[str, bytes]:
    """Units of a release's folder, each proved; raises for any that is not what the programme signed for a card like this."""
    raw = _plain(folder / bundle.MANIFEST, bundle.MANIFEST_MAX)
    signature = _plain(folder / units.MARK, UNIT_MAX).decode("ascii", "replace")
    keys = trust.keys((home / units.KEYS).read_text())
    trust.check_with_openssh(raw, signature, bundle.NAMESPACE, keys)
    manifest = bundle.parse(raw, bundle.MANIFEST)
    oldest = (home / units.VERSION).read_text().strip()
    if bundle.version_key(manifest.version) < bundle.version_key(oldest):
        raise RefusedError(f"release {manifest.version} is older than this card's {oldest}: its units are not taken")
    found = {}
    for name, digest in units.of_bundle(manifest).items():
        if units.taken(name):
            found[name] = _plain(folder / "systemd" / name, UNIT_MAX)
            if units.digest(found[name]) != digest:
                raise IntegrityError(f"{name} is not what the programme signed: send the release again")
    return found


def _plain(path: Path, most: int) -> bytes:
    """A plain file's bytes: no link is followed, no pipe or device waited for, nothing large read."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            raise IntegrityError(f"{path.name} is no plain file of up to {most} bytes: send the release again")
        return file.read(most)


def _files(found: Mapping[str, bytes], own: Mapping[str, str], system: Path) -> dict[Path, bytes | None]:
    """What must lie in /run: units that are not the card's, links that enable them, and None for a link to nothing (masked)."""
    made: dict[Path, bytes | None] = {}
    for name, data in found.items():
        if own.get(name) != units.digest(data):
            made[system / name] = data
            made |= {system / f"{target}.wants" / name: b"" for target in _targets(data)}
    if found:
        made |= {system / name: None for name in own if units.taken(name) and name not in found}
    return made


def _targets(data: bytes) -> list[str]:
    words = " ".join(_WANTED_BY.findall(data.decode("utf-8", "replace"))).split()
    return [word for word in words if _TARGET.fullmatch(word)]


def _replace(before: Mapping[str, str], files: Mapping[Path, bytes | None]) -> None:
    for old in before:
        Path(old).unlink(missing_ok=True)
    for path, data in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if data is None:
            path.symlink_to("/dev/null")
        elif path.parent.suffix == ".wants":
            path.symlink_to(PurePosixPath("..") / path.name)
        else:
            path.write_bytes(data)


def _start(found: Mapping[str, bytes], own: Path, order: Systemctl) -> None:
    """Units that only this release has: the start of the system was planned before they were there."""
    for name in sorted(name for name, data in found.items() if _targets(data) and not (own / name).exists()):
        order("--no-block", "start", name)
