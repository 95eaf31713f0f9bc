"""What the life asks of the board: a list of these, carried out in order, each done before the next begins."""

from collections import namedtuple

# do: one of the numbers below; value: int; payload: bytes. What they mean for each:
Action = namedtuple("Action", ("do", "value", "payload"))

HOLD_LATCH = 1  # keep the power on
DROP_LATCH = 2  # let the power go; last in its list. Nothing after it is certain to run
RAIL_ON = 3  # 5 V to the Pi
RAIL_OFF = 4
SEND = 5  # value: frame type, payload: its payload. The board numbers and encodes frames
RECORD = 6  # payload: frames.pack_record with sequence 0; the ring gives the sequence number
REMEMBER = 7  # payload: the memory to start the next life from; durable before the next action
ARM = 8  # value: UTC seconds of the next RTC alarm; 0: none
SET_RTC = 9  # value: UTC seconds; the board answers life.clock_set(...)
LED = 10  # value: 1 on, 0 off
INTERLOCK = 11  # value: 1 lets the Pi's flash request through, 0 holds the flash dark
HAND_OVER = 12  # value: sequence number; the board sends RING from there on, then RING_END
RELEASE = 13  # value: sequence number; the ring may forget everything up to it
STORE_SETTINGS = 14  # payload: what SETTINGS carried
UPDATE = 15  # value: UPDATE_* frame type, payload: its payload; the board answers SEND RESULT
CONFIRM = 16  # the link is healthy: an update on trial is good
WAKE_LINE = 17  # no action: the board's pin to the Pi that is high while life.waiting

NAMES = {
    HOLD_LATCH: "hold_latch",
    DROP_LATCH: "drop_latch",
    RAIL_ON: "rail_on",
    RAIL_OFF: "rail_off",
    SEND: "send",
    RECORD: "record",
    REMEMBER: "remember",
    ARM: "arm",
    SET_RTC: "set_rtc",
    LED: "led",
    INTERLOCK: "interlock",
    HAND_OVER: "hand_over",
    RELEASE: "release",
    STORE_SETTINGS: "store_settings",
    UPDATE: "update",
    CONFIRM: "confirm",
}
