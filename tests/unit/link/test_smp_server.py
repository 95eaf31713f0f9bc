import struct
import time

import cbor2
import pytest

from trap.link.answers import BUF_SIZE
from trap.link.host import host_server
from trap.link.smp_server import Server
from trap.link.trap_group import trap_group
from trap.ports import PAGES_A_CALL
from trap.store.shelf import JournalShelf
from trap_wire import console
from trap_wire.errors import PartError
from trap_wire.smp import Error, Group, Header, Op, OsCommand, TrapCommand

FS_DOWNLOAD = (Group.FS, 0)


class ScriptedPort:
    """A host that has said what it says; what the unit answers is kept."""

    def __init__(self, *said):
        self.said = list(said)
        self.heard = console.Decoder()
        self.packets = []

    def read(self, timeout_s):
        if self.said:
            return self.said.pop(0)
        time.sleep(timeout_s)
        return b""

    def write(self, data):
        self.packets += self.heard.feed(data)

    def answers(self):
        return [(Header.unpack(packet), cbor2.loads(packet[8:])) for packet in self.packets]


def request(group, command, body=None, op=Op.READ, *, version=1, sequence=1, raw=None, length=None):
    payload = raw if raw is not None else cbor2.dumps(body or {})
    header = Header(op, version, 0, len(payload) if length is None else length, group, sequence, command)
    return console.encode(header.pack() + payload)


def answers(bench, *said, chunk=16_000):
    port = ScriptedPort(*said)
    server = host_server(port, bench.facts(), chunk)
    for _ in said:
        server.serve_for(0)
    return [body for _, body in port.answers()]


def test_answer_repeats_group_command_sequence_and_version(bench):
    port = ScriptedPort(request(Group.OS, OsCommand.ECHO, {"d": "x"}, Op.WRITE, version=0, sequence=200))
    host_server(port, bench.facts()).serve_for(0)
    [(header, body)] = port.answers()
    assert header == Header(Op.WRITE_RESPONSE, 0, 0, header.length, Group.OS, 200, OsCommand.ECHO)
    assert body == {"r": "x"}


def test_same_fault_is_rc_in_version_1_and_err_in_version_2(bench):
    missing = {"name": "media/none.jpg", "off": 0}
    old, new = answers(bench, request(*FS_DOWNLOAD, missing, version=0), request(*FS_DOWNLOAD, missing, version=1))
    assert old == {"rc": Error.NO_ENTRY}
    assert new == {"err": {"group": Group.FS, "rc": 3}}


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (request(Group.OS, 99), Error.NOT_SUPPORTED),
        (request(9, 0, {"argv": ["reboot"]}, Op.WRITE), Error.NOT_SUPPORTED),
        (request(4711, 1), Error.NOT_SUPPORTED),
        (request(Group.OS, OsCommand.PARAMS, op=Op.WRITE), Error.NOT_SUPPORTED),
        (request(Group.OS, OsCommand.ECHO, version=3), Error.NOT_SUPPORTED),
        (request(Group.OS, OsCommand.ECHO, {"d": 5}), Error.INVALID),
        (request(Group.OS, OsCommand.ECHO, {}), Error.INVALID),
        (request(Group.OS, OsCommand.ECHO, raw=b"\xff\xff"), Error.INVALID),
        (request(Group.OS, OsCommand.ECHO, raw=b"\x83\x01\x02\x03"), Error.INVALID),
        (request(Group.OS, OsCommand.ECHO, raw=b"\x81" * 5_000), Error.INVALID),
        (request(Group.OS, OsCommand.ECHO, {"d": "x"}, length=3), Error.INVALID),
        (request(Group.OS, OsCommand.DATETIME, {"datetime": "yesterday"}, Op.WRITE), Error.INVALID),
        (request(Group.OS, OsCommand.DATETIME, {"datetime": "1970-01-01T00:00:00Z"}, Op.WRITE), Error.INVALID),
        (request(*FS_DOWNLOAD, {"name": "x", "off": -1}), Error.INVALID),
        (request(*FS_DOWNLOAD, {"name": "x", "off": True}), Error.INVALID),
        (request(*FS_DOWNLOAD, {"name": b"x", "off": 0}), Error.INVALID),
        (request(Group.TRAP, TrapCommand.INDEX, {"cursor": "a"}), Error.INVALID),
    ],
)
def test_request_that_cannot_be_served_is_answered_with_a_code(bench, said, error):
    [body] = answers(bench, said)
    assert body["rc"] == error


def test_keys_that_nobody_knows_are_passed_over(bench):
    assert answers(bench, request(Group.OS, OsCommand.ECHO, {"d": "x", "future": [1, {"a": None}]})) == [{"r": "x"}]


