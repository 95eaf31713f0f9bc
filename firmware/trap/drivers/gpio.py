"""GPIO lines by the SoC's own numbers, through the kernel's character device (libgpiod 2).

The chip is found by its label, not its number: Raspberry Pi OS has renumbered it twice.

- absent: ``PartError`` with the labels that were seen; busy: with the header pin.
- slow: a line is read and set in microseconds or not at all.
- lying: what a line says is judged by the driver of the part that hangs on it.
- gone in mid-use: ``guarded`` makes it a ``PartError`` of the part that hangs on the line.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from trap_wire.errors import PartError

LABELS = ("pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1")
CONSUMER = "manul"


def library() -> Any:
    """The gpiod module; ``PartError`` says what to install."""
    try:
        import gpiod
    except ImportError as error:
        raise PartError("gpio", "python3-libgpiod is not installed: pip install 'manul[pi]'") from error
    return gpiod


def header_chip(gpiod: Any, labels: tuple[str, ...] = LABELS, devices: Path = Path("/dev")) -> str:
    """Path of the chip behind the Pi's header."""
    seen = []
    for path in sorted(devices.glob("gpiochip*")):
        try:
            with gpiod.Chip(str(path)) as chip:
                label = chip.get_info().label
        except OSError as error:
            label = f"{path.name}: {error.strerror}"
        if label in labels:
            return str(path)
        seen.append(label)
    raise PartError("gpio", f"no chip labelled {' or '.join(labels)} (seen: {', '.join(seen) or 'none'})")


def request(gpiod: Any, chip: str, line: int, pin: str, settings: Any) -> Any:
    """Take one line; ``PartError`` names it, its header pin, and who has it."""
    try:
        return gpiod.request_lines(chip, consumer=CONSUMER, config={line: settings})
    except OSError as error:
        raise PartError("gpio", f"GPIO{line} ({pin}) cannot be taken: {error.strerror}") from error


def guarded(part: str, call: Callable[[], Any]) -> Any:
    """A call on a line that was taken; the chip can go away with its bus (a unit on a USB expander, a test)."""
    try:
        return call()
    except OSError as error:
        raise PartError(part, f"GPIO line is gone: {error.strerror}") from error
