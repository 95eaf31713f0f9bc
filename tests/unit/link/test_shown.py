"""The picture in the terminal, before a terminal that answers as real ones do: at the far end of a pty."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

SHOW = """
from PIL import Image
from trap_tools.field.shown import show
picture = Image.new("RGB", (144, 108), "#204080")
picture.paste("#e8590c", (36, 27, 108, 81))
show(picture, "{how}")
"""
ASKED, ROWS, COLUMNS = b"\x1b[c", 40, 100
XTERM_WITH_SIXELS, VT100 = b"\x1b[?62;4;6;22c", b"\x1b[?1;2c"


def in_terminal(how: str, answer: bytes) -> bytes:
    """Everything that the program writes to a terminal of cells of 8 x 16 pixels that answers "device attributes" so."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, COLUMNS * 8, ROWS * 16))
    command = [sys.executable, "-c", SHOW.format(how=how)]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE) as program:
        os.close(theirs)
        told = _conversation(ours, answer)
        assert program.stderr is not None
        assert program.wait(30) == 0, program.stderr.read()
    os.close(ours)
    return told


def _conversation(ours: int, answer: bytes) -> bytes:
    told, answered = b"", 0
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the program is gone
            return told
        told += piece
        while answered < told.count(ASKED):
            os.write(ours, answer)
            answered += 1


def pixels_of(sixels: bytes) -> dict[tuple[int, int], int]:
    """Which colour register each pixel has: the few lines of the VT340's manual that a picture needs."""
    found, x, y, register = {}, 0, 0, 0
    body = re.sub(rb"#\d+;2;\d+;\d+;\d+", b"", sixels)
    for token in re.finditer(rb"#(\d+)|!(\d+)([?-~])|([$-])|([?-~])", body):
        chosen, count, repeated, move, single = token.groups()
        if chosen:
            register = int(chosen)
        elif move:
            x, y = 0, y + (6 if move == b"-" else 0)
        else:
            bits, times = (repeated or single)[0] - 63, int(count or 1)
            found.update({(x + i, y + j): register for i in range(times) for j in range(6) if bits >> j & 1})
            x += times
    return found


def test_terminal_that_knows_sixels_gets_the_picture_in_them():
    told = in_terminal("auto", XTERM_WITH_SIXELS)
    [picture] = re.findall(rb"\x1bP[\d;]*q(?:\"[\d;]+)?(.*?)\x1b\\", told, re.DOTALL)
    colours = {int(n): tuple(map(int, rgb.split(b";"))) for n, rgb in re.findall(rb"#(\d+);2;(\d+;\d+;\d+)", picture)}
    pixels = pixels_of(picture)
    width, height = max(x for x, _ in pixels) + 1, max(y for _, y in pixels) + 1
    assert width == 72 * 8
    assert abs(height - width * 3 / 4) <= 16  # whole rows of cells
    red, _, blue = colours[pixels[width // 2, height // 2]]
    assert red > blue + 50  # the orange square in the middle
    red, _, blue = colours[pixels[4, 4]]
    assert blue > red + 20


@pytest.mark.parametrize("how, answer", [("auto", VT100), ("blocks", XTERM_WITH_SIXELS)])
def test_any_other_terminal_gets_half_blocks(how, answer):
    told = in_terminal(how, answer)
    assert told.count("▀".encode()) == 72 * 27
    assert b"\x1bP" not in told


def test_none_shows_none():
    assert in_terminal("none", XTERM_WITH_SIXELS) == b""


def test_a_pipe_gets_no_picture():
    assert (
        subprocess.run([sys.executable, "-c", SHOW.format(how="auto")], check=True, capture_output=True).stdout == b""
    )
