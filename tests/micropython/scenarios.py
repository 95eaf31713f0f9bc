"""What happens to units, told the same way by both interpreters: one JSON line a scenario. Arguments: an empty folder."""

import json
import os
import struct
import sys

try:
    arguments = ARGUMENTS  # type: ignore[name-defined]  # run.mjs: the WebAssembly build has no sys.argv
except NameError:
    arguments = sys.argv[1:]
FOLDER, PRETEND, SOURCES = arguments
sys.path.insert(0, PRETEND)

import machine  # noqa: E402
from mountain import NOON, Unit  # noqa: E402

from trap_wire import codes, frames  # noqa: E402

SIX_TOMORROW_S = 18 * 3_600


def settled(unit):
    """Batteries in; the first wake is behind it."""
    unit.power_up()
    return unit


def good_day(unit):
    settled(unit)
    unit.motion(600)
    unit.motion(600)


def flood_of_wind(unit):
    settled(unit)
    for _ in range(40):
        unit.motion(30)
    unit.motion(3_600)


def heartbeat_at_six(unit):
    settled(unit)
    unit.sleep(3 * 86_400)


def mute_pi(unit):
    settled(unit)
    unit.pi.manners = "mute"
    for _ in range(6):
        unit.motion(600)
    unit.pi.manners = "good"
    unit.motion(40_000)


def silent_pi(unit):
    settled(unit)
    unit.pi.manners = "silent"
    unit.motion(600)


def sleepless_pi(unit):
    settled(unit)
    unit.pi.manners = "sleepless"
    unit.motion(600)


def pi_that_never_halts(unit):
    settled(unit)
    unit.pi.manners = "never_halts"
    unit.motion(600)


def pi_whose_request_to_sleep_is_lost(unit):
    settled(unit)
    unit.pi.manners = "unheard"
    unit.motion(600)
    unit.pi.manners = "good"
    unit.motion(600)


def battery_that_collapses(unit):
    settled(unit)
    unit.pi.manners = "hungry"
    for _ in range(40):
        unit.motion(60)


def battery_that_sags_under_the_pi(unit):
    settled(unit)
    unit.world.at(unit.world.ms + 606_000, lambda: setattr(unit.world.gauge, "mv", 3_500))
    unit.motion(600)
    unit.world.gauge.mv = 5_900
    unit.motion(60)
    unit.motion(600)


def battery_that_swings_about_a_step(unit):
    settled(unit)
    for mv in (5_450, 5_350, 5_450, 5_350, 5_500, 5_350, 5_560, 5_350):
        unit.world.gauge.mv = mv
        unit.motion(20_000)


def same_volts_warm_and_cold(unit):
    settled(unit)
    unit.world.gauge.mv = 5_250
    for cc in (-2_000, 2_000, -2_000):
        unit.world.rtc.cc = cc
        unit.motion(20_000)


def nickel_cells_by_the_station(unit):
    settled(unit)
    told = frames.Settings(5_000, 0, 30_000, 30, 240, 6, 0, codes.CHEMISTRY_NIMH, 0)
    unit.pi.says = [(codes.SETTINGS, frames.pack_settings(told))]
    for mv in (5_250, 4_850, 4_750, 4_550, 4_150):
        unit.world.gauge.mv = mv
        unit.motion(20_000)


def reserve_for_the_heartbeat(unit):
    settled(unit)
    unit.world.gauge.mv = 4_900
    unit.motion(600)
    unit.sleep(3 * 86_400)
    unit.world.gauge.mv = 4_300
    unit.sleep(3 * 86_400)
    unit.world.gauge.mv = 5_900
    unit.sleep(86_400)


def day_over_its_budget(unit):
    settled(unit)
    told = frames.Settings(5_000, 0, 30_000, 30, 240, 6, 0, codes.CHEMISTRY_LITHIUM, 1)
    unit.pi.says = [(codes.SETTINGS, frames.pack_settings(told))]
    for _ in range(6):
        unit.motion(600)
    unit.sleep(86_400)
    unit.motion(600)


