"""Write a release beside the running one; nothing that runs is touched until ``arm``."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from trap.update import state as states
from trap.update import trust, units, unpack
from trap.update.state import STARTS, Release, State
from trap_wire.bundle import MANIFEST, Bundle, signed_manifest, version_key
from trap_wire.errors import RefusedError, StorageError

if TYPE_CHECKING:
    from trap.ports import Card

RESERVE = 64 * 1024 * 1024  # stays free for the journal while two releases lie side by side


def admit(state: State, bundle: Bundle) -> None:
    """Refuse what must not be installed: an older release, or any while another is on trial."""
    running, offered = state.release(state.active), bundle.manifest.version
    if state.trial:
        raise RefusedError(
            "another release is on trial: wait until it is confirmed or rolled back, then send this again"
        )
    if running and version_key(offered) < version_key(running.version):
        raise RefusedError(
            f"release {offered} is older than {running.version}, which runs: a unit never goes back by itself"
        )
    if running and running.sha256 == bundle.sha256:
        raise RefusedError(f"release {offered} is what runs already")


def prepare(card: "Card", bundle: Bundle, python: str, home: Path | None = None) -> str:
    """Write, sync and read back a release in the idle folder; returns its name. Starting again after a cut is safe.

    ``home`` is root's own folder on a card that takes systemd units with a release (``trap.update.units``).
    """
    state = states.load(card)
    admit(state, bundle)
    kept = _signed_units(bundle, home) if home else _same_units(card, state, bundle)
    name = state.idle
    _make_room(card, state, name, unpack.size(bundle, python))
    written = _written(card, name, chain(unpack.files(bundle, python), kept.items()))
    _prove(card, written)
    release = Release(bundle.manifest.version, bundle.sha256)
    _mark(card, name, release)
    state = states.load(card)
    said = f"release {release.version} is ready, {len(written)} files"
    states.save(card, replace(state, releases={**state.releases, name: release}, said=said))
    return name


def _signed_units(bundle: Bundle, home: Path) -> dict[str, bytes]:
    """What root needs beside the release to put its units into effect; nothing when they are the card's own, or none."""
    offered = units.of_bundle(bundle.manifest)
    names = units.changed(offered, units.of_folder(home / units.OWN)) if offered else []
    if not names:
        return {}
    version, card_version = bundle.manifest.version, (home / units.VERSION).read_text().strip()
    if fixed := units.untaken(names):
        raise RefusedError(_anew(version, f"this card's ({', '.join(fixed)})", "that this card came with"))
    if bundle.signer not in trust.keys((home / units.KEYS).read_text()):
        raise RefusedError(
            f"release {version} brings systemd units ({', '.join(names)}) and is signed by another key than those that "
            f"this card came with: sign it with one of them, or {_FLASH}"
        )
    if version_key(version) < version_key(card_version):
        raise RefusedError(f"release {version} is older than this card's own {card_version}: its units are not taken")
    return dict(zip((MANIFEST, units.MARK), signed_manifest(bundle.path), strict=True))


_FLASH = "flash a new card: 'manul release image' with this bundle, then 'manul flash'"


def _anew(version: str, than: str, of: str) -> str:
    return (
        f"release {version} has other systemd files than {than}; they change only with a new card. Build the release "
        f"again with the systemd files {of} (manul release build --systemd FOLDER), or without --systemd; or {_FLASH}"
    )


def _same_units(card: "Card", state: State, bundle: Bundle) -> dict[str, bytes]:
    """Refuse systemd files that would have no effect, on a card without root's folder.

    They lie on the root partition, which trapd cannot write, and they are what starts it: a bad one could not be rolled back by
    what it starts. So there they change with the card's image only, and every release has those of the first.
    """
    running = state.release(state.active)
    offered = units.of_bundle(bundle.manifest)
    if running is None or not offered:
        return {}
    if names := units.changed(offered, _units_there(card, state)):
        than = f"{running.version}, which runs ({', '.join(names)})"
        raise RefusedError(_anew(bundle.manifest.version, than, f"of {running.version}"))
    return {}


def _units_there(card: "Card", state: State) -> dict[str, str]:
    """Those of the release that runs; of the one beside it, or of the image, where it was built without."""
    for name in (state.active, state.idle, states.BUILT_IN):
        if found := list(card.files(f"{states.folder(name)}/systemd")):
            return {PurePosixPath(path).name: units.digest(card.read(path)) for path in found}
    return {}


def arm(card: "Card", name: str) -> State:
    """The one step that makes the next start try a prepared release (the first release of a card has nothing to go back to)."""
    state = states.load(card)
    release = state.release(name)
    if release is None or name == state.active:
        raise RefusedError("no release is ready: send a bundle first")
    state = replace(
        state, trial=name, starts_left=STARTS, said=f"release {release.version} will be tried at the next start"
    )
    states.save(card, state)
    return state


def _make_room(card: "Card", state: State, name: str, needed: int) -> None:
    """Empty the idle folder, after no state vouches for it any more; refuses first when it would not be enough."""
    old = list(card.files(states.folder(name)))
    free = card.free_bytes() + sum(card.size(path) or 0 for path in old)
    if free < needed + RESERVE:
        said = f"{free // 10**6} MB free, the release needs {(needed + RESERVE) // 10**6} MB"
        raise StorageError(f"the card has {said}: pull the photographs first")
    if state.release(name):
        states.save(card, state.without(name))
    if states.mark_path(name) in old:
        card.remove(states.mark_path(name))
        card.sync_folder(states.folder(name))
    for path in old:
        card.remove(path)


def _written(card: "Card", name: str, files: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """Write everything, then make it durable; hashes of what should now lie there."""
    hashes: dict[str, str] = {}
    for path, data in files:
        place = f"{states.folder(name)}/{path}"
        card.write(place, data)
        hashes[place] = hashlib.sha256(data).hexdigest()
    for place in hashes:
        card.sync(place)
    for folder in sorted(
        {str(parent) for place in hashes for parent in PurePosixPath(place).parents if str(parent) != "."}
    ):
        card.sync_folder(folder)
    return hashes


def _prove(card: "Card", hashes: dict[str, str]) -> None:
    for place, digest in hashes.items():
        if hashlib.sha256(card.read(place)).hexdigest() != digest:
            raise StorageError(f"the card does not keep {place}: it is failing, bring the unit home")


def _mark(card: "Card", name: str, release: Release) -> None:
    path = states.mark_path(name)
    card.write(path, json.dumps({"version": release.version, "sha256": release.sha256}).encode())
    card.sync(path)
    card.sync_folder(states.folder(name))
