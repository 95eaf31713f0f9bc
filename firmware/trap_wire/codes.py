"""Numbers that the Pi and the supervisor exchange. Runs on CPython and MicroPython, so: plain integers, no enum."""

# Version of the UART protocol; HELLO carries it, a side that does not know the other's speaks the older of the two.
UART_PROTOCOL = 1

# --- frame types -------------------------------------------------------------------------------------------------
HELLO = 0x01  # both ways: protocol, firmware version
WAKE = 0x02  # supervisor -> Pi: why the rail came up
TRIGGER = 0x03  # supervisor -> Pi: another admitted trigger while the Pi is up
RING = 0x04  # supervisor -> Pi: one ring record
RING_END = 0x05  # supervisor -> Pi: no more records
RESULT = 0x06  # supervisor -> Pi: answer to SET_CLOCK or UPDATE_*: type it answers, 0 = done
HEARTBEAT = 0x41  # Pi -> supervisor: alive, and the state
SLEEP_REQUEST = 0x42  # Pi -> supervisor: finished; cut the rail after the halt signal
RING_ACK = 0x43  # Pi -> supervisor: everything up to this sequence number is in the journal
SET_CLOCK = 0x44  # Pi -> supervisor: UTC seconds for the RTC
SEND_RING = 0x45  # Pi -> supervisor: hand over the ring from this sequence number on

FRAME_NAMES = {
    HELLO: "hello",
    WAKE: "wake",
    TRIGGER: "trigger",
    RING: "ring",
    RING_END: "ring_end",
    RESULT: "result",
    HEARTBEAT: "heartbeat",
    SLEEP_REQUEST: "sleep_request",
    RING_ACK: "ring_ack",
    SET_CLOCK: "set_clock",
    SEND_RING: "send_ring",
}

# --- why the rail came up (WAKE.reason) ---------------------------------------------------------------------------
REASON_PIR = 1  # Camtrap DP captureMethod activityDetection
REASON_SCHEDULE = 2  # Camtrap DP captureMethod timeLapse: the daily heartbeat frame
REASON_HOST = 3  # a cable was plugged in
REASON_RESET = 4  # power came back, or the supervisor restarted

REASON_NAMES = {REASON_PIR: "pir", REASON_SCHEDULE: "schedule", REASON_HOST: "host", REASON_RESET: "reset"}

# --- flags of WAKE ------------------------------------------------------------------------------------------------
FLAG_RTC_COMPROMISED = 0x01  # DS3231 OSF was set, or two reads disagreed: the time is not to be trusted
FLAG_GAUGE_MISSING = 0x02  # battery_mv and battery_ma are zero because the gauge does not answer
FLAG_PIR_STUCK = 0x04
FLAG_RING_OVERFLOW = 0x08  # the ring lost its oldest records before the Pi took them
FLAG_LAST_WAKE_KILLED = 0x10  # the rail was cut by the hard limit last time
FLAG_LIGHT_MISSING = 0x20

FLAG_NAMES = {
    FLAG_RTC_COMPROMISED: "rtc_compromised",
    FLAG_GAUGE_MISSING: "gauge_missing",
    FLAG_PIR_STUCK: "pir_stuck",
    FLAG_RING_OVERFLOW: "ring_overflow",
    FLAG_LAST_WAKE_KILLED: "last_wake_killed",
    FLAG_LIGHT_MISSING: "light_missing",
}

# --- rail states --------------------------------------------------------------------------------------------------
RAIL_OFF = 0
RAIL_BOOTING = 1
RAIL_UP = 2
RAIL_CUTTING = 3

RAIL_NAMES = {RAIL_OFF: "off", RAIL_BOOTING: "booting", RAIL_UP: "up", RAIL_CUTTING: "cutting"}

# --- what the gate answers to a pulse -----------------------------------------------------------------------------
ADMITTED = 0
HELD_OFF = 1  # inside the hold-off after the last trigger
QUIET = 2  # inside the PIR's own settling time or the protocol's quiet period
FLOODED = 3  # the token bucket is empty: lost effort
TOO_LOW = 4  # the battery ladder allows no trigger: lost effort

GATE_NAMES = {ADMITTED: "admitted", HELD_OFF: "held_off", QUIET: "quiet", FLOODED: "flooded", TOO_LOW: "too_low"}

# --- battery ladder -----------------------------------------------------------------------------------------------
LADDER_FULL = 0
LADDER_NO_HOLD_OFF = 1  # the Pi does not stay up after a trigger
LADDER_HEARTBEAT_ONLY = 2  # no triggers, one frame a day
LADDER_OFF = 3

LADDER_NAMES = {
    LADDER_FULL: "full",
    LADDER_NO_HOLD_OFF: "no_hold_off",
    LADDER_HEARTBEAT_ONLY: "heartbeat_only",
    LADDER_OFF: "off",
}

# --- kinds of ring records ----------------------------------------------------------------------------------------
RECORD_BOOT = 1
RECORD_TRIGGER = 2
RECORD_WAKE = 3
RECORD_SLEEP = 4
RECORD_KILLED = 5
RECORD_THROTTLED = 6
RECORD_LADDER = 7
RECORD_FAULT = 8
RECORD_CLOCK = 9
RECORD_MARKER = 10  # the ring was full: value = how many records were lost
RECORD_WALK_TEST = 11
RECORD_UPDATE = 12

RECORD_NAMES = {
    RECORD_BOOT: "boot",
    RECORD_TRIGGER: "trigger",
    RECORD_WAKE: "wake",
    RECORD_SLEEP: "sleep",
    RECORD_KILLED: "killed",
    RECORD_THROTTLED: "throttled",
    RECORD_LADDER: "ladder",
    RECORD_FAULT: "fault",
    RECORD_CLOCK: "clock",
    RECORD_MARKER: "marker",
    RECORD_WALK_TEST: "walk_test",
    RECORD_UPDATE: "update",
}
