"""SMP group 3: values that a host may change. Written ones are staged; commit checks all of them, then keeps all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from trap.link.answers import Body, SmpError, Table, number, reading, text, writing
from trap_wire.errors import BadInputError
from trap_wire.smp import Error, Group

_VALUE, _DELETE, _COMMIT, _PERSIST = 0, 1, 2, 3
_LARGEST = 8 * 1024


class SettingsError(IntEnum):
    """Zephyr's ``SETTINGS_MGMT_ERR_*``."""

    KEY_NOT_FOUND = 5


@dataclass(frozen=True, slots=True)
class Setting:
    """One value. ``check`` raises ``BadInputError`` with words for the host; ``keep`` returns when it is durable."""

    read: Callable[[], bytes]
    check: Callable[[bytes], object]
    keep: Callable[[bytes], None]


class _Settings:
    def __init__(self, settings: Mapping[str, Setting]) -> None:
        self._settings = settings
        self._staged: dict[str, bytes] = {}

    def read(self, body: Body) -> Body:
        value = self._named(text(body, "name")).read()
        most = number(body, "max_size", _LARGEST)
        return {"val": value[:most], **({"max_size": _LARGEST} if most > _LARGEST else {})}

    def write(self, body: Body) -> Body:
        name, value = text(body, "name"), body.get("val")
        if not isinstance(value, bytes) or len(value) > _LARGEST:
            raise SmpError(Error.INVALID, f"val: at most {_LARGEST} bytes expected")
        self._checked(name, value)
        self._staged[name] = value
        return {}

    def drop(self, body: Body) -> Body:
        """What ``delete`` deletes is the staged value; a unit is never left without a setting."""
        name = text(body, "name")
        self._named(name)
        self._staged.pop(name, None)
        return {}

    def load(self, _body: Body) -> Body:
        """Back to what is kept."""
        self._staged.clear()
        return {}

    def commit(self, _body: Body) -> Body:
        for name, value in self._staged.items():
            self._checked(name, value)
        while self._staged:
            name, value = next(iter(self._staged.items()))
            self._settings[name].keep(value)
            del self._staged[name]
        return {}

    def _named(self, name: str) -> Setting:
        if name not in self._settings:
            raise SmpError(Error.NO_ENTRY, group=Group.SETTINGS, code=SettingsError.KEY_NOT_FOUND)
        return self._settings[name]

    def _checked(self, name: str, value: bytes) -> None:
        try:
            self._named(name).check(value)
        except BadInputError as error:
            raise SmpError(Error.INVALID, str(error)) from error


def settings_group(settings: Mapping[str, Setting]) -> Table:
    """Handlers; values are bytes, their meaning is the setting's."""
    group = _Settings(settings)
    return {
        **reading(Group.SETTINGS, _VALUE, group.read),
        **writing(Group.SETTINGS, _VALUE, group.write),
        **writing(Group.SETTINGS, _DELETE, group.drop),
        **writing(Group.SETTINGS, _COMMIT, group.commit),
        **reading(Group.SETTINGS, _PERSIST, group.load),
        **writing(Group.SETTINGS, _PERSIST, group.commit),
    }
