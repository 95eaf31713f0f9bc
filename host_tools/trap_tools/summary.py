"""``manul summary``: one screen that says whether a unit is well."""

import json
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table

from trap_tools import keystore
from trap_tools.client import Unit
from trap_tools.line import BAUD, Line
from trap_tools.login import Session
from trap_tools.ports import units
from trap_wire.energy.forecast import HORIZON_D
from trap_wire.entries import from_us
from trap_wire.errors import RefusedError

_BARS = " ▁▂▃▄▅▆▇█"
_COUNTS = {"triggers": "triggers", "kept": "kept", "unknown": "unknown", "discarded": "discarded", "audited": "audited"}
# Keys that the screen words itself; whatever else a newer unit says is shown below as it is.
_WORDED = {"unit", "deployment", "programme", "protocol", "protocol_hash", "model", "trouble", "now_us", "entries",
           "first_day", "totals", "days", "battery", "days_left", "storage_free_bytes", "errors",
           "bench", "locked", "battery_state", "well"}  # fmt: skip


@click.command()
@click.option("--port", help="Where the unit is. Without it: the one unit that answers.")
@click.option("--baud", default=BAUD, show_default=True, help="Rate of a UART; USB ignores it.")
@click.option(
    "--key", "keys", multiple=True, type=click.Path(path_type=Path), help="A private key to open the unit with."
)
@click.option("--json", "as_json", is_flag=True, help="What the unit says, for programs.")
def summary(port: str | None, baud: int, keys: tuple[Path, ...], as_json: bool) -> None:
    """Show how a unit is, on one screen."""
    for name in [port] if port else units():
        with Line(name, baud) as line:
            unit = Unit(line)
            unit.hello()
            with suppress(RefusedError):  # a unit that does not know us says at least how it is
                Session(unit, partial(keystore.signers, keys)).open()
            facts = unit.summary()
        if as_json:
            click.echo(json.dumps({"port": name, **facts}, indent=2, ensure_ascii=False, default=str))
        else:
            Console().print(screen(facts))


def screen(facts: dict[str, Any]) -> Panel:
    """The screen of one unit; keys that are missing leave their line out."""
    rows = Table.grid(padding=(0, 2))
    for label, value in [*_lines(facts), *_unworded(facts)]:
        rows.add_row(f"[dim]{label}[/]", value)
    title = f"[bold]{facts.get('unit', '?')}[/] / {facts.get('deployment', '?')}"
    return Panel(Group(rows), title=title, title_align="left", expand=False)


def _lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Label and worth of every line that the facts allow."""
    lines = [
        (
            "BENCH",
            "[bold red]no programme key: anybody can open this unit (manul keys add)[/]" if facts.get("bench") else "",
        ),
        ("LOCKED", _locked(facts) if facts.get("locked") else ""),
        ("trouble", f"[bold red]{facts['trouble']}[/]" if facts.get("trouble") else ""),
        ("programme", str(facts.get("programme") or "")),
        ("protocol", f"{facts.get('protocol', '')} [dim]{str(facts.get('protocol_hash', ''))[:12]}[/]"),
        (
            "detector",
            str(facts["model"])
            if facts.get("model")
            else ""
            if facts.get("locked")
            else "[yellow]none: everything is kept[/]",
        ),
        ("unit time", _time(facts.get("now_us"))),
        ("days out", _days_out(facts)),
        ("battery", _battery(facts.get("battery"))),
        ("cells last", _days_left(facts.get("days_left"))),
        ("storage", _storage(facts.get("storage_free_bytes"))),
        *_counts(facts),
        ("lost effort", _lost(facts.get("totals") or {})),
        *(("error", _error(error)) for error in facts.get("errors") or ()),
    ]
    return [(label, value) for label, value in lines if value.strip()]


def _counts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    totals, days = facts.get("totals") or {}, facts.get("days") or []
    width = max((len(str(totals.get(key, 0))) for key in _COUNTS), default=1)
    return [
        (label, f"{totals[key]:>{width}}  {sparkline([int(day.get(key, 0)) for day in days])}")
        for key, label in _COUNTS.items()
        if key in totals
    ]


def sparkline(counts: list[int]) -> str:
    """A bar a day, the tallest for the busiest; a day with anything at all is never blank."""
    most = max(counts, default=0)
    return "".join(_BARS[0 if not n else max(1, round(n / most * (len(_BARS) - 1)))] for n in counts)


def _locked(facts: dict[str, Any]) -> str:
    health = "well" if facts.get("well") else "[bold red]in trouble[/]"
    return (
        f"[yellow]none of the keys here opens it[/]; it is {health}, battery {facts.get('battery_state') or 'unknown'}"
    )


def _time(now_us: int | None) -> str:
    return f"{from_us(now_us):%Y-%m-%d %H:%M:%S} UTC" if now_us is not None else ""


def _days_out(facts: dict[str, Any]) -> str:
    if not facts.get("first_day") or facts.get("now_us") is None:
        return ""
    first = datetime.fromisoformat(facts["first_day"]).date()
    return f"{(from_us(facts['now_us']).date() - first).days} (since {first})"


def _battery(battery: dict[str, Any] | None) -> str:
    if not battery:
        return ""
    forms = {
        "battery_mv": ("{:.2f} V", 1e-3),
        "battery_ma": ("{:.0f} mA", 1),
        "charge_used_mah": ("{:.0f} mAh used", 1),
    }
    forms["temperature_c"] = ("{:.1f} °C", 1)
    known = [form.format(battery[key] * scale) for key, (form, scale) in forms.items() if battery.get(key) is not None]
    return ", ".join([*known, str(battery.get("state") or "")]).rstrip(", ")


def _days_left(left: dict[str, Any] | None) -> str:
    """The unit's own reckoning, as a span: one number would be believed."""
    if not left:
        return ""
    low, high = left["low"], f"{left['high']}{'+' if left['high'] >= HORIZON_D else ''}"
    span = f"{HORIZON_D} days or more" if low >= HORIZON_D else f"{low} to {high} days"
    return f"{span} at {left['wakes_a_day']:g} wakes a day and {left['celsius']:g} °C (reckoned, 5-95 %)"


def _storage(free: int | None) -> str:
    return f"{free / 1e9:.1f} GB free" if free is not None else ""


def _lost(totals: dict[str, Any]) -> str:
    throttled = totals.get("throttled_s", 0)
    return (
        f"[yellow]{throttled / 3600:.1f} h throttled, {totals.get('throttled_triggers', 0)} triggers[/]"
        if throttled
        else ""
    )


def _error(error: dict[str, Any]) -> str:
    at = _time(error.get("at_us"))
    return f"[red]{error.get('part') or ''}[/] {error.get('words') or ''} [dim]{at}[/]"


def _unworded(facts: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key, str(value)) for key, value in sorted(facts.items()) if key not in _WORDED]
