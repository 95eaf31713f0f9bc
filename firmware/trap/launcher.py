"""What the unit's system starts: installs the first release from the boot partition, then runs the release that is due.

It travels as one file (``manul-boot.pyz``, made by ``manul release image``) and needs nothing but Raspberry Pi OS's own
Python and openssh-client, since it runs before anything of ours is installed. An image of ``make image`` starts it only when
there is a release beside its own (``tools/image/root.py``).
"""

import argparse
import os
import pwd
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from trap import cli
from trap.drivers.card import FolderCard
from trap.update import boot, effect, install, state, trust, units, unpack
from trap_wire import bundle
from trap_wire.bundle import Bundle
from trap_wire.errors import NoUnitError, TrapError

Pause = Callable[[float], None]
Run = Callable[[str, list[str], dict[str, str]], object]
BUNDLE, KEYS = "manul.bundle", "manul.pub"
# Root does these with the card's own code: a release lies where the unprivileged account writes.
ROOTS = ("gadget", "card")
RESTART = 75  # as trap.life.RESTART: systemd starts trapd again
UNITS_S = 10.0


def main(words: Sequence[str] | None = None, run: Run = os.execve) -> int:
    """Install if need be, choose, and become the application; returns only when there is nothing to run."""
    parser = argparse.ArgumentParser(prog="manul-boot", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("/var/lib/manul"), help="the unit's own data")
    parser.add_argument("--boot", type=Path, default=Path("/boot/firmware"), help="the boot partition")
    parser.add_argument("--run", type=Path, default=units.RUN, help="what is gone at the next start of the system")
    does = parser.add_mutually_exclusive_group()
    does.add_argument("--install", action="store_true", help="install the first release if there is none, and no more")
    does.add_argument("--due", choices=("ask", "count"), help="say which folder is due, and no more")
    does.add_argument(
        "--units", choices=("boot", "again"), help="as root: the systemd units of the release that is due"
    )
    parser.add_argument("words", nargs=argparse.REMAINDER, help="what trapd is asked to do; run by default")
    given = parser.parse_args(words)
    try:
        return _done(given, given.words or ["run"], run)
    except TrapError as error:
        sys.stderr.write(f"manul-boot: {error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"manul-boot: {error}\n")
        return 7


def _done(given: argparse.Namespace, words: list[str], run: Run) -> int:
    if given.units:
        told = effect.put(effect.Places(given.data, _home(), given.run), again=given.units == "again")
        for name, why in told["refused"].items():
            sys.stderr.write(f"manul-boot: the systemd units of folder {name} were not taken: {why}\n")
        return 0
    if words[0] in ROOTS and os.geteuid() == 0:
        return cli.main(words)
    _become_owner(given.data / state.FOLDER)
    given.data.mkdir(parents=True, exist_ok=True)
    card = FolderCard(given.data)
    if given.install:
        return _install(card, given.boot)
    if given.due:
        return _say_due(card, count=given.due == "count")
    return _start(card, given, words, run)


def _home() -> Path:
    """Root's own folder, in which the launcher lies."""
    return Path(sys.argv[0]).resolve().parent


def _become_owner(folder: Path) -> None:
    """Root runs no release: whoever owns them does."""
    if os.geteuid() or not folder.is_dir() or not (owner := folder.stat()).st_uid:
        return
    try:
        os.initgroups(pwd.getpwuid(owner.st_uid).pw_name, owner.st_gid)
    except KeyError:
        os.setgroups([])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)


def _install(card: FolderCard, boot_partition: Path) -> int:
    found = state.load(card)
    if not found.active and not found.trial:
        first(card, boot_partition)
    return 0


def _say_due(card: FolderCard, *, count: bool) -> int:
    """For root. Only a trial whose units are not the card's is counted here: others lose a start when they are started."""
    trial = state.load(card).trial
    counts = count and trial and card.size(f"{state.folder(trial)}/{units.MARK}") is not None
    sys.stdout.write((boot.choose(card) if counts else boot.current(card)).name + "\n")
    return 0


def _start(card: FolderCard, given: argparse.Namespace, words: list[str], run: Run) -> int:
    """Only ``run`` is a start that counts: asking a release its version is no trial of it."""
    start = _due(card, counts=words[0] == "run")
    if not start.name:
        raise NoUnitError("no release on this card: put one on it with 'manul release image'")
    sys.stderr.write(f"manul-boot: {start.version}{' on trial' if start.on_trial else ''}; {start.said}\n")
    if words[0] == "run" and not _under_its_units(card, start, given.run):
        return RESTART
    folder = given.data / state.folder(start.name)
    places = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
    if start.name != state.BUILT_IN:  # that one is installed
        places.insert(0, str(folder / unpack.SITE))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "MANUL_RELEASE": str(folder)}
    if (_home() / units.KEYS).is_file():
        env["MANUL_HOME"] = str(_home())
    run(sys.executable, [sys.executable, "-m", "trap.cli", *words], env)
    return 0


def _under_its_units(
    card: FolderCard, start: boot.Start, run: Path, patience_s: float = UNITS_S, pause: Pause = time.sleep
) -> bool:
    """Whether systemd has this release's units; False once root changed them, since ours are still those before.

    Root is woken by the file that says which release is due. When it does nothing the release is started all the same.
    """
    wanted = start.name if card.size(f"{state.folder(start.name)}/{units.MARK}") is not None else ""
    deadline = time.monotonic() + patience_s
    waited = False
    while (told := units.said(run)) or wanted:
        if told.get("folder", "") == wanted or wanted in told.get("refused", {}):
            return not waited
        if time.monotonic() > deadline:
            sys.stderr.write("manul-boot: systemd still has other units than this release's\n")
            return True
        waited = True
        pause(0.2)
    return True


def _due(card: FolderCard, *, counts: bool) -> boot.Start:
    """What runs now; the image's own release when the card with the others fails, or holds no whole one where it should."""
    try:
        start = boot.choose(card) if counts else boot.current(card)
    except (TrapError, OSError) as error:
        if own := boot.built_in(card, str(error)):
            return own
        raise
    if start.name and state.mark(card, start.name) is None:
        return boot.built_in(card, f"release {start.version} is not whole any more") or start
    return start


def first(card: FolderCard, boot_partition: Path) -> None:
    """Install the bundle that came with the card. A power cut on the way only means that the next start begins anew."""
    path = boot_partition / BUNDLE
    if not path.is_file():
        raise NoUnitError(f"{path} is not there: the card was not prepared with 'manul release image'")
    allowed = trust.keys((boot_partition / KEYS).read_text())
    install.arm(card, install.prepare(card, _trusted(path, allowed), unpack.python()))


def _trusted(path: Path, allowed: list[bytes]) -> Bundle:
    """Checked by OpenSSH's tool, as Raspberry Pi OS has no Ed25519 in Python yet when this runs for the first time."""
    with tarfile.open(path, "r:") as tar:
        raw, signature = (_member(tar, name) for name in (bundle.MANIFEST, bundle.SIGNATURE))
    trust.check_with_openssh(raw, signature.decode("ascii", "replace"), bundle.NAMESPACE, allowed)
    return bundle.opened(path, allowed, lambda *_: None)


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    return file.read() if file else b""
