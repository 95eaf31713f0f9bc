"""A bundle through a real serial line into a unit, with the faults of cables and of people."""

import asyncio
import dataclasses
import hashlib
import json
import threading
import time

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from smp import os_management as os_mgmt
from smpclient import SMPClient
from smpclient.requests.image_management import ImageStatesRead
from smpclient.transport.serial import SMPSerialTransport

from tests.link_rig import Bench, Cable, noise, serving
from tests.signing import KEY, OTHER, public_line
from tests.unit.trap.parts import NOON
from tests.unit.update.test_update import release
from trap.deployment import SAFE
from trap.drivers.card import FolderCard
from trap.drivers.tty import open_pty
from trap.health.summary import summary
from trap.link.answers import writing
from trap.link.doorman import Doorman
from trap.link.host import host_table
from trap.link.img_group import img_group
from trap.link.smp_server import Server
from trap.update import boot, state
from trap.update.images import Images
from trap_sim.card import CardFaults, SimCard
from trap_tools import keys
from trap_tools.cli import main
from trap_tools.link.client import Unit
from trap_tools.link.line import Line
from trap_tools.update import send
from trap_wire import bundle
from trap_wire.entries import Kind
from trap_wire.errors import LinkError, RefusedError
from trap_wire.smp import Error, Group, OsCommand


class Rig:
    """A unit that takes updates, on a pty. ``healthy`` decides what a started release makes of itself."""

    def __init__(self, root, healthy=True, door=False):
        root.mkdir(exist_ok=True)
        self.bench, self.card = Bench(root, door=door, keys=(keys.public_of(KEY),)), FolderCard(root)
        self.healthy = healthy
        self.images = self._images()
        self.pty = open_pty()
        self._start()

    def _start(self):
        """A server as after power-up: who was logged in before is not any more."""
        reset = writing(Group.OS, OsCommand.RESET, self._reset)
        bench = self.bench
        trust = bench.facts().trust
        self.door = (
            Doorman(bench.unit, trust.keys, trust.signing, lambda: time.monotonic_ns() // 10**6, trust.told)
            if trust
            else None
        )
        facts = dataclasses.replace(bench.facts(), summary=self.summary)
        self.table = {**host_table(facts, door=self.door), **reset, **img_group(self)}
        self.server = Server(self.pty.port, self.table, self.door)

    def summary(self):
        return summary(self.bench.journal, SAFE, None, 0, NOON)

    def _images(self):
        return Images(self.card, self.bench.root / "inbox", lambda: [keys.public_of(KEY)], "3.11")

    # The handlers of whichever Images is there after a restart.
    def state(self, body):
        return self.images.state(body)

    def set_state(self, body):
        return self.images.set_state(body)

    def upload(self, body):
        return self.images.upload(body)

    def erase(self, body):
        return self.images.erase(body)

    def _reset(self, _body):
        """What systemd and the launcher do: choose and start, until the release is confirmed or left."""
        self.images = self._images()
        if self.door:
            self.door._open_until_ms = None
        while boot.choose(self.card).on_trial:
            if self.healthy:
                boot.confirm(self.card)
        return {}


@pytest.fixture
def rig(tmp_path):
    made = Rig(tmp_path / "unit")
    with serving(made.server):
        yield made
    made.pty.close()
    made.bench.journal.close()


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    return {version: release(folder / version, version) for version in ("1.0", "1.1")}


@pytest.fixture
def trusted(tmp_path):
    (tmp_path / "key.pub").write_text(public_line(KEY) + "\n" + public_line(OTHER))
    return tmp_path / "key.pub"


def manul(*words):
    return CliRunner().invoke(main, ["update", *map(str, words)])


def opened(path):
    return bundle.opened(path, [keys.public_of(KEY)], keys.check)


def sent(rig, path):
    with Line(rig.pty.path) as line:
        unit = Unit(line)
        send.upload(unit, path, lambda *_: None, chunk=1024)
        send.tried(unit, opened(path), pause_s=0.05)


def test_release_goes_through_the_cable_is_tried_and_confirmed(rig, bundles, trusted):
    for version in ("1.0", "1.1"):
        answer = manul(bundles[version], "--key", trusted, "--port", rig.pty.path, "--restart", "--json")
        assert answer.exit_code == 0, answer.output
    assert state.load(rig.card).release(state.load(rig.card).active).version == "1.1"
    assert manul("--show", "--port", rig.pty.path).output.splitlines() == ["runs 1.1", "ready 1.0"]


def test_release_that_is_never_healthy_is_told_to_the_host(rig, bundles, trusted):
    assert manul(bundles["1.0"], "--key", trusted, "--port", rig.pty.path, "--restart").exit_code == 0
    rig.healthy = False
    answer = manul(bundles["1.1"], "--key", trusted, "--port", rig.pty.path, "--restart")
    assert answer.exit_code == 6
    assert "went back to 1.0" in answer.output
    assert "1.1 was left" in rig.images.said
    rig.bench.journal.append(
        Kind.ERROR, NOON, {"part": "update", "words": rig.images.said}
    )  # as trapd does when it arms
    assert rig.images.said in manul("--show", "--port", rig.pty.path).output


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: release(folder, "0.9"), "older than 1.0"),
        (lambda folder: release(folder, "1.5", key=OTHER), "not a key that you trust"),
        (lambda folder: release(folder, "1.6", python=("3.13",)), "this unit has 3.11"),
    ],
)
def test_unit_says_why_it_does_not_take_a_release_and_runs_on(rig, bundles, tmp_path, make, said):
    trusted = tmp_path / "key.pub"
    trusted.write_text(public_line(KEY) + "\n" + public_line(OTHER))
    assert manul(bundles["1.0"], "--key", trusted, "--port", rig.pty.path, "--restart").exit_code == 0
    answer = manul(make(tmp_path / "other"), "--key", trusted, "--port", rig.pty.path)
    assert answer.exit_code == 9, answer.output
    assert said in answer.output
    assert boot.choose(rig.card).version == "1.0"


