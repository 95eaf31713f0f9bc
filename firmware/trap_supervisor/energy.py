"""What the battery still allows: full → no hold-off → heartbeat only → off, with hysteresis, by chemistry and temperature."""

from trap_supervisor.memory import Memory
from trap_wire import codes

TYPE_CHECKING = False  # MicroPython has no typing
if TYPE_CHECKING:
    from typing import Any

# Per chemistry, mV of the whole pack at rest and 20 °C: below these it falls to no hold-off, heartbeat only, off; and the
# pack voltage under load below which the Pi's converter is about to give up. Sources: docs/supervisor.md.
_STEPS_MV = {
    codes.CHEMISTRY_LITHIUM: (5_400, 5_000, 4_400, 3_600),  # 4S3P of LiFeS2: 1.35, 1.25, 1.10 V a cell
    codes.CHEMISTRY_ALKALINE: (4_800, 4_400, 4_000, 3_400),  # 1.20, 1.10, 1.00 V a cell
    codes.CHEMISTRY_NIMH: (4_800, 4_600, 4_200, 3_600),  # 1.20, 1.15, 1.05 V a cell
    codes.CHEMISTRY_LIION: (7_000, 6_700, 6_200, 5_600),
    codes.CHEMISTRY_LIFEPO4: (6_300, 6_100, 5_600, 5_000),
    codes.CHEMISTRY_MAINS: (0, 0, 0, 0),
}
_HYSTERESIS_MV = 150
_COLD_MV_PER_C = 4  # a cold pack sags without being empty: the steps sink below 20 °C by this
_COLD_MOST_MV = 200
_ASSUMED_MA = 160  # what the rail takes when the gauge does not answer
_ASSUMED_PICO_MA = 25  # and what the supervisor takes alone


def ladder(settings: "dict[str, int]", now: int, sample: "Any", loaded: bool) -> int:
    """Next rung, ``codes.LADDER_*``, from the rung ``now``. Without a gauge it stays: a dead gauge must not stop a unit.

    Under load (rail on) the ladder may not climb or fall: the sag says more about the cold than about the charge.
    """
    if sample.battery_mv is None or loaded:
        return now
    steps = _steps(settings)
    rested_mv = sample.battery_mv + _cold_mv(sample.temperature_cc)
    rung = sum(rested_mv < step for step in steps)
    if rung < now:  # climbing needs more than falling did
        rung = max(rung, sum(rested_mv < step + _HYSTERESIS_MV for step in steps))
        rung = min(now, rung)
    return int(rung)


def _steps(settings: "dict[str, int]") -> "tuple[int, ...]":
    """Of the protocol, once a Pi has told them; until then the chemistry's own."""
    if settings["no_hold_off_mv"]:
        return settings["no_hold_off_mv"], settings["heartbeat_only_mv"], settings["off_mv"]
    return _STEPS_MV[settings["chemistry"]][:3]


def sagging(settings: "dict[str, int]", sample: "Any") -> bool:
    """True when the pack under load is about to drop the rail by itself."""
    return sample.battery_mv is not None and bool(sample.battery_mv < _STEPS_MV[settings["chemistry"]][3])


def spend(memory: Memory, rtc_s: int, elapsed_ms: int, battery_ma: "int | None", *, loaded: bool, rest: int = 0) -> int:
    """Add ``elapsed_ms`` at this current (negative: out of the pack) to the cells' account, and with the rail on to today's.

    Both in mA·s; answers the mA·ms that did not fill one, which the next call takes as ``rest``. Without a gauge the current
    is assumed. A panel's charge gives back to the cells, never to the day.
    """
    today = rtc_s // 86_400
    if today != memory.day:
        memory.day, memory.spent_mas = today, 0
    out_ma = (_ASSUMED_MA if loaded else _ASSUMED_PICO_MA) if battery_ma is None else -battery_ma
    if loaded:
        memory.spent_mas += max(0, out_ma) * elapsed_ms // 1_000
    whole, rest = divmod(rest + out_ma * elapsed_ms, 1_000)
    memory.charge_mas = min(max(0, memory.charge_mas + whole), 0x7FFFFFFF)
    return rest


def overspent(settings: "dict[str, int]", memory: Memory, rtc_s: int) -> bool:
    """True when today's budget is used up."""
    budget_mas = settings["budget_mah"] * 3_600
    return budget_mas > 0 and memory.day == rtc_s // 86_400 and memory.spent_mas >= budget_mas


def _cold_mv(temperature_cc: "int | None") -> int:
    if temperature_cc is None or temperature_cc >= 2_000:
        return 0
    return min(_COLD_MOST_MV, (2_000 - temperature_cc) * _COLD_MV_PER_C // 100)
