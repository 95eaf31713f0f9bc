"""What a unit starts, and how a release on trial is confirmed or left behind."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trap.update import state as states
from trap.update.state import State

if TYPE_CHECKING:
    from trap.ports import Card


@dataclass(frozen=True, slots=True)
class Start:
    """A folder to run; ``name`` is empty when the card holds no release at all."""

    name: str
    version: str
    on_trial: bool
    said: str


def choose(card: "Card") -> Start:
    """Called once at every start, before anything of the release runs: counts a trial's starts, durably, and ends it."""
    state = states.load(card)
    if state.trial and state.starts_left > 0:
        state = replace(state, starts_left=state.starts_left - 1)
        states.save(card, state)
        return _start(state, state.trial, on_trial=True)
    if state.trial and state.active:
        state = _left(state, "it did not become healthy in its starts")
        states.save(card, state)
    elif state.trial:  # the first release of this card: there is nothing better to start
        return _start(state, state.trial, on_trial=True)
    return _start(state, state.active, on_trial=False)


def current(card: "Card") -> Start:
    """What ``choose`` chose last, without counting a start."""
    state = states.load(card)
    return _start(state, state.trial or state.active, on_trial=bool(state.trial))


def built_in(card: "Card", why: str) -> Start | None:
    """The image's own release, when the one that is due cannot run; None on a card that has none."""
    state = states.built_in(card)
    return _start(replace(state, said=why), state.active, on_trial=False) if state.active else None


def confirm(card: "Card") -> State:
    """The running release is healthy: it stays. Nothing to do when none is on trial."""
    state = states.load(card)
    if not state.trial:
        return state
    version = _version(state, state.trial)
    state = replace(state, active=state.trial, trial="", starts_left=0, said=f"release {version} is healthy and stays")
    states.save(card, state)
    return state


def give_up(card: "Card", why: str) -> State:
    """The release on trial found itself unhealthy: the next start runs the one before."""
    state = states.load(card)
    if not (state.trial and state.active):
        return state
    state = _left(state, why)
    states.save(card, state)
    return state


LEFT = " was left: "


def _left(state: State, why: str) -> State:
    said = f"release {_version(state, state.trial)}{LEFT}{why}; {_version(state, state.active)} runs again"
    return replace(state, trial="", starts_left=0, said=said)


def _version(state: State, name: str) -> str:
    release = state.release(name)
    return release.version if release else "none"


def _start(state: State, name: str, on_trial: bool) -> Start:
    return Start(name, _version(state, name), on_trial, state.said)