def test_replies_and_torn_headers_are_not_answered(bench):
    reply = request(Group.OS, OsCommand.ECHO, {"r": "x"}, Op.READ_RESPONSE)
    assert answers(bench, reply, console.encode(b"\x00\x01"), request(Group.OS, OsCommand.ECHO, {"d": "y"})) == [
        {"r": "y"}
    ]


def test_several_requests_in_flight_are_answered_in_their_order(bench):
    said = b"".join(request(Group.OS, OsCommand.ECHO, {"d": str(n)}, sequence=n) for n in range(8))
    port = ScriptedPort(said)
    assert host_server(port, bench.facts()).serve_for(30) == 8
    assert [(header.sequence, body["r"]) for header, body in port.answers()] == [(n, str(n)) for n in range(8)]


def test_slice_ends_in_time_with_requests_left_over_for_the_next(bench):
    said = b"".join(request(Group.OS, OsCommand.ECHO, {"d": str(n)}) for n in range(3))
    port = ScriptedPort(said)
    server = host_server(port, bench.facts())
    assert server.serve_for(0) == 1
    assert server.serve_for(0) == 1
    assert len(port.packets) == 2


def test_silent_host_holds_nobody_longer_than_the_slice(bench):
    began = time.monotonic()
    assert host_server(ScriptedPort(), bench.facts()).serve_for(50) == 0
    assert 0.04 < time.monotonic() - began < 1.0


def test_whole_reply_fits_the_buffer_that_the_unit_names(bench):
    bench.keep("p", 100_000)
    port = ScriptedPort(request(*FS_DOWNLOAD, {"name": "media/p.jpg", "off": 0}))
    host_server(port, bench.facts()).serve_for(0)
    assert BUF_SIZE - 64 < len(port.packets[0]) <= BUF_SIZE


def test_host_may_ask_for_smaller_chunks_but_not_for_larger_ones(bench):
    bench.keep("p", 50_000)
    ask = {"name": "media/p.jpg", "off": 0}
    small, large = answers(
        bench, request(*FS_DOWNLOAD, {**ask, "max": 600}), request(*FS_DOWNLOAD, {**ask, "max": 60_000})
    )
    assert (len(small["data"]), len(large["data"])) == (600, 16_000)


def test_defect_in_a_command_is_said_and_costs_only_that_answer(bench):
    def broken(_body):
        raise ZeroDivisionError

    port = ScriptedPort(request(Group.TRAP, 1), request(Group.TRAP, 1))
    server = Server(port, {(Group.TRAP, 1, Op.READ): broken})
    assert server.serve_for(0) + server.serve_for(0) == 2
    assert [body["rc"] for _, body in port.answers()] == [Error.UNKNOWN] * 2
    assert server.counters.defects == 2


def test_cable_that_goes_is_trouble_and_not_an_exception(bench):
    class Gone(ScriptedPort):
        def read(self, timeout_s):
            raise PartError("host port", "ttyGS0: closed")

    server = host_server(Gone(), bench.facts())
    assert server.serve_for(1_000) == 0
    assert "ttyGS0" in server.trouble


def test_index_pages_through_everything_once_and_in_order(bench):
    bench.wakes(995)
    for n in range(40):
        bench.keep(f"p{n}", 100 + n)
    rows, cursor = [], 0
    while cursor is not None:
        [body] = answers(bench, request(Group.TRAP, TrapCommand.INDEX, {"cursor": cursor, "limit": 7}))
        rows, cursor = rows + body["items"], body.get("next")
    assert len(rows) == len({row[0] for row in rows}) == 42
    assert [row[4] for row in rows] == sorted(row[4] for row in rows)


def test_index_of_a_long_journal_comes_in_answers_that_keep_no_trigger_waiting(bench):
    for first in range(20):
        bench.wakes(1_000)
        bench.keep(f"p{first}", 1_000)
    table = trap_group(JournalShelf(bench.journal, bench.card), bench.summary)
    rows, cursor, longest = [], 0, 0
    while cursor is not None:
        answer = table[Group.TRAP, TrapCommand.INDEX, Op.READ]({"cursor": cursor})
        rows += answer["items"]
        longest = max(longest, sum(row[3] == "journal" for row in answer["items"]))
        cursor = answer.get("next")
    assert len(rows) == len({row[0] for row in rows}) == 21 + 20
    assert [row[4] for row in rows] == sorted(row[4] for row in rows)
    assert longest <= PAGES_A_CALL


def test_summary_is_what_the_unit_says_of_itself(bench):
    [body] = answers(bench, request(Group.TRAP, TrapCommand.SUMMARY))
    assert body == {"unit": "MN-017", "deployment": "tost-2026-a", "entries": 0}


def test_header_of_the_smp_package_and_ours_are_the_same_bytes():
    from smp.os_management import EchoWriteRequest

    theirs = EchoWriteRequest(d="hi").BYTES
    header = Header.unpack(theirs)
    assert header.pack() == theirs[:8]
    assert struct.unpack_from(">H", theirs, 2)[0] == header.length
