"""A box of cards: choose, confirm, write together, leave a receipt and a label each, until the sheet is empty."""

import json
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from trap_tools.flash import label, offers, receipt, screen
from trap_tools.flash.disks import Disk
from trap_tools.flash.job import Job
from trap_tools.flash.offers import Choice
from trap_tools.flash.outcome import Outcome
from trap_tools.flash.receipt import Source
from trap_tools.flash.session import flash
from trap_tools.flash.stations import Ticket
from trap_wire.errors import BadInputError


@dataclass(frozen=True, slots=True)
class Work:
    """Everything that stays the same from card to card."""

    source: Source
    choice: Choice
    receipts: Path
    sign: Path | None
    as_json: bool


def write(work: Work, tickets: list[Ticket], in_a_row: bool, known: list[Disk] | None = None) -> int:
    """Card after card until the sheet is empty; the exit code of the first that failed, 0 when none did.

    ``known``: the disks that were there before any card; now, when nobody looked earlier.
    """
    made: list[dict[str, Any]] = []
    code = 0
    if known is None:
        known = work.choice.listed() if not (work.choice.to or work.choice.files) else []
    while True:
        cards = offers.targets(work.choice) or offers.awaited(
            work.choice, known, lambda text: click.echo(text, err=True)
        )
        some, tickets = _paired(cards, tickets)
        outcomes = _batch(work, cards[: len(some) or None], some, made)
        code = code or next((outcome.exit_code for outcome in outcomes if not outcome.good), 0)
        tickets = [ticket for ticket, o in zip(some, outcomes, strict=False) if not o.good] + tickets
        known = work.choice.listed()
        if not (in_a_row and tickets) or work.choice.to or work.choice.files or code == 130:
            break
    return code


def _paired(cards: Sequence[Disk], tickets: list[Ticket]) -> tuple[list[Ticket], list[Ticket]]:
    if tickets and len(cards) > len(tickets):
        raise BadInputError(f"{len(cards)} cards for {len(tickets)} units: give --sheet with a line for every card")
    return tickets[: len(cards)], tickets[len(cards) :]


def _batch(work: Work, cards: Sequence[Disk], tickets: Sequence[Ticket], made: list[dict[str, Any]]) -> list[Outcome]:
    offers.confirm(cards, work.choice, offers.typed)
    slots: list[Ticket | None] = list(tickets) or [None] * len(cards)
    names = [_called(card, ticket) for card, ticket in zip(cards, slots, strict=True)]
    jobs = [
        Job(name, offers.opener(card, work.choice), ticket.slot if ticket else None)
        for name, card, ticket in zip(names, cards, slots, strict=True)
    ]
    with screen.Bars(names) if not work.as_json else nullcontext() as bars:
        report = bars.report if bars else lambda *_: None
        outcomes = flash(work.source.image, jobs, report, threading.Event())
    for outcome, card, ticket in zip(outcomes, cards, slots, strict=True):
        _keep(work, receipt.facts(outcome, card, work.source, ticket, datetime.now(UTC)), made)
    if not work.as_json:
        units = [ticket.facts.station.unit if ticket else "" for ticket in slots]
        Console(stderr=True).print(screen.outcomes(zip(units, outcomes, strict=True)))
    label.save(made, work.receipts)  # now: the label goes on the box before the next card, and Ctrl-C ends a box
    return outcomes


def _called(card: Disk, ticket: Ticket | None) -> str:
    name = Path(card.path).name
    return f"{ticket.facts.station.unit} on {name}" if ticket else name


def _keep(work: Work, facts: dict[str, Any], made: list[dict[str, Any]]) -> None:
    path = receipt.save(facts, work.receipts, work.sign)
    made.append(facts)
    click.echo(
        json.dumps(facts, ensure_ascii=False) if work.as_json else f"{facts['unit'] or path.stem}: receipt {path}"
    )
