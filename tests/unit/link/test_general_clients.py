"""Other people's SMP clients, as they come from PyPI, against a unit on a pty."""

import asyncio
import hashlib
import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from smpclient import SMPClient
from smpclient.generics import error, success
from smpclient.requests.enumeration_management import CountSupportedGroups, GroupDetails, GroupId, ListSupportedGroups
from smpclient.requests.file_management import (
    FileDownload,
    FileHashChecksum,
    FileStatus,
    SupportedFileHashChecksumTypes,
)
from smpclient.requests.os_management import (
    DateTimeRead,
    DateTimeWrite,
    EchoWrite,
    MCUMgrParametersRead,
    OSApplicationInfoRead,
)
from smpclient.transport.serial import SMPSerialTransport

from tests.link_rig import plugged_in
from trap.link.answers import BUF_COUNT, BUF_SIZE


def asked(port, *requests):
    """Answers of a unit to smpclient's requests, one connection for all."""

    async def converse():
        async with SMPClient(SMPSerialTransport(), port) as client:
            return [await client.request(request) for request in requests]

    return asyncio.run(converse())


def test_smpclient_gets_its_echo_and_the_buffer_sizes(bench):
    with plugged_in(bench) as port:
        echo, params = asked(port, EchoWrite(d="манул"), MCUMgrParametersRead())
    assert echo.r == "манул"
    assert (params.buf_size, params.buf_count) == (BUF_SIZE, BUF_COUNT)


def test_smpclient_reads_and_sets_the_clock(bench):
    with plugged_in(bench) as port:
        before, done, after = asked(
            port, DateTimeRead(), DateTimeWrite(datetime="2026-11-25T09:00:00Z"), DateTimeRead()
        )
    assert before.datetime == "2026-03-01T18:00:00.000000"
    assert success(done)
    assert after.datetime == "2026-11-25T09:00:00.000000"


def test_smpclient_learns_who_is_there(bench):
    with plugged_in(bench) as port:
        short, full, wrong = asked(
            port, OSApplicationInfoRead(), OSApplicationInfoRead(format="snr"), OSApplicationInfoRead(format="?")
        )
    assert short.output == "Manul"
    assert full.output == "Manul MN-017 0.1.0"
    assert error(wrong)


def test_smpclient_downloads_and_proves_a_photograph(bench):
    data = bench.keep("p", 50_000)

    async def download(port):
        async with SMPClient(SMPSerialTransport(), port) as client:
            return await client.download_file("media/p.jpg")

    with plugged_in(bench) as port:
        assert asyncio.run(download(port)) == data
        status, sha, part, kinds = asked(
            port,
            FileStatus(name="media/p.jpg"),
            FileHashChecksum(name="media/p.jpg", type="sha256"),
            FileHashChecksum(name="media/p.jpg", type="crc32", off=10, len=100),
            SupportedFileHashChecksumTypes(),
        )
    assert status.len == 50_000
    assert sha.output == hashlib.sha256(data).digest()
    assert (part.output, part.off, part.len) == (zlib.crc32(data[10:110]), 10, 100)
    assert set(kinds.types) == {"crc32", "sha256"}


@pytest.mark.parametrize(
    "name", ["../journal.sqlite", "/etc/passwd", "journal.sqlite", "media/../journal.sqlite", "", "media"]
)
def test_name_that_is_not_on_the_shelf_is_not_found(bench, name):
    bench.keep("p", 1_000)
    with plugged_in(bench) as port:
        for answer in asked(port, FileDownload(off=0, name=name), FileStatus(name=name), FileHashChecksum(name=name)):
            assert error(answer)
            assert answer.err.rc == 3


def test_offset_behind_the_end_and_empty_range_are_said(bench):
    bench.keep("p", 1_000)
    with plugged_in(bench) as port:
        behind, empty = asked(
            port, FileDownload(off=1_001, name="media/p.jpg"), FileHashChecksum(name="media/p.jpg", off=1_000)
        )
    assert (behind.err.rc, empty.err.rc) == (12, 16)


def test_smpclient_finds_its_way_by_enumeration(bench):
    with plugged_in(bench) as port:
        count, groups, last, beyond, details = asked(
            port,
            CountSupportedGroups(),
            ListSupportedGroups(),
            GroupId(index=4),
            GroupId(index=5),
            GroupDetails(groups=(8, 70)),
        )
    assert count.count == len(groups.groups) == 5
    assert list(map(int, groups.groups)) == [0, 2, 8, 10, 70]
    assert (last.group, last.end) == (70, True)
    assert beyond.err.rc == 4
    assert [(d.group, d.name) for d in details.groups] == [(8, "fs mgmt"), (70, "camera trap")]


def test_smpmgr_on_the_command_line_gets_its_echo(bench):
    smpmgr = str(Path(sys.executable).with_name("smpmgr"))
    with plugged_in(bench) as port:
        run = subprocess.run(
            [smpmgr, "--port", port, "os", "echo", "hi"], capture_output=True, text=True, timeout=60, check=False
        )
    assert run.returncode == 0, run.stderr
    assert "r='hi'" in run.stdout


# In a process of its own: the toolkit keeps Python's lock while it waits, and the unit of the test runs in this one.
TOOLKIT = """
import hashlib, json, sys, mcumgr_toolkit
with mcumgr_toolkit.MCUmgrClient.serial(sys.argv[1]) as client:
    client.check_connection()
    client.use_auto_frame_size()
    print(json.dumps({
        "download": hashlib.sha256(client.fs_file_download("media/p.jpg")).hexdigest(),
        "length": client.fs_file_status("media/p.jpg").length,
        "hash": client.fs_file_checksum("media/p.jpg", "sha256").output.hex(),
        "info": client.os_application_info("sn"),
        "groups": client.enum_get_group_ids(),
    }))
"""


def test_mcumgr_toolkit_downloads_and_proves_a_photograph(bench):
    digest = hashlib.sha256(bench.keep("p", 200_000)).hexdigest()
    with plugged_in(bench) as port:
        command = [sys.executable, "-c", TOOLKIT, port]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {
        "download": digest,
        "length": 200_000,
        "hash": digest,
        "info": "Manul MN-017",
        "groups": [0, 2, 8, 10, 70],
    }
