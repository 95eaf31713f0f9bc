"""A block device of the kernel's own, backed by a file of the test (a loop device): exclusive, direct, and refused when mounted."""

import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from tests.images import blank, build, needs_tools, run
from trap_tools.flash import disks
from trap_tools.flash import image as images
from trap_tools.flash.card import RealCard
from trap_tools.flash.job import Job
from trap_tools.flash.session import flash
from trap_wire import slot
from trap_wire.errors import RefusedError

pytestmark = needs_tools
SLOT = slot.fill('[station]\nunit = "MN-017"\ndeployment = "a"\n')


@pytest.fixture
def loop(tmp_path):
    """Path of a loop device over a card-sized file, and the file; skips where the kernel gives none."""
    if not shutil.which("losetup"):
        pytest.skip("no losetup on this machine")
    card = blank(tmp_path / "card", 96 * 2**20)
    answer = subprocess.run(["losetup", "--find", "--show", str(card)], capture_output=True, text=True, check=False)
    if answer.returncode:
        pytest.skip(f"no loop device to be had: {answer.stderr.strip()}")
    device = answer.stdout.strip()
    yield device, card
    subprocess.run(["losetup", "--detach", device], check=True)


def test_block_device_is_written_past_the_cache_and_compared(loop, tmp_path):
    device, card = loop
    made = build(tmp_path)
    (outcome,) = flash(
        images.opened(made.path),
        [Job("loop", lambda: RealCard(path_of(device)), SLOT)],
        lambda *_: None,
        threading.Event(),
    )
    assert outcome.good, outcome.trouble
    assert SLOT in card.read_bytes()
    assert card.read_bytes()[510:512] == b"\x55\xaa"


def path_of(device):
    """Only ever a loop device: a test that could write another disk must fail."""
    assert device.startswith("/dev/loop")
    return Path(device)


def test_mounted_device_is_refused_by_the_kernel_and_named_by_the_list(loop, tmp_path):
    device, _ = loop
    run("mkfs.ext4", "-q", "-F", device)
    (tmp_path / "mnt").mkdir()
    mounted = subprocess.run(["mount", device, str(tmp_path / "mnt")], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        with pytest.raises(RefusedError, match="something uses it"):
            RealCard(path_of(device))
        found = next(disk for disk in disks.listed() if disk.path == device)
        assert found.mounted == (str(tmp_path / "mnt"),)
        assert disks.refusal(found)
    finally:
        run("umount", tmp_path / "mnt")


def test_loop_device_is_not_offered_to_the_technician(loop):
    with pytest.raises(RefusedError, match="not a disk"):
        disks.chosen(loop[0], disks.listed())
