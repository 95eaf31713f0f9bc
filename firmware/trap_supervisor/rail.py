"""The Pi's power: OFF → BOOTING → UP → CUTTING → OFF, with a limit on every state but the first.

The Pi asks for sleep and is cut after its halt signal; a Pi that does not speak, falls silent, works on past the hard
limit or never halts is cut all the same, and the rail rests longer each time, so a broken Pi cannot empty the battery.
"""

from trap_wire import codes

SURELY_HALTED_MS = 500  # the halt signal of a Pi whose SLEEP_REQUEST the line lost


class Rail:
    """State machine; ``tick`` says when to cut and why. Times are milliseconds of this power-up."""

    def __init__(self, settings: "dict[str, int]") -> None:
        self._settings = settings
        self.state = codes.RAIL_OFF
        self._entered_ms = 0  # when the state was entered
        self._up_ms = 0  # when the rail went on
        self._work_ms = 0  # last trigger: the hard limit counts from here
        self._heard_ms = 0
        self._hosted_ms: "int | None" = None  # last word of a laptop being served
        self._cut_ms: "int | None" = None
        self._halted_ms: "int | None" = None  # since when the halt signal has been there without a SLEEP_REQUEST

    def may_rise(self, now_ms: int) -> bool:
        """True when the rail is off and has been long enough for the Pi to have lost its state."""
        return self.state == codes.RAIL_OFF and now_ms >= self.rested_ms()

    def rested_ms(self) -> int:
        """From when on the rail may rise, once it is off."""
        return 0 if self._cut_ms is None else self._cut_ms + int(self._settings["rest_ms"])

    def rise(self, now_ms: int) -> None:
        """The rail goes on."""
        self._up_ms = self._work_ms = now_ms
        self._hosted_ms = None
        self._enter(codes.RAIL_BOOTING, now_ms)

    def hello(self, now_ms: int) -> None:
        """The Pi speaks."""
        self._heard_ms = now_ms
        if self.state == codes.RAIL_BOOTING:
            self._enter(codes.RAIL_UP, now_ms)

    def heartbeat(self, now_ms: int, pi_state: int) -> None:
        """The Pi is alive; ``codes.PI_HOST`` grants the long limit."""
        self._heard_ms = now_ms
        if pi_state == codes.PI_HOST:
            self._hosted_ms = now_ms

    def trigger(self, now_ms: int) -> None:
        """Another trigger for a Pi that is up: the hard limit counts from here."""
        self._work_ms = now_ms

    def sleep_request(self, now_ms: int) -> None:
        """The Pi is about to halt."""
        if self.state in (codes.RAIL_BOOTING, codes.RAIL_UP):
            self._enter(codes.RAIL_CUTTING, now_ms)

    def tick(self, now_ms: int, halted: bool = False) -> "int | None":
        """None, 0 to cut after the halt signal, or ``codes.KILL_*`` to cut hard. The caller then calls ``fall``."""
        if self.state == codes.RAIL_CUTTING and halted:
            return 0
        self._see_halted(now_ms, halted)
        deadlines = self._deadlines()
        due = [cause for at_ms, cause in deadlines if now_ms >= at_ms]
        return due[0] if due else None

    def _see_halted(self, now_ms: int, halted: bool) -> None:
        if self.state != codes.RAIL_UP or not halted:
            self._halted_ms = None
        elif self._halted_ms is None:
            self._halted_ms = now_ms

    def fall(self, now_ms: int) -> int:
        """The rail goes off; milliseconds that it was on."""
        self._cut_ms = now_ms
        self._enter(codes.RAIL_OFF, now_ms)
        return now_ms - self._up_ms

    def deadline_ms(self) -> "int | None":
        """When ``tick`` will have something to say if nothing happens; None while the rail is off and rested."""
        return min([at_ms for at_ms, _ in self._deadlines()], default=None)

    def _deadlines(self) -> "list[tuple[int, int]]":
        s = self._settings
        if self.state == codes.RAIL_OFF:
            return []
        if self.state == codes.RAIL_BOOTING:
            return [(self._entered_ms + s["boot_ms"], codes.KILL_NO_HELLO)]
        if self.state == codes.RAIL_CUTTING:
            return [(self._entered_ms + s["halt_ms"], codes.KILL_NO_HALT)]
        if self._halted_ms is not None:
            return [(self._halted_ms + SURELY_HALTED_MS, 0)]
        limit_ms = self._work_ms + s["max_on_ms"] + s["stay_up_ms"]
        if self._hosted_ms is not None:  # people think between two commands
            limit_ms = min(max(limit_ms, self._hosted_ms + s["host_quiet_ms"]), self._up_ms + s["host_max_on_ms"])
        return [(self._heard_ms + s["silent_ms"] + s["stay_up_ms"], codes.KILL_SILENT), (limit_ms, codes.KILL_MAX_ON)]

    def _enter(self, state: int, now_ms: int) -> None:
        self.state = state
        self._entered_ms = now_ms


def back_off_s(settings: "dict[str, int]", failures: int) -> int:
    """How long the rail rests after this many failures in a row: ×4 each time, up to the maximum."""
    if failures == 0:
        return 0
    return min(settings["back_off_max_s"], settings["back_off_s"] << 2 * min(failures - 1, 8))
