"""Runs on MicroPython and CPython: ``hardware/bring_up.py`` on the pretend Pico. Arguments: PRETEND SCRIPT FAULT."""

import sys

try:
    arguments = ARGUMENTS  # type: ignore[name-defined]  # run.mjs: the WebAssembly build has no sys.argv
except NameError:
    arguments = sys.argv[1:]
PRETEND, SCRIPT, FAULT = arguments
sys.path.insert(0, PRETEND)

import machine  # noqa: E402
from mountain import NOON  # noqa: E402

machine.world = world = machine.World(NOON)
world.gauge.ma = -31
if FAULT == "no gauge":
    world.gauge.dead = True
elif FAULT == "stopped clock":
    world.rtc.stopped = 1
with open(SCRIPT) as script:
    exec(script.read(), {"__name__": "__main__"})
print("HOLD", world.pins.get(machine.HOLD), "alarm", world.rtc.armed_s() - world.rtc.seconds())
