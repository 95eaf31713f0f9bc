"""The label of a unit, 90 × 38 mm: its name for people, a QR code for the next tool; SVG for one, PDF for a box."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import segno
from fpdf import FPDF

from trap_tools import durable

WIDTH_MM, HEIGHT_MM, QR_MM = 90.0, 38.0, 29.0
MARGIN_MM = 4.5  # four modules, the quiet zone that readers want
_LEFT_MM = MARGIN_MM + QR_MM + 4.0
_DOTS_PER_MM = 72 / 25.4


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text: where its baseline is and how high its letters are, in mm."""

    text: str
    baseline_mm: float
    size_mm: float
    bold: bool = False


def lines(receipt: dict[str, Any]) -> list[Line]:
    """What stands on a label; long names get smaller letters instead of being cut."""
    rules, bundle = receipt["protocol"], receipt["bundle"]
    unit, room_mm = receipt["unit"], WIDTH_MM - _LEFT_MM - MARGIN_MM
    size_mm = min(9.0, room_mm / max(1, len(unit)) / 0.62)
    texts = [
        f"{receipt['programme']} / {receipt['deployment']}",
        f"protocol {rules['name']} {rules['version']}  {rules['sha256'][:8]}" if rules else "no protocol",
        f"software {bundle['version']}" if bundle else f"image {receipt['image']['file']}",
        f"card {receipt['card']['serial'] or 'no serial'}",
        f"flashed {receipt['at'][:10]}",
    ]
    small = [Line(text, 16.0 + 4.4 * n, _fitted(text, 3.2, room_mm)) for n, text in enumerate(texts)]
    return [Line(unit, 10.5, size_mm, bold=True), *small]


def _fitted(text: str, size_mm: float, room_mm: float) -> float:
    return min(size_mm, room_mm / max(1, len(text)) / 0.52)


def code(receipt: dict[str, Any]) -> str:
    """What the QR code says: which unit, which rules, and the start of the slot's hash to tell a re-flashed unit."""
    rules = receipt["protocol"].get("sha256", "")
    return f"manul:{receipt['unit']}?p={rules[:16]}&s={receipt['slot_sha256'][:16]}&t={receipt['at'][:10]}"


def svg(receipt: dict[str, Any]) -> str:
    """A label as SVG, in mm, black on white."""
    squares = "".join(
        f'<rect x="{x:.3f}" y="{y:.3f}" width="{s:.3f}" height="{s:.3f}"/>' for x, y, s in _squares(receipt)
    )
    texts = "".join(
        f'<text x="{_LEFT_MM}" y="{line.baseline_mm:.2f}" font-size="{line.size_mm:.2f}"'
        f"{' font-weight=' + chr(34) + 'bold' + chr(34) if line.bold else ''}>{escape(line.text)}</text>"
        for line in lines(receipt)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH_MM}mm" height="{HEIGHT_MM}mm" '
        f'viewBox="0 0 {WIDTH_MM} {HEIGHT_MM}"><rect width="100%" height="100%" fill="white"/>'
        f'<g shape-rendering="crispEdges">{squares}</g><g font-family="Helvetica,Arial,sans-serif">{texts}</g></svg>\n'
    )


def _squares(receipt: dict[str, Any]) -> list[tuple[float, float, float]]:
    """Left, top and side of each dark module, in mm."""
    rows = list(segno.make(code(receipt), error="m", micro=False).matrix)
    side = QR_MM / len(rows)
    return [
        (MARGIN_MM + x * side, MARGIN_MM + y * side, side)
        for y, row in enumerate(rows)
        for x, dark in enumerate(row)
        if dark
    ]


def pdf(receipts: Sequence[dict[str, Any]]) -> bytes:
    """A page a label, for a label printer."""
    document = FPDF(orientation="L", unit="mm", format=(HEIGHT_MM, WIDTH_MM))
    document.set_auto_page_break(False)
    for receipt in receipts:
        document.add_page()
        for x, y, side in _squares(receipt):
            document.rect(x, y, side, side, style="F")
        for line in lines(receipt):
            document.set_font("Helvetica", "B" if line.bold else "", line.size_mm * _DOTS_PER_MM)
            document.text(_LEFT_MM, line.baseline_mm, _printable(line.text))
    return bytes(document.output())


def _printable(text: str) -> str:
    """PDF's own fonts know Latin letters; a file's name may have others, and a unit's has not."""
    return text.encode("latin-1", "replace").decode("latin-1")


def save(receipts: Sequence[dict[str, Any]], folder: Path) -> None:
    """``UNIT.svg`` for each good unit and ``labels.pdf`` for all of them."""
    good = [receipt for receipt in receipts if receipt["result"] == "good" and receipt["unit"]]
    for receipt in good:
        durable.write(folder / f"{receipt['unit']}.svg", svg(receipt).encode())
    if good:
        durable.write(folder / "labels.pdf", pdf(good))
