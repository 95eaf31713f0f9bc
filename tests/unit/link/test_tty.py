import os
import time

import pytest

from trap.drivers.tty import WRITE_MOST_S, open_pty, open_tty
from trap_wire.errors import PartError


@pytest.fixture
def pty():
    made = open_pty()
    yield made
    made.close()


def test_bytes_go_both_ways_unchanged(pty):
    host = open_tty(pty.path)
    host.write(bytes(range(256)))
    assert pty.port.read(1.0) == bytes(range(256))
    pty.port.write(b"\n\r\x04\x14\x00")
    assert host.read(1.0) == b"\n\r\x04\x14\x00"
    host.close()


def test_nothing_comes_from_a_port_that_nobody_opened(pty):
    began = time.monotonic()
    assert pty.port.read(0.05) == b""
    assert time.monotonic() - began >= 0.05


def test_laptop_that_stopped_listening_does_not_hold_up_the_unit(pty):
    began = time.monotonic()
    for _ in range(3):
        pty.port.write(bytes(200_000))
    assert time.monotonic() - began < WRITE_MOST_S


def test_cable_that_hangs_up_reads_as_nobody_there(pty):
    os.close(pty.keep)
    assert pty.port.read(0.01) == b""
    object.__setattr__(pty, "keep", os.open("/dev/null", os.O_RDONLY))


def test_device_that_is_not_there_is_named():
    with pytest.raises(PartError, match="/dev/ttyNOWHERE"):
        open_tty("/dev/ttyNOWHERE")
