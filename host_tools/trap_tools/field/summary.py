"""``manul summary``: one screen that says whether a unit is well."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from smp import image_management as img

from trap_tools import i18n
from trap_tools.field import verdict
from trap_tools.i18n import say
from trap_tools.keys import keystore
from trap_tools.link.client import Unit
from trap_tools.link.line import BAUD, Line
from trap_tools.link.login import Session
from trap_tools.link.ports import units
from trap_tools.protocol import programme
from trap_tools.protocol.programme import Programme
from trap_wire.energy.forecast import HORIZON_D
from trap_wire.entries import from_us
from trap_wire.errors import RefusedError

_BARS = " ▁▂▃▄▅▆▇█"
_COUNTS = ("triggers", "kept", "unknown", "discarded", "audited")
# What the battery still allows; "full" is the unit's word for every duty, not for the charge.
_STATES = {"full": "enough", "no_hold_off": "saving", "heartbeat_only": "one frame a day only", "off": "off"}
_COLOURS = {verdict.LEAVE: "green", verdict.ATTENTION: "yellow", verdict.HOME: "bold red"}
# Keys that the screen words itself; whatever else a newer unit says is shown below as it is.
_WORDED = {"unit", "deployment", "programme", "protocol", "protocol_hash", "languages", "model", "release", "trouble",
           "now_us", "entries",
           "first_day", "totals", "days", "battery", "days_left", "storage_free_bytes", "errors",
           "bench", "locked", "battery_state", "well", "bulk_left_s", "unsealed", "celsius"}  # fmt: skip


@click.command()
@click.option("--port", help="Where the unit is. Without it: every unit that answers.")
@click.option("--baud", default=BAUD, show_default=True, help="Rate of a UART; USB ignores it.")
@click.option(
    "--key", "private", multiple=True, type=click.Path(path_type=Path), help="A private key to open the unit with."
)
@click.option("--json", "as_json", is_flag=True, help="What the unit says, for programs.")
def summary(port: str | None, baud: int, private: tuple[Path, ...], as_json: bool) -> None:
    """Show how a unit is, on one screen."""
    known = programme.known()
    for name in [port] if port else units():
        facts = asked(name, baud, private)
        if as_json:
            click.echo(json.dumps({"port": name, **facts}, indent=2, ensure_ascii=False, default=str))
        else:
            Console().print(screen(facts, datetime.now(UTC), known))


def asked(port: str, baud: int = BAUD, private: tuple[Path, ...] = ()) -> dict[str, Any]:
    """What the unit at a port says about itself; little, when none of the keys opens it."""
    with Line(port, baud) as line:
        unit = Unit(line)
        unit.hello()
        with suppress(RefusedError):
            Session(unit, partial(keystore.signers, private)).open()
        facts = unit.summary()
        with suppress(RefusedError):  # a unit that was installed by hand knows no releases
            facts |= {"release": _release(unit)}
    i18n.suggest(str(facts.get("languages", "")))
    return facts


def _release(unit: Unit) -> str:
    running = [
        image for image in unit.ask(img.ImageStatesReadRequest(), img.ImageStatesReadResponse).images if image.active
    ]
    return running[0].version if running else ""


def _escaped(value: Any) -> Any:
    """The same facts without a word that the console would take for its own marks: a bracket is a bracket."""
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, dict):
        return {key: _escaped(one) for key, one in value.items()}
    return [_escaped(one) for one in value] if isinstance(value, list) else value


def screen(facts: dict[str, Any], host: datetime, known: Programme | None = None) -> Panel:
    """The screen of one unit, read at host time ``host``; keys that are missing leave their line out.

    ``known`` is what the programme runs; without it nothing is said of whose versions the unit has.
    """
    facts, rows = _escaped(facts), Table.grid(padding=(0, 2))
    for label, value in [*_lines(facts, known), *_unworded(facts)]:
        rows.add_row(f"[dim]{label}[/]", value)
    found = verdict.reasons(facts, host, known)
    colour = _COLOURS[found[0].level if found else verdict.LEAVE]
    rows.add_row(f"[{colour}]→[/]", f"[{colour}]{verdict.line(found)}[/]")
    title = f"[bold]{facts.get('unit', '?')}[/] / {facts.get('deployment', '?')}"
    return Panel(rows, title=title, title_align="left", expand=False)


def _lines(facts: dict[str, Any], known: Programme | None) -> list[tuple[str, str]]:
    """Label and words of every line that the facts allow."""
    lines = [
        (
            say("bench"),
            f"[bold red]{say('no programme key: anybody can open this unit')}[/]" if facts.get("bench") else "",
        ),
        (say("locked"), f"[yellow]{say('none of the keys here opens it')}[/]" if facts.get("locked") else ""),
        (say("trouble"), f"[bold red]{facts['trouble']}[/]" if facts.get("trouble") else ""),
        (say("drive"), _drive(facts.get("bulk_left_s"))),
        (say("seal"), _unsealed(facts.get("unsealed"))),
        (say("programme"), "" if facts.get("programme") == "none" else str(facts.get("programme") or "")),
        (say("release"), _whose(facts, known, "release", str(facts.get("release") or ""))),
        (say("protocol"), _whose(facts, known, "protocol_hash", _protocol(facts))),
        (say("detector"), _whose(facts, known, "model", _detector(facts))),
        (say("unit time"), _time(facts.get("now_us"))),
        (say("days out"), _days_out(facts)),
        (say("battery"), _battery(facts.get("battery"))),
        (say("temperature"), _celsius(facts.get("celsius"))),
        (say("cells last"), _days_left(facts.get("days_left"))),
        (say("storage"), _storage(facts.get("storage_free_bytes"))),
        *_counts(facts),
        (say("lost effort"), _lost(facts.get("totals") or {})),
        *((say("error"), _error(error)) for error in facts.get("errors") or ()),
    ]
    return [(label, value) for label, value in lines if value.replace("[dim][/]", "").strip()]


def _protocol(facts: dict[str, Any]) -> str:
    return f"{facts.get('protocol', '')} [dim]{str(facts.get('protocol_hash', ''))[:12]}[/]"


def _whose(facts: dict[str, Any], known: Programme | None, key: str, words: str) -> str:
    """A version, and whether it is the programme's; an unknown programme is said once, at the protocol."""
    if not words.replace("[dim][/]", "").strip():
        return ""
    if known is None:
        return f"{words} [dim]({say('the programme’s is not known here')})[/]" if key == "protocol_hash" else words
    theirs = getattr(known, key)
    if not theirs:
        return words
    if theirs == facts.get(key):
        return f"{words} [green]({say('the programme’s')})[/]"
    name = known.protocol if key == "protocol_hash" else theirs
    return f"{words} [yellow]({say('the programme has {theirs}', theirs=name)})[/]"


