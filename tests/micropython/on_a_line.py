"""Runs on MicroPython: one unit's supervisor in real time, its UART on a terminal. Arguments: FLASH UART SLOWER.

The real ``main``, ``board`` and ``body`` on the pretend RP2040 of ``tests/micropython``. Its first power-up happens in the
pretend world's own time, with a pretend Pi: batteries in, the gate settled, records in the ring. From then on a second of the
supervisor's is ``SLOWER`` of ours, and the Pi is whoever is on the UART. Lines in: ``pulse``, ``halted 0|1``, ``gauge MV``;
lines out: ``dark``, and ``pin NUMBER VALUE`` whenever it drives one.
"""

import select
import sys
import time as clock

import machine
import mountain

FLASH, PORT, SLOWER = sys.argv[1], sys.argv[2], float(sys.argv[3])
uart = open(PORT, "r+b", 0)
poller = select.poll()
poller.register(sys.stdin, select.POLLIN)
poller.register(uart, select.POLLIN)
unit = mountain.Unit(FLASH)


class RealTime(mountain.Time):
    """MicroPython's ``time`` on this machine's clock, ``SLOWER``; the world outside is heard while the supervisor sleeps."""

    def sleep_ms(self, ms):
        listen(int(ms * SLOWER))
        machine.world.pass_ms(ms)
        if machine.world.to_pi:
            uart.write(machine.world.to_pi)
            machine.world.to_pi = b""


def listen(ms):
    """What comes in on either line in so many milliseconds."""
    until = clock.ticks_add(clock.ticks_ms(), ms)
    while True:
        left = clock.ticks_diff(until, clock.ticks_ms())
        ready = poller.poll(max(left, 0))
        for entry in ready:
            if entry[0] is uart:
                unit.world.from_pi += uart.read(512) or b""  # the terminal gives what is there (VMIN 0)
            else:
                typed(sys.stdin.buffer.read(1))
        if left <= 0:
            return


def typed(character):
    """One byte of a command: a whole line would be read ahead of the next poll."""
    if character in (b"\n", b""):
        obey("".join(command))
        command.clear()
    else:
        command.append(character.decode())


def obey(line):
    """One line of whoever plays the mountain."""
    words = line.split()
    if not words:
        sys.exit()
    if words[0] == "pulse":
        pulses.append(1)
        unit.world.pulse()
    elif words[0] == "halted":
        unit.world.drive(machine.HALTED, int(words[1]))
    elif words[0] == "gauge":
        unit.world.gauge.mv = int(words[1])


def told(pin, value):
    """A pin that the supervisor drives."""
    print("pin", pin, value)


pulses, command = [], []
unit.power_up()
unit.world.on_pin = told
unit.world.pass_ms(600_000)
sys.modules["time"] = mountain.main.time = RealTime()
mountain.main.ROUND_MS = 5
print("dark")
while True:
    pulses.clear()
    listen(50)
    if pulses:
        unit.power_up()
        print("dark")
