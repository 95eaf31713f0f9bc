"""The wire's golden bytes, as both processors must make them. (tests/unit/wire holds the rest, on CPython.)"""

from trap_wire import codes, frames
from trap_wire.crc16 import crc16


def test_crc_is_xmodem_on_both_processors():
    assert crc16(b"123456789") == 0x31C3


def test_hello_frame_has_its_golden_bytes():
    frame = frames.encode(codes.HELLO, 0, frames.pack_hello(frames.Hello(1, 0, 1, 0)))
    assert frame == b"\xa5\x5a\x01\x00\x04\x01\x00\x01\x00\xe2t", frame


def test_record_has_its_golden_bytes():
    record = frames.pack_record(frames.Record(5, 1_795_566_000, codes.RECORD_FAULT, codes.FAULT_RTC, -1))
    assert record == b"\x05\x00\x00\x00\xb0\x29\x06\x6b\x08\x05\xff\xff\xff\xff", record


def test_settings_and_heartbeat_survive_the_line():
    settings = frames.Settings(5_000, 0, 30_000, 30, 240, 6, 0, codes.CHEMISTRY_LIION, 500)
    assert frames.unpack_settings(frames.pack_settings(settings)) == settings
    beat = frames.Heartbeat(codes.PI_HOST, 70_000)
    assert frames.unpack_heartbeat(frames.pack_heartbeat(beat)) == beat


def test_reader_finds_its_feet_after_noise_and_counts_the_broken():
    reader = frames.Reader()
    broken = bytearray(frames.encode(codes.HEARTBEAT, 1, b"x"))
    broken[5] ^= 0xFF
    found = []
    for byte in b"\xa5noise" + bytes(broken) + frames.encode(codes.HEARTBEAT, 2, b"y"):
        found += reader.feed(bytes((byte,)))
    assert [(f.sequence, f.payload) for f in found] == [(2, b"y")]
    assert reader.bad == 1


def test_payload_of_another_size_is_refused():
    try:
        frames.unpack_settings(b"abc")
    except ValueError as error:
        assert "3 bytes" in str(error)
    else:
        raise AssertionError("taken")
