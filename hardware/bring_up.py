"""Steps 10 to 15 of the bring-up guide, on the Pico: ``mpremote mount firmware run hardware/bring_up.py``.

For a Pico with MicroPython as it comes and nothing else on it. Reads every part with the supervisor's own drivers, says what
is wrong with it, sets the clock's alarm and lets go of HOLD. Writes nothing to the Pico's flash.
"""

import time

from machine import ADC, I2C, Pin

from trap_supervisor import parts
from trap_wire import pins

AHEAD_S = 20
A_GOOD_TIME = 1_767_225_600  # 2026-01-01; the unit's first visit sets the real one


def main():
    """Every line of the guide, 10 to 14."""
    hold = Pin(pins.SUPERVISOR_LATCH_HOLD, Pin.OUT, value=1)
    i2c = I2C(0, sda=Pin(pins.SUPERVISOR_I2C_SDA), scl=Pin(pins.SUPERVISOR_I2C_SCL), freq=400_000)
    found = [hex(address) for address in i2c.scan()]
    print("10 bus    %s   must be 0x40 (gauge), 0x68 (clock), in a cold build 0x48" % " ".join(found))
    mv, ma = parts.Gauge(i2c, pins.I2C_INA226).read()
    if mv is None:
        print("11 gauge  does not answer: its wires, its address (A0 and A1 open)")
    else:
        print("11 gauge  %.3f V   must be the supply's +- 1 %%; 0 V: VBUS pin not joined to VIN-" % (mv / 1_000))
        print("12        %d mA   must be the supply's +- 3 %%, negative; a fifth of it: shunt not changed" % ma)
    clock = parts.Clock(i2c, pins.I2C_DS3231)
    counted = counts(clock)
    print("13 clock  %s" % counted)
    cold = parts.Thermometer(i2c, pins.I2C_TMP117).read_cc()
    for name, cc in (("clock", clock.temperature_cc()), ("TMP117", cold)):
        if cc is not None:
            print("          %.1f C by the %s   must be the room's +- 3" % (cc / 100, name))
    light = parts.lux(ADC(Pin(pins.SUPERVISOR_LIGHT_ADC)).read_u16())
    print("          %s lux   near 0 under a hand, hundreds at a window" % light)
    levels = [Pin(number, Pin.IN).value() for number in (pins.SUPERVISOR_PIR, pins.SUPERVISOR_HOST_SENSE)]
    print("          PIR %d, cable %d" % tuple(levels))
    armed = clock.arm(clock.now()[0] + AHEAD_S)
    hold.value(0)
    print("14 alarm  %s" % ("in %d s; HOLD is low: let go of SW1, watch VSW" % AHEAD_S if armed else "not taken"))


def counts(clock):
    """Set it where it has no time, and see whether it counts."""
    started = ""
    if not clock.now()[1]:
        if not clock.set(A_GOOD_TIME):
            return "does not take the time: its wires, its address 0x68"
        started = "had stopped, set; "
    before, _ = clock.now()
    time.sleep_ms(3_000)
    after, good = clock.now()
    if not good:
        return started + "stop flag comes back: coin cell"
    return started + "%d s in 3 s   must be 3; has a fake chip: drifts by seconds a day" % (after - before)


main()
