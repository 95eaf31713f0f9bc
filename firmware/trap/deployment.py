"""What this unit is and which rules it runs; the facts and their checks are shared with the host in ``trap_wire``."""

from trap_wire.facts import NAME
from trap_wire.protocol import Protocol
from trap_wire.station import SAFE, Deployment, Station, parse, parse_or_safe

__all__ = ["NAME", "SAFE", "Deployment", "Protocol", "Station", "parse", "parse_or_safe"]
