"""Logging in to a unit: each side proves its key to the other, for ten minutes."""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import click

from trap_tools import keys
from trap_tools.i18n import say
from trap_tools.keys import keystore
from trap_tools.keys.keystore import Signer
from trap_tools.link import group70
from trap_tools.link.client import Unit
from trap_tools.link.line import BAUD, Line
from trap_wire import login
from trap_wire.errors import IntegrityError, RefusedError

_RENEW_S = login.SESSION_S - 120


@contextmanager
def opened(
    port: str, signers: Callable[[], Iterable[Signer]], baud: int = BAUD
) -> "Iterator[tuple[Unit, str, Session]]":
    """A unit at a port, its name, and the login, opened."""
    with Line(port, baud) as line:
        unit = Unit(line)
        name = unit.hello()
        session = Session(unit, signers)
        session.open()
        yield unit, name, session


class Session:
    """A login that is renewed before it ends. ``bench`` says that the unit has no keys and is open to all."""

    def __init__(
        self,
        unit: Unit,
        signers: Callable[[], Iterable[Signer]] = keystore.signers,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._unit = unit
        self._signers = signers
        self._signer: Signer | None = None
        self._since: float | None = None
        self.bench = False

    def open(self) -> None:
        """Log in; ``RefusedError`` when no key that is here opens the unit, or the unit is not the one it was."""
        for signer in [self._signer] if self._signer else self._signers():
            if self.bench or self._accepted(signer):
                return
        if not self.bench and not self._is_bench():
            raise RefusedError(
                say(
                    "the unit does not take any key that is here. manul keys list shows them, manul keys add takes in the "
                    "programme's, --key names one for now"
                )
            )

    def renew(self) -> None:
        """Log in again when the ten minutes are nearly over."""
        if self._since is not None and self._monotonic() - self._since > _RENEW_S:
            self.open()

    def _is_bench(self) -> bool:
        return self._challenge() is None

    def _challenge(self) -> tuple[bytes, group70.ChallengeResponse] | None:
        nonce = secrets.token_bytes(login.NONCE_BYTES)
        try:
            return nonce, self._unit.ask(group70.ChallengeRequest(nonce=nonce), group70.ChallengeResponse)
        except RefusedError:
            # No keys on the unit, or a unit that has no door: nothing to log in to.
            self.bench = True
            return None

    def _accepted(self, signer: Signer) -> bool:
        if (challenged := self._challenge()) is None:
            return True
        mine, answer = challenged
        if signer.touch:
            click.echo(say("touch the token when it blinks: {name}", name=signer.name), err=True)
        signature = signer.sign(login.message(login.HOST, answer.unit, mine, answer.nonce))
        try:
            reply = self._unit.ask(group70.AuthRequest(key=signer.public, sig=signature), group70.AuthResponse)
        except RefusedError:
            return False
        _check_unit(answer, reply.sig, mine)
        self._signer, self._since = signer, self._monotonic()
        return True


def _check_unit(answer: group70.ChallengeResponse, signature: bytes, nonce: bytes) -> None:
    """That the unit holds the key it shows, and that it is the key it showed before."""
    try:
        keys.check(answer.key, signature, login.message(login.UNIT, answer.unit, nonce, answer.nonce))
    except Exception as error:  # the library's own exceptions differ by version
        words = say("{unit}: the unit cannot prove who it is. Do not trust what it says", unit=answer.unit)
        raise IntegrityError(words) from error
    keystore.check_unit(answer.unit, answer.key)
