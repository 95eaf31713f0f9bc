"""Write what follows from ``hardware/pins.toml`` (``make pins``); ``--check`` only compares.

Three files: the constants of firmware/trap_wire/pins.py, the wiring table hardware/pins.md, and the Pi's device-tree overlay
hardware/manul.dts.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "hardware" / "pins.toml"
HEAD = '"""Pin numbers, written by ``make pins`` from ``hardware/pins.toml``. Change that file, not this one."""\n'
Pins = dict[str, dict[str, int]]

# GPIO number -> pin of the board's edge: Pico datasheet figure 4; the Pi's 40-pin header.
PICO = dict(zip([*range(23), 26, 27, 28], [1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 19, 20, 21, 22, 24, 25, 26, 27, 29,
                                           31, 32, 34], strict=True))  # fmt: skip
HEADER = {2: 3, 3: 5, 4: 7, 14: 8, 15: 10, 17: 11, 18: 12, 27: 13, 22: 15, 23: 16, 24: 18, 10: 19, 9: 21, 25: 22, 11: 23, 8: 24,
          7: 26, 0: 27, 1: 28, 5: 29, 6: 31, 12: 32, 13: 33, 19: 35, 16: 36, 26: 37, 20: 38, 21: 40}  # fmt: skip
TITLES = {"supervisor": "Pico (RP2040)", "pi": "Raspberry Pi Zero 2 W", "i2c": "I²C addresses (seven bits)"}


def constants(pins: Pins) -> str:
    """Text of pins.py: one constant a pin, prefixed with its section."""
    lines = [HEAD]
    for section, names in pins.items():
        lines += [f"{section.upper()}_{name} = {_literal(section, number)}" for name, number in names.items()]
        lines.append("")
    return "\n".join(lines)


def notes(text: str) -> dict[tuple[str, str], str]:
    """The comment of each pin, by section and name."""
    found: dict[tuple[str, str], str] = {}
    section = ""
    for line in text.splitlines():
        if match := re.match(r"\[(\w+)\]", line):
            section = match[1]
        elif match := re.match(r"(\w+) = \S+\s*#\s*(.+)", line):
            found[section, match[1]] = re.sub(r"^(Pico|header) pin \d+:?\s*", "", match[2])
    return found


def table(pins: Pins, text: str) -> str:
    """Text of pins.md."""
    said = notes(text)
    lines = ["# Pins", "", "Written by `make pins` from `pins.toml`. Change that file, not this one."]
    for section, names in pins.items():
        lines += ["", f"## {TITLES[section]}", "", *_rows(section, names, said)]
    return "\n".join(lines) + "\n"


def _rows(section: str, names: dict[str, int], said: dict[tuple[str, str], str]) -> Iterator[str]:
    board = {"supervisor": PICO, "pi": HEADER}.get(section)
    yield "| name | address |" if board is None else "| name | GPIO | board pin | what |"
    yield "| --- | --- |" if board is None else "| --- | --- | --- | --- |"
    for name, number in names.items():
        if board is None:
            yield f"| {name} | {_literal(section, number)} |"
        else:
            yield f"| {name} | {number} | {board.get(number, 'on board')} | {said.get((section, name), '')} |"


def overlay(pins: Pins) -> str:
    """Text of manul.dts: levels from the first moment on, and the halt signal that tells the supervisor to cut."""
    pi = pins["pi"]
    return f"""// Written by `make pins` from hardware/pins.toml. Change that file, not this one.
// Compile: dtc -@ -I dts -O dtb -o manul.dtbo manul.dts; then dtoverlay=manul in config.txt. Not yet run on hardware.
/dts-v1/;
/plugin/;

/ {{
	compatible = "brcm,bcm2835";

	fragment@0 {{
		target = <&gpio>;
		__overlay__ {{
			pinctrl-names = "default";
			pinctrl-0 = <&manul_pins>;

			manul_pins: manul_pins {{
				// WAKE is an input, IR_FLASH an output; both pulled down, so that a floating line neither wakes nor flashes.
				brcm,pins = <{pi["WAKE"]} {pi["IR_FLASH"]}>;
				brcm,function = <0 1>;
				brcm,pull = <1 1>;
			}};

			manul_halt_pins: manul_halt_pins {{
				brcm,pins = <{pi["HALTED"]}>;
				brcm,function = <1>;
				brcm,pull = <0>;
			}};
		}};
	}};

	fragment@1 {{
		target-path = "/";
		__overlay__ {{
			manul_halt: manul_halt {{
				compatible = "gpio-poweroff";
				pinctrl-names = "default";
				pinctrl-0 = <&manul_halt_pins>;
				gpios = <&gpio {pi["HALTED"]} 0>;  // high once the Pi may be cut
			}};
		}};
	}};
}};
"""


def outputs() -> dict[Path, str]:
    """Every generated file with its text."""
    text = SOURCE.read_text(encoding="utf-8")
    pins = tomllib.loads(text)
    return {
        ROOT / "firmware" / "trap_wire" / "pins.py": constants(pins),
        ROOT / "hardware" / "pins.md": table(pins, text),
        ROOT / "hardware" / "manul.dts": overlay(pins),
    }


def _literal(section: str, number: int) -> str:
    return f"0x{number:02X}" if section == "i2c" else str(number)


def main() -> int:
    """Write the files, or say which is stale."""
    stale = {
        path: text for path, text in outputs().items() if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    for path, text in stale.items():
        if "--check" in sys.argv[1:]:
            sys.stderr.write(f"{path.relative_to(ROOT)} is stale: run 'make pins'\n")
        else:
            path.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    raise SystemExit(main())
