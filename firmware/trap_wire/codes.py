"""Numbers that the Pi and the supervisor exchange. Runs on CPython and MicroPython, so: plain integers, no enum."""

# Version of the UART protocol; HELLO carries it, both sides speak the older of the two from there on.
# 1: first. 2: WAKE and TRIGGER end with the charge used; FRESH_CELLS; MEASURE; RESULT_CURRENT, RESULT_FELL.
# 3: after the charge comes, cause by cause, what was lost.
UART_PROTOCOL = 3

# --- frame types -------------------------------------------------------------------------------------------------
HELLO = 0x01  # both ways: protocol, firmware version
WAKE = 0x02  # supervisor -> Pi: why the rail came up
TRIGGER = 0x03  # supervisor -> Pi: another admitted trigger while the Pi is up; payload as WAKE, with its own number
RING = 0x04  # supervisor -> Pi: one ring record
RING_END = 0x05  # supervisor -> Pi: end of a batch: how many, the last one's number, and the newest there is
RESULT = 0x06  # supervisor -> Pi: type it answers, RESULT_*; for WALK_TEST a u32 follows (protocol 2): pulses so far
HEARTBEAT = 0x41  # Pi -> supervisor: alive; PI_* state and newest wake number seen, or the state alone, or nothing
SLEEP_REQUEST = 0x42  # Pi -> supervisor: finished; cut the rail after the halt signal; payload as HEARTBEAT, or nothing
RING_ACK = 0x43  # Pi -> supervisor: everything up to this sequence number is in the journal
SET_CLOCK = 0x44  # Pi -> supervisor: UTC seconds for the RTC
SEND_RING = 0x45  # Pi -> supervisor: hand over the ring from this sequence number on
SETTINGS = 0x46  # Pi -> supervisor: the protocol's numbers for the gate and the schedule, kept in its flash
WALK_TEST = (
    0x47  # Pi -> supervisor: seconds; the LED follows the PIR that long, Pi or no Pi; 0 ends it, WALK_COUNT only asks
)
UPDATE_BEGIN = 0x48  # Pi -> supervisor: size and SHA-256 of a new policy image
UPDATE_DATA = 0x49  # Pi -> supervisor: offset and bytes
UPDATE_COMMIT = 0x4A  # Pi -> supervisor: swap at the next boot
FRESH_CELLS = 0x4B  # Pi -> supervisor: full cells are in, count their charge from nought
MEASURE = 0x4C  # Pi -> supervisor: the newest reading of the gauge; RESULT ends with mV | mA drawn << 16

WALK_COUNT = 0xFFFFFFFF

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
    SETTINGS: "settings",
    WALK_TEST: "walk_test",
    UPDATE_BEGIN: "update_begin",
    UPDATE_DATA: "update_data",
    UPDATE_COMMIT: "update_commit",
    FRESH_CELLS: "fresh_cells",
    MEASURE: "measure",
}

# --- what the Pi says it is doing (HEARTBEAT.state) ---------------------------------------------------------------
PI_BUSY = 0  # a burst, triage, writing
PI_HOST = 1  # a laptop is being served: the long max-on limit holds
PI_ARMED = 2  # waiting for the next trigger

PI_NAMES = {PI_BUSY: "busy", PI_HOST: "host", PI_ARMED: "armed"}

# --- answers (RESULT: type it answers u8, one of these u8) --------------------------------------------------------
RESULT_DONE = 0
RESULT_REFUSED = 1  # the payload makes no sense, or not in this order
RESULT_FAILED = 2  # the part does not take it (RTC, flash)
RESULT_MISMATCH = 3  # bytes do not have the announced SHA-256
RESULT_CURRENT = 4  # UPDATE_BEGIN: this very image runs already, or is on trial
RESULT_FELL = 5  # UPDATE_BEGIN: this very image was tried and given up; it is not tried again

