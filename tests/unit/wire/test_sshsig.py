import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.signing import KEY, OTHER, public_line
from trap_tools import keys
from trap_wire import sshsig
from trap_wire.errors import BadInputError, IntegrityError

needs_ssh_keygen = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen on this machine")


def test_signature_names_the_key_that_made_it():
    signature = keys.sign(KEY, b"rules", "manul-protocol")
    assert keys.verify(b"rules", signature, "manul-protocol", [keys.public_of(KEY)]) == keys.public_of(KEY)


@pytest.mark.parametrize(
    ("message", "namespace", "allowed", "said"),
    [
        (b"Rules", "manul-protocol", KEY, "changed after it was signed"),
        (b"rules", "manul-bundle", KEY, "signed as 'manul-protocol'"),
        (b"rules", "manul-protocol", OTHER, "not a key that you trust"),
    ],
)
def test_wrong_signature_says_what_is_wrong(message, namespace, allowed, said):
    signature = keys.sign(KEY, b"rules", "manul-protocol")
    with pytest.raises(IntegrityError, match=said):
        keys.verify(message, signature, namespace, [keys.public_of(allowed)])


@given(st.binary(max_size=300))
def test_noise_is_refused_never_a_crash(noise):
    text = f"{sshsig.BEGIN}\n{noise.decode('latin-1')}\n{sshsig.END}"
    with pytest.raises(IntegrityError):
        sshsig.verify(b"", text, "x", [], keys.check)


@needs_ssh_keygen
def test_stock_ssh_keygen_accepts_our_signature(tmp_path):
    (tmp_path / "allowed").write_text(f"programme {public_line(KEY)}\n")
    (tmp_path / "s.sig").write_text(keys.sign(KEY, b"rules", "manul-protocol"))
    order = ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "programme", "-n", "manul-protocol", "-s", "s.sig"]
    answer = subprocess.run(order, cwd=tmp_path, input=b"rules", capture_output=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert sshsig.fingerprint(keys.public_of(KEY)) in answer.stdout.decode()


@needs_ssh_keygen
def test_we_accept_the_signature_of_stock_ssh_keygen(tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key"], cwd=tmp_path, check=True)
    (tmp_path / "rules").write_bytes(b"rules")
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", "key", "-n", "manul-protocol", "rules"], cwd=tmp_path, check=True
    )
    keys.verify_file(tmp_path / "rules", keys.load_public(tmp_path / "key.pub"), "manul-protocol")


@needs_ssh_keygen
def test_key_with_a_passphrase_asks_for_it(tmp_path, monkeypatch):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "stone", "-f", "key"], cwd=tmp_path, check=True)
    with pytest.raises(BadInputError, match="MANUL_KEY_PASSPHRASE"):
        keys.load_private(tmp_path / "key")
    monkeypatch.setenv("MANUL_KEY_PASSPHRASE", "stone")
    assert keys.public_of(keys.load_private(tmp_path / "key")) in keys.load_public(tmp_path / "key.pub")
