"""One emulated unit: the card image in QEMU, its consoles, its serial lines, and the power switch."""

import json
import os
import re
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.system.crash import Partition

QEMU = "qemu-system-aarch64"
MEMORY_MB = 512
CMDLINE = (
    "console=hvc0 root=/dev/vda2 ro quiet loglevel=4 panic=-1 fsck.repair=yes systemd.debug_shell=hvc1 systemd.default_device_timeout_sec=900 "
    "systemd.mask=serial-getty@hvc0.service systemd.mask=serial-getty@ttyAMA0.service"
)
FAST = ("-smp", "2", "-accel", "tcg,thread=multi")
# The machine's time is its own instructions, one a nanosecond: what it measures is the same however busy the host is.
COUNTED = ("-smp", "1", "-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-rtc", "clock=vm")
# The same, but an idle machine waits as long as the host does: where it waits for its disk, jumping to the next timer would
# run out every time-out there is.
WAITING = (*COUNTED[:5], "shift=0,sleep=on", *COUNTED[6:])
# Only where a test is about it: a starved emulator would be reset by it.
WATCHDOG = ("-device", "i6300esb", "-action", "watchdog=reset")
MARK = "\x01RC"
ATTEMPT_S = 4.0


class MachineError(AssertionError):
    """The machine did not do what a test asked; the message has the console's last words."""


class Machine:
    """A running machine. ``cable`` is the laptop's end of its USB serial port, ``uart`` the supervisor's of its UART."""

    def __init__(  # noqa: PLR0917  # as a command line has them
        self,
        folder: Path,
        image: Path,
        card: Path,
        bench: Path,
        extra: tuple[str, ...] = (),
        log: Path | None = None,
        *,
        pace: tuple[str, ...] = FAST,
        hold: bool = True,
    ) -> None:
        self.folder = folder
        self._log = (folder / "qemu.log").open("wb")
        line = [*_command(folder, image, bench, pace=pace, hold=hold), *_drive(card, log), *extra]
        self._process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=self._log)
        self.cable, self.uart = self._ptys()
        self._qmp = self._connected("qmp.sock").makefile("rw")
        self._qmp.readline()
        self.qmp("qmp_capabilities")
        self._shell = self._connected("shell.sock")
        self._asked = 0

    def qmp(self, command: str, **arguments: Any) -> Any:
        """What QEMU answers to a command of its machine protocol."""
        self._qmp.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._qmp.flush()
        while True:
            reply = json.loads(self._qmp.readline() or '{"error": "QEMU is gone"}')
            if "error" in reply:
                raise MachineError(f"{command}: {reply['error']}")
            if "return" in reply:
                return reply["return"]

    def monitor(self, line: str) -> None:
        """A line of QEMU's human monitor, which must have nothing to complain about."""
        if words := self.qmp("human-monitor-command", **{"command-line": line}).strip():
            raise MachineError(f"{line}: {words}")

    def wait_for_shell(self, timeout_s: float = 600) -> None:
        """Until the root shell answers."""
        deadline = time.monotonic() + timeout_s
        while True:
            self._shell.sendall(b"stty -echo; PS1=; PS2=; export PYTHON_COLORS=0\n")
            try:
                self.run("true", ATTEMPT_S)
            except MachineError:
                over = time.monotonic() > deadline or self._process.poll() is not None
                if over or "built-in shell (ash)" in self.console:
                    raise
            else:
                return

    def run(self, command: str, timeout_s: float = 400, *, check: bool = True) -> str:
        """What a command in the machine's root shell printed; ``MachineError`` when it fails and ``check`` is set."""
        self._asked += 1  # an answer that comes after its time-out is not the next command's
        self._shell.sendall(f"( {command} ) 2>&1; printf '\\001RC{self._asked}:%d\\n' $?\n".encode())
        ours = re.compile(rf"{MARK}{self._asked}:(\d+)\r?\n")
        text = self._until(ours, timeout_s)
        found = ours.search(text)
        assert found is not None
        code, late = found[1], re.compile(rf"{MARK}\d+:\d+\r?\n")
        body = late.split(text[: found.start()])[-1].replace("\r\n", "\n").strip("\n")
        if check and code != "0":
            raise MachineError(f"{command!r} ended with {code}:\n{body[-3000:]}")
        return body

    def type(self, line: bytes) -> None:
        """Keys for the root shell, and no wait for an answer: the machine may be gone before it comes."""
        self._shell.sendall(line)

    def python(self, code: str, timeout_s: float = 400, account: str = "") -> str:
        """What Python code printed in the machine, as root or as another account."""
        who = f"setpriv --reuid={account} --regid={account} --init-groups " if account else ""
        return self.run(f"{who}python3 - <<'END_OF_PYTHON'\n{code}\nEND_OF_PYTHON\n", timeout_s)

    def begin_from(self, snapshot: str) -> None:
        """Everything, the card too, as it was when the snapshot was taken."""
        self.monitor(f"loadvm {snapshot}")
        self.qmp("cont")
        self.run("true")

    def reset(self) -> None:
        """The reset button: no warning, no sync."""
        self.qmp("system_reset")

    def halted_card(self, parts: dict[int, Partition], to: Path) -> dict[int, Path]:
        """The machine stopped where it is, reset, and partitions of its card as files; ``begin_from`` has it go on.

        Read through QEMU, which alone knows its card while it runs.
        """
        self.qmp("stop")
        self.qmp("system_reset")
        sock = self.folder / "nbd.sock"
        sock.unlink(missing_ok=True)
        self.monitor(f"nbd_server_start unix:{sock}")
        self.monitor("nbd_server_add card")
        try:
            return {number: _copied(sock, part, to / f"p{number}.state") for number, part in parts.items()}
        finally:
            self.monitor("nbd_server_stop")

    def close(self) -> None:
        """Pull the plug."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._log.close()

    def exited(self, timeout_s: float) -> bool:
        """Whether the machine switched itself off in time."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def console(self) -> str:
        """The kernel's and systemd's words so far."""
        return (self.folder / "console.log").read_text(errors="replace")

    def _until(self, pattern: re.Pattern[str], timeout_s: float) -> str:
        deadline, text = time.monotonic() + timeout_s, ""
        while not pattern.search(text):
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._shell], [], [], max(left, 0))
            data = self._shell.recv(65536) if ready else b""
            if not data:
                raise MachineError(f"no answer in {timeout_s:g} s:\n{text[-1500:]}\nconsole: {self.console[-1500:]}")
            text += data.decode(errors="replace")
        return text

    def _ptys(self) -> tuple[str, str]:
        found: dict[str, str] = {}
        assert self._process.stdout is not None
        while {"cable", "uart"} - found.keys():
            line = self._process.stdout.readline().decode()
            if not line:
                raise MachineError(f"QEMU did not start: {(self.folder / 'qemu.log').read_text()}")
            if match := re.search(r"(/dev/pts/\d+) \(label (\w+)\)", line):
                found[match[2]] = match[1]
        return found["cable"], found["uart"]

    def _connected(self, name: str) -> socket.socket:
        channel = socket.socket(socket.AF_UNIX)
        for _ in range(200):
            try:
                channel.connect(str(self.folder / name))
            except OSError:
                time.sleep(0.05)
            else:
                return channel
        raise MachineError(f"{name} did not open")


