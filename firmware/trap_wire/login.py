"""What is signed when a laptop logs in to a unit, and when the unit answers: the same bytes on both ends.

``context ‖ role ‖ unit ‖ host nonce ‖ unit nonce``: the context keeps the signature from meaning anything elsewhere, the role
keeps either side's from serving as the other's, the unit's name keeps one unit's from opening another, the nonces keep
yesterday's from opening today.
"""

import hashlib

NONCE_BYTES = 32
SESSION_S = 600
_CONTEXT = b"manul-login-1"
HOST, UNIT = b"host", b"unit"


def message(role: bytes, unit: str, host_nonce: bytes, unit_nonce: bytes) -> bytes:
    """The bytes to sign, as ``role``."""
    parts = (_CONTEXT, role, unit.encode(), host_nonce, unit_nonce)
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def fingerprint(public: bytes) -> str:
    """Short name of a key for people: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]
