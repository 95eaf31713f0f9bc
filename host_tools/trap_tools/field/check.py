"""``manul check``: every part of a unit tried from the cable, a table of what passed, and what to do where it did not."""

import json
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from smp import os_management as os_mgmt

from trap_tools import durable, keys
from trap_tools.i18n import say
from trap_tools.keys import keystore
from trap_tools.link import group70
from trap_tools.link.client import Unit
from trap_tools.link.line import BAUD, Line
from trap_tools.link.login import Session
from trap_tools.link.ports import the_one
from trap_wire.errors import PartError

SCHEMA, NAMESPACE = "manul-check/1", "manul-check"
PASS, FAIL, SKIP = "pass", "fail", "skip"
_ECHOES = 20
_CLOCK_S = 120  # a DS3231 at 2 ppm is 63 s off after a year


@dataclass(frozen=True, slots=True)
class Finding:
    """One part. ``words`` are the unit's, in English; ``values['why']`` names them for other languages."""

    part: str
    state: str
    words: str
    values: dict[str, Any]


@click.command()
@click.option("--port", help="Where the unit is. Without it: the one unit that answers.")
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="Folder for the receipt.")
@click.option("--sign", type=click.Path(dir_okay=False, path_type=Path), help="Private key to sign the receipt with.")
@click.option(
    "--key", "private", multiple=True, type=click.Path(path_type=Path), help="A private key to open the unit with."
)
@click.option("--baud", default=BAUD, show_default=True, help="Rate of a UART; USB ignores it.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def check(  # noqa: PLR0917  # click's options
    port: str | None, folder: Path | None, sign: Path | None, private: tuple[Path, ...], baud: int, as_json: bool
) -> None:
    """Try every part of a unit and say what to do where one fails. Exit code 8 when one does."""
    with Line(the_one(port), baud) as line:
        unit = Unit(line)
        name = unit.hello()
        session = Session(unit, partial(keystore.signers, private))
        session.open()
        findings = examine(unit, bench=session.bench)
    receipt = {
        "schema": SCHEMA,
        "unit": name,
        "at": datetime.now(UTC).isoformat(),
        "findings": [asdict(one) for one in findings],
    }
    if folder is not None:
        _save(receipt, folder, sign)
    if as_json:
        click.echo(json.dumps(receipt, indent=2, ensure_ascii=False))
    else:
        Console().print(screen(name, findings))
    if failed := [say(one.part) for one in findings if one.state == FAIL]:
        raise PartError(", ".join(failed), say("mend this before you leave, then check again"))


def examine(unit: Unit, *, bench: bool) -> list[Finding]:
    """The unit's own test, and what only the laptop can see: the line, the clock, the keys."""
    rows = unit.do(group70.SelfTestRequest(), patience_s=90.0)["results"]
    return [*(Finding(*row) for row in rows), _clock(unit), _link(unit), _keys(bench)]


def screen(name: str, findings: list[Finding]) -> Table:
    """The table, failures in red."""
    table = Table(say("part"), "", say("what was found"), title=say("check of {unit}", unit=name), title_justify="left")
    marks = {
        PASS: f"[green]{say('pass')}[/]",
        FAIL: f"[bold red]{say('FAIL')}[/]",
        SKIP: f"[yellow]{say('not tried')}[/]",
    }
    for one in findings:
        table.add_row(escape(say(one.part)), marks.get(one.state, escape(one.state)), escape(worded(one)))
    return table


