"""The life with hands, on a flash that loses power at any write. Runs on CPython and MicroPython."""

from tests.unit.supervisor.bench import NOON
from tests.unit.supervisor.flash import Dice, Flash, PowerCut
from trap_supervisor import actions
from trap_supervisor.body import Board, Body
from trap_supervisor.ring import Ring
from trap_supervisor.slots import Slots
from trap_wire import codes, frames


class Pins(Board):
    """A board without parts that fail; the Pi's side is ``to_pi`` and ``from_pi``."""

    def __init__(self, utc_s):
        self.utc_s, self.now_ms = utc_s, 0
        self.moved, self.halt, self.levels = 1, False, {}
        self.to_pi, self.from_pi = b"", b""
        self.broken = False

    def ms(self):
        return self.now_ms

    def edges(self):
        moved, self.moved = self.moved, 0
        return moved

    def pir_high(self):
        return False

    def halted(self):
        return self.halt

    def cable(self):
        return False

    def bitten(self):
        return False

    def hear(self):
        data, self.from_pi = self.from_pi, b""
        return data

    def say(self, data):
        self.to_pi += data

    def switch(self, do, on):
        self.levels[do] = on

    def battery(self):
        return 5_900, -100

    def temperature_cc(self):
        return 500

    def light_lux(self):
        if self.broken:
            raise OSError(5)
        return 100

    def now(self):
        return self.utc_s + self.now_ms // 1_000, True

    def set_clock(self, utc_s):
        self.utc_s = utc_s - self.now_ms // 1_000
        return True

    def arm(self, utc_s):
        pass

    def alarm(self):
        return False

    def feed(self):
        self.fed_ms = self.now_ms


def wake(flash, utc_s, numbers):
    """A pulse, and if the gate takes it a whole wake with a hand-over of the ring; the numbers that the Pi confirmed."""
    board = Pins(utc_s)
    body = Body(board, flash, Slots(flash))
    body.start()
    for second, say in enumerate(
        (
            frames.encode(codes.HELLO, 0, frames.pack_hello(frames.Hello(codes.UART_PROTOCOL, 0, 1, 0))),
            frames.encode(codes.SEND_RING, 1, frames.pack_u32(0)),
            b"",
            frames.encode(codes.SLEEP_REQUEST, 3),
            b"",
        )
    ):
        board.now_ms = 1_000 * second
        board.from_pi = say
        board.halt = second == 4
        body.round()
        for frame in frames.Reader().feed(board.to_pi):
            if frame.type == codes.RING:
                record = frames.unpack_record(frame.payload)
                assert numbers.get(record.sequence, frame.payload) == frame.payload  # a number never changes its record
                numbers[record.sequence] = bytes(frame.payload)
        board.to_pi = b""
        if second == 2 and numbers:
            board.from_pi = frames.encode(codes.RING_ACK, 2, frames.pack_u32(max(numbers)))
            body.round()
    board.now_ms = 40_000
    body.round()
    return board


def test_whole_wake_ends_with_the_rail_down_and_the_latch_open():
    board = wake(Flash(), NOON, {})
    assert (board.levels[actions.RAIL_ON], board.levels[actions.HOLD_LATCH]) == (False, False)


def test_five_hundred_power_cuts_leave_a_supervisor_that_starts_and_a_ring_without_a_gap():
    dice = Dice(7)
    flash = Flash(dice)
    journal, utc_s, starts = {}, NOON, 0
    for _ in range(500):
        flash.cut_after = flash.operations + dice.below(25)
        utc_s += 30 * 86_400  # past any back-off, so that every life raises the rail
        try:
            while True:
                wake(flash, utc_s, journal)
                utc_s += 86_400
                starts += 1
        except PowerCut:
            pass
    assert starts > 100
    wake(flash, utc_s + 30 * 86_400, journal)
    assert sorted(journal) == list(range(1, max(journal) + 1))


def test_part_that_raises_does_not_keep_the_others_waiting_but_starves_the_watchdog():
    board = Pins(NOON)
    flash = Flash()
    body = Body(board, flash, Slots(flash))
    body.start()
    board.broken = True
    for second in range(60):
        board.now_ms = second * 1_000
        body.round()
    assert body.failures > 50
    assert board.fed_ms < 35_000
    assert body.life.rail == codes.RAIL_BOOTING


def test_settings_that_are_torn_are_said_and_the_defaults_hold():
    flash = Flash()
    flash.content["settings"] = b"rubbish"
    journal = {}
    wake(flash, NOON, journal)
    records = [frames.unpack_record(raw) for raw in journal.values()]
    assert (codes.RECORD_FAULT, codes.FAULT_SETTINGS) in [(record.kind, record.code) for record in records]


def test_flash_that_takes_nothing_does_not_stop_the_camera():
    class Worn(Flash):
        def append(self, name, data):
            raise OSError(28)

        def _put(self, name, data):
            raise OSError(28)

    flash = Worn()
    board = Pins(NOON)
    body = Body(board, flash, Slots(flash))
    body.start()
    assert board.levels[actions.RAIL_ON]
    assert body.failures > 0


def test_frames_that_the_line_broke_are_counted_in_the_ring_when_the_rail_falls():
    board, flash = Pins(NOON), Flash()
    body = Body(board, flash, Slots(flash))
    body.start()
    spoilt = bytearray(frames.encode(codes.HEARTBEAT, 0, b"x"))
    spoilt[5] ^= 1
    for data in (
        bytes(spoilt),
        frames.encode(codes.HELLO, 0, frames.pack_hello(frames.Hello(codes.UART_PROTOCOL, 0, 1, 0))),
    ):
        board.from_pi += data
        body.round()
    board.from_pi += frames.encode(codes.SLEEP_REQUEST, 0)
    body.round()
    board.halt = True
    body.round()
    found = [frames.unpack_record(raw) for raw in Ring(flash).since(0, 100)]
    assert [record.value for record in found if record.kind == codes.RECORD_LINE] == [1]
