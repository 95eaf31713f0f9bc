"""A million hostile inputs for a whole pretend unit's end of the cable: no crash, no growth, the next good request answered.

A third each at a unit on the bench, behind its door, and opened by its programme's key; every command of every group, those that
work included: test shot, self test, walk test, deployment, drive. The named nasties come again and again in between.
"""

import itertools
import os
import random
import time
from collections import Counter
from pathlib import Path

from tests.fuzzing import inputs
from tests.hostile import RARE, Whole, nasties
from trap_wire.entries import Kind, verified
from trap_wire.smp import Group, TrapCommand

INPUTS = int(os.environ.get("MANUL_FUZZ", "1000000"))
GROWTH_MOST_KB = 4 * 1024  # a leak of 5 bytes an input would show
WELL_EVERY = 500
STATES = ("bench", "locked", "opened")


def rss_kb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4


def test_a_million_hostile_inputs(figure, tmp_path):
    whole = Whole(tmp_path)
    for command in (TrapCommand.TEST_SHOT, TrapCommand.SELF_TEST):  # what is loaded at their first call is no growth
        assert "rc" not in whole.ask("bench", (Group.TRAP, command, 2))
    source, evil = inputs(random.Random(2026), whole.table, RARE), itertools.cycle(nasties(whole))
    began, after_first, worked = time.monotonic(), 0, Counter()
    for n in range(1, INPUTS + 1):
        state = STATES[n // WELL_EVERY % 3]
        for header, body in whole.say(state, next(evil).data if n % 100 == 0 else source()):
            if header.group == Group.TRAP and not {"rc", "err"} & set(body):
                worked[TrapCommand(header.command).name.lower()] += 1
        if n % WELL_EVERY == 0:
            whole.ms += 1_000
            assert whole.well(state), f"input {n}"
        after_first = after_first or (rss_kb() if n == INPUTS // 10 else 0)
    grown, took_s = rss_kb() - after_first, time.monotonic() - began
    counters = [server.counters for server in whole.servers.values()]
    assert sum(one.defects for one in counters) == 0
    assert grown < GROWTH_MOST_KB
    # Something came through: a fuzz that is refused at the door tries nothing.
    assert set(worked) == {command.name.lower() for command in TrapCommand} - {"auth"}
    journal = whole.trap.journal
    assert sum(1 for _ in verified(journal.entries())) == journal.head
    assert not [entry.body for entry in journal.entries(kind=Kind.ERROR) if entry.body.get("part") == "duty"]
    figure(f"{INPUTS:,} inputs in {took_s:.0f} s: {sum(one.answered for one in counters):,} answered, "
           f"{sum(one.refused for one in counters):,} refused, {sum(one.bad for one in counters):,} broken frames, "
           f"{sum(door.refused for door in whole.doors.values()):,} logins refused; memory {grown:+,} KiB over the last nine tenths")  # fmt: skip
    figure("group 70, done: " + ", ".join(f"{name} {count:,}" for name, count in sorted(worked.items())))
    figure(f"journal: {journal.head:,} entries, one chain")
    journal.close()