def _detector(facts: dict[str, Any]) -> str:
    if facts.get("model") or "model" not in facts:
        return str(facts.get("model") or "")
    return f"[yellow]{say('none: everything is kept')}[/]"


def _counts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    totals, days = facts.get("totals") or {}, facts.get("days") or []
    width = max((len(str(totals.get(key, 0))) for key in _COUNTS), default=1)
    return [
        (say(key), f"{totals[key]:>{width}}  {sparkline([int(day.get(key, 0)) for day in days])}")
        for key in _COUNTS
        if key in totals
    ]


def sparkline(counts: list[int]) -> str:
    """A bar a day, the tallest for the busiest; a day with anything at all is never blank."""
    most = max(counts, default=0)
    return "".join(_BARS[0 if not n else max(1, round(n / most * (len(_BARS) - 1)))] for n in counts)


def _time(now_us: int | None) -> str:
    return f"{from_us(now_us):%Y-%m-%d %H:%M:%S} UTC" if now_us is not None else ""


def _days_out(facts: dict[str, Any]) -> str:
    if not facts.get("first_day") or facts.get("now_us") is None:
        return ""
    first = datetime.fromisoformat(facts["first_day"]).date()
    return say("{days} since {day}", days=(from_us(facts["now_us"]).date() - first).days, day=first)


def _battery(battery: dict[str, Any] | None) -> str:
    if not battery:
        return ""
    forms = {"battery_mv": ("{:.2f} V", 1e-3), "battery_ma": ("{:.0f} mA", 1), "charge_used_mah": ("{:.0f} mAh", 1)}
    forms["temperature_c"] = ("{:.1f} °C", 1)
    known = [form.format(battery[key] * scale) for key, (form, scale) in forms.items() if battery.get(key) is not None]
    state = battery.get("state")
    return ", ".join([*known, *([say(_STATES.get(state, str(state)))] if state else [])])


def _celsius(span: list[float] | None) -> str:
    return say("{low:.0f} to {high:.0f} °C", low=span[0], high=span[1]) if span else ""


def _days_left(left: dict[str, Any] | None) -> str:
    """The unit's own reckoning, as a span: one number would be believed."""
    if not left:
        return ""
    low, high = left["low"], f"{left['high']}{'+' if left['high'] >= HORIZON_D else ''}"
    span = (
        say("{days} days or more", days=HORIZON_D)
        if low >= HORIZON_D
        else say("{low} to {high} days", low=low, high=high)
    )
    rates = {"wakes": left["wakes_a_day"], "celsius": left["celsius"]}
    return say("{span} at {wakes:g} wakes a day and {celsius:g} °C (reckoned, 5-95 %)", span=span, **rates)


def _storage(free: int | None) -> str:
    return say("{free:.1f} GB free", free=free / 1e9) if free is not None else ""


def _drive(left_s: int | None) -> str:
    if left_s is None:
        return ""
    return f"[bold red]{say('on for {minutes} min more: no pictures are taken', minutes=-(-left_s // 60))}[/]"


def _unsealed(count: int | None) -> str:
    if not count:
        return ""
    words = say("{count} older pictures are being sealed; until then they do not leave the unit", count=count)
    return f"[yellow]{words}[/]"


def _lost(totals: dict[str, Any]) -> str:
    shares = [
        _lost_to(say("{hours:.1f} h over the day's budget, {triggers} triggers"), totals, "overspent"),
        _lost_to(say("{hours:.1f} h battery too low, {triggers} triggers"), totals, "too_low"),
        _lost_to(say("{hours:.1f} h resting after a hang, {triggers} triggers"), totals, "backed_off"),
    ]
    named = "; ".join(filter(None, shares))
    throttled = _lost_to(say("{hours:.1f} h throttled, {triggers} triggers"), totals, "throttled")
    words = [
        f"{throttled} ({say('of it {shares}', shares=named)})" if named else throttled,
        _lost_to(say("{hours:.1f} h paused for a drive, {triggers} triggers"), totals, "paused"),
    ]
    return f"[yellow]{'; '.join(filter(None, words))}[/]" if any(words) else ""


def _lost_to(words: str, totals: dict[str, Any], cause: str) -> str:
    hours, triggers = totals.get(f"{cause}_s", 0) / 3600, totals.get(f"{cause}_triggers", 0)
    return words.format(hours=hours, triggers=triggers) if hours or triggers else ""


def _error(error: dict[str, Any]) -> str:
    return f"[red]{error.get('part') or ''}[/] {error.get('words') or ''} [dim]{_time(error.get('at_us'))}[/]"


def _unworded(facts: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key, str(value)) for key, value in sorted(facts.items()) if key not in _WORDED]
