"""A picture in the terminal: sixels where the terminal says that it draws them, coloured half blocks anywhere else."""

import sys
from typing import Any, Literal, get_args

from PIL import Image
from rich.console import Console, RenderableType
from rich.text import Text

How = Literal["auto", "sixel", "blocks", "none"]
HOWS = get_args(How)
COLUMNS = 72


def show(picture: Image.Image, how: How = "auto") -> None:
    """Draw it on standard output. ``auto`` draws nothing where that is no terminal, and asks one whether it knows sixels.

    A terminal names what it can in its answer to "device attributes" (``ESC [ c``): 4 stands for sixels
    (VT340 and xterm; foot, WezTerm, Konsole, Windows Terminal since 1.22). One that is silent for 0.1 s gets blocks.
    """
    if how == "auto":
        how = "none" if not sys.stdout.isatty() else "sixel" if _knows_sixels() else "blocks"
    if how == "none":
        return
    Console(force_terminal=True).print(_sixels(picture) if how == "sixel" else half_blocks(picture, COLUMNS))


def _knows_sixels() -> bool:
    from textual_image import renderable  # asks the terminal as it is imported, so only where a picture is shown

    return renderable.Image is renderable.SixelImage


def _sixels(picture: Image.Image) -> RenderableType:
    from textual_image.renderable import SixelImage

    return SixelImage(picture, width=COLUMNS, height="auto")


def half_blocks(picture: Image.Image, columns: int) -> Text:
    """The picture as text: two pixels a character, as any terminal with colours can."""
    rows = max(2, round(picture.height * columns / picture.width / 2) * 2)
    small = picture.resize((columns, rows)).convert("RGB")
    text = Text()
    for y in range(0, rows, 2):
        for x in range(columns):
            upper, lower = _colour(small.getpixel((x, y))), _colour(small.getpixel((x, y + 1)))
            text.append("▀", f"{upper} on {lower}")
        text.append("\n")
    return text


def _colour(pixel: Any) -> str:
    return "#{:02x}{:02x}{:02x}".format(*pixel)