def battery_that_runs_flat_in_the_cold(unit):
    settled(unit)
    unit.world.rtc.cc = -2_000
    for mv in (5_600, 5_250, 5_100, 4_850, 4_500, 4_350, 4_150, 4_100):
        unit.world.gauge.mv = mv
        unit.motion(20_000)
    for mv in (4_300, 4_600, 5_200, 5_900):
        unit.world.gauge.mv = mv
        unit.motion(20_000)


def dead_gauge(unit):
    settled(unit)
    unit.world.gauge.dead = True
    unit.motion(600)
    unit.world.gauge.dead = False
    unit.motion(600)


def dead_rtc(unit):
    settled(unit)
    unit.world.rtc.dead = True
    for _ in range(50):
        unit.motion(600)


def rtc_that_lost_its_time(unit):
    settled(unit)
    unit.world.rtc.stopped = 1
    unit.motion(600)
    unit.pi.says = [(codes.SET_CLOCK, frames.pack_u32(NOON + 2_000))]
    unit.motion(600)
    unit.motion(600)


def rtc_that_runs_back(unit):
    settled(unit)
    unit.motion(600)
    unit.rtc_runs_back(5_000)
    unit.motion(600)
    unit.motion(600)


def memory_and_settings_that_are_torn(unit):
    settled(unit)
    told = frames.Settings(60_000, 0, 30_000, 30, 240, 20, 0, codes.CHEMISTRY_NIMH, 0)
    unit.pi.says = [(codes.SETTINGS, frames.pack_settings(told))]
    unit.motion(600)
    for name in ("memory", "settings"):
        unit.spoil(name)
    unit.motion(600)
    unit.motion(600)


def stuck_pir(unit):
    settled(unit)
    unit.sleep(600)
    unit.world.pulse(500_000_000)
    unit.power_up()
    unit.sleep(2 * 86_400)


def trigger_while_the_pi_is_up_and_while_it_halts(unit):
    settled(unit)
    unit.motion(600, times=3, every_s=5)


def cable(unit):
    settled(unit)
    unit.sleep(600)
    unit.world.drive(machine.CABLE, 1)
    unit.world.at(unit.world.ms + 60_000, lambda: unplug(unit))
    unit.power_up()


def unplug(unit):
    unit.world.drive(machine.CABLE, 0)
    if not unit.world.pins.get(machine.HOLD):
        unit.world._drop_ms = unit.world.ms + 60


def walk_test(unit):
    settled(unit)
    unit.pi.says = [(codes.WALK_TEST, frames.pack_u32(60))]
    unit.motion(600, times=6, every_s=15)


def full_ring(unit):
    unit.fill_ring(2_100)
    settled(unit)


def bus_that_hangs(unit):
    settled(unit)
    unit.bus_hangs(608)
    unit.motion(600)
    unit.restart()
    unit.motion(1_000)


def ring_is_handed_over(unit):
    settled(unit)
    unit.motion(600)
    unit.pi.says = [(codes.SEND_RING, frames.pack_u32(0)), (codes.RING_ACK, frames.pack_u32(4))]
    unit.motion(600)


def long_ring_is_handed_over(unit):
    settled(unit)
    unit.fill_ring(100)
    unit.pi.says = [
        (codes.SEND_RING, frames.pack_u32(1)),
        (codes.HEARTBEAT, b""),
        (codes.SEND_RING, frames.pack_u32(65)),
    ]
    unit.motion(600)


def settings_from_the_pi(unit):
    settled(unit)
    told = frames.Settings(60_000, 0, 30_000, 30, 240, 20, 0, codes.CHEMISTRY_NIMH, 0)
    unit.pi.says = [(codes.SETTINGS, frames.pack_settings(told))]
    unit.motion(600)
    unit.motion(20)
    unit.sleep(86_400)