def _copied(sock: Path, part: Partition, to: Path) -> Path:
    server = {"driver": "nbd", "server": {"type": "unix", "path": str(sock)}, "export": "card"}
    source = {"driver": "raw", "offset": part.start, "size": part.size, "file": server}
    line = ["qemu-img", "convert", "-O", "raw", f"json:{json.dumps(source)}", str(to)]
    subprocess.run(line, check=True, capture_output=True)
    return to


def _drive(card: Path, log: Path | None) -> list[str]:
    """The card; with ``log``, every write to it is logged for ``tests.system.crash``."""
    if log is None:
        kind = "qcow2" if card.suffix == ".qcow2" else "raw"
        return ["-drive", f"file={card},if=none,id=card,format={kind}", "-device", "virtio-blk-pci,drive=card,addr=0xf"]
    node = {
        "driver": "blklogwrites", "node-name": "card", "log-sector-size": 512, "log-super-update-interval": 1,
        "file": {"driver": "raw", "file": {"driver": "file", "filename": str(card)}},
        "log": {"driver": "raw", "file": {"driver": "file", "filename": str(log)}},
    }  # fmt: skip
    return ["-blockdev", json.dumps(node), "-device", "virtio-blk-pci,drive=card,addr=0xf"]


def _command(folder: Path, image: Path, bench: Path, *, pace: tuple[str, ...], hold: bool) -> list[str]:
    for name in ("qmp.sock", "shell.sock"):
        (folder / name).unlink(missing_ok=True)
    consoles = (
        "-device", "virtio-serial-pci,max_ports=4",
        "-chardev", f"file,id=console,path={folder}/console.log", "-device", "virtconsole,chardev=console,nr=0",
        "-chardev", f"socket,id=shell,path={folder}/shell.sock,server=on,wait=off", "-device", "virtconsole,chardev=shell,nr=1",
        "-chardev", "pty,id=cable", "-device", "virtserialport,chardev=cable,name=cable,nr=2",
        "-chardev", "pty,id=uart", "-serial", "chardev:uart",
    )  # fmt: skip
    return [
        QEMU, "-M", "virt", "-cpu", "max,pauth-impdef=on", "-m", str(MEMORY_MB), *pace,
        "-nodefaults", "-display", "none", "-kernel", str(image / "kernel8.img"), "-initrd", str(image / "initrd.img"),
        "-append", CMDLINE + (" manul.hold" if hold else ""), *consoles,
        "-drive", f"file={bench},if=none,id=bench,format=raw,readonly=on", "-device", "virtio-blk-pci,drive=bench,addr=0x10",
        "-qmp", f"unix:{folder}/qmp.sock,server=on,wait=off",
    ]  # fmt: skip


def overlay(image: Path, to: Path) -> Path:
    """A card that begins as the image and keeps its own changes, and snapshots."""
    to.unlink(missing_ok=True)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(image), str(to)], check=True)
    return to


def have_qemu() -> str:
    """Why the machine cannot run here; empty when it can."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return "" if shutil.which(QEMU, path=path) else f"{QEMU} is not installed"


@contextmanager
def running(
    folder: Path,
    image: Path,
    card: Path,
    bench: Path,
    *extra: str,
    log: Path | None = None,
    pace: tuple[str, ...] = FAST,
    hold: bool = True,
) -> Iterator[Machine]:
    """A machine for the length of a block; pulled at its end. ``hold`` keeps trapd from starting at boot."""
    folder.mkdir(parents=True, exist_ok=True)
    machine = Machine(folder, image, card, bench, extra, log, pace=pace, hold=hold)
    try:
        yield machine
    finally:
        machine.close()