def test_unit_without_keys_says_how_to_give_it_one_before_a_release_is_sent(rig, bundles, trusted):
    rig.images._allowed = list
    answer = manul(bundles["1.0"], "--key", trusted, "--port", rig.pty.path)
    assert answer.exit_code == 9
    assert "manul keys add FILE.pub --port P" in answer.output
    assert not (rig.bench.root / "inbox").exists()


def test_unit_that_takes_no_releases_says_so(rig, trusted, bundles):
    for command in list(rig.table):
        if command[0] == Group.IMG:
            del rig.table[command]
    for words in (["--show"], [bundles["1.0"], "--key", trusted]):
        answer = manul(*words, "--port", rig.pty.path)
        assert answer.exit_code == 9
        assert "takes no releases over the cable" in answer.output


def test_release_older_than_what_runs_is_refused_before_a_byte_is_sent(rig, bundles, trusted, tmp_path):
    assert manul(bundles["1.0"], "--key", trusted, "--port", rig.pty.path, "--restart").exit_code == 0
    answer = manul(release(tmp_path / "old", "0.9"), "--key", trusted, "--port", rig.pty.path)
    assert answer.exit_code == 9
    assert "0.9 is older than 1.0, which runs" in answer.output
    assert "build the old one anew under a higher version" in answer.output
    assert not list((rig.bench.root / "inbox").glob("*.part"))


def test_release_that_is_ready_is_not_sent_again_and_one_that_runs_is_said_to(rig, bundles, trusted):
    sent(rig, bundles["1.0"])
    boot.confirm(rig.card)
    with Line(rig.pty.path) as line:
        send.upload(Unit(line), bundles["1.1"], lambda *_: None)  # and then the cable was cut
    assert wait_until(lambda: state.load(rig.card).release("b"))
    sent_again = []
    rig.images.upload = lambda body: sent_again.append(body) or {"off": 0}
    again = manul(bundles["1.1"], "--key", trusted, "--port", rig.pty.path, "--restart", "--json")
    assert again.exit_code == 0, again.output
    said = json.loads(again.output)
    assert (said["version"], said["confirmed"], sent_again) == ("1.1", True, [])
    assert "runs 1.1" in manul(bundles["1.1"], "--key", trusted, "--port", rig.pty.path).output


def wait_until(true, timeout_s=10):
    end = time.monotonic() + timeout_s
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(true())


