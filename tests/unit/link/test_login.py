import json
import os
import shutil
import subprocess
import time

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from smpclient.generics import error
from smpclient.requests.file_management import FileDownload, FileStatus
from smpclient.requests.os_management import DateTimeRead, EchoWrite

from tests.link_rig import Bench, plugged_in
from tests.unit.link.test_general_clients import asked
from tests.unit.link.test_pull import NOW
from tests.unit.link.test_smp_server import ScriptedPort, request
from trap.drivers.ed25519 import Ed25519
from trap.link.doorman import Doorman
from trap.link.host import host_server
from trap_tools.cli import main
from trap_tools.field.pulling import Options, pull
from trap_tools.keys import keystore, public_of
from trap_tools.keys.keystore import Signer
from trap_tools.link.client import Unit
from trap_tools.link.line import Line
from trap_tools.link.login import Session
from trap_wire import login
from trap_wire.errors import IntegrityError, RefusedError
from trap_wire.smp import Error, Group, Op, TrapCommand


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MANUL_HOME", str(tmp_path / "laptop"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return tmp_path / "laptop"


@pytest.fixture
def programme():
    return Ed25519PrivateKey.generate()


@pytest.fixture
def locked(tmp_path, programme):
    bench = Bench(tmp_path / "unit", door=True, keys=(public_of(programme),))
    bench.wakes(3)
    bench.keep("p", 4_000)
    yield bench
    bench.journal.close()


def signer(key):
    return Signer("test", public_of(key), key.sign)


def with_key(key):
    return Options(set_clock=False, signers=lambda: [signer(key)])


def test_programmes_key_opens_the_unit_and_the_visit_is_journalled(locked, programme, tmp_path):
    with plugged_in(locked) as port:
        receipt = pull(port, tmp_path / "home", options=with_key(programme))
    assert receipt.complete
    assert locked.visitors == [("login", login.fingerprint(public_of(programme)))]


def test_any_other_key_does_not_and_nothing_comes_home(locked, tmp_path):
    with plugged_in(locked) as port, pytest.raises(RefusedError, match="does not take any key"):
        pull(port, tmp_path / "home", options=with_key(Ed25519PrivateKey.generate()))
    assert not (tmp_path / "home").exists()
    assert locked.visitors[0][0] == "login refused, 1 so far"


def test_before_login_every_question_has_the_same_answer(locked):
    with plugged_in(locked) as port:
        there, absent, size, clock, echo = asked(
            port,
            FileDownload(off=0, name="media/p.jpg"),
            FileDownload(off=0, name="media/none.jpg"),
            FileStatus(name="media/p.jpg"),
            DateTimeRead(),
            EchoWrite(d="hi"),
        )
    assert echo.r == "hi"
    assert all(error(answer) for answer in (there, absent, size, clock))
    assert {answer.rc for answer in (there, absent, size, clock)} == {Error.ACCESS_DENIED}


def test_even_a_command_that_does_not_exist_gets_it(locked):
    port = ScriptedPort(request(9, 0, op=Op.WRITE), request(Group.TRAP, 200))
    server = host_server(port, locked.facts())
    server.serve_for(0)
    server.serve_for(0)
    assert [body for _, body in port.answers()] == [{"rc": Error.ACCESS_DENIED}] * 2


def test_locked_summary_tells_health_and_no_more(locked):
    with plugged_in(locked) as port:
        run = CliRunner().invoke(main, ["summary", "--port", port, "--json"])
    facts = json.loads(run.output)
    assert facts == {"port": port, "unit": "MN-017", "locked": True, "battery_state": None, "well": True}


def test_unit_without_keys_is_on_the_bench_and_says_so(tmp_path):
    bench = Bench(tmp_path / "unit", door=True)
    with plugged_in(bench) as port:
        run = CliRunner().invoke(main, ["summary", "--port", port])
        assert json.loads(CliRunner().invoke(main, ["summary", "--port", port, "--json"]).output)["bench"] is True
    assert "anybody can open this unit" in run.output
    bench.journal.close()


class Clock:
    ms = 0

    def __call__(self):
        return self.ms


@pytest.fixture
def door(programme):
    clock = Clock()
    made = Doorman("MN-017", lambda: (public_of(programme),), Ed25519(bytes(32)), clock)
    return made, clock, made.table()


CHALLENGE, AUTH = (Group.TRAP, TrapCommand.CHALLENGE, Op.READ), (Group.TRAP, TrapCommand.AUTH, Op.WRITE)


def answer_to(table, key, nonce=bytes(32), unit="MN-017", role=login.HOST):
    told = table[CHALLENGE]({"nonce": nonce})
    return {"key": public_of(key), "sig": key.sign(login.message(role, unit, nonce, told["nonce"]))}


def test_session_ends_after_ten_minutes(door, programme):
    made, clock, table = door
    table[AUTH](answer_to(table, programme))
    clock.ms += 599_999
    assert made.open
    clock.ms += 1
    assert not made.open


@pytest.mark.parametrize("change", [{"unit": "MN-018"}, {"role": login.UNIT}])
def test_signature_meant_for_something_else_is_refused(door, programme, change):
    made, _, table = door
    with pytest.raises(Exception, match="access denied"):
        table[AUTH](answer_to(table, programme, **change))
    assert not made.open
    assert made.refused == 1


