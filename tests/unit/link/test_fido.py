import base64
import json

import pytest
from click.testing import CliRunner

from tests.fido import Agent, Token
from tests.link_rig import Bench, plugged_in
from tests.link_unit import WholeUnit
from trap.cable import public_keys
from trap_tools.cli import main
from trap_tools.field.keys import _public_lines
from trap_tools.link.client import Unit
from trap_tools.link.line import Line
from trap_tools.link.login import Session
from trap_wire.entries import Kind
from trap_wire.errors import BadInputError, RefusedError
from trap_wire.login import fingerprint


def public_line(blob):
    return f"sk-ssh-ed25519@openssh.com {base64.b64encode(blob).decode()} field token\n"


def manul(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def token(tmp_path, monkeypatch):
    made = Token()
    agent = Agent(tmp_path / "agent", made)
    monkeypatch.setenv("MANUL_HOME", str(tmp_path / "laptop"))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    yield made
    agent.close()


@pytest.fixture
def locked(tmp_path, token):
    bench = Bench(tmp_path / "unit", door=True, keys=public_keys(public_line(token.blob).encode()))
    yield bench
    bench.journal.close()


def log_in(bench):
    with plugged_in(bench) as port, Line(port) as line:
        Session(Unit(line)).open()


def test_touched_token_opens_the_unit(locked, token):
    log_in(locked)
    log_in(locked)
    assert locked.visitors == [("login", fingerprint(token.blob))] * 2
    assert token.counter == 2


def test_token_that_nobody_touched_opens_nothing(locked, token):
    token.touched = False
    with pytest.raises(RefusedError, match="does not take any key"):
        log_in(locked)
    assert locked.visitors == [("login refused, 1 so far", "")]


def test_same_key_for_another_application_opens_nothing(locked, token):
    token.application = b"ssh:elsewhere"
    with pytest.raises(RefusedError, match="does not take any key"):
        log_in(locked)


def test_flag_of_a_touch_cannot_be_added_afterwards(locked, token, monkeypatch):
    token.touched, honest = False, token.sign
    monkeypatch.setattr(token, "sign", lambda data: (said := honest(data))[:64] + b"\x01" + said[65:])
    with pytest.raises(RefusedError, match="does not take any key"):
        log_in(locked)


def test_token_is_listed_and_its_public_half_can_be_given_to_a_unit(token, tmp_path):
    listed = json.loads(CliRunner().invoke(main, ["keys", "list", "--json"]).output)
    assert listed == [{"name": "ssh-agent: field token", "fingerprint": fingerprint(token.blob)}]
    (tmp_path / "token.pub").write_text(public_line(token.blob))
    assert len(_public_lines(tmp_path / "token.pub")) == 1


@pytest.mark.parametrize("spoil", [lambda blob: blob[:-1], lambda blob: blob + b"x", lambda _blob: b""])
def test_fido_key_that_is_cut_or_longer_is_refused(spoil):
    with pytest.raises(BadInputError, match="FIDO"):
        public_keys(public_line(spoil(Token().blob)).encode())


def test_public_half_of_a_token_is_given_to_a_unit_which_the_token_opens_from_then_on(tmp_path, token):
    """The whole way: a bench unit, ``manul keys add FILE.pub --port``, then commands that only the touched token opens."""
    whole = WholeUnit(tmp_path / "unit")
    (tmp_path / "token.pub").write_text(public_line(token.blob))
    with whole.at_a_cable() as port:
        added = manul("keys", "add", tmp_path / "token.pub", "--port", port)
        opened = manul("check", "--port", port, "--json")
        by_token = token.counter
        token.touched = False
        untouched = manul("aim", "--port", port, "--to", tmp_path)
        token.touched = True
        again = manul("keys", "add", tmp_path / "token.pub", "--port", port)
    visits = [body["what"] for body in whole.kinds(Kind.VISIT)]
    keys = {one["part"]: one["state"] for one in json.loads(opened.stdout)["findings"]}["keys"]
    whole.journal.close()
    assert added.exit_code == 0, added.output
    assert "1 keys, 1 new" in added.output
    assert keys == "pass"
    assert "touch the token when it blinks: ssh-agent: field token" in opened.stderr
    assert by_token == 1
    assert untouched.exit_code == 9
    assert "does not take any key" in untouched.output
    assert "1 keys, 0 new" in again.output
    assert visits == ["login", "login refused, 1 so far", "login"]


def test_token_joins_the_programmes_key_and_either_opens_the_unit(tmp_path, token, monkeypatch):
    whole = WholeUnit(tmp_path / "unit")
    (tmp_path / "token.pub").write_text(public_line(token.blob))
    with whole.at_a_cable() as port:
        assert manul("keys", "new", "tost").exit_code == 0
        manul("keys", "add", tmp_path / "laptop/keys/tost.pub", "--port", port)
        joined = manul("keys", "add", tmp_path / "token.pub", "--port", port)
        before = token.counter
        monkeypatch.setenv("MANUL_HOME", str(tmp_path / "another laptop"))
        with_token = manul("aim", "--port", port, "--to", tmp_path)
    whole.journal.close()
    assert "2 keys, 1 new" in joined.output
    assert before == 0
    assert with_token.exit_code == 0, with_token.output
    assert token.counter == 1
