"""Write ``firmware/trap_wire/pins.py`` from ``hardware/pins.toml`` (``make pins``); ``--check`` only compares."""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "hardware" / "pins.toml"
TARGET = ROOT / "firmware" / "trap_wire" / "pins.py"
HEAD = '"""Pin numbers, written by ``make pins`` from ``hardware/pins.toml``. Change that file, not this one."""\n'


def render(pins: dict[str, dict[str, int]]) -> str:
    """Text of pins.py: one constant a pin, prefixed with its section."""
    lines = [HEAD]
    for section, names in pins.items():
        lines += [f"{section.upper()}_{name} = {_literal(section, number)}" for name, number in names.items()]
        lines.append("")
    return "\n".join(lines)


def _literal(section: str, number: int) -> str:
    return f"0x{number:02X}" if section == "i2c" else str(number)


def main() -> int:
    """Write the file, or say that it is stale."""
    text = render(tomllib.loads(SOURCE.read_text()))
    if "--check" in sys.argv[1:]:
        fresh = TARGET.exists() and TARGET.read_text() == text
        if not fresh:
            sys.stderr.write("firmware/trap_wire/pins.py is stale: run 'make pins'\n")
        return 0 if fresh else 1
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
