"""The RP2040's pins, buses and watchdog behind ``body.Board``. The only module that imports ``machine``."""

import time

import machine

from trap_supervisor import actions, parts
from trap_supervisor.body import Board
from trap_wire import pins

BAUD = 115_200
WATCHDOG_MS = 8_388  # the most that the RP2040 can count
# While the Pi boots and works, and while the latch's window runs out, there is little to do: the lowest frequency at which the
# chip's USB still works. From the edge to the rail every millisecond counts, so it starts at MicroPython's 125 MHz.
PATIENT_HZ = 48_000_000
MIN_EDGE_MS = 2  # the PIR's output is slow; anything faster is a glitch


class Pico(Board):
    """The real board. Its first act is to hold the latch; the watchdog runs from ``watch`` on and can never be stopped."""

    def __init__(self) -> None:
        out, into = machine.Pin.OUT, machine.Pin.IN
        self._out = {actions.HOLD_LATCH: machine.Pin(pins.SUPERVISOR_LATCH_HOLD, out, value=1)}
        for do, pin in (
            (actions.RAIL_ON, pins.SUPERVISOR_PI_RAIL),
            (actions.INTERLOCK, pins.SUPERVISOR_IR_INTERLOCK),
            (actions.LED, pins.SUPERVISOR_LED),
            (actions.WAKE_LINE, pins.SUPERVISOR_PI_WAKE),
        ):
            self._out[do] = machine.Pin(pin, out, value=0)
        self._edges, self._edge_ms = 0, time.ticks_ms()
        self._last_ticks, self._ms = time.ticks_ms(), 0
        self._pir = machine.Pin(pins.SUPERVISOR_PIR, into)
        self._pir.irq(handler=self._on_edge, trigger=machine.Pin.IRQ_RISING)
        self._halted = machine.Pin(pins.SUPERVISOR_PI_HALTED, into, machine.Pin.PULL_DOWN)
        self._cable = machine.Pin(pins.SUPERVISOR_HOST_SENSE, into)
        self._int = machine.Pin(pins.SUPERVISOR_RTC_ALARM, into, machine.Pin.PULL_UP)
        self._light = machine.ADC(machine.Pin(pins.SUPERVISOR_LIGHT_ADC))
        i2c = machine.I2C(
            0, sda=machine.Pin(pins.SUPERVISOR_I2C_SDA), scl=machine.Pin(pins.SUPERVISOR_I2C_SCL), freq=400_000
        )
        self._gauge = parts.Gauge(i2c, pins.I2C_INA226)
        self._rtc = parts.Clock(i2c, pins.I2C_DS3231)
        self._thermometer = parts.Thermometer(i2c, pins.I2C_TMP117)
        self._uart: "machine.UART | None" = None
        self._dog: "machine.WDT | None" = None

    def watch(self) -> None:
        """Start the watchdog. Not before the update's choice is made: it cannot be stopped again."""
        self._dog = machine.WDT(timeout=WATCHDOG_MS)

    def ms(self) -> int:
        """Milliseconds since power-up; ``ticks_ms`` wraps after 12 days, this does not."""
        ticks = time.ticks_ms()
        self._ms += time.ticks_diff(ticks, self._last_ticks)
        self._last_ticks = ticks
        return self._ms

    def edges(self) -> int:
        """Rising edges of the PIR since the last call, counted by interrupt."""
        count = self._edges
        self._edges -= count  # an edge that comes in between stays
        return count

    def pir_high(self) -> bool:
        """Level of the PIR."""
        return bool(self._pir.value())

    def halted(self) -> bool:
        """The Pi's gpio-poweroff."""
        return bool(self._halted.value())

    def cable(self) -> bool:
        """Five volts of a laptop."""
        return bool(self._cable.value())

    def bitten(self) -> bool:
        """The watchdog reset the chip."""
        return machine.reset_cause() == machine.WDT_RESET

    def hear(self) -> bytes:
        """What the UART holds."""
        waiting = self._uart.any() if self._uart is not None else 0
        # Never more than there is: the patience that lets write() wait for room would make read() wait for more, too.
        return (self._uart.read(waiting) or b"") if waiting and self._uart is not None else b""

    def say(self, data: bytes) -> None:
        """Into the UART."""
        if self._uart is not None:
            self._uart.write(data)

    def switch(self, do: int, on: bool) -> None:
        """Drive a pin."""
        if (
            on == (do == actions.RAIL_ON)
            and do in (actions.RAIL_ON, actions.HOLD_LATCH)
            and machine.freq() != PATIENT_HZ
        ):
            machine.freq(PATIENT_HZ)  # before the UART, whose divider is worked out from it
        if do == actions.RAIL_ON:
            self._connect(on)
            if on:
                self._gauge.average()
        self._out[do].value(int(on))

    def battery(self) -> "tuple[int | None, int | None]":
        """The gauge."""
        return self._gauge.read()

    def temperature_cc(self) -> "int | None":
        """The cold build's own thermometer, else the DS3231's (±3 °C)."""
        celsius = self._thermometer.read_cc()
        return self._rtc.temperature_cc() if celsius is None else celsius

    def light_lux(self) -> "int | None":
        """The light sensor."""
        return parts.lux(self._light.read_u16())

    def now(self) -> "tuple[int, bool]":
        """The DS3231, read twice."""
        return self._rtc.now()

    def set_clock(self, utc_s: int) -> bool:
        """The DS3231."""
        return self._rtc.set(utc_s)

    def arm(self, utc_s: int) -> None:
        """The DS3231's alarm 1."""
        self._rtc.arm(utc_s)

    def alarm(self) -> bool:
        """By the pin, or where its pull-up lies, by the flag."""
        return not self._int.value() or self._rtc.fired()

    def feed(self) -> None:
        """Feed the watchdog, if it runs."""
        if self._dog is not None:
            self._dog.feed()

    def _connect(self, on: bool) -> None:
        """The UART lives only while the Pi does: an idle line is high and would feed a dark Pi through its RXD."""
        tx, rx = machine.Pin(pins.SUPERVISOR_UART_TX), machine.Pin(pins.SUPERVISOR_UART_RX)
        if on and self._uart is None:
            # A batch of the ring must fit: with its ordinary 256 bytes and no patience write() drops what has no room.
            self._uart = machine.UART(0, BAUD, tx=tx, rx=rx, rxbuf=1_024, txbuf=2_048, timeout=200)
        elif not on and self._uart is not None:
            self._uart.deinit()
            self._uart = None
            machine.Pin(pins.SUPERVISOR_UART_TX, machine.Pin.IN)
            machine.Pin(pins.SUPERVISOR_UART_RX, machine.Pin.IN)

    def _on_edge(self, _: "machine.Pin") -> None:
        now_ms = time.ticks_ms()
        if time.ticks_diff(now_ms, self._edge_ms) >= MIN_EDGE_MS:
            self._edges += 1
        self._edge_ms = now_ms
