"""A FIDO token behind an ssh-agent, emulated: a Unix socket that lists its key and signs as OpenSSH's ``PROTOCOL.u2f`` says."""

import hashlib
import socket
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trap_tools.keys import public_of
from trap_wire import sshsig

LIST, LISTED, SIGN, SIGNED, FAILURE = 11, 12, 13, 14, 5


def packed(*parts: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


@dataclass
class Token:
    """``touched``: whether somebody touches it when it blinks; one that does not ask signs without the flag."""

    application: bytes = b"ssh:"
    touched: bool = True
    counter: int = 0
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def blob(self) -> bytes:
        return packed(sshsig.FIDO, public_of(self.key), self.application)

    def sign(self, data: bytes) -> bytes:
        """64 bytes, then flags and counter."""
        self.counter += 1
        behind = struct.pack(">BI", int(self.touched), self.counter)
        hashes = hashlib.sha256(self.application).digest(), hashlib.sha256(data).digest()
        return self.key.sign(hashes[0] + behind + hashes[1]) + behind


class Agent:
    """Serves one token at ``path`` until ``close``."""

    def __init__(self, path: Path, token: Token) -> None:
        self._token = token
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            with caller, caller.makefile("rb") as heard:
                (length,) = struct.unpack(">I", heard.read(4))
                caller.sendall(packed(self._answer(heard.read(length))))

    def _answer(self, request: bytes) -> bytes:
        if request[0] == LIST:
            return bytes([LISTED]) + struct.pack(">I", 1) + packed(self._token.blob, b"field token")
        blob, data, _ = sshsig._strings(request[1:-4] + packed(b""), 3)
        if request[0] != SIGN or blob != self._token.blob:
            return bytes([FAILURE])
        said = self._token.sign(data)
        return bytes([SIGNED]) + packed(packed(sshsig.FIDO, said[:64]) + said[64:])
