"""The Pi's end of the UART: the unit's own link over the pty, and a halt signal that a test gives."""

from dataclasses import replace

from trap.deployment import SAFE, Protocol, Station
from trap.drivers.uart import Uart
from trap.link.supervisor import SupervisorLine
from trap_wire import codes, frames, pins

PROTOCOL = Protocol(hold_off_ms=5_000, settle_ms=0)  # a bench without the PIR's thirty seconds


class Pi:
    """A context: from the moment that it says HELLO until it loses its power. Seconds are the Pico's."""

    def __init__(self, pico):
        self._pico = pico
        self.port = Uart(pico.path)
        self.line = SupervisorLine(self.port, pico.now_s)

    def __enter__(self):
        assert self.line.hello(5.0), "the supervisor does not answer HELLO"
        return self

    def __exit__(self, *_):
        self._pico.pin(pins.SUPERVISOR_PI_HALTED, 0)
        self.port.close()

    def wake(self):
        """The next WAKE or TRIGGER."""
        while (frame := self.line.receive(2.0)) is not None:
            if frame.type in (codes.WAKE, codes.TRIGGER):
                return frames.unpack_wake(frame.payload)
        return None

    def ring(self, merged=0):
        """Every record after ``merged``, confirmed one by one as the duty cycle does."""
        self.line.collect(merged)
        found = []
        while (frame := self.line.receive(1.0)) is not None:
            if frame.type == codes.RING:
                found.append(frames.unpack_record(frame.payload))
                self.line.send(codes.RING_ACK, frames.pack_u32(found[-1].sequence))
        return found

    def sleep(self):
        """Ask for it, halt, lose the rail."""
        self.line.send(codes.SLEEP_REQUEST)
        self._pico.run_for(200)
        self._pico.pin(pins.SUPERVISOR_PI_HALTED, 1)
        self._pico.await_pin(pins.SUPERVISOR_PI_RAIL, 0)

    def whole_wake(self):
        """As on a good day; the WAKE."""
        told = self.wake()
        self.line.settle(replace(SAFE, protocol=PROTOCOL, station=Station()))
        self.sleep()
        return told
