"""``manul aim``: see what the unit sees before you leave it: test shots with the detector's boxes, and the walk test."""

import io
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
from PIL import Image, ImageDraw

from trap_tools import durable
from trap_tools.field import check, walk
from trap_tools.field.shown import HOWS, How, show
from trap_tools.field.unseal import SEALED, identities, plain
from trap_tools.i18n import say
from trap_tools.keys import keystore
from trap_tools.link import group70
from trap_tools.link.client import Unit
from trap_tools.link.fetch import Fetcher, Job
from trap_tools.link.line import BAUD, Line
from trap_tools.link.login import Session
from trap_tools.link.ports import the_one
from trap_wire.errors import LinkError

_COLOURS = {"animal": "#e8590c", "human": "#1c7ed6", "vehicle": "#868e96"}


@click.command()
@click.option("--port", help="Where the unit is. Without it: the one unit that answers.")
@click.option(
    "--to", "folder", type=click.Path(file_okay=False, path_type=Path), default=".", help="Folder for the pictures."
)
@click.option("--walk", "positions", multiple=True, help="Count triggers while you walk at this position (5 m left).")
@click.option("--seconds", default=60.0, show_default=True, help="How long to count at each.")
@click.option("--flash", is_flag=True, help="Take it by the infrared flash, and say what that adds.")
@click.option("--led", is_flag=True, help="Have the unit's LED follow its PIR for --seconds, laptop or no laptop.")
@click.option("--show", "how", type=click.Choice(HOWS), default="auto", help="How to draw it in this terminal.")
@click.option(
    "--key", "private", multiple=True, type=click.Path(path_type=Path), help="A private key to open the unit with."
)
@click.option("--baud", default=BAUD, show_default=True, help="Rate of a UART; USB ignores it.")
def aim(port: str | None, positions: tuple[str, ...], seconds: float, baud: int, **given: Any) -> None:
    """Take a test shot, show it with the detector's boxes and save it; or with --walk count triggers.

    --walk may be given several times: each position in turn, with a picture of whoever is there when it triggers first.
    With --led the supervisor's LED follows the PIR: unplug and walk; its count comes into the journal by itself.
    All stay in the unit's journal: they are the deployment's setup pictures and its walk test.
    """
    with Line(the_one(port), baud) as line:
        unit = Unit(line)
        taking = Taking(unit, unit.hello(), given["folder"], given["private"], given["how"])
        Session(unit, partial(keystore.signers, given["private"])).open()
        if given["led"]:
            walk.led(unit, round(seconds))
        elif positions:
            walk.walk(unit, positions, seconds, lambda position: _shot(taking, position=position))
        else:
            _shot(taking, flash=given["flash"] or None)


@dataclass(frozen=True, slots=True)
class Taking:
    """At whose end of the cable pictures are taken, and where and how they are kept and shown."""

    unit: Unit
    name: str
    folder: Path
    private: tuple[Path, ...]
    how: How


def _shot(taking: Taking, *, flash: bool | None = None, position: str | None = None) -> None:
    """Take a test shot, bring it here, show it."""
    told = taking.unit.do(group70.TestShotRequest(flash=flash, position=position))
    picture = seen(taking.unit.line, told, taking.private)
    stem = Path(told["path"].removesuffix(SEALED)).stem
    path = durable.write(taking.folder / f"{taking.name}-{stem}.jpg", _jpeg(picture))
    show(picture, taking.how)
    measured = {key: told[key] for key in ("brightness", "sharpness")}
    click.echo(f"{path}: {say('brightness {brightness:.0f}, sharpness {sharpness:.0f}', **measured)}")
    if flash:
        click.echo(_flash(told))
    click.echo("\n".join(found(told)))


def found(told: dict[str, Any]) -> list[str]:
    """What the detector saw on a test shot, a line each."""
    lines = [
        f"  {say(label)} {score:.2f}" + (f" ({say('too weak to count')})" if score < told.get("blank_at", 0.0) else "")
        for label, score, *_ in told["boxes"]
    ]
    return lines or [f"  {say('the detector sees nobody')}"]


def _flash(told: dict[str, Any]) -> str:
    """What the unit says of its flash, in ``manul check``'s words."""
    if (known := check.WORDS.get(("infrared", str(told.get("flash"))))) is None:
        return say("this unit's release cannot say what its flash adds: manul update")
    return f"{say('infrared')}: {say(known, adds=told.get('adds') or 0)}"


def seen(line: Line, told: dict[str, Any], private: tuple[Path, ...] = ()) -> Image.Image:
    """A test shot with its boxes; a sealed one is opened with the programme's key, and only here."""
    data = fetched(line, told["path"], told["size"])
    if told["path"].endswith(SEALED):
        data = plain(data, told["path"], identities(private))
    return boxed(data, [box for box in told["boxes"] if box[1] >= told.get("blank_at", 0.0)])


def fetched(line: Line, name: str, size: int) -> bytes:
    """One file, into memory."""
    pieces: list[bytes] = []
    refused: list[str] = []
    Fetcher(line).run([Job(name, 0, size, pieces.append, lambda: None, refused.append)])
    if refused:
        raise LinkError(f"{line.port}: {name}: {refused[0]}")
    return b"".join(pieces)


def boxed(jpeg: bytes, boxes: list[list[Any]]) -> Image.Image:
    """The picture with a rectangle and the score around what the detector saw."""
    picture = Image.open(io.BytesIO(jpeg)).convert("RGB")
    draw, width, height = ImageDraw.Draw(picture), picture.width, picture.height
    for label, score, x, y, w, h in boxes:
        corners = (x * width, y * height, (x + w) * width, (y + h) * height)
        colour = _COLOURS.get(label, "#fab005")
        draw.rectangle(corners, outline=colour, width=max(2, width // 320))
        draw.text(
            (corners[0] + 4, corners[1] + 2), f"{label} {score:.2f}", fill=colour, font_size=max(12, height // 30)
        )
    return picture


def _jpeg(picture: Image.Image) -> bytes:
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=90)
    return target.getvalue()
