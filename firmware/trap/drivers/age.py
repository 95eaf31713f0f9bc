"""Sealing what the unit writes, by age (pyrage, the Rust implementation): the unit holds no key that opens it again.

- absent (pyrage is not installed): ``StorageError`` at start; nothing is ever written in the clear instead.
- slow: a burst waits for it as for the card.
- lying (a recipient that is no key): ``BadInputError`` with what is wrong with it.
- gone in mid-use: cannot be, it is in memory; a picture that it refuses is lost as one that the card refuses, and said.
"""

from collections.abc import Callable

from trap_wire.errors import BadInputError, StorageError


def sealer(recipients: str) -> Callable[[bytes], bytes] | None:
    """What encrypts to ``recipients`` (age1… or ssh-ed25519 …, comma between); None when there are none.

    ``StorageError`` when pyrage is missing: a unit that was told to seal must not start writing in the clear, and a release
    without it is rolled back because it does not start. ``BadInputError`` for a key that is none.
    """
    if not recipients:
        return None
    try:
        import pyrage
    except ImportError as error:
        raise StorageError(
            "sealed_to is set, but pyrage is not installed: nothing may be written in the clear"
        ) from error
    try:
        keys = [_recipient(pyrage, text) for text in recipients.split(",")]
    except pyrage.RecipientError as error:
        raise BadInputError(f"station.sealed_to: {error}") from error

    def seal(data: bytes) -> bytes:
        try:
            return bytes(pyrage.encrypt(data, keys))
        except Exception as error:  # its own kinds of error, and pyo3's: whatever it is, nothing goes out in the clear
            raise StorageError(f"not sealed, so not written: {type(error).__name__}: {error}") from error

    return seal


def _recipient(pyrage: object, text: str) -> object:
    kind = pyrage.ssh if text.startswith("ssh-") else pyrage.x25519  # type: ignore[attr-defined]
    return kind.Recipient.from_str(text)
