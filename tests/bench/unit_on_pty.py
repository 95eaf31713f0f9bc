"""A unit in a process of its own, on a pty: prints the path; at the end of its standard input, what serving cost as JSON.

``python -m tests.bench.unit_on_pty ROOT [frames_lost_per_cent [baud latency_ms]]``
"""

import json
import random
import resource
import sys
import threading
from pathlib import Path

from tests.link_rig import START, Bench
from trap.deployment import SAFE
from trap.health.summary import summary
from trap.ports import HostPort


class NoisyPort:
    """Corrupts (two in three) or drops that share of whole frames, both ways: a frame is what one ``write`` sends."""

    def __init__(self, port: HostPort, share: float) -> None:
        self._port, self._share, self._draw = port, share, random.Random(1)

    def read(self, timeout_s: float) -> bytes:
        frames = self._port.read(timeout_s).split(b"\n")
        return b"\n".join(self._spoilt(frame) if len(frame) > 4 else frame for frame in frames)

    def write(self, data: bytes) -> None:
        self._port.write(self._spoilt(data))

    def _spoilt(self, frame: bytes) -> bytes:
        if self._draw.random() >= self._share:
            return frame
        if self._draw.random() < 1 / 3:
            return b""
        at = self._draw.randrange(2, len(frame) - 1)
        return frame[:at] + bytes([frame[at] ^ 0x10]) + frame[at + 1 :]


def rss_kb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024


def main() -> None:
    root, share = Path(sys.argv[1]), float(sys.argv[2]) / 100 if len(sys.argv) > 2 else 0.0
    bench = Bench(root)
    bench.summary = lambda: summary(bench.journal, SAFE, "manul-s@1.0.0+0123456789ab", 41 * 10**9, START)
    before_kb = rss_kb()
    from tests.bench.slow_line import SlowLine
    from trap.drivers.tty import open_pty
    from trap.link.host import host_server

    pty = open_pty()
    slow = SlowLine(pty.path, int(sys.argv[3]), float(sys.argv[4]) / 1000) if len(sys.argv) > 4 else None
    server = host_server(NoisyPort(pty.port, share) if share else pty.port, bench.facts(), 1024 if slow else 16_384)
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    print(slow.path if slow else pty.path, flush=True)
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    while not over.is_set():
        server.serve_for(20)
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = used.ru_utime + used.ru_stime - cpu.ru_utime - cpu.ru_stime
    cost = {"cpu_s": cpu_s, "answered": server.counters.answered, "added_rss_kb": rss_kb() - before_kb}
    print(json.dumps(cost))


if __name__ == "__main__":
    main()
