"""A programme's Ed25519 keys in OpenSSH format: the same files that ``ssh-keygen -t ed25519`` makes."""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from trap_tools import durable
from trap_wire import sshsig
from trap_wire.errors import BadInputError, IntegrityError

PASSPHRASE = "MANUL_KEY_PASSPHRASE"  # noqa: S105  # the name of the variable, not the passphrase


def load_private(path: Path) -> Ed25519PrivateKey:
    """Private key from an OpenSSH file; its passphrase, if any, comes from ``MANUL_KEY_PASSPHRASE``."""
    passphrase = os.environ.get(PASSPHRASE, "").encode() or None
    try:
        key = serialization.load_ssh_private_key(path.read_bytes(), passphrase)
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}: make a key with 'ssh-keygen -t ed25519 -f {path}'") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadInputError(f"{path}: {error}; an encrypted key takes its passphrase from ${PASSPHRASE}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInputError(f"{path}: not an Ed25519 key: make one with 'ssh-keygen -t ed25519'")
    return key


def load_public(path: Path) -> list[bytes]:
    """Every Ed25519 public key (32 bytes each) of a ``.pub`` or ``authorized_keys`` file; at least one."""
    try:
        lines = [line.strip() for line in path.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: cannot be read as a public key: {error}") from error
    found = [sshsig.public_key(line) for line in lines if line and not line.startswith("#")]
    if not found:
        raise BadInputError(f"{path}: holds no key: give the .pub file of your programme's key")
    return found


def public_of(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of a private key's public half."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def sign(key: Ed25519PrivateKey, message: bytes, namespace: str) -> str:
    """Armoured SSH signature; ``namespace`` says for what, and no other purpose takes it."""
    return sshsig.armour(public_of(key), namespace, key.sign(sshsig.signed_data(message, namespace)))


def verify(message: bytes, signature: str, namespace: str, allowed: list[bytes]) -> bytes:
    """The key that signed, one of ``allowed``; ``IntegrityError`` otherwise."""
    return sshsig.verify(message, signature, namespace, allowed, check)


def check(public: bytes, value: bytes, data: bytes) -> None:
    """Ed25519 itself; raises when the signature is wrong."""
    Ed25519PublicKey.from_public_bytes(public).verify(value, data)


def sign_file(path: Path, key: Ed25519PrivateKey, namespace: str) -> Path:
    """Write ``path.sig`` beside a file."""
    target = path.with_name(path.name + ".sig")
    durable.write(target, sign(key, path.read_bytes(), namespace).encode())
    return target


def verify_file(path: Path, allowed: list[bytes], namespace: str) -> bytes:
    """The key that signed a file in its ``.sig`` beside it."""
    signature = path.with_name(path.name + ".sig")
    if not signature.exists():
        raise IntegrityError(f"{path}: not signed ({signature.name} is missing): sign it with your programme's key")
    return verify(path.read_bytes(), signature.read_text(), namespace, allowed)
