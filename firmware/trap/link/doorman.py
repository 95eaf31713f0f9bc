"""Who may ask for what: a programme's key opens the unit for ten minutes; without keys it is on the bench and open to all.

Before the login every question but a few gets one and the same answer, so a thief learns nothing by asking.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from trap.link.answers import Body, SmpError, Table, reading, writing
from trap_wire import login, sshsig
from trap_wire.smp import Error, Group, Op, OsCommand, TrapCommand

_OPEN_TO_ALL = frozenset({
    (Group.OS, OsCommand.ECHO, Op.READ),
    (Group.OS, OsCommand.ECHO, Op.WRITE),
    (Group.OS, OsCommand.PARAMS, Op.READ),
    (Group.OS, OsCommand.INFO, Op.READ),
    (Group.TRAP, TrapCommand.SUMMARY, Op.READ),
    (Group.TRAP, TrapCommand.CHALLENGE, Op.READ),
    (Group.TRAP, TrapCommand.AUTH, Op.WRITE),
})  # fmt: skip
_CHALLENGE_MS = 60_000


class Signing(Protocol):
    """Ed25519 with the unit's own key."""

    def public(self) -> bytes:
        """The unit's public key, 32 bytes."""

    def sign(self, data: bytes) -> bytes:
        """The unit's signature, 64 bytes."""

    def is_signed(self, public: bytes, signature: bytes, data: bytes) -> bool:
        """Whether ``public`` signed ``data``."""


@dataclass(slots=True)
class _Challenge:
    host_nonce: bytes
    unit_nonce: bytes
    until_ms: int


class Doorman:
    """Owner of the session of one port. ``told(words, key)`` hears of every login and of refusals, for the journal."""

    def __init__(
        self,
        unit: str,
        keys: Callable[[], tuple[bytes, ...]],
        signing: Signing,
        now_ms: Callable[[], int],
        told: Callable[[str, str], None] = lambda _words, _key: None,
    ) -> None:
        self._unit = unit
        self._keys = keys
        self._signing = signing
        self._now_ms = now_ms
        self._told = told
        self._challenge: _Challenge | None = None
        self._open_until_ms: int | None = None
        self.refused = 0

    @property
    def bench(self) -> bool:
        """Whether there is no programme key yet: everything is open, and said to be."""
        return not self._keys()

    @property
    def open(self) -> bool:
        """Whether everything may be asked now."""
        return self.bench or (self._open_until_ms is not None and self._now_ms() < self._open_until_ms)

    def admit(self, row: tuple[int, int, int]) -> None:
        """Pass, or raise the one refusal, whatever was asked and whether or not it exists."""
        if row not in _OPEN_TO_ALL and not self.open:
            raise SmpError(Error.ACCESS_DENIED)

    def table(self) -> Table:
        """The two commands of a login."""
        return {
            **reading(Group.TRAP, TrapCommand.CHALLENGE, self._on_challenge),
            **writing(Group.TRAP, TrapCommand.AUTH, self._on_auth),
        }

    def _on_challenge(self, body: Body) -> Body:
        if self.bench:
            raise SmpError(Error.BAD_STATE, "bench: no programme key on this unit")
        nonce = body.get("nonce")
        if not isinstance(nonce, bytes) or len(nonce) != login.NONCE_BYTES:
            raise SmpError(Error.INVALID, f"nonce: {login.NONCE_BYTES} bytes expected")
        if not self._outstanding(nonce):
            mine = secrets.token_bytes(login.NONCE_BYTES)
            self._challenge = _Challenge(nonce, mine, self._now_ms() + _CHALLENGE_MS)
        assert self._challenge is not None  # noqa: S101  # just made, or outstanding
        return {"unit": self._unit, "nonce": self._challenge.unit_nonce, "key": self._signing.public()}

    def _outstanding(self, nonce: bytes) -> bool:
        """Whether this is the last question again: a slow first login is asked for twice, and signed for once."""
        asked = self._challenge
        return asked is not None and asked.host_nonce == nonce and self._now_ms() <= asked.until_ms

    def _on_auth(self, body: Body) -> Body:
        challenge, self._challenge = self._challenge, None  # used once, right or wrong
        if challenge is None or self._now_ms() > challenge.until_ms or not self._is_ours(body, challenge):
            self.refused += 1
            if self.refused & (self.refused - 1) == 0:  # the first, second, fourth…: a flood must not fill the journal
                self._told(f"login refused, {self.refused} so far", "")
            raise SmpError(Error.ACCESS_DENIED)
        self._open_until_ms = self._now_ms() + login.SESSION_S * 1000
        self._told("login", login.fingerprint(body["key"]))
        answer = login.message(login.UNIT, self._unit, challenge.host_nonce, challenge.unit_nonce)
        return {"sig": self._signing.sign(answer), "seconds": login.SESSION_S}

    def _is_ours(self, body: Body, challenge: _Challenge) -> bool:
        public, signature = body.get("key"), body.get("sig")
        if not isinstance(public, bytes) or not isinstance(signature, bytes) or public not in self._keys():
            return False
        said = login.message(login.HOST, self._unit, challenge.host_nonce, challenge.unit_nonce)
        try:
            return self._signing.is_signed(*sshsig.at_login(public, signature, said))
        except ValueError:
            return False


def coarse(full: Body) -> Body:
    """What anybody may know of a unit's health: no place, no counts, no names but its own."""
    battery = full.get("battery") or {}
    return {
        "unit": full.get("unit"),
        "locked": True,
        "battery_state": battery.get("state"),
        "well": not full.get("trouble"),
    }