def test_replayed_login_is_refused(door, programme):
    made, clock, table = door
    said = answer_to(table, programme)
    table[AUTH](said)
    clock.ms += 700_000
    table[CHALLENGE]({"nonce": bytes(32)})
    with pytest.raises(Exception, match="access denied"):
        table[AUTH](said)
    assert not made.open


def test_challenge_that_a_slow_unit_was_asked_for_twice_is_the_same_one(door, programme):
    """The laptop repeats what is not answered in a second, and signs the answer that comes first."""
    made, clock, table = door
    said = answer_to(table, programme)
    clock.ms += 12_000
    again = table[CHALLENGE]({"nonce": bytes(32)})
    table[AUTH](said)
    assert made.open and made.refused == 0
    assert table[CHALLENGE]({"nonce": bytes(32)})["nonce"] != again["nonce"], "used once, a challenge is another one"


def test_challenge_is_good_once_and_for_a_minute(door, programme):
    made, clock, table = door
    said = answer_to(table, programme)
    clock.ms += 60_001
    with pytest.raises(Exception, match="access denied"):
        table[AUTH](said)
    with pytest.raises(Exception, match="access denied"):
        table[AUTH](said)
    assert made.refused == 2


def test_laptop_notices_that_the_unit_is_another_one(locked, programme):
    with plugged_in(locked) as port, Line(port) as line:
        Session(Unit(line), lambda: [signer(programme)]).open()
    locked.seed = bytes(32)
    with (
        plugged_in(locked) as port,
        Line(port) as line,
        pytest.raises(RefusedError, match="not the unit that was visited"),
    ):
        Session(Unit(line), lambda: [signer(programme)]).open()


def test_unit_that_cannot_sign_for_the_key_it_shows_is_not_believed(locked, programme):
    class Impostor(Ed25519):
        def sign(self, data):
            return bytes(64)

    facts = locked.facts()
    object.__setattr__(facts.trust, "signing", Impostor(bytes(32)))
    locked.facts = lambda: facts
    with plugged_in(locked) as port, Line(port) as line, pytest.raises(IntegrityError, match="cannot prove who it is"):
        Session(Unit(line), lambda: [signer(programme)]).open()


def test_keys_are_openssh_files_that_only_the_owner_reads(home):
    run = CliRunner().invoke(main, ["keys", "new", "tost"])
    assert run.exit_code == 0
    path = home / "keys/tost"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert (home / "keys/tost.pub").read_text().startswith("ssh-ed25519 ")
    listed = json.loads(CliRunner().invoke(main, ["keys", "list", "--json"]).output)
    assert [one["name"] for one in listed] == ["tost"]
    assert CliRunner().invoke(main, ["keys", "new", "tost"]).exit_code == 3


def test_key_made_by_ssh_keygen_is_taken_in(home, tmp_path):
    if not shutil.which("ssh-keygen"):
        pytest.skip("no ssh-keygen here")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "theirs")], check=True)
    assert CliRunner().invoke(main, ["keys", "add", str(tmp_path / "theirs")]).exit_code == 0
    assert [one.name for one in keystore.signers()] == ["theirs"]


def test_ssh_agent_opens_the_unit(tmp_path, monkeypatch):
    if not shutil.which("ssh-agent"):
        pytest.skip("no ssh-agent here")
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "k"), "-C", "field"], check=True
    )
    socket = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while not socket.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        environment = {**os.environ, "SSH_AUTH_SOCK": str(socket)}
        subprocess.run(["ssh-add", "-q", str(tmp_path / "k")], env=environment, check=True)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        [held] = keystore.agent_signers()
        bench = Bench(tmp_path / "unit", door=True, keys=(held.public,))
        with plugged_in(bench) as port, Line(port) as line:
            Session(Unit(line)).open()
        bench.journal.close()
    finally:
        agent.terminate()
        agent.wait(10)
    assert held.name == "ssh-agent: field"
    assert bench.visitors[0][0] == "login"


class ShortDays:
    """One clock for laptop and unit: it goes only when it is told to."""

    def __init__(self):
        self.ms = 0

    def now(self):
        return NOW

    def monotonic_ms(self):
        return self.ms

    def set(self, now):
        pass


def test_session_is_renewed_within_a_file_that_takes_longer_than_it(locked, programme, tmp_path):
    clock = locked.clock = ShortDays()
    data = locked.keep("long", 1_000_000)

    def half_a_minute(_progress):
        clock.ms += 30_000

    options = Options(
        set_clock=False, signers=lambda: [signer(programme)], monotonic=lambda: clock.ms / 1000, only=("media",)
    )
    with plugged_in(locked) as port:
        receipt = pull(port, tmp_path / "home", half_a_minute, options)
    assert receipt.complete, receipt.problems
    assert (tmp_path / "home/MN-017/tost-2026-a/media/long.jpg").read_bytes() == data
    assert clock.ms > 3 * login.SESSION_S * 1000
    assert [words for words, _ in locked.visitors] == ["login"] * len(locked.visitors)
    assert len(locked.visitors) >= 4
