"""The daily heartbeat: one frame at a fixed UTC hour, so that a quiet unit and a dead one can be told apart.

An alarm always lies in the future: boards that wake "in the past" after a brown-out never wake again (Witty-Pi-4#36).
"""

DAY_S = 86_400


def latest(rtc_s: int, hour: int) -> int:
    """The newest scheduled instant at or before ``rtc_s``, UTC seconds."""
    at = rtc_s - rtc_s % DAY_S + hour * 3_600
    return at if at <= rtc_s else at - DAY_S


def upcoming(rtc_s: int, hour: int) -> int:
    """The next scheduled instant strictly after ``rtc_s``."""
    return latest(rtc_s, hour) + DAY_S


def due(rtc_s: int, hour: int, last_s: int) -> bool:
    """True when the heartbeat of the newest scheduled instant has not been taken; ``last_s`` is the last one's time."""
    return last_s < latest(rtc_s, hour)
