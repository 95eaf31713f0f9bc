import random
import tracemalloc

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzzing import ECHO, KEYS, NAMES, SayingPort, inputs
from tests.link_unit import WholeUnit
from trap.cable import StationSlot, host_facts
from trap.link.doorman import Doorman
from trap.link.fs_group import FsError
from trap.link.host import host_table
from trap.link.smp_server import Server
from trap_wire import console
from trap_wire.smp import Error, FsCommand, Group, Header, TrapCommand


@pytest.fixture(scope="module", params=["open", "locked"])
def served(tmp_path_factory, request):
    """A whole unit, on the bench and behind its door."""
    whole = WholeUnit(tmp_path_factory.mktemp("unit"))
    whole.bench.keep("p", 3_000)
    (whole.root / "media/link.jpg").symlink_to(whole.root / "journal.sqlite")
    facts = host_facts(
        whole.trap, lambda: {"unit": "MN-017"}, StationSlot(whole.slot.read_bytes, whole.slot.write_bytes)
    )
    keys = () if request.param == "open" else (bytes(32),)
    door, port = Doorman("MN-017", lambda: keys, facts.trust.signing, lambda: 0), SayingPort()
    table = host_table(facts, door=door)
    yield Server(port, table, door), port, table
    whole.journal.close()


def say(server, port, data):
    port.said, port.heard = data, b""
    server.serve_for(0)
    while server._waiting:
        server.serve_for(0)
    return console.Decoder().feed(port.heard)


def still_well(server, port):
    answers = say(server, port, b"\n" + ECHO)
    return Header.unpack(answers[-1]).sequence == 77 and cbor2.loads(answers[-1][8:]) == {"r": ""}


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.binary(max_size=40) | st.text(max_size=20)
    | st.sampled_from(NAMES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
bodies = st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), values, max_size=5)
bounded = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@bounded
@given(data=st.data(), body=bodies, version=st.integers(0, 3), flags=st.integers(0, 255))
def test_any_body_for_any_command_gets_one_answer(served, data, body, version, flags):
    server, port, table = served
    group, command, op = data.draw(
        st.sampled_from(sorted(table)) | st.tuples(st.integers(0, 65535), st.integers(0, 255), st.sampled_from([0, 2]))
    )
    payload = cbor2.dumps(body)
    packet = Header(op, version, flags, len(payload), group, 9, command).pack() + payload
    answers = say(server, port, console.encode(packet))
    assert [Header.unpack(answer).sequence for answer in answers] == [9]
    assert still_well(server, port)
    assert server.counters.defects == 0


@bounded
@given(st.binary(max_size=300))
def test_any_payload_at_all_is_survived(served, payload):
    server, port, _ = served
    say(server, port, console.encode(Header(2, 1, 0, len(payload), 0, 9, 0).pack() + payload))
    assert still_well(server, port)
    assert server.counters.defects == 0


@bounded
@given(st.binary(max_size=2_000))
def test_garbage_on_the_line_is_survived(served, garbage):
    server, port, _ = served
    say(server, port, garbage)
    assert still_well(server, port)


def test_frame_of_64_kib_is_survived_and_nothing_grows(served):
    server, port, table = served
    source = inputs(random.Random(3), table)
    for _ in range(300):
        say(server, port, source())
    say(server, port, console.encode(bytes(65_000)))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(1_000):
        say(server, port, source())
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 300_000
    assert still_well(server, port)
    assert server.counters.defects == 0


@pytest.mark.parametrize(
    "name", ["../unit.seed", "/etc/passwd", "media/../../journal.sqlite", "vault/unit.seed", "media/link.jpg"]
)
def test_name_that_climbs_is_refused_counted_and_said(served, name):
    server, port, _table = served
    before = server.counters.refused
    payload = cbor2.dumps({"off": 0, "name": name})
    [answer] = say(
        server, port, console.encode(Header(0, 1, 0, len(payload), Group.FS, 5, FsCommand.FILE).pack() + payload)
    )
    body = cbor2.loads(answer[8:])
    assert "data" not in body
    assert body["err"]["rc"] == FsError.NOT_FOUND if "err" in body else body["rc"] == Error.ACCESS_DENIED
    assert server.counters.refused == before + 1


def test_every_command_of_group_70_is_served(served):
    _, _, table = served
    there = {command for group, command, _ in table if group == Group.TRAP}
    assert there == set(TrapCommand) - {TrapCommand.BULK}  # without a drive of its own; test_bulk.py has one
