"""A stock system with a real systemd, out of Debian 12's packages as Raspberry Pi OS is, in a container (systemd-nspawn).

What a prepared card does to systemd is the same there; that it has this computer's kernel, and no ARM, is what keeps a start at
a few seconds. The ARM machine is ``tests/system``.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tools.image.host import ROOT, cached, digest, require
from trap_tools.release import services

MIB = 1024 * 1024
BOOT_AT, BOOT_SIZE, ROOT_SIZE = 4 * MIB, 64 * MIB, 1024 * MIB
ROOT_AT = BOOT_AT + BOOT_SIZE
PACKAGES = ("systemd", "systemd-sysv", "udev", "python3", "openssh-client", "kmod", "dbus")
_TOOLS = {"systemd-nspawn": "systemd-container", "mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs", "mkfs.vfat": "dosfstools",
          "debugfs": "e2fsprogs", "mcopy": "mtools", "qemu-aarch64": "qemu-user"}  # fmt: skip
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def missing() -> str:
    """Why there can be no such system here; empty when there can. As root, what only lacks a package is installed first."""
    if not os.geteuid() and shutil.which("apt-get"):
        require(_TOOLS)
    if absent := {package for tool, package in _TOOLS.items() if not shutil.which(tool, path=_PATH)}:
        return f"apt install {' '.join(sorted(absent))}"
    if os.geteuid():
        return "needs root, as containers and mounts do"
    return "" if Path("/dev/loop-control").exists() else "needs loop devices"


def stock() -> Path:
    """stock.img, a whole card."""
    return cached("stock", digest(" ".join(PACKAGES), str(ROOT_SIZE)), _build) / "stock.img"


def _run(*words: object) -> None:
    order = [str(word) for word in words]
    done = subprocess.run(order, capture_output=True, text=True, env={**os.environ, "PATH": _PATH}, check=False)
    assert done.returncode == 0, f"{order}: {done.stderr}"


def _build(to: Path) -> None:
    tree = to / "tree"
    _run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", "bookworm", tree)
    (tree / "boot/firmware").mkdir(parents=True)
    image = to / "stock.img"
    _partitions(image)
    _run("mkfs.vfat", "-F", "16", "-n", "bootfs", "--offset", BOOT_AT // 512, image, BOOT_SIZE // 1024)
    _run("mke2fs", "-q", "-t", "ext4", "-d", tree, "-E", f"offset={ROOT_AT}", image, f"{ROOT_SIZE // MIB}M")
    shutil.rmtree(tree)


def _partitions(image: Path) -> None:
    def entry(kind: int, start: int, size: int) -> bytes:
        return (
            bytes([0, 0, 0, 0, kind, 0, 0, 0])
            + (start // 512).to_bytes(4, "little")
            + (size // 512).to_bytes(4, "little")
        )

    mbr = bytes(446) + entry(0x0C, BOOT_AT, BOOT_SIZE) + entry(0x83, ROOT_AT, ROOT_SIZE) + bytes(32) + b"\x55\xaa"
    image.write_bytes(mbr)
    os.truncate(image, ROOT_AT + ROOT_SIZE)


class Machine:
    """A system that runs; ``pid`` is its first process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def run(self, command: str, timeout_s: float = 60.0) -> str:
        """What a command printed; ``AssertionError`` with it when the command failed."""
        order = ["nsenter", "-t", str(self._pid), "-m", "-u", "-i", "-n", "-p", "-C", "/bin/sh", "-c", command]
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        done = subprocess.run(order, capture_output=True, text=True, timeout=timeout_s, env=env, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def wait(self, command: str, timeout_s: float = 60.0) -> str:
        """Run a command until it succeeds."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                return self.run(command)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


@contextmanager
def running(card: Path, shared: Path) -> Iterator[Machine]:
    """A system that starts from ``card``; at the end every process of it is killed. ``shared`` is at /mnt there, read-only."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        root, boot = folder / "root", folder / "boot"
        root.mkdir()
        _run("mount", "-o", f"loop,offset={ROOT_AT},sizelimit={ROOT_SIZE}", card, root)
        stack.callback(_run, "umount", root)
        _boot_partition(card, boot)
        order = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", f"--directory={root}", "--boot", "--console=pipe",
                 f"--bind={boot}:/boot/firmware", f"--bind-ro={shared}:/mnt", "--private-network"]  # fmt: skip
        with (folder / "console").open("wb") as console:
            process = subprocess.Popen(order, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        stack.callback(process.wait)
        try:
            first = _first_of(process)
            yield Machine(first)
        finally:
            os.kill(first, signal.SIGKILL)


def _boot_partition(card: Path, folder: Path) -> None:
    """Its files, owned as the prepared card has the partition mounted; not every kernel here has FAT to mount it."""
    folder.mkdir()
    _run("mcopy", "-n", "-i", f"{card}@@{BOOT_AT}", "::*", folder)
    owner = int(re.search(r"uid=(\d+)", services.BOOT)[1])  # type: ignore[index]
    for path in (folder, *folder.iterdir()):
        os.chown(path, owner, owner)
        path.chmod(0o755)


def _first_of(process: "subprocess.Popen[bytes]") -> int:
    """The container's first process; nothing of the start is over yet."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    for _ in range(200):
        assert process.poll() is None, "systemd-nspawn ended"
        for pid in children.read_text().split():
            if Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
                return int(pid)
        time.sleep(0.05)
    raise AssertionError("no systemd came up in the container")


__all__ = ["ROOT", "Machine", "missing", "running", "stock"]
