"""The laptop's keys: private ones that it logs in with, ssh-agent's, and the units' own, remembered from the first visit."""

import json
import os
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trap_tools import durable, keys
from trap_tools.i18n import say
from trap_wire import sshsig
from trap_wire.errors import BadInputError, RefusedError, TrapError
from trap_wire.login import fingerprint

HOME = "MANUL_HOME"
_AGENT_LIST, _AGENT_LISTED, _AGENT_SIGN, _AGENT_SIGNED = 11, 12, 13, 14


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that can sign: from a file or from ssh-agent. ``public`` is 32 bytes, a signature 64.

    Of a FIDO token ``public`` is the OpenSSH blob and a signature has flags and counter behind it: good for a login only.
    """

    name: str
    public: bytes
    sign: Callable[[bytes], bytes]
    touch: bool = False  # somebody has to touch the token, and must be told to


def home() -> Path:
    """Where keys lie: ``$MANUL_HOME``, else the user's folder for settings."""
    return Path(os.environ.get(HOME) or click.get_app_dir("manul"))


def new(name: str) -> Path:
    """A new key pair in OpenSSH format; the path of the private one, readable by its owner only."""
    key = Ed25519PrivateKey.generate()
    passphrase = os.environ.get(keys.PASSPHRASE, "").encode()
    protection = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, protection)
    return _kept(key, private, name)


def add(source: Path, name: str) -> Path:
    """Take a private key of the programme into the store; the path of the copy."""
    return _kept(keys.load_private(source), source.read_bytes(), name)


def _kept(key: Ed25519PrivateKey, private: bytes, name: str) -> Path:
    """Write a private key that only its owner may read, never over another, and its public half beside it."""
    path = _path(name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(private)
        file.flush()
        os.fsync(file.fileno())
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    durable.write(path.with_name(path.name + ".pub"), public + f" {name}\n".encode())
    return path


def signers(extra: tuple[Path, ...] = ()) -> Iterator[Signer]:
    """Every key that may open a unit, named ones first; a key of the store that cannot be read is passed over."""
    for path in extra:
        yield _signer(path)
    for public in sorted((home() / "keys").glob("*.pub")):
        try:
            yield _signer(public.with_suffix(""))
        except TrapError:
            continue
    yield from agent_signers()


def agent_signers() -> Iterator[Signer]:
    """Ed25519 keys that ssh-agent holds, those of FIDO tokens too; nothing when there is no agent."""
    answer = _agent(bytes([_AGENT_LIST]))
    if not answer or answer[0] != _AGENT_LISTED:
        return
    (count,), at = struct.unpack_from(">I", answer, 1), 5
    for _ in range(count):
        blob, at = _string(answer, at)
        comment, at = _string(answer, at)
        kind, behind = _string(blob, 0)
        if kind in (sshsig.ALGORITHM, sshsig.FIDO):
            public = _string(blob, behind)[0] if kind == sshsig.ALGORITHM else blob
            name = f"ssh-agent: {comment.decode(errors='replace')}"
            yield Signer(name, public, _agent_signing(blob), touch=kind == sshsig.FIDO)


def check_unit(unit: str, public: bytes) -> None:
    """Remember a unit's key at the first visit; ``RefusedError`` when it has another one later."""
    path = home() / "known_units.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    if known.get(unit, public.hex()) != public.hex():
        raise RefusedError(
            say(
                "{unit}: not the unit that was visited before under that name (key {key}). If its card was replaced, delete "
                "its line in {path} and try again",
                unit=unit,
                key=fingerprint(public),
                path=path,
            )
        )
    if unit not in known:
        durable.write(path, json.dumps({**known, unit: public.hex()}, indent=1, sort_keys=True).encode())


def _signer(path: Path) -> Signer:
    key = keys.load_private(path)
    return Signer(path.name, keys.public_of(key), key.sign)


def _path(name: str) -> Path:
    if not name or not all(letter.isalnum() or letter in "-_." for letter in name) or name.startswith("."):
        raise BadInputError(f"key name {name!r}: letters, digits, '-', '_' and '.' only")
    path = home() / "keys" / name
    if path.exists():
        raise BadInputError(f"{path}: there is a key of that name already; choose another name")
    return path


def _agent_signing(blob: bytes) -> Callable[[bytes], bytes]:
    def sign(data: bytes) -> bytes:
        request = bytes([_AGENT_SIGN]) + _packed(blob) + _packed(data) + struct.pack(">I", 0)
        answer = _agent(request)
        if not answer or answer[0] != _AGENT_SIGNED:
            raise RefusedError("ssh-agent did not sign: was the question answered with no?")
        signature, _ = _string(answer, 1)
        _, at = _string(signature, 0)
        value, behind = _string(signature, at)
        return value + signature[behind:]  # a FIDO key's flags and counter follow; of another kind nothing does

    return sign


def _agent(request: bytes) -> bytes:
    """One conversation with ssh-agent (draft-miller-ssh-agent); empty when there is none."""
    path = os.environ.get("SSH_AUTH_SOCK")
    if not path or not hasattr(socket, "AF_UNIX"):
        return b""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as agent:
            agent.settimeout(30)
            agent.connect(path)
            agent.sendall(_packed(request))
            (length,) = struct.unpack(">I", _exactly(agent, 4))
            return _exactly(agent, length)
    except (OSError, struct.error):
        return b""


def _exactly(agent: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length and (more := agent.recv(length - len(data))):
        data += more
    return data


def _packed(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _string(data: bytes, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from(">I", data, at)
    return data[at + 4 : at + 4 + length], at + 4 + length
