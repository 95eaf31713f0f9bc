import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trap_wire import codes, frames
from trap_wire.crc16 import crc16

WAKE = frames.Wake(
    reason=codes.REASON_PIR, flags=codes.FLAG_RING_OVERFLOW, wake_number=70_001, battery_mv=5_871, battery_ma=-142,
    temperature_cc=-3_012, light_lux=3, trigger_age_ms=4_120, rtc_s=1_795_566_000, throttled_triggers=12,
    throttled_s=1_900, ladder=codes.LADDER_FULL, charge_used_mas=17_640_000,
    losses=(frames.Loss(codes.FLOODED, 9, 1_000), frames.Loss(codes.OVERSPENT, 3, 900)),
)  # fmt: skip
# Golden bytes: if this changes, units in the field no longer understand each other; raise codes.UART_PROTOCOL.
WAKE_FRAME = bytes.fromhex(
    "a55a02072f0108711101 00ef1672ff3cf40300 18100000 b029066b 0c00 6c070000 00 402a0d01"
    "03 0900 e8030000 06 0300 84030000".replace(" ", "")
)


def test_crc_is_xmodem():
    assert crc16(b"123456789") == 0x31C3  # the catalogue's check value for CRC-16/XMODEM


def test_wake_frame_matches_its_golden_bytes():
    encoded = frames.encode(codes.WAKE, 7, frames.pack_wake(WAKE))
    assert encoded[:-2] == WAKE_FRAME
    assert struct.unpack("<H", encoded[-2:])[0] == crc16(WAKE_FRAME[2:])


def test_pi_of_an_older_protocol_is_told_in_its_own_words_and_a_supervisor_of_it_is_understood():
    first = frames.pack_wake(WAKE, protocol=1)
    assert (len(first), first) == (29, frames.pack_wake(WAKE)[:29])
    assert frames.unpack_wake(first) == WAKE._replace(charge_used_mas=None, losses=())
    second = frames.pack_wake(WAKE, protocol=2)
    assert (len(second), second) == (33, frames.pack_wake(WAKE)[:33])
    assert frames.unpack_wake(second) == WAKE._replace(losses=())


def test_wake_survives_the_line():
    (frame,) = frames.Reader().feed(frames.encode(codes.WAKE, 7, frames.pack_wake(WAKE)))
    assert (frame.type, frame.sequence) == (codes.WAKE, 7)
    assert frames.unpack_wake(frame.payload) == WAKE


def test_frame_after_a_broken_frame_is_found_and_the_broken_one_counted():
    broken = bytearray(frames.encode(codes.HEARTBEAT, 1, b"x"))
    broken[5] ^= 0xFF
    reader = frames.Reader()
    (frame,) = reader.feed(bytes(broken) + frames.encode(codes.HEARTBEAT, 2, b"y"))
    assert (frame.sequence, frame.payload, reader.bad) == (2, b"y", 1)


@given(st.binary(max_size=600), st.lists(st.integers(1, 50), max_size=30))
def test_noise_never_hides_the_next_frames_for_good(noise, cuts):
    stream = noise + b"\0" * 260 + frames.encode(codes.RING, 9, b"last")
    reader, found, at = frames.Reader(), [], 0
    for cut in [*cuts, len(stream)]:
        found += reader.feed(stream[at : at + cut])
        at += cut
    assert [f.payload for f in found if f.type == codes.RING and f.sequence == 9][-1:] == [b"last"]


def test_payload_of_another_size_is_named():
    with pytest.raises(ValueError, match="payload of 3 bytes, expected 33"):
        frames.unpack_wake(b"abc")
    with pytest.raises(ValueError, match="payload of 37 bytes, expected 33"):
        frames.unpack_wake(bytes(37))


def test_record_is_fourteen_bytes_on_the_wire_and_in_flash():
    record = frames.Record(sequence=5, rtc_s=1_795_566_000, kind=codes.RECORD_FAULT, code=3, value=-1)
    assert len(frames.pack_record(record)) == frames.RECORD_SIZE == 14
    assert frames.unpack_record(frames.pack_record(record)) == record
