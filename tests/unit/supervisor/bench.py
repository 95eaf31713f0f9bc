"""A bench for the life: drives it from second to second and keeps every action. Runs on CPython and MicroPython."""

from trap_supervisor import actions
from trap_supervisor.life import Causes, Life, Sample
from trap_wire import codes, frames

NOON = 1_795_608_000  # 2026-11-25 12:00:00 UTC
GOOD = Sample(5_900, -20, 1_500, 400, True, 0)
PIR = Causes(True, False, False, False)
ALARM = Causes(False, True, False, False)
HOST = Causes(False, False, True, False)
NONE = Causes(False, False, False, False)
RESET_BY_WATCHDOG = Causes(False, False, False, True)


def sample(*, mv=5_900, ma=-20, cc=1_500, lux=400, rtc_ok=True, lost=0):
    return Sample(mv, ma, cc, lux, rtc_ok, lost)


class Bench:
    """One unit through many latch closings. Times in seconds are the RTC's; ``ms`` is this power-up's."""

    def __init__(self, settings=None, at=NOON):
        self.settings, self.at, self.ms = settings or {}, at, 0
        self.memory = b""
        self.life = None
        self.log = []
        self.done = []  # actions of the last call

    def wake(self, causes=PIR, readings=GOOD, after_s=0):
        """The latch closes again, ``after_s`` later."""
        self.at += after_s if self.at else 0  # 0: the RTC does not answer
        self.ms = 0
        self.life = Life(self.settings, self.memory)
        return self.take(self.life.start(0, self.at, causes, readings))

    def pulse(self, after_s=0):
        self.forward(after_s)
        return self.take(self.life.pulse(self.ms, self.at))

    def read(self, readings, after_s=0):
        self.forward(after_s)
        return self.take(self.life.sample(self.ms, self.at, readings))

    def tick(self, after_s=0, halted=False, pir_high=False):
        self.forward(after_s)
        return self.take(self.life.tick(self.ms, self.at, halted, pir_high))

    def send(self, type_, payload=b"", after_s=0):
        self.forward(after_s)
        return self.take(self.life.frame(self.ms, self.at, frames.Frame(type_, 0, payload)))

    def hello(self, after_s=5):
        return self.send(codes.HELLO, frames.pack_hello(frames.Hello(codes.UART_PROTOCOL, 0, 1, 0)), after_s)

    def beat(self, state=codes.PI_BUSY, seen=None, after_s=1):
        number = self.life.wake_number if seen is None else seen
        return self.send(codes.HEARTBEAT, frames.pack_heartbeat(frames.Heartbeat(state, number)), after_s)

    def sleep(self, after_s=5):
        self.send(codes.SLEEP_REQUEST, b"", after_s)
        return self.tick(3, halted=True)

    def whole_wake(self, causes=PIR, readings=GOOD, after_s=600):
        """Latch to latch as on a good day; True when the rail went up."""
        self.wake(causes, readings, after_s)
        if self.life.rail != codes.RAIL_BOOTING:
            return False
        self.hello()
        self.sleep()
        self.tick(self.settings.get("settle_ms", 30_000) // 1000)
        return True

    def forward(self, seconds):
        self.ms += int(seconds * 1000)
        self.at += int(seconds) if self.at else 0

    def take(self, done):
        for action in done:
            if action.do == actions.REMEMBER:
                self.memory = action.payload
        self.log += done
        self.done = done
        return done


def names(done):
    return [actions.NAMES[action.do] for action in done]


def records(done):
    """(kind, code, value) of each record among the actions."""
    found = [frames.unpack_record(action.payload) for action in done if action.do == actions.RECORD]
    return [(codes.RECORD_NAMES[r.kind], r.code, r.value) for r in found]


def sent(done, type_):
    return [action.payload for action in done if action.do == actions.SEND and action.value == type_]


def wakes(done):
    """What each WAKE and TRIGGER frame among the actions says."""
    both = [action for action in done if action.do == actions.SEND and action.value in (codes.WAKE, codes.TRIGGER)]
    return [frames.unpack_wake(action.payload) for action in both]
