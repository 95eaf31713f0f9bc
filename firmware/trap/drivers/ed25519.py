"""Ed25519 by ``cryptography``, loaded when the first laptop logs in and not before.

The unit has this library already, for updates: a second one (PyNaCl, 3.7 MB resident against 10.3 MB measured here) would
be one more to keep patched in the field, for memory that is only taken while somebody is at the cable.

- absent (a release without it): ``ImportError``, a defect of that command to the link; what needs no login goes on.
- slow (the first login loads it): the laptop waits.
- lying (a signature or a key that is none): False, never an exception.
- gone in mid-use: cannot be, it is in memory.
"""

import secrets
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SEED_BYTES = 32


def new_seed() -> bytes:
    """A new unit key."""
    return secrets.token_bytes(SEED_BYTES)


class Ed25519:
    """``trap.link.doorman.Signing`` with the key that grows from ``seed`` (32 bytes)."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed

    def public(self) -> bytes:
        """The unit's public key."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, data: bytes) -> bytes:
        """The unit's signature."""
        return self._key.sign(data)

    def is_signed(self, public: bytes, signature: bytes, data: bytes) -> bool:
        """Whether ``public`` signed ``data``."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
        except (InvalidSignature, ValueError):
            return False
        return True

    @cached_property
    def _key(self) -> "Ed25519PrivateKey":
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self._seed)
