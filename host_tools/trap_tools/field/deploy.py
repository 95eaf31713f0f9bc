"""``manul deploy start|end``: the rules go to the unit, the place stays on this computer, the clock is set in between."""

import json
import re
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from trap_tools import durable
from trap_tools.archive import places
from trap_tools.field.restart import Signers, restarted
from trap_tools.i18n import say
from trap_tools.keys import keystore
from trap_tools.link import group70
from trap_tools.link.client import Unit
from trap_tools.link.line import BAUD, Line
from trap_tools.link.login import Session
from trap_tools.link.ports import the_one
from trap_tools.protocol import files as protocols
from trap_wire.errors import BadInputError
from trap_wire.station import RECIPIENT

STATION = "station.toml"
_PORT = click.option("--port", help="Where the unit is. Without it: the one unit that answers.")
_BAUD = click.option("--baud", default=BAUD, show_default=True, help="Rate of a UART; USB ignores it.")
_KEY = click.option(
    "--key", "private", multiple=True, type=click.Path(path_type=Path), help="A private key to open the unit with."
)
_NOTE = click.option("--note", default="", help="A few words for the unit's journal. Never a place.")
_PLACES = click.option(
    "--places", "book", type=click.Path(dir_okay=False, path_type=Path), default="places.toml", show_default=True,
    help="The file that keeps places, on this computer only.",
)  # fmt: skip


@click.group()
def deploy() -> None:
    """Begin or end a deployment. Where it is stays on this computer: a stolen unit must not lead to a den."""


@deploy.command()
@click.argument("deployment")
@_PORT
@_PLACES
@click.option("--protocol", help="A preset or a file; without it the unit keeps the protocol that it has.")
@click.option("--at", help="LATITUDE,LONGITUDE in degrees.")
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="GPX or GeoJSON with the place.",
)
@click.option("--point", help="Name of the point in it; default: the deployment's.")
@click.option("--height-m", type=float, help="Of the lens above the ground.")
@click.option("--heading-deg", type=click.FloatRange(0, 360), help="Where it looks, 0 is north.")
@click.option("--feature", default="", help="What it watches: a rock, a trail, a marmot burrow.")
@click.option("--who", "set_up_by", default="", help="Who set it up.")
@click.option("--comments", default="", help="Anything else. Stays here.")
@_NOTE
@click.option(
    "--seal-to",
    "sealing",
    multiple=True,
    help="A .pub file or age1… key: from now on only its private half opens pictures.",
)
@click.option("--no-restart", "stays", is_flag=True, help="Leave the new settings to the unit's next start.")
@_KEY
@_BAUD
def start(deployment: str, port: str | None, book: Path, **options: Any) -> None:
    """Send the station's settings for DEPLOYMENT, set the clock, write the place down here, and begin."""
    recipients = [recipient(one) for one in options["sealing"]]
    place, at, signers = _place(deployment, options), the_one(port), partial(keystore.signers, options["private"])
    with Line(at, options["baud"]) as line:
        unit = Unit(line)
        name = unit.hello()
        Session(unit, signers).open()
        record = {"unit": name, "deployment": deployment, "start": datetime.now(UTC), **place}
        noted = _noted(book, record)
        settings = renewed(unit.setting(STATION).decode(), deployment, options["protocol"], recipients)
        unit.change_settings(**{STATION: settings.encode()})
        offset_s = (unit.time() - datetime.now(UTC)).total_seconds()
        unit.set_time(datetime.now(UTC))
        told = unit.do(group70.DeployRequest(action="start", note=options["note"]))
        durable.write(book, noted.encode())
    click.echo(
        say(
            "{unit}: deployment {deployment} begins, protocol {protocol}",
            unit=name,
            deployment=deployment,
            protocol=told["protocol"],
        )
    )
    click.echo(say("clock was {offset_s:+.1f} s off and is set; place written to {path}", offset_s=offset_s, path=book))
    if told.get("from_next_start"):
        held = not options["stays"] and _restarted(at, options["baud"], signers, deployment)
        click.echo(say("the new settings hold") if held else say("the new settings hold from the unit's next start"))
    click.echo(say("now walk past it: manul aim --walk '5 m left'"))


def _restarted(port: str, baud: int, signers: Signers, deployment: str) -> bool:
    """Who leaves with the old settings on the unit finds its pictures in the old deployment."""
    click.echo(say("the unit starts anew with the new settings: leave the cable in"), err=True)
    return restarted(port, baud, signers, deployment)


@deploy.command()
@_PORT
@_PLACES
@_NOTE
@_KEY
@_BAUD
def end(port: str | None, book: Path, note: str, private: tuple[Path, ...], baud: int) -> None:
    """End the unit's deployment. Pull first."""
    with Line(the_one(port), baud) as line:
        unit = Unit(line)
        unit.hello()
        Session(unit, partial(keystore.signers, private)).open()
        told = unit.do(group70.DeployRequest(action="end", note=note))
        ended = datetime.now(UTC)
    text = book.read_text(encoding="utf-8") if book.exists() else ""
    if ended_text := _with_end(text, told["unit"], told["deployment"], ended):
        durable.write(book, ended_text.encode())
    click.echo(say("{unit}: deployment {deployment} ended", unit=told["unit"], deployment=told["deployment"]))


