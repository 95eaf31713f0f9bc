"""OpenSSH signatures (``ssh-keygen -Y sign``) as bytes: so any programme can check ours with a tool that it has.

Format: OpenSSH ``PROTOCOL.sshsig``. Only Ed25519 is taken. The arithmetic is passed in, since this package is standard
library only: ``check(public_key_32_bytes, signature_64_bytes, data)`` raises or returns.
"""

import base64
import binascii
import hashlib
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from trap_wire.errors import IntegrityError

MAGIC = b"SSHSIG"
ALGORITHM = b"ssh-ed25519"
FIDO = b"sk-ssh-ed25519@openssh.com"
_TOUCHED = 0x01  # FIDO's flag of user presence
BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
Check = Callable[[bytes, bytes, bytes], None]


@dataclass(frozen=True, slots=True)
class Signature:
    """A parsed signature: who (32-byte key), for what purpose (namespace), over which hash."""

    public: bytes
    namespace: str
    hash_name: str
    value: bytes


def signed_data(message: bytes, namespace: str, hash_name: str = "sha512") -> bytes:
    """What is really signed: a frame around the message's hash, so no signature serves another purpose."""
    digest = hashlib.new(hash_name, message).digest()
    return MAGIC + b"".join(_string(part) for part in (namespace.encode(), b"", hash_name.encode(), digest))


def armour(public: bytes, namespace: str, value: bytes) -> str:
    """The text that ``ssh-keygen -Y verify`` reads."""
    parts = (public_blob(public), namespace.encode(), b"", b"sha512", _string(ALGORITHM) + _string(value))
    text = base64.b64encode(MAGIC + struct.pack(">I", 1) + b"".join(map(_string, parts))).decode()
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    return "\n".join([BEGIN, *lines, END, ""])


def parse(text: str) -> Signature:
    """Signature from its armour; ``IntegrityError`` when it is not an Ed25519 one."""
    try:
        body = text[text.index(BEGIN) + len(BEGIN) : text.index(END)]
        return _parsed(base64.b64decode("".join(body.split()), validate=True))
    except (ValueError, binascii.Error, struct.error) as error:
        raise IntegrityError(f"not an Ed25519 SSH signature ({error}): sign again with your programme's key") from error


def _parsed(raw: bytes) -> Signature:
    if raw[:10] != MAGIC + struct.pack(">I", 1):
        raise ValueError("unknown version")
    blob, namespace, _, hash_name, signature = _strings(raw[10:], 5)
    kind, value = _strings(signature, 2)
    if (kind, len(value)) != (ALGORITHM, 64) or hash_name not in (b"sha256", b"sha512"):
        raise ValueError("unknown algorithm")
    return Signature(_ed25519(blob), namespace.decode(), hash_name.decode(), value)


def _ed25519(blob: bytes) -> bytes:
    kind, public = _strings(blob, 2)
    if (kind, len(public)) != (ALGORITHM, 32):
        raise ValueError("not an Ed25519 key")
    return public


def verify(message: bytes, text: str, namespace: str, allowed: Iterable[bytes], check: Check) -> bytes:
    """The 32-byte key among ``allowed`` that signed ``message``; ``IntegrityError`` says what is wrong instead."""
    signature = parse(text)
    if signature.namespace != namespace:
        raise IntegrityError(
            f"signed as {signature.namespace!r}, not as {namespace!r}: it is a signature of something else"
        )
    if signature.public not in set(allowed):
        raise IntegrityError(f"signed by {fingerprint(signature.public)}, which is not a key that you trust here")
    try:
        check(signature.public, signature.value, signed_data(message, namespace, signature.hash_name))
    except Exception as error:
        raise IntegrityError("the signature does not match: the file was changed after it was signed") from error
    return signature.public


def public_blob(public: bytes) -> bytes:
    """The key as OpenSSH writes it before base64."""
    return _string(ALGORITHM) + _string(public)


def fingerprint(public: bytes) -> str:
    """What ``ssh-keygen -l`` shows."""
    digest = hashlib.sha256(public_blob(public)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def public_key(line: str) -> bytes:
    """The 32 bytes of an ``ssh-ed25519 AAAA… comment`` line; ``IntegrityError`` when it is another kind."""
    try:
        _, body, *_ = line.split()
        return _ed25519(base64.b64decode(body, validate=True))
    except (ValueError, binascii.Error, struct.error) as error:
        raise IntegrityError(f"not an Ed25519 public key: {line[:60]!r}; make one with 'manul keys new'") from error


def login_key(line: str) -> bytes:
    """What names a key at a login: 32 bytes, or of a FIDO key its whole OpenSSH blob, which has its application in it."""
    if not line.startswith(FIDO.decode()):
        return public_key(line)
    try:
        blob = base64.b64decode(line.split()[1], validate=True)
        _fido(blob)
    except (ValueError, IndexError, binascii.Error, struct.error) as error:
        raise IntegrityError(f"not a FIDO key of OpenSSH: {line[:60]!r}; give the .pub file as it is") from error
    return blob


def at_login(key: bytes, signature: bytes, data: bytes) -> tuple[bytes, bytes, bytes]:
    """What Ed25519 has to check for a login: key, signature, message; ``ValueError`` when the form is wrong.

    A FIDO key signs ``sha256(application) ‖ flags ‖ counter ‖ sha256(data)`` (OpenSSH ``PROTOCOL.u2f``); its signature here
    is the 64 bytes, then flags and counter. Without the flag of a touch it is nobody's word.
    """
    if len(key) == 32:
        return key, signature, data
    public, application = _fido(key)
    if len(signature) != 64 + 5 or not signature[64] & _TOUCHED:
        raise ValueError("not touched")
    return public, signature[:64], hashlib.sha256(application).digest() + signature[64:] + hashlib.sha256(data).digest()


def _fido(blob: bytes) -> tuple[bytes, bytes]:
    """Key and application of a FIDO key's blob."""
    kind, public, application = _strings(blob, 3)
    if (kind, len(public)) != (FIDO, 32) or len(blob) != 12 + len(kind) + len(public) + len(application):
        raise ValueError("not an Ed25519 FIDO key")
    return public, application


def _string(raw: bytes) -> bytes:
    return struct.pack(">I", len(raw)) + raw


def _strings(raw: bytes, count: int) -> list[bytes]:
    found, at = [], 0
    for _ in range(count):
        (length,) = struct.unpack_from(">I", raw, at)
        if at + 4 + length > len(raw):
            raise ValueError("cut short")
        found.append(raw[at + 4 : at + 4 + length])
        at += 4 + length
    return found
