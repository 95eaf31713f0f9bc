"""Write a release beside the running one; nothing that runs is touched until ``arm``."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from trap.update import state as states
from trap.update import unpack
from trap.update.state import STARTS, Release, State
from trap_wire.bundle import Bundle, version_key
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


def prepare(card: "Card", bundle: Bundle, python: str) -> str:
    """Write, sync and read back a release in the idle folder; returns its name. Starting again after a cut is safe."""
    state = states.load(card)
    admit(state, bundle)
    _same_units(card, state, bundle)
    name = state.idle
    _make_room(card, state, name, unpack.size(bundle, python))
    written = _written(card, name, unpack.files(bundle, python))
    _prove(card, written)
    release = Release(bundle.manifest.version, bundle.sha256)
    _mark(card, name, release)
    state = states.load(card)
    said = f"release {release.version} is ready, {len(written)} files"
    states.save(card, replace(state, releases={**state.releases, name: release}, said=said))
    return name


def _same_units(card: "Card", state: State, bundle: Bundle) -> None:
    """Refuse systemd files that would have no effect.

    They lie on the root partition, which trapd cannot write, and they are what starts it: a bad one could not be rolled back by
    what it starts. So they change with the card's image only, and every release on a card has those of its first.
    """
    running = state.release(state.active)
    folder = f"{states.folder(state.active)}/systemd"
    offered = {PurePosixPath(file.path).name: file.sha256 for file in bundle.manifest.of_role("systemd")}
    if running is None or not offered:
        return
    there = {PurePosixPath(path).name: hashlib.sha256(card.read(path)).hexdigest() for path in card.files(folder)}
    if changed := sorted(name for name in {*offered, *there} if offered.get(name) != there.get(name)):
        raise RefusedError(
            f"release {bundle.manifest.version} has other systemd files than {running.version}, which runs "
            f"({', '.join(changed)}); they change only with a new card: flash one prepared with this release, or build "
            f"the release with the systemd files of {running.version}"
        )


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