RESULT_NAMES = {
    RESULT_DONE: "done",
    RESULT_REFUSED: "refused",
    RESULT_FAILED: "failed",
    RESULT_MISMATCH: "mismatch",
    RESULT_CURRENT: "current",
    RESULT_FELL: "fell",
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
BACKED_OFF = 5  # the Pi hung or browned out last time: the rail rests: lost effort
OVERSPENT = 6  # the day's energy budget is used up: lost effort

# Lost effort, by the answers that cause it. Everything in a total that none but the first names is of the first.
LOST = (FLOODED, TOO_LOW, BACKED_OFF, OVERSPENT)

GATE_NAMES = {
    ADMITTED: "admitted",
    HELD_OFF: "held_off",
    QUIET: "quiet",
    FLOODED: "flooded",
    TOO_LOW: "too_low",
    BACKED_OFF: "backed_off",
    OVERSPENT: "overspent",
}

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
RECORD_BOOT = 1  # the supervisor started cold: no memory of before
RECORD_TRIGGER = 2  # admitted while the Pi was up; code: REASON_*, value: wake number
RECORD_WAKE = 3  # the rail went up; code: REASON_*, value: wake number
RECORD_SLEEP = 4  # the rail was cut after the halt signal; value: ms that it was up
RECORD_KILLED = 5  # the rail was cut by a limit; code: KILL_*, value: ms that it was up
RECORD_THROTTLED = 6  # code: gate answer, value: pulses refused; with code | 0x80 the value is the seconds lost
RECORD_LADDER = 7  # code: LADDER_* entered, value: battery mV
RECORD_FAULT = 8  # code: FAULT_*, value: 1 = begins, 0 = is over, or the count of it
RECORD_CLOCK = 9  # the RTC was set; value: seconds that it was moved by
RECORD_MARKER = 10  # the ring was full: value = how many records were lost
RECORD_WALK_TEST = 11  # value: pulses that the LED showed
RECORD_UPDATE = 12  # code: UPDATE_*
RECORD_CHARGE = 13  # once a day, and when the count begins anew (code 1): mA·s out of the cells since they were put in

RECORD_LINE = 14  # value: frames from the Pi that arrived broken in this wake

THROTTLED_SECONDS = 0x80

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
    RECORD_CHARGE: "charge",
    RECORD_LINE: "line",
}

# --- why the rail was cut hard (RECORD_KILLED.code) ---------------------------------------------------------------
KILL_NO_HELLO = 1  # the Pi did not speak in time after power-up
KILL_SILENT = 2  # its heartbeats stopped
KILL_MAX_ON = 3  # it worked on past the hard limit
KILL_NO_HALT = 4  # it asked for sleep and never signalled that it had halted
KILL_BROWN_OUT = 5  # the battery sagged under it

KILL_NAMES = {
    KILL_NO_HELLO: "no_hello",
    KILL_SILENT: "silent",
    KILL_MAX_ON: "max_on",
    KILL_NO_HALT: "no_halt",
    KILL_BROWN_OUT: "brown_out",
}

# --- named fault states (RECORD_FAULT.code) -----------------------------------------------------------------------
FAULT_BROWN_OUT = 1  # power went away while the rail was up
FAULT_WATCHDOG = 2  # the supervisor itself hung and was reset
FAULT_HUNG_PI = 3
FAULT_PIR_STUCK = 4
FAULT_RTC = 5
FAULT_GAUGE = 6
FAULT_LIGHT = 7
FAULT_RING_FULL = 8
FAULT_MEMORY = 9  # what it kept over the latch cannot be read: starts from defaults
FAULT_SETTINGS = 10  # settings cannot be read: defaults hold

FAULT_NAMES = {
    FAULT_BROWN_OUT: "brown_out",
    FAULT_WATCHDOG: "watchdog",
    FAULT_HUNG_PI: "hung_pi",
    FAULT_PIR_STUCK: "pir_stuck",
    FAULT_RTC: "rtc",
    FAULT_GAUGE: "gauge",
    FAULT_LIGHT: "light",
    FAULT_RING_FULL: "ring_full",
    FAULT_MEMORY: "memory",
    FAULT_SETTINGS: "settings",
}

# --- stages of a supervisor update (RECORD_UPDATE.code) -----------------------------------------------------------
UPDATE_STAGED = 1
UPDATE_SWAPPED = 2
UPDATE_CONFIRMED = 3
UPDATE_ROLLED_BACK = 4

UPDATE_NAMES = {
    UPDATE_STAGED: "staged",
    UPDATE_SWAPPED: "swapped",
    UPDATE_CONFIRMED: "confirmed",
    UPDATE_ROLLED_BACK: "rolled_back",
}

# --- chemistries (SETTINGS.chemistry), named as in station.toml ---------------------------------------------------
CHEMISTRY_LITHIUM = 0
CHEMISTRY_ALKALINE = 1
CHEMISTRY_NIMH = 2
CHEMISTRY_LIION = 3
CHEMISTRY_LIFEPO4 = 4
CHEMISTRY_MAINS = 5

CHEMISTRY_NAMES = {
    CHEMISTRY_LITHIUM: "lithium-aa-12",
    CHEMISTRY_ALKALINE: "alkaline-aa-12",
    CHEMISTRY_NIMH: "nimh-aa-12",
    CHEMISTRY_LIION: "liion-2s",
    CHEMISTRY_LIFEPO4: "lifepo4-2s",
    CHEMISTRY_MAINS: "mains",
}
