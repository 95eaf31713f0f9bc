"""Which of the two folders runs: one JSON file, replaced in one step.

A card of ``make image`` has a third release, the one that the image was made of: it lies on the read-only root, is never
written, and runs whenever the two others do not.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from trap_wire.errors import StorageError

if TYPE_CHECKING:
    from trap.ports import Card

FOLDER = "update"
PATH = f"{FOLDER}/state.json"
NAMES = ("a", "b")
BUILT_IN = "image"  # beside FOLDER, since that is another partition
STARTS = 3  # of a new release until it must have confirmed itself


@dataclass(frozen=True, slots=True)
class Release:
    """What is in a folder; ``sha256`` is the bundle manifest's, hex."""

    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class State:
    """``active`` runs; ``trial``, when set, is being tried and has ``starts_left``. ``said`` is what happened last."""

    active: str = ""
    trial: str = ""
    starts_left: int = 0
    releases: Mapping[str, Release] = field(default_factory=dict)
    said: str = ""

    @property
    def idle(self) -> str:
        """The folder that an update may overwrite."""
        return "b" if self.active == "a" else "a"

    def release(self, name: str) -> Release | None:
        """What a folder holds, None when nothing whole."""
        return self.releases.get(name)

    def without(self, name: str) -> "State":
        """The same, with a folder's contents no longer vouched for."""
        left = {key: value for key, value in self.releases.items() if key != name}
        return replace(self, releases=left, trial="" if self.trial == name else self.trial)


def load(card: "Card") -> State:
    """The state; on a card that never had an update the image's own release, or nothing where the image has none.

    A file that cannot be read is said, not guessed.
    """
    own = built_in(card)
    if card.size(PATH) is None:
        return replace(own, said="")
    try:
        return _parsed(json.loads(card.read(PATH)), own.releases)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        said = f"{PATH} cannot be read ({error})"
        return replace(own, said=f"{said}: the image's own release runs") if own.active else _found(card, said)


def built_in(card: "Card") -> State:
    """A state in which the image's own release runs; an empty one where the image has none."""
    found = mark(card, BUILT_IN)
    return State(active=BUILT_IN, releases={BUILT_IN: found}) if found else State()


def _parsed(raw: Mapping[str, Any], own: Mapping[str, Release]) -> State:
    releases = {
        name: Release(str(r["version"]), str(r["sha256"])) for name, r in raw["releases"].items() if name in NAMES
    }
    releases |= own
    state = State(str(raw["active"]), str(raw["trial"]), int(raw["starts_left"]), releases, str(raw["said"]))
    if state.active not in ("", *releases) or state.trial not in ("", *releases):
        raise ValueError(f"names a folder that holds nothing: {state.active}/{state.trial}")
    return state


def _found(card: "Card", said: str) -> State:
    """A state from what the folders say of themselves: the first that was ever whole runs."""
    releases = {name: release for name in NAMES if (release := mark(card, name))}
    return State(active=next(iter(releases), ""), releases=releases, said=f"{said}: looked at the folders instead")


def save(card: "Card", state: State) -> None:
    """Replace the state in one step; durable when it returns."""
    part = PATH + ".part"
    card.write(part, json.dumps(asdict(state), sort_keys=True).encode())
    card.sync(part)
    card.rename(part, PATH)
    card.sync_folder(FOLDER)


def folder(name: str) -> str:
    """Path of a folder on the card."""
    return BUILT_IN if name == BUILT_IN else f"{FOLDER}/{name}"


def mark_path(name: str) -> str:
    """The file that is written last into a folder."""
    return f"{folder(name)}/release.json"


def mark(card: "Card", name: str) -> Release | None:
    """What a folder says of itself once it is whole."""
    try:
        raw = json.loads(card.read(mark_path(name)))
        return Release(str(raw["version"]), str(raw["sha256"]))
    except (StorageError, OSError, ValueError, KeyError, TypeError):
        return None
