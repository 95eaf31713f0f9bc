"""``manul ports``: which serial ports there are, and at which of them a unit answers."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import click
from rich.console import Console
from rich.table import Table
from serial.tools import list_ports

from trap_tools.i18n import say
from trap_tools.link.client import HASTY_S, Unit
from trap_tools.link.line import Line
from trap_wire.errors import BadInputError, NoUnitError, TrapError

# What a unit says it is (trap.drivers.gadget), and the Linux composite gadget's default.
USB_IDS = frozenset({(0x1209, 0x0001), (0x1D6B, 0x0104)})


@dataclass(frozen=True, slots=True)
class Port:
    """A serial port. ``unit`` is the name of the unit that answers there, empty when none does."""

    port: str
    description: str
    usb: bool
    unit: str = ""


def serial_ports() -> list[Port]:
    """Every serial port of this computer; units' own USB identity first."""
    found = sorted(list_ports.comports(), key=lambda info: ((info.vid, info.pid) not in USB_IDS, info.device))
    return [Port(info.device, info.description or "", info.vid is not None) for info in found]


def probed(ports: Iterable[Port]) -> list[Port]:
    """The same ports with the units that answer; all are asked at once."""
    known = list(ports)
    with ThreadPoolExecutor(max(len(known), 1)) as pool:
        names = list(pool.map(_ask, known))
    return [Port(port.port, port.description, port.usb, name) for port, name in zip(known, names, strict=True)]


def units() -> list[str]:
    """Ports at which a unit answers, found by asking every USB port; ``NoUnitError`` when there is none."""
    found = [port.port for port in probed(port for port in serial_ports() if port.usb) if port.unit]
    if not found:
        raise NoUnitError(
            say("no unit found. Plug one in, wait ten seconds, and see manul ports; or name it with --port")
        )
    return found


def the_one(port: str | None) -> str:
    """The port that was named, else the only one at which a unit answers; ``BadInputError`` when several do."""
    found = [port] if port else units()
    if len(found) > 1:
        raise BadInputError(say("units answer at {ports}: name one with --port", ports=", ".join(found)))
    return found[0]


def _ask(port: Port) -> str:
    try:
        with Line(port.port) as line:
            return Unit(line).hello(HASTY_S)
    except TrapError:
        return ""


@click.command()
@click.option("--all", "every", is_flag=True, help="Ask ports that are not USB, too.")
@click.option("--port", "extra", multiple=True, help="Ask this port as well (a pty, an adapter that is not listed).")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def ports(every: bool, extra: tuple[str, ...], as_json: bool) -> None:
    """List the serial ports and say at which of them a unit answers. Exit code 4 when at none."""
    listed = [port for port in serial_ports() if every or port.usb]
    found = probed([*listed, *(Port(name, "named with --port", False) for name in extra)])
    if as_json:
        click.echo(json.dumps([asdict(port) for port in found], indent=2))
    else:
        _show(found)
    if not any(port.unit for port in found):
        raise NoUnitError(say("no unit answers. Check the cable (some only charge) and that the unit is awake"))


def _show(found: list[Port]) -> None:
    table = Table("port", "unit", "what it is", box=None)
    for port in found:
        table.add_row(port.port, f"[green]{port.unit}[/]" if port.unit else "[dim]no answer[/]", port.description)
    Console().print(table if found else "This computer has no serial port that could be a unit.")
