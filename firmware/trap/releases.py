"""What a running release has to do with releases: take the next one from a laptop, and say of itself whether it is healthy."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from trap.drivers.card import FolderCard
from trap.update import boot, state
from trap.update.images import Images
from trap.update.unpack import python

# Set by the launcher: the folder of the release that runs, data/update/a or b; data/image for the image's own.
FOLDER = "MANUL_RELEASE"
# Set by a launcher that takes systemd units with a release: root's own folder.
HOME = "MANUL_HOME"


def images(data: Path, keys: Callable[[], Iterable[bytes]], environment: Mapping[str, str] = os.environ) -> Images:
    """Takes releases that one of the programme's keys signed; they arrive where they will lie, in ``data/update``."""
    place = data / state.FOLDER
    home = Path(environment[HOME]) if HOME in environment else None
    return Images(FolderCard(data, room=place), place / "inbox", keys, python(), home=home)


def card_of(folder: Path) -> FolderCard:
    """The unit's data, from the folder of the release that runs."""
    return FolderCard(folder.parent if folder.name == state.BUILT_IN else folder.parent.parent)


def detectors(environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """The detector folders that the running release brought along; none where no launcher started it."""
    if FOLDER not in environment:
        return ()
    return tuple(sorted(card.parent for card in Path(environment[FOLDER]).glob("model/*/model.toml")))


def decided(trouble: str, environment: Mapping[str, str] = os.environ) -> str:
    """End a trial: a release that could arm the unit stays, one with ``trouble`` is left. What was said, or nothing.

    A release that never came so far was left by the launcher; the one that runs in its place says so, at each of its starts.
    """
    if FOLDER not in environment:
        return ""  # installed by hand, as developers do: nothing to go back to
    card = card_of(Path(environment[FOLDER]))
    now = boot.current(card)
    if not now.on_trial:
        return now.said if boot.LEFT in now.said else ""
    return (boot.give_up(card, trouble) if trouble else boot.confirm(card)).said
