"""Ed25519 on a unit: by ``cryptography`` where it is installed, by OpenSSH's own tool before anything is installed."""

import base64
import subprocess
import tempfile
from pathlib import Path

from trap_wire import sshsig
from trap_wire.errors import IntegrityError


def check(public: bytes, value: bytes, data: bytes) -> None:
    """Raise unless ``value`` is the key's signature of ``data``."""
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        raise IntegrityError("this Python has no Ed25519: the bundle must be checked with openssh") from None
    Ed25519PublicKey.from_public_bytes(public).verify(value, data)


def keys(text: str) -> list[bytes]:
    """The programme's public keys from the text of an ``authorized_keys`` file."""
    lines = [line.strip() for line in text.splitlines()]
    return [sshsig.public_key(line) for line in lines if line and not line.startswith("#")]


def check_with_openssh(message: bytes, signature: str, namespace: str, allowed: list[bytes]) -> None:
    """The whole check by ``ssh-keygen -Y verify``, which every Raspberry Pi OS has; ``IntegrityError`` if not good."""
    with tempfile.TemporaryDirectory() as folder:
        signers = [f"programme ssh-ed25519 {base64.b64encode(sshsig.public_blob(key)).decode()}\n" for key in allowed]
        Path(folder, "allowed").write_text("".join(signers))
        Path(folder, "signature").write_text(signature)
        order = ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "programme", "-n", namespace, "-s", "signature"]
        answer = subprocess.run(order, cwd=folder, input=message, capture_output=True, check=False)
    if answer.returncode:
        raise IntegrityError(f"the signature is not good: {answer.stderr.decode(errors='replace').strip()}")
