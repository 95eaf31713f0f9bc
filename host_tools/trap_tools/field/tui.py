"""``manul tui``: the visit for people who do not type commands."""

from pathlib import Path

import click

from trap_tools.link.ports import Port, probed, serial_ports
from trap_wire.errors import BadInputError


@click.command()
@click.option(
    "--to",
    "folder",
    default="traps",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to fill.",
)
@click.option(
    "--port", "extra", multiple=True, help="Look at this port as well (a pty, an adapter that is not listed)."
)
@click.option(
    "--key", "private", multiple=True, type=click.Path(path_type=Path), help="A private key to open units with."
)
def tui(folder: Path, extra: tuple[str, ...], private: tuple[Path, ...]) -> None:
    """Show units as they are plugged in, how they are, and pull or aim them with one key."""
    try:
        from trap_tools.field.tui_app import VisitApp
    except ImportError as error:
        raise BadInputError("the screen needs Textual: pip install 'manul[tui]'") from error

    def find(skip: frozenset[str]) -> list[Port]:
        named = [Port(name, "", False) for name in extra]
        return probed(port for port in [*(one for one in serial_ports() if one.usb), *named] if port.port not in skip)

    VisitApp(find, folder, private).run()
