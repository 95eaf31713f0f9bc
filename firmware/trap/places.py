"""Where a unit keeps its things, and what its station slot says: for the commands that must not wait for numpy."""

from dataclasses import replace
from pathlib import Path

from trap.deployment import SAFE, Deployment, parse_or_safe

STATION = Path("/boot/firmware/station.toml")
DATA = Path("/var/lib/manul")
JOURNAL, CARD = DATA / "journal", DATA / "card"


def load_deployment(station: Path = STATION) -> Deployment:
    """What the station slot says; the safe default, with the reason in it, when it is absent, torn or wrong."""
    try:
        return parse_or_safe(station.read_bytes(), station.name)
    except OSError as error:
        return replace(SAFE, trouble=f"{station}: {error.strerror}: is the boot partition mounted?")
