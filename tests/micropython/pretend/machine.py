"""A pretend ``machine``: the RP2040 of one unit, in virtual time, with the parts on its pins. Runs on CPython and MicroPython.

The classes below are what ``trap_supervisor.board`` imports; ``world`` is what stands behind them. ``time.sleep_ms`` lets the
world's time pass, so a year of rounds costs no second of ours.
"""

import struct

PWRON_RESET, WDT_RESET = 1, 3
HOLD, RAIL, PIR, HALTED, CABLE, ALARM, WAKE, LED = 7, 3, 2, 8, 12, 9, 10, 25


class PowerGone(BaseException):
    """The latch opened, or the battery gave up: nothing after this line ran."""


class Reset(BaseException):
    """``machine.reset`` or the watchdog."""


class Gauge226:
    """INA226 at its power-up settings, on 20 mΩ."""

    def __init__(self):
        self.mv, self.ma, self.dead = 5_900, -25, False

    def read(self, register, count):
        shunt = -self.ma * 20 * 2 // 5
        word = {1: shunt & 0xFFFF, 2: self.mv * 4 // 5, 0xFE: 0x5449}.get(register, 0)
        return struct.pack(">H", word)[:count]

    def write(self, register, data):
        pass


class Rtc3231:
    """DS3231: BCD registers that count in the world's time, alarm 1, the oscillator-stop flag, the thermometer."""

    def __init__(self, world, utc_s):
        self._world, self._base_s, self._base_ms = world, utc_s, 0
        self.dead = False
        self.stopped, self.fired, self.alarm_s = 0, 0, None
        self.cc = 1_500
        self._control = 0x1C
        self._alarm = bytes(4)

    def seconds(self):
        return self._base_s + (self._world.ms - self._base_ms) // 1_000

    def read(self, register, count):
        from trap_supervisor import parts

        registers = bytearray(0x13)
        registers[0:7] = parts._to_registers(self.seconds())
        registers[0x0E], registers[0x0F] = self._control, 0x80 * self.stopped | self.fired
        registers[0x11:0x13] = struct.pack(">h", self.cc // 25 << 6)
        return bytes(registers[register : register + count])

    def write(self, register, data):
        from trap_supervisor import parts

        if register == 0x00:
            self._base_s, self._base_ms = parts._from_registers(data), self._world.ms
        elif register == 0x07:
            self._alarm = bytes(data)
        elif register == 0x0E:
            self._control = data[0]
        elif register == 0x0F:
            self.stopped &= data[0] >> 7
            self.fired &= data[0] & 1

    def armed_s(self):
        """UTC seconds of the next alarm as the registers have it, None when INT would stay silent with VCC off."""
        if self._control & 0x45 != 0x45:
            return None
        second, minute, hour, day = [(b >> 4) * 10 + (b & 15) for b in self._alarm]
        from trap_supervisor import parts

        for ahead in range(62):
            at_s = self.seconds() - self.seconds() % 86_400 + ahead * 86_400 + hour * 3_600 + minute * 60 + second
            if at_s > self.seconds() and parts._date(at_s // 86_400)[2] == day:
                return at_s
        return None


class World:
    """One unit. ``at`` lets something happen at a moment; ``log`` is what its pins did."""

    def __init__(self, utc_s):
        self.ms = 0
        self.log = []
        self.hz, self.heard_at_hz = 125_000_000, []  # the chip's clock, and what it was when the UART was opened
        self.pins = {}
        self.handlers = {}
        self.gauge, self.rtc = Gauge226(), Rtc3231(self, utc_s)
        self.light = 40_000
        self.to_pi, self.from_pi = b"", b""
        self.on_pin = None  # called with (pin, value) when the supervisor drives one
        self.cause = PWRON_RESET
        self._due = []
        self._bite_ms = self._drop_ms = None
        self._limit_ms = 0
        self.hold_window_ms = 0  # until when the PIR's edge holds the latch by itself

    def at(self, ms, what):
        self._due.append((ms, what))

    def power_up(self, cause=PWRON_RESET):
        """Everything volatile is gone."""
        self.cause, self.hz = cause, 125_000_000
        self.handlers = {}
        self.pins = {pin: value for pin, value in self.pins.items() if pin in (PIR, CABLE)}
        self.to_pi = self.from_pi = b""
        self._bite_ms = self._drop_ms = None

    def pass_ms(self, ms):
        end = self.ms + ms
        while True:
            stops = [at for at, _ in self._due] + [m for m in (self._bite_ms, self._drop_ms) if m is not None]
            stop = min(stops) if stops else end + 1
            if stop > end:
                break
            self.ms = max(self.ms, stop)
            if self._drop_ms is not None and stop == self._drop_ms:
                raise PowerGone
            if self._bite_ms is not None and stop == self._bite_ms:
                raise Reset
            ready = [entry for entry in self._due if entry[0] <= stop]
            self._due = [entry for entry in self._due if entry[0] > stop]
            for _, what in ready:
                what()
        self.ms = end

    def drive(self, pin, value):
        """The world drives an input."""
        before = self.pins.get(pin, 0)
        self.pins[pin] = value
        if value and not before and pin in self.handlers:
            self.handlers[pin](None)

    def pulse(self, length_ms=200):
        """Motion in front of the PIR."""
        self.drive(PIR, 1)
        self.hold_window_ms = self.ms + 1_000
        self._drop_ms = None
        if not self.pins.get(HOLD):
            self._drop_ms = self.hold_window_ms
        self.at(self.ms + length_ms, lambda: self.drive(PIR, 0))

    def driven(self, pin, value):
        """The supervisor drives an output."""
        if self.pins.get(pin, 0) == value:
            return
        self.pins[pin] = value
        self.log.append((self.ms, pin, value))
        if pin == HOLD:
            held = self.pins.get(CABLE) or (self.rtc.fired and not self.rtc.dead)
            self._drop_ms = None if value or held else max(self.ms + 60, self.hold_window_ms)
        if self.on_pin is not None:
            self.on_pin(pin, value)

    def feed(self):
        self._bite_ms = self.ms + self._limit_ms

    def watch(self, limit_ms):
        self._limit_ms = limit_ms
        self.feed()

    def device(self, address):
        self.pass_ms(0)
        part = {0x40: self.gauge, 0x68: self.rtc}.get(address)
        if part is None or part.dead:
            raise OSError(5)
        if part.dead is None:  # holds the clock line down: the bus hangs
            self.pass_ms(100_000)
        return part


world = World(0)


class Pin:
    """One pin; inputs read what the world drives."""

    IN, OUT, PULL_UP, PULL_DOWN, IRQ_RISING = 0, 1, 1, 2, 8

    def __init__(self, number, mode=0, pull=None, value=None):
        self._number = number
        if mode == Pin.OUT and value is not None:
            world.driven(number, value)

    def irq(self, handler=None, trigger=0):
        world.handlers[self._number] = handler

    def value(self, value=None):
        if value is not None:
            world.driven(self._number, value)
            return None
        if self._number == ALARM:
            return 0 if world.rtc.fired and not world.rtc.dead else 1
        return world.pins.get(self._number, 0)


class ADC:
    """The light sensor's channel."""

    def __init__(self, pin):
        pass

    def read_u16(self):
        return world.light


class I2C:
    """The bus; a part that is dead does not acknowledge."""

    def __init__(self, number, sda=None, scl=None, freq=0):
        pass

    def scan(self):
        return [address for address, part in ((0x40, world.gauge), (0x68, world.rtc)) if not part.dead]

    def readfrom_mem(self, address, register, count):
        return world.device(address).read(register, count)

    def writeto_mem(self, address, register, data):
        world.device(address).write(register, bytes(data))


class UART:
    """The wire to the Pi. ``world.log`` has its coming and going as pin 0, the line that is high while it idles."""

    def __init__(self, number, baud, *, tx=None, rx=None, rxbuf=256, txbuf=256, timeout=0):
        world.log.append((world.ms, 0, 1))
        world.heard_at_hz.append(world.hz)
        world.from_pi = b""
        self._txbuf, self._timeout, self._byte_ms = txbuf, timeout, 10_000 / baud
        self._sent_ms = world.ms  # when the last byte will have left

    def any(self):
        return len(world.from_pi)

    def read(self, most=None):
        if most is None:  # waits for more until it loses its patience
            world.pass_ms(self._timeout)
            most = len(world.from_pi)
        data, world.from_pi = world.from_pi[:most], world.from_pi[most:]
        return data or None

    def write(self, data):
        """As ports/rp2/machine_uart.c: what has no room within the patience is not sent; how many bytes were."""
        self._sent_ms = max(self._sent_ms, world.ms)
        room = self._txbuf - int((self._sent_ms - world.ms) / self._byte_ms)
        sent = data[: max(0, room + int(self._timeout / self._byte_ms))]
        world.to_pi += sent
        self._sent_ms += len(sent) * self._byte_ms
        return len(sent)

    def deinit(self):
        world.log.append((world.ms, 0, 0))


class WDT:
    """The watchdog: cannot be stopped, at most 8,388 ms."""

    def __init__(self, timeout):
        if timeout > 8_388:
            raise ValueError("timeout exceeds 8388")
        world.watch(timeout)

    def feed(self):
        world.feed()


def freq(hz=None):
    if hz is not None:
        world.hz = hz
    return world.hz


def reset_cause():
    return world.cause


def reset():
    raise Reset
