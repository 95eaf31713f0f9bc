from hypothesis import given
from hypothesis import strategies as st

from trap_wire import console
from trap_wire.smp import Header

# An SMP echo request "hi", as the pydantic models of the smp package frame it.
ECHO_HI = bytes.fromhex("0200000700004200") + b"\xbf\x61\x64\x62hi\xff"


def test_lines_are_short_enough_for_the_console_of_a_microcontroller():
    assert max(len(line) for line in console.encode(bytes(5000)).splitlines(keepends=True)) <= console.LINE_MAX


@given(st.binary(min_size=1, max_size=4000), st.integers(1, 97))
def test_packet_survives_any_cutting_of_the_stream(packet, step):
    decoder, stream, found = console.Decoder(), console.encode(packet), []
    for at in range(0, len(stream), step):
        found += decoder.feed(stream[at : at + step])
    assert found == [packet]
    assert decoder.bad == 0


def test_packet_after_a_corrupt_line_is_taken():
    lines = bytearray(console.encode(bytes(300)))
    lines[150] ^= 0x01
    decoder = console.Decoder()
    assert decoder.feed(bytes(lines) + console.encode(ECHO_HI)) == [ECHO_HI]
    assert decoder.bad >= 1


@given(st.binary(max_size=70_000))
def test_garbage_neither_crashes_nor_grows(garbage):
    decoder = console.Decoder()
    decoder.feed(garbage)
    assert len(decoder._line) <= console.LINE_MAX + 1
    assert decoder.feed(b"\n" + console.encode(ECHO_HI))[-1:] == [ECHO_HI]


def test_header_round_trip_keeps_version_and_op():
    header = Header(op=2, version=1, flags=0, length=7, group=0, sequence=66, command=0)
    assert Header.unpack(header.pack()) == header