def test_several_units_at_once_and_one_that_fails_stops_no_other(rig, bundles, trusted, tmp_path):
    other = Rig(tmp_path / "other")
    with serving(other.server):
        ports = [word for port in (rig.pty.path, "/dev/ttyNOSUCH", other.pty.path) for word in ("--port", port)]
        answer = manul(bundles["1.0"], "--key", trusted, *ports, "--restart", "--json")
        lines = [json.loads(line) for line in answer.stdout.splitlines()]
        assert [(line["confirmed"], "trouble" in line) for line in lines] == [
            (True, False),
            (False, True),
            (True, False),
        ]
        assert "/dev/ttyNOSUCH" in lines[1]["trouble"]
        assert answer.exit_code == 4
        shown = manul("--show", *ports[:2], *ports[4:]).output.splitlines()
        assert [line.partition(": ")[2] for line in shown] == ["runs 1.0"] * 2
    other.pty.close()
    other.bench.journal.close()
    assert state.load(other.card).release(state.load(other.card).active).version == "1.0"


def test_cut_cable_goes_on_where_it_stopped_even_after_a_restart_of_the_unit(rig, bundles):
    path = bundles["1.0"]
    half = []

    def stop(done, _size):
        half.append(done)
        if len(half) == 4:
            raise LinkError("cut")

    with Line(rig.pty.path) as line, pytest.raises(LinkError):
        send.upload(Unit(line), path, stop, chunk=1024)
    rig.images = rig._images()
    again = []
    with Line(rig.pty.path) as line:
        send.upload(Unit(line), path, lambda done, _size: again.append(done), chunk=1024)
    assert again[0] == half[-1]
    assert again[-1] == path.stat().st_size


def test_noisy_cable_brings_the_bundle_whole(rig, bundles):
    cable = Cable(rig.pty.path, noise(0.02))
    try:
        with Line(cable.path) as line:
            unit = Unit(line)
            send.upload(unit, bundles["1.0"], lambda *_: None, chunk=256)
            send.tried(unit, opened(bundles["1.0"]), pause_s=0.05)
    finally:
        cable.close()
    assert boot.choose(rig.card).version == "1.0"


def test_last_answer_lost_is_answered_the_same_again(tmp_path, bundles):
    images = Images(
        FolderCard(tmp_path), tmp_path / "inbox", lambda: [keys.public_of(KEY)], "3.11", run=lambda work: work()
    )
    raw = bundles["1.0"].read_bytes()
    request = {"off": 0, "data": raw, "len": len(raw), "sha": hashlib.sha256(raw).digest()}
    assert images.upload(request) == images.upload(request) == {"off": len(raw), "match": True}


def test_bundle_that_arrives_changed_is_dropped_and_asked_for_again(tmp_path, bundles):
    images = Images(FolderCard(tmp_path), tmp_path / "inbox", lambda: [keys.public_of(KEY)], "3.11")
    raw = bundles["1.0"].read_bytes()
    answer = images.upload({"off": 0, "data": raw, "len": len(raw), "sha": bytes(32)})
    assert answer["rc"] == Error.CORRUPT
    assert not list((tmp_path / "inbox").iterdir())


@pytest.mark.parametrize(
    "body",
    [{}, {"off": -1}, {"off": 0}, {"off": 0, "data": b"", "len": 0, "sha": bytes(32)}, {"off": 5, "data": b"x"},
     {"off": 0, "data": b"x", "len": 10**12, "sha": bytes(32)}, {"off": 0, "data": "x", "len": 1, "sha": bytes(32)},
     {"off": 0, "data": b"x", "len": 1, "sha": b"short"}, {"off": True, "data": b""}],
)  # fmt: skip
def test_senseless_upload_is_refused_never_a_crash(tmp_path, body):
    images = Images(FolderCard(tmp_path), tmp_path / "inbox", list, "3.11")
    assert images.upload(body)["rc"] in (Error.INVALID, Error.BAD_STATE)


def whole(bundles):
    raw = bundles["1.0"].read_bytes()
    return {"off": 0, "data": raw, "len": len(raw), "sha": hashlib.sha256(raw).digest()}


