"""One pin map: pins.toml, the constants, the wiring drawings and the device-tree overlay say the same."""

import html
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tools import pins
from trap_wire import pins as constants

WIRING = pins.ROOT / "hardware" / "wiring"
PINS = tomllib.loads(pins.SOURCE.read_text())
PARTS = yaml.safe_load((WIRING / "parts.yml").read_text())["connectors"]
DRAWINGS = ("power", "signals")
WIREVIZ = shutil.which("wireviz") or shutil.which("wireviz", path=str(Path(sys.executable).parent))
NOT_WIRED = {"LED"}  # on the Pico itself
WITHOUT_SUPERVISOR = {"PIR", "I2C_SDA", "I2C_SCL"}  # of the Pi
BOARDS = {"PICO": ("supervisor", "GP", pins.PICO), "PI": ("pi", "GPIO", pins.HEADER)}


def connections() -> list[list[dict[str, list]]]:
    return [links for name in DRAWINGS for links in yaml.safe_load((WIRING / f"{name}.yml").read_text())["connections"]]


def wires() -> set[frozenset[str]]:
    """Each wire as its two ends, ``module:label``."""
    ends = set()
    for (one, here), _cable, (other, there) in ([next(iter(x.items())) for x in links] for links in connections()):
        ends |= {frozenset((end(one, a), end(other, b))) for a, b in zip(here, there, strict=True)}
    return ends


def end(module: str, pin: int | str) -> str:
    labels = PARTS[module]["pinlabels"]
    numbers = PARTS[module].get("pins", list(range(1, len(labels) + 1)))
    label = pin if pin in labels else labels[numbers.index(pin)]
    return f"{module}:{label}"


def labelled(board: str) -> dict[str, tuple[int, int]]:
    """Name → (GPIO, board pin) as drawn."""
    prefix = BOARDS[board][1]
    found = {}
    for number, label in zip(PARTS[board]["pins"], PARTS[board]["pinlabels"], strict=True):
        if match := re.fullmatch(rf"{prefix}(\d+) (\w+)", str(label)):
            found[match[2]] = (int(match[1]), number)
    return found


def test_constants_are_those_of_the_pin_map():
    for section, names in PINS.items():
        for name, number in names.items():
            assert getattr(constants, f"{section.upper()}_{name}") == number


@pytest.mark.parametrize("board", BOARDS)
def test_drawing_has_every_pin_of_the_map_at_its_place_on_the_board(board):
    section, _, edge = BOARDS[board]
    wanted = PINS[section].keys() - (NOT_WIRED if board == "PICO" else WITHOUT_SUPERVISOR)
    assert labelled(board) == {name: (PINS[section][name], edge[PINS[section][name]]) for name in wanted}


@pytest.mark.parametrize("board", BOARDS)
def test_every_drawn_pin_has_a_wire(board):
    ends = {e for wire in wires() for e in wire}
    prefix = BOARDS[board][1]
    for name, (gpio, _) in labelled(board).items():
        assert f"{board}:{prefix}{gpio} {name}" in ends


@pytest.mark.parametrize("board", BOARDS)
def test_comments_of_the_pin_map_name_the_right_board_pin(board):
    section, _, edge = BOARDS[board]
    text = pins.SOURCE.read_text().split(f"[{section}]")[1].split("\n[")[0]
    for name, number, pin in re.findall(r"^(\w+) = (\d+)\s*# (?:Pico|header) pin (\d+)", text, re.MULTILINE):
        assert edge[int(number)] == int(pin), name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("PICO:GP0 UART_TX", "PI:GPIO15 UART_RX"),
        ("PICO:GP1 UART_RX", "PI:GPIO14 UART_TX"),
        ("PICO:GP10 PI_WAKE", "PI:GPIO22 WAKE"),
        ("PICO:GP8 PI_HALTED", "PI:GPIO26 HALTED"),
        ("PICO:GP7 LATCH_HOLD", "LATCH:HOLD"),
        ("PICO:GP9 RTC_ALARM", "LATCH:ALARM"),
        ("PICO:GP12 HOST_SENSE", "LATCH:HOST"),
        ("LATCH:INT", "RTC:INT"),
        ("HOST:VBUS", "LATCH:VBUS"),
    ],
)
def test_the_lines_that_matter_end_where_they_should(one, other):
    assert frozenset((one, other)) in wires()


