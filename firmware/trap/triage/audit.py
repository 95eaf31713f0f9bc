"""Which blanks are kept whole for a person to check: a keyed draw, so that nobody can predict or steer it."""

import hashlib
import hmac


def drawn(audit_key: str, burst: str, audit_every: int) -> bool:
    """Whether this burst is in the audit sample: one in ``audit_every``, by HMAC-SHA256 over its name.

    The same key and name always give the same answer: a scientist with the key can prove that the sample was not chosen.
    """
    digest = hmac.new(bytes.fromhex(audit_key), burst.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") % audit_every == 0
