"""The media partition grows with the card: on files as large as cards; only mounting is left to the system test."""

import os
import shutil
import struct
import subprocess

import pytest

from trap.drivers import partition
from trap_wire.errors import PartError

MB = 2048  # sectors
needs_dosfstools = pytest.mark.skipif(
    not shutil.which("mkfs.vfat", path="/usr/sbin:/sbin:/usr/bin"), reason="needs dosfstools"
)


class Card:
    """A disk and its fourth partition as two files; ``ran`` are the commands. A mount shows what ``holds`` names."""

    def __init__(self, folder, sectors, count, type_=0x0C):
        self.disk, self.partition, self.ran, self.holds = folder / "disk", folder / "part", [], ()
        table = bytearray(512)
        struct.pack_into("<BxxxII", table, 446 + 48 + 4, type_, 8 * MB, count)
        table[510:] = b"\x55\xaa"
        self.disk.write_bytes(table)
        with self.disk.open("r+b") as file:
            file.truncate(sectors * 512)
        self.resize()
        self.folder = folder

    def resize(self):
        self.partition.touch()
        with self.partition.open("r+b") as file:
            file.truncate(self.count() * 512)

    def count(self):
        return partition.entry(self.disk.read_bytes()[:512]).count

    def run(self, command):
        self.ran.append(command[0])
        if command[0] == "partx":
            self.resize()
        elif command[0] == "mount":
            if not self.is_fat():
                raise PartError("card", "mount: wrong fs type")
            for name in self.holds:
                (self.folder / command[-1] / name).mkdir()
        elif command[0] == "umount":
            for name in self.holds:
                (self.folder / command[-1] / name).rmdir()
        else:
            subprocess.run(command, check=True, capture_output=True, env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"})

    def is_fat(self):
        with self.partition.open("rb") as file:
            return file.read(512)[82:87] == b"FAT32"

    def format(self):
        subprocess.run(["/usr/sbin/mkfs.vfat", "-F", "32", self.partition], check=True, capture_output=True)

    def grow(self):
        return partition.grow(self.disk, self.partition, self.run, self.folder)


@pytest.fixture
def card(tmp_path):
    """128 MB, of which the image's media partition takes 40."""
    found = Card(tmp_path, sectors=128 * MB, count=40 * MB)
    found.format()
    return found


@needs_dosfstools
def test_media_partition_takes_all_of_the_card(card):
    assert "made anew" in card.grow()
    assert card.count() == 120 * MB
    assert partition.is_whole(card.partition, 120 * MB)
    assert b"MANUL-MEDIA" in card.partition.read_bytes()[:512]


@needs_dosfstools
def test_second_boot_finds_nothing_to_do(card):
    card.grow()
    card.ran.clear()
    assert card.grow() == "already as large as the card"
    assert card.ran == []


@needs_dosfstools
def test_card_as_large_as_the_image_is_left_as_it_is(tmp_path):
    card = Card(tmp_path, sectors=48 * MB, count=40 * MB)
    card.format()
    assert card.grow() == "already as large as the card"


@needs_dosfstools
def test_photographs_are_never_formatted_away(card):
    card.holds = ("media",)
    assert "left as it is" in card.grow()
    assert "mkfs.vfat" not in card.ran


@needs_dosfstools
@pytest.mark.parametrize("cut_at", ["partx", "mkfs.vfat", "mount", "fatlabel"])
def test_power_cut_while_it_grows_is_put_right_by_the_next_boot(card, cut_at):
    real = card.run

    def cut(command):
        if command[0] == cut_at and (cut_at != "mount" or "mkfs.vfat" in card.ran):
            raise KeyboardInterrupt
        real(command)

    with pytest.raises(KeyboardInterrupt):
        partition.grow(card.disk, card.partition, cut, card.folder)
    card.resize()  # the kernel reads the table anew
    assert "made anew" in card.grow()
    assert partition.is_whole(card.partition, 120 * MB)


@needs_dosfstools
def test_torn_file_system_is_made_anew(card):
    card.partition.write_bytes(bytes(4096))
    card.resize()
    assert "made anew" in card.grow()


def test_card_that_was_divided_otherwise_is_left_as_it_is(tmp_path):
    card = Card(tmp_path, sectors=64 * MB, count=40 * MB, type_=0x83)
    assert "left as it is" in card.grow()
    (tmp_path / "disk").write_bytes(bytes(64 * 512))
    assert "left as it is" in card.grow()


def test_card_that_refuses_the_write_is_said(tmp_path):
    with pytest.raises(PartError, match="cannot be written"):
        partition._stretch(tmp_path / "none", 40 * MB)


def test_commands_that_are_missing_or_fail_are_said_by_name():
    with pytest.raises(PartError, match="no-such-command"):
        partition._run(["no-such-command"])
    with pytest.raises(PartError, match="card: false"):
        partition._run(["false"])


def test_disk_is_found_by_the_kernels_number(tmp_path):
    number = tmp_path.stat().st_dev
    own = tmp_path / "devices/mmcblk0/mmcblk0p3"
    own.mkdir(parents=True)
    (tmp_path / f"{os.major(number)}:{os.minor(number)}").symlink_to(own)
    with pytest.raises(PartError, match="no partition"):
        partition.media_of(tmp_path, tmp_path)
    (own / "partition").write_text("3\n")
    disk, part = partition.media_of(tmp_path, tmp_path)
    assert (disk.name, part.name) == ("mmcblk0", "mmcblk0p4")
