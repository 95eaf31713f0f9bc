"""The rules that the supervisor keeps, as a plain dict: the fields of ``trap.deployment.Protocol`` that concern it, and limits.

A dict because MicroPython has no dataclasses and because it goes through flash and the UART as a few numbers. ``complete``
fills what is missing, so an older Pi and a newer supervisor still understand each other.
"""

from trap_wire import codes, frames

TYPE_CHECKING = False  # MicroPython has no typing
if TYPE_CHECKING:
    from typing import Any

DEFAULTS = {
    # from the protocol; same names, same defaults as trap.deployment.Protocol (a test compares them)
    "hold_off_ms": 5_000,
    "stay_up_ms": 0,
    "settle_ms": 30_000,
    "flood_triggers": 30,
    "flood_refill_s": 240,
    "heartbeat_hour": 6,
    "leds": 0,
    # from the protocol's percentages, worked out by the Pi for the station's cells; 0: what energy.py has for the chemistry
    "no_hold_off_mv": 0,
    "heartbeat_only_mv": 0,
    "off_mv": 0,
    # from the station
    "chemistry": codes.CHEMISTRY_LITHIUM,
    # limits of the rail
    "boot_ms": 60_000,  # rail on -> HELLO; a stock Zero 2 W needs 12 s, an fsck after a cut may need 40
    "silent_ms": 60_000,  # longest time between two heartbeats of the Pi, stay_up_ms comes on top
    "max_on_ms": 180_000,  # hard limit since the last trigger, stay_up_ms comes on top
    "host_max_on_ms": 14_400_000,  # the same while a laptop is being served
    "host_quiet_ms": 90_000,  # and so long after its last word
    "halt_ms": 20_000,  # SLEEP_REQUEST -> halt signal
    "rest_ms": 1_000,  # off time that surely resets the Pi
    "back_off_s": 300,  # after a hung Pi or a brown-out; times four each further time
    "back_off_max_s": 21_600,
    "stuck_s": 300,  # PIR high for longer than this is a fault, not an animal
    "budget_mah": 0,  # per day; 0: no budget
}


def complete(given: "dict[str, Any] | None") -> "dict[str, int]":
    """Settings from a dict that may lack fields, all as whole numbers; unknown and senseless fields are left out.

    ``chemistry`` may be its number or its name in ``station.toml``.
    """
    settings = dict(DEFAULTS)
    for name, value in (given or {}).items():
        if name == "chemistry" and isinstance(value, str):
            value = _chemistry(value)  # noqa: PLW2901
        if name in settings and isinstance(value, int):  # bool is one too
            settings[name] = int(value)
    return settings


def _chemistry(name: str) -> int:
    for number, known in codes.CHEMISTRY_NAMES.items():
        if known == name:
            return number
    return codes.CHEMISTRY_LITHIUM


def unpack(payload: bytes) -> "dict[str, int]":
    """Settings from a SETTINGS frame; ``ValueError`` when the payload has another size or a value makes no sense."""
    wire, steps = frames.unpack_settings(payload), frames.unpack_steps(payload)
    if (
        wire.chemistry not in codes.CHEMISTRY_NAMES
        or wire.heartbeat_hour > 23
        or not (wire.flood_triggers and wire.flood_refill_s)
        or not steps.off_mv <= steps.heartbeat_only_mv <= steps.no_hold_off_mv
    ):
        raise ValueError("settings out of range")
    return {
        "hold_off_ms": wire.hold_off_ms,
        "stay_up_ms": wire.stay_up_ms,
        "settle_ms": wire.settle_ms,
        "flood_triggers": wire.flood_triggers,
        "flood_refill_s": wire.flood_refill_s,
        "heartbeat_hour": wire.heartbeat_hour,
        "leds": wire.leds,
        "chemistry": wire.chemistry,
        "budget_mah": wire.budget_mah,
        "no_hold_off_mv": steps.no_hold_off_mv,
        "heartbeat_only_mv": steps.heartbeat_only_mv,
        "off_mv": steps.off_mv,
    }