def test_unit_that_cannot_write_where_its_releases_lie_says_so(tmp_path, bundles):
    (tmp_path / "file").write_bytes(b"")
    images = Images(FolderCard(tmp_path), tmp_path / "file" / "inbox", lambda: [b""], "3.11")
    answer = images.upload(whole(bundles))
    assert (answer["rc"], "Not a directory" in answer["rsn"]) == (Error.NO_MEMORY, True)
    assert "failing and read-only" in answer["rsn"]


def test_card_that_turns_read_only_before_the_trial_says_so_and_the_unit_runs_on(tmp_path, bundles):
    card = SimCard(tmp_path)
    images = Images(card, tmp_path / "inbox", lambda: [keys.public_of(KEY)], "3.11", run=lambda work: work())
    assert images.upload(whole(bundles))["match"]
    worn = Images(SimCard(tmp_path, CardFaults(read_only=True)), tmp_path / "inbox", list, "3.11")
    answer = worn.set_state({"hash": bytes.fromhex(opened(bundles["1.0"]).sha256)})
    assert (answer["rc"], "Read-only" in answer["rsn"]) == (Error.NO_MEMORY, True)
    assert state.load(card).trial == ""


def test_state_is_busy_while_a_bundle_is_unpacked(tmp_path, bundles):
    go = threading.Event()

    def later(work):
        threading.Thread(target=lambda: (go.wait(10), work()), daemon=True).start()

    images = Images(FolderCard(tmp_path), tmp_path / "inbox", lambda: [keys.public_of(KEY)], "3.11", run=later)
    raw = bundles["1.0"].read_bytes()
    images.upload({"off": 0, "data": raw, "len": len(raw), "sha": hashlib.sha256(raw).digest()})
    wanted = {"hash": bytes.fromhex(opened(bundles["1.0"]).sha256)}
    assert images.set_state(wanted)["rc"] == Error.BUSY
    go.set()
    end = time.monotonic() + 10
    while images.set_state(wanted).get("rc") == Error.BUSY and time.monotonic() < end:
        time.sleep(0.01)
    assert boot.choose(FolderCard(tmp_path)).version == "1.0"


def test_unknown_hash_is_refused(rig):
    with Line(rig.pty.path) as line, pytest.raises(RefusedError, match="send the bundle first"):
        send.tried(Unit(line), FakeBundle())


class FakeBundle:
    sha256 = "00" * 32


def test_stock_smpclient_reads_the_state(rig, bundles):
    sent(rig, bundles["1.0"])
    rig._reset({})

    async def ask():
        async with SMPClient(SMPSerialTransport(), rig.pty.path) as client:
            return await client.request(ImageStatesRead())

    found = asyncio.run(ask())
    assert [(i.version, i.confirmed) for i in found.images] == [("1.0", True)]


@pytest.fixture
def locked(tmp_path, monkeypatch):
    monkeypatch.setenv("MANUL_HOME", str(tmp_path / "laptop"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    made = Rig(tmp_path / "locked", door=True)
    with serving(made.server):
        yield made
    made.pty.close()
    made.bench.journal.close()


def private_key(path, key):
    forms = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(*forms))
    return path


def test_locked_unit_is_updated_and_restarted_with_the_programmes_key(locked, bundles, trusted, tmp_path):
    private = private_key(tmp_path / "programme", KEY)
    answer = manul(
        bundles["1.0"], "--key", trusted, "--port", locked.pty.path, "--login", private, "--restart", "--json"
    )
    assert answer.exit_code == 0, answer.output
    assert state.load(locked.card).release(state.load(locked.card).active).version == "1.0"
    assert manul("--show", "--port", locked.pty.path, "--login", private).output.splitlines() == ["runs 1.0"]
    # Before the restart, for the restart, and once after it; not at every look.
    assert len(locked.bench.visitors) <= 4


def test_locked_unit_takes_neither_a_release_nor_a_restart_without_the_key(locked, bundles, trusted, tmp_path):
    private = private_key(tmp_path / "other", OTHER)
    answer = manul(bundles["1.0"], "--key", trusted, "--port", locked.pty.path, "--login", private, "--restart")
    assert answer.exit_code == 9
    assert "does not take any key" in answer.output
    with Line(locked.pty.path) as line, pytest.raises(RefusedError, match="access denied"):
        Unit(line).ask(os_mgmt.ResetWriteRequest(), os_mgmt.ResetWriteResponse)