def test_a_laptops_five_volts_reach_nothing_but_the_latch():
    assert [wire for wire in wires() if "HOST:VBUS" in wire] == [frozenset(("HOST:VBUS", "LATCH:VBUS"))]


@pytest.mark.parametrize(("module", "part"), [("GAUGE", "INA226"), ("RTC", "DS3231"), ("THERM", "TMP117")])
def test_boards_on_the_bus_carry_the_address_of_the_pin_map_and_are_on_the_same_two_wires(module, part):
    assert f"address 0x{PINS['i2c'][part]:02X}" in PARTS[module]["notes"]
    for line in ("SDA", "SCL"):
        pico = next(label for label in PARTS["PICO"]["pinlabels"] if str(label).endswith(f"I2C_{line}"))
        assert frozenset((f"{module}:{line}", f"PICO:{pico}")) in wires()


def test_cables_have_a_wire_for_every_connection():
    for name in DRAWINGS:
        drawing = yaml.safe_load((WIRING / f"{name}.yml").read_text())
        for links in drawing["connections"]:
            cable, used = next(iter(links[1].items()))
            assert max(used) <= drawing["cables"][cable]["wirecount"] == len(drawing["cables"][cable]["colors"])


def words(svg: Path) -> list[str]:
    return sorted(html.unescape(text) for text in re.findall(r"<text[^>]*>([^<]+)</text>", svg.read_text()))


@pytest.mark.parametrize("name", DRAWINGS)
def test_committed_drawing_names_every_cable_and_pin_that_it_joins(name):
    drawn = " ".join(words(WIRING / f"{name}.svg"))
    for links in yaml.safe_load((WIRING / f"{name}.yml").read_text())["connections"]:
        for module, used in (next(iter(link.items())) for link in links):
            assert module in drawn
            for pin in used if module in PARTS else []:
                assert end(module, pin).split(":", 1)[1] in drawn


@pytest.mark.skipif(not shutil.which("dot") or not WIREVIZ, reason="no graphviz or no wireviz here: not drawn anew")
@pytest.mark.parametrize("name", DRAWINGS)
def test_committed_drawing_is_what_its_data_draw(name, tmp_path):
    for file in WIRING.glob("*.yml"):
        shutil.copy(file, tmp_path)
    subprocess.run(
        [WIREVIZ, "-f", "s", "-p", "parts.yml", f"{name}.yml"], cwd=tmp_path, check=True, capture_output=True
    )
    assert words(tmp_path / f"{name}.svg") == words(WIRING / f"{name}.svg")


@pytest.mark.skipif(not shutil.which("dtc"), reason="no dtc here (Debian package 'device-tree-compiler')")
def test_overlay_compiles_and_holds_the_pins_of_the_map(tmp_path):
    source, blob = pins.ROOT / "hardware" / "manul.dts", tmp_path / "manul.dtbo"
    subprocess.run(
        ["dtc", "-@", "-I", "dts", "-O", "dtb", "-o", str(blob), str(source)], check=True, capture_output=True
    )
    back = subprocess.run(
        ["dtc", "-I", "dtb", "-O", "dts", str(blob)], check=True, capture_output=True, text=True
    ).stdout
    numbers = {name: PINS["pi"][name] for name in ("WAKE", "IR_FLASH", "HALTED")}
    assert f"brcm,pins = <0x{numbers['WAKE']:02x} 0x{numbers['IR_FLASH']:02x}>" in back
    assert f"brcm,pins = <0x{numbers['HALTED']:02x}>" in back
    assert re.search(rf"gpios = <0xffffffff 0x{numbers['HALTED']:02x} 0x00>", back)
    assert 'compatible = "gpio-poweroff"' in back


def test_generated_files_are_fresh():
    assert {path.name for path, text in pins.outputs().items() if path.read_text() != text} == set()
