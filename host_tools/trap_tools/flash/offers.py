"""Choosing cards with a person: what is offered, what must be typed, what a script may say instead."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from trap_tools.flash import disks
from trap_tools.flash.card import RealCard
from trap_tools.flash.disks import Disk
from trap_wire.errors import RefusedError

List = Callable[[], list[Disk]]
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Choice:
    """How cards are chosen. ``yes`` holds serials (file names for files) that need no typing."""

    to: Sequence[str] = ()
    files: Sequence[Path] = ()
    yes: Sequence[str] = ()
    max_size: int = disks.MAX_SIZE
    listed: List = disks.listed


def targets(choice: Choice) -> list[Disk]:
    """Cards that were named, each checked; ``RefusedError`` for the first that may not be written."""
    found = [disks.chosen(path, choice.listed(), choice.max_size) for path in choice.to]
    found += [_file(path) for path in choice.files]
    real = [str(Path(card.path).resolve()) for card in found]
    if twice := [card.path for card, path in zip(found, real, strict=True) if real.count(path) > 1]:
        raise RefusedError(f"{' and '.join(twice)} are one card: name each card once")
    return found


def _file(path: Path) -> Disk:
    if not path.is_file():
        raise RefusedError(f"{path} is not a file: make one of a card's size first: truncate -s 32G {path}")
    return Disk(path=str(path), kind="file", size=path.stat().st_size, model="file", serial=path.name, removable=True)


def awaited(choice: Choice, known: list[Disk], say: Callable[[str], None]) -> list[Disk]:
    """Wait for cards to appear that were not among ``known``; returns when at least one did and the list stood still."""
    say("Insert the card now (Ctrl-C to stop).")
    last: list[Disk] = []
    while True:
        time.sleep(_POLL_S)
        found = disks.appeared(known, choice.listed(), choice.max_size)
        if found and found == last:
            return found
        last = found


def confirm(cards: Iterable[Disk], choice: Choice, ask: Callable[[str], str]) -> None:
    """Show each card and have its name typed, unless ``--yes`` names its serial; ``RefusedError`` otherwise."""
    for card in cards:
        if card.serial and card.serial in choice.yes:
            continue
        if choice.yes:
            raise RefusedError(f"--yes does not name {card}: nothing was written")
        name = Path(card.path).name
        if ask(f"{card}\nEverything on it will be lost. Type {name} to write it").strip() != name:
            raise RefusedError(f"{card.path}: not confirmed, nothing was written")


def opener(card: Disk, choice: Choice) -> Callable[[], RealCard]:
    """Opens a card at the last moment, after looking once more that nothing was mounted meanwhile."""

    def opened() -> RealCard:
        if card.kind == "file":
            return RealCard(Path(card.path))
        now = disks.chosen(card.path, choice.listed(), choice.max_size)
        if (now.serial, now.size) != (card.serial, card.size):
            raise RefusedError(f"{card.path} is another card now ({now}): start again")
        return RealCard(Path(card.path))

    return opened


def typed(question: str) -> str:
    """Ask on the terminal; a script without one is told of ``--yes``."""
    try:
        return str(click.prompt(question, prompt_suffix=": ", err=True))
    except click.Abort as error:
        raise RefusedError("not confirmed, nothing was written; a script names the card's serial with --yes") from error
