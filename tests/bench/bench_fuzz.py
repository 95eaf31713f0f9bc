"""A million hostile inputs for the unit's end of the cable: no crash, no growth, the next good request answered."""

import os
import random
import time
from pathlib import Path

from tests.fuzzing import ECHO, SayingPort, inputs
from tests.link_rig import Bench
from trap.link.doorman import Doorman
from trap.link.host import host_table
from trap.link.smp_server import Server
from trap_wire import console

INPUTS = int(os.environ.get("MANUL_FUZZ", "1000000"))
GROWTH_MOST_KB = 4 * 1024  # a leak of 5 bytes an input would show


def rss_kb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4


def test_a_million_hostile_inputs(figure, tmp_path):
    bench = Bench(tmp_path, door=True, keys=(bytes(32),))
    bench.wakes(2)
    bench.keep("p", 3_000)
    facts, port = bench.facts(), SayingPort()
    # The first login loads cryptography (10 MB, once): before the count, or a late one would look like growth.
    facts.trust.signing.is_signed(facts.trust.signing.public(), bytes(64), b"")
    keys = [(bytes(32),), ()]  # every other thousand behind the door, the others on the bench
    door = Doorman("MN-017", lambda: keys[turn[0]], facts.trust.signing, lambda: 0)
    turn, table = [0], host_table(facts, door=door)
    server, source = Server(port, table, door), inputs(random.Random(2026), table)
    began, after_first = time.monotonic(), 0
    for n in range(1, INPUTS + 1):
        port.said, port.heard = source(), b""
        server.serve_for(0)
        while server._waiting:
            server.serve_for(0)
        if n % 1_000 == 0:
            turn[0] ^= 1
            port.said, port.heard = b"\n" + ECHO, b""
            server.serve_for(0)
            while server._waiting:
                server.serve_for(0)
            assert console.Decoder().feed(port.heard)[-1][6] == 77
        after_first = after_first or (rss_kb() if n == INPUTS // 10 else 0)
    bench.journal.close()
    assert server.counters.defects == 0
    assert rss_kb() - after_first < GROWTH_MOST_KB
    figure(f"{INPUTS:,} inputs in {time.monotonic() - began:.0f} s: {server.counters.answered:,} answered, "
           f"{server.counters.refused:,} refused, {server.counters.bad:,} broken frames, {door.refused:,} logins refused; "
           f"memory {rss_kb() - after_first:+,} KiB over the last nine tenths")  # fmt: skip