def update(unit, change):
    """An update over the UART: all of the supervisor's modules, one of them changed."""
    import hashlib

    from trap_wire.supervisor_image import pack

    modules = {}
    names = ["trap_wire/%s.py" % name for name in ("__init__", "codes", "crc16", "frames", "pins")]
    names += ["trap_supervisor/" + name for name in os.listdir(SOURCES + "/trap_supervisor") if name.endswith(".py")]
    for name in names:
        with open(SOURCES + "/" + name) as file:
            modules[name] = file.read()
    change(modules)
    image = pack({name: text.encode() for name, text in modules.items()})
    pieces = [struct.pack("<I", at) + image[at : at + 200] for at in range(0, len(image), 200)]
    unit.pi.says = [(codes.UPDATE_BEGIN, struct.pack("<I", len(image)) + hashlib.sha256(image).digest())]
    unit.pi.says += [(codes.UPDATE_DATA, piece) for piece in pieces] + [(codes.UPDATE_COMMIT, b"")]


def good_update(unit):
    settled(unit)

    def newer(modules):
        name = "trap_supervisor/talk.py"
        modules[name] = modules[name].replace("FIRMWARE = (0, 1, 0)", "FIRMWARE = (0, 9, 0)")

    update(unit, newer)
    unit.motion(600)
    unit.sleep(60)  # the alarm that the staging armed brings the new one up by itself
    unit.motion(600)


def update_that_cannot_be_compiled(unit):
    settled(unit)

    def broken(modules):
        modules["trap_supervisor/gate.py"] += "\nthis is no python\n"

    update(unit, broken)
    unit.motion(600)
    unit.sleep(60)
    unit.motion(600)


def update_that_never_speaks(unit):
    settled(unit)

    def deaf(modules):
        hears = 'return (self._uart.read(waiting) or b"") if waiting and self._uart is not None else b""'
        assert hears in modules["trap_supervisor/board.py"]
        modules["trap_supervisor/board.py"] = modules["trap_supervisor/board.py"].replace(hears, 'return b""')

    update(unit, deaf)
    unit.motion(600)
    unit.sleep(60)
    for _ in range(4):
        unit.motion(40_000)


SCENARIOS = (
    good_day, flood_of_wind, heartbeat_at_six, mute_pi, silent_pi, sleepless_pi, pi_that_never_halts,
    pi_whose_request_to_sleep_is_lost,
    battery_that_collapses, battery_that_sags_under_the_pi, battery_that_runs_flat_in_the_cold,
    battery_that_swings_about_a_step, same_volts_warm_and_cold, nickel_cells_by_the_station, reserve_for_the_heartbeat,
    day_over_its_budget, dead_gauge, dead_rtc, rtc_that_lost_its_time, rtc_that_runs_back,
    memory_and_settings_that_are_torn, stuck_pir,
    trigger_while_the_pi_is_up_and_while_it_halts, cable, walk_test, full_ring, bus_that_hangs, ring_is_handed_over,
    long_ring_is_handed_over,
    settings_from_the_pi, good_update, update_that_cannot_be_compiled, update_that_never_speaks,
)  # fmt: skip


def plain(wake):
    """As JSON has it in both interpreters."""
    return list(wake[:-1]) + [[list(loss) for loss in wake.losses]]


def main():
    try:
        os.mkdir(FOLDER)
    except OSError:
        pass  # it is there
    for number, scenario in enumerate(SCENARIOS):
        unit = Unit("%s/%d" % (FOLDER, number))
        scenario(unit)
        told = {
            "scenario": scenario.__name__,
            "rises": unit.rises(),
            "ups": unit.ups,
            "hellos": unit.pi.hellos,
            "ring": unit.ring()[-200:],
            "pins": unit.world.log,
            "heard_at_hz": unit.world.heard_at_hz,
            "results": [list(payload) for type_, payload in unit.pi.heard if type_ == codes.RESULT][-3:],
            "wakes": [plain(frames.unpack_wake(p)) for t, p in unit.pi.heard if t in (codes.WAKE, codes.TRIGGER)],
            "handed": [list(frames.unpack_record(p)) for t, p in unit.pi.heard if t == codes.RING],
        }
        print(json.dumps(told))


if __name__ == "__main__":
    main()