def recipient(given: str) -> str:
    """A key to seal to as the station names it, from a ``.pub`` file or from age's own form."""
    try:
        key = given if given.startswith("age1") else " ".join(Path(given).read_text(encoding="utf-8").split()[:2])
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"--seal-to {given}: cannot be read ({error})") from error
    if not re.fullmatch(RECIPIENT, key):
        raise BadInputError(f"--seal-to {given}: an Ed25519 .pub file or an age1… key expected")
    return key


def renewed(station: str, deployment: str, protocol: str | None, recipients: Sequence[str] = ()) -> str:
    """The unit's station text for another deployment and, where they are given, another protocol and keys to seal to."""
    tables: dict[str, Any] = tomllib.loads(station)
    sealed = {"sealed_to": ",".join(recipients)} if recipients else {}
    tables["station"] = {**tables.get("station", {}), "deployment": deployment, **sealed}
    if protocol is not None:
        tables.pop("protocol", None)
    text = "\n".join(f"[{name}]\n{_lines(table)}" for name, table in tables.items())
    return text if protocol is None else text + "\n" + protocols.to_toml(protocols.load(protocol).protocol)


def point_in(source: Path, name: str) -> tuple[float, float]:
    """Latitude and longitude of a named waypoint of a GPX file or feature of a GeoJSON file; the only one needs no name."""
    try:
        points = _gpx(source) if source.suffix.lower() == ".gpx" else _geojson(source)
    except (ET.ParseError, ValueError, KeyError, TypeError, IndexError) as error:
        raise BadInputError(f"{source}: cannot be read as GPX or GeoJSON ({error})") from error
    if name in points:
        return points[name]
    if len(points) == 1:
        return next(iter(points.values()))
    raise BadInputError(
        f"{source}: no point called {name!r}; there are {', '.join(sorted(points)) or 'none'}. Name one with --point."
    )


def _place(deployment: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What goes into the book of places: only what was given."""
    kept = {
        key: options[key] for key in ("height_m", "heading_deg", "feature", "set_up_by", "comments") if options[key]
    }
    if options["source"] is not None:
        latitude, longitude = point_in(options["source"], options["point"] or deployment)
        return {**kept, "latitude": latitude, "longitude": longitude}
    if options["at"] is None:
        return kept
    try:
        latitude, longitude = (float(part) for part in options["at"].split(","))
    except ValueError as error:
        raise BadInputError(
            f"--at {options['at']}: LATITUDE,LONGITUDE in degrees expected, such as 43.61,104.02"
        ) from error
    return {**kept, "latitude": latitude, "longitude": longitude}


def _noted(book: Path, record: Mapping[str, Any]) -> str:
    """The book with one more deployment; checked as a whole, so that nothing is sent that could not be written down."""
    text = book.read_text(encoding="utf-8") if book.exists() else ""
    names = {key: record[key] for key in ("unit", "deployment")}
    if any({**row, **names} == row for row in tomllib.loads(text).get("deployment", ())):
        raise BadInputError(
            say(
                "{unit}: {deployment} is in {path} already: choose another name, or take its lines out there",
                path=book,
                **names,
            )
        )
    text = text.rstrip() + ("\n\n" if text.strip() else "") + "[[deployment]]\n" + _lines(record)
    places.parse(tomllib.loads(text), str(book))
    return text


def _with_end(text: str, unit: str, deployment: str, ended: datetime) -> str:
    """The book with the end of one deployment; empty when it is not in it or has one."""
    blocks = text.split("[[deployment]]\n")
    for at, block in enumerate(blocks[1:], 1):
        row = tomllib.loads(block.partition("\n[")[0])
        if (row.get("unit"), row.get("deployment")) == (unit, deployment) and "end" not in row:
            blocks[at] = f"end = {_toml(ended)}\n{block}"
            return "[[deployment]]\n".join(blocks)
    return ""


def _lines(table: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_toml(value)}\n" for key, value in table.items())


def _toml(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps(value, ensure_ascii=False)


def _gpx(source: Path) -> dict[str, tuple[float, float]]:
    root = ET.fromstring(source.read_text(encoding="utf-8"))  # noqa: S314  # the user's own file; expat refuses entity bombs
    points = [node for node in root.iter() if node.tag.rpartition("}")[2] == "wpt"]
    return {
        _gpx_name(node, number): (float(node.attrib["lat"]), float(node.attrib["lon"]))
        for number, node in enumerate(points, 1)
    }


def _gpx_name(node: ET.Element, number: int) -> str:
    return next((child.text or "" for child in node if child.tag.rpartition("}")[2] == "name"), f"#{number}")


def _geojson(source: Path) -> dict[str, tuple[float, float]]:
    raw = json.loads(source.read_text(encoding="utf-8-sig"))
    features = raw["features"] if raw["type"] == "FeatureCollection" else [raw]
    points = [one for one in features if one["geometry"]["type"] == "Point"]
    return {
        str((one.get("properties") or {}).get("name", f"#{number}")): (
            float(one["geometry"]["coordinates"][1]),
            float(one["geometry"]["coordinates"][0]),
        )
        for number, one in enumerate(points, 1)
    }