_WEAK = (
    "the picture is no brighter by the flash: hold a hand half a metre before the lens and check again, "
    "then look at the flash's cable and its MOSFET"
)
_TOO_BRIGHT = "too bright here to tell: hang a jacket over the unit, not on the lens, and check again"
_LENT = "is on: the card is lent to a laptop as a drive and no picture is taken. Eject it, manul bulk off, check again"
WORDS = {
    ("camera", "black"): "the picture is black: take the cap off, or mend the infrared flash",
    ("camera", "white"): "the picture is white: shade the lens and try again",
    ("camera", "blurred"): "nothing in the picture is sharp: wipe the lens, then check its focus",
    ("camera", "sharp"): "brightness {brightness:.0f}, sharpness {sharpness:.0f}",
    ("infrared", "adds"): "the flash adds {adds:.0f} of 255 to the picture",
    ("infrared", "weak"): _WEAK,
    ("infrared", "too_bright"): _TOO_BRIGHT,
    ("infrared", "unlit"): "the flash cannot be switched: look at header pin 12 and at the summary's trouble",
    ("infrared", "no_picture"): "the camera gives no picture to tell by",
    # Units of older releases judge one picture.
    ("infrared", "lit"): "the flash was asked for and the picture is lit",
    ("infrared", "bright"): "bright enough without: cover the unit with a jacket and test again",
    ("bulk", "on"): _LENT,
    ("card", "lent"): "bulk is on: a laptop has the card as a drive",
    ("detector", "no_picture"): "the camera gives no picture to tell by",
    ("detector", "none"): "none: everything is kept. See the summary, and send the detector again",
    ("detector", "answers"): "{detector}, {look_ms} ms a look",
    ("card", "lies"): "gives back other bytes than it was given: replace the card",
    ("card", "slow"): "writes only {write_mb_s} MB/s: replace the card",
    ("card", "fast"): "writes {write_mb_s} MB/s",
    ("journal", "chained"): "the newest {checked} of {entries} entries are one chain",
    ("battery", "no_reading"): "no reading yet: trigger the unit once, then test again",
    ("battery", "low"): "{battery_mv} mV: put in new cells",
    ("battery", "good"): "{battery_mv} mV when it last woke",
    ("supervisor", "none"): "none answers: is this unit meant to have one?",
    ("supervisor", "broken"): "{broken} frames arrived broken: shorten the UART's wires, look at its ground",
    ("supervisor", "answers"): "firmware {firmware}, {broken} broken frames",
    ("load", "none"): "no supervisor, no reading under load",
    ("load", "sags"): "{battery_mv} mV at {battery_ma} mA: put in new cells, or mend a contact that warms",
    ("load", "good"): "{battery_mv} mV at {battery_ma} mA",
    ("light", "no_reading"): "no reading yet: trigger the unit once, then test again",
    ("light", "good"): "{light_lux} lux when it last woke",
    ("pir", "seen"): "has triggered",
    ("pir", "not_yet"): "has not triggered yet: walk past it and test again",
    ("clock", "good"): "{offset_s:+.1f} s against the laptop",
    ("clock", "off"): "{offset_s:+.0f} s against the laptop: set it (manul pull does), then look at the RTC's cell",
    ("link", "good"): "{round_ms:.1f} ms an answer, no broken lines",
    ("link", "broken"): "{broken} broken lines in {echoes} answers: another cable",
    ("keys", "programme"): "opened by the programme's key",
    ("keys", "bench"): "none: anybody can open this unit. Give it the programme's: manul keys add --port …",
}


def worded(one: Finding) -> str:
    """A finding in the reader's language; a newer unit's words as they are."""
    known = WORDS.get((one.part, str(one.values.get("why"))))
    try:
        return say(known, **one.values) if known else one.words
    except (KeyError, ValueError, TypeError):  # another release's values
        return one.words


def _made(part: str, why: str, state: str, **values: Any) -> Finding:
    told = {"why": why, **values}
    return Finding(part, state, WORDS[part, why].format(**told), told)


def _clock(unit: Unit) -> Finding:
    offset_s = (unit.time() - datetime.now(UTC)).total_seconds()
    good = abs(offset_s) <= _CLOCK_S
    return _made("clock", "good" if good else "off", PASS if good else FAIL, offset_s=round(offset_s, 2))


def _link(unit: Unit) -> Finding:
    """Twenty long echoes: a bad contact shows in broken lines before it costs a pull."""
    broken, began = unit.line.bad, time.monotonic()
    for _ in range(_ECHOES):
        unit.ask(os_mgmt.EchoWriteRequest(d="manul" * 150), os_mgmt.EchoWriteResponse)
    round_ms = (time.monotonic() - began) * 1000 / _ECHOES
    if lost := unit.line.bad - broken:
        return _made("link", "broken", FAIL, broken=lost, echoes=_ECHOES)
    return _made("link", "good", PASS, round_ms=round(round_ms, 1))


def _keys(bench: bool) -> Finding:
    return _made("keys", "bench", FAIL) if bench else _made("keys", "programme", PASS)


def _save(receipt: dict[str, Any], folder: Path, sign: Path | None) -> None:
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    path = durable.write(folder / f"check-{receipt['unit']}-{stamp}.json", json.dumps(receipt, indent=2).encode())
    if sign is not None:
        keys.sign_file(path, keys.load_private(sign), NAMESPACE)
    click.echo(say("receipt: {path}", path=path), err=True)
