import dataclasses
from datetime import timedelta

import cbor2
import pytest

from tests.unit.trap.parts import NOON
from trap.assembly import with_host
from trap.drivers.tty import open_pty
from trap_tools.link.line import Line
from trap_wire import smp
from trap_wire.entries import Kind


@pytest.fixture
def asked(build):
    """A unit on a pty and a laptop that asks it one thing at a time."""
    cable = open_pty()
    trap = with_host(build(), cable.port)
    with Line(cable.path) as laptop:

        def ask(group, command, op=smp.Op.READ, **body):
            payload = cbor2.dumps(body)
            laptop.send(smp.Header(op, 0, 0, len(payload), group, 1, command).pack() + payload)
            assert trap.host.serve_for(200) == 1
            (answer,) = laptop.receive(1.0)
            return cbor2.loads(answer[smp.HEADER_SIZE :])

        yield trap, ask
    cable.close()


def test_laptop_reads_the_summary(asked):
    _, ask = asked
    assert ask(smp.Group.TRAP, smp.TrapCommand.SUMMARY)["unit"] == "MN-017"


def test_visit_that_sets_the_clock_leaves_both_times_in_the_journal(asked, journal):
    trap, ask = asked
    laptop = NOON + timedelta(minutes=3)
    ask(smp.Group.OS, smp.OsCommand.DATETIME, smp.Op.WRITE, datetime=laptop.strftime("%Y-%m-%dT%H:%M:%S"))
    (entry,) = journal.entries(kind=Kind.CLOCK)
    assert entry.body["host_us"] - entry.body["unit_us"] == 180_000_000
    assert trap.clock.now() == laptop


def test_unit_put_together_stays_frozen(build):
    with pytest.raises(dataclasses.FrozenInstanceError):
        build().host = None
