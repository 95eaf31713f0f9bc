"""Small things that a unit keeps beside its pictures: its own key, the programme's keys. No host can name them."""

from collections.abc import Callable

from trap.ports import Card
from trap.store.media import durable_write
from trap_wire.errors import StorageError

_FOLDER = "vault"


class Vault:
    """Named values on the card."""

    def __init__(self, card: Card) -> None:
        self._card = card

    def read(self, name: str) -> bytes | None:
        """A value; None when there is none."""
        path = f"{_FOLDER}/{name}"
        return self._card.read(path) if self._card.size(path) is not None else None

    def keep(self, name: str, value: bytes) -> None:
        """Write a value; when this returns it survives a power cut."""
        durable_write(self._card, f"{_FOLDER}/{name}", value)

    def first(self, name: str, make: Callable[[], bytes]) -> bytes:
        """A value that is made once. A card that does not take it makes do with one for today."""
        if (value := self.read(name)) is not None:
            return value
        value = make()
        try:
            self.keep(name, value)
        except StorageError:
            return value
        return value
