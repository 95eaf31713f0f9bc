"""Group 70's commands that make the unit do something: acknowledge, test shot, self test, walk test, deployment."""

from collections.abc import Mapping
from typing import Any, Protocol

from trap.link.answers import Body, SmpError, Table, number, text, writing
from trap_wire.errors import RefusedError, TrapError
from trap_wire.smp import Error, Group, TrapCommand

WALK_ACTIONS = ("start", "read", "stop", "led", "led_read", "led_stop")
LONGEST_WALK_S = 3_600


class Fieldwork(Protocol):
    """What the unit does for people at the cable. ``RefusedError`` says no, any other ``TrapError`` that it failed."""

    def acknowledge(self, sequence: int) -> Mapping[str, Any]:
        """Note that everything up to a sequence number is safe elsewhere; nothing is deleted."""

    def test_shot(self, *, flash: bool = False, position: str = "") -> Mapping[str, Any]:
        """Take and keep one picture: its file, ``boxes`` [label, score, x, y, width, height], and measures of it."""

    def self_test(self) -> Mapping[str, Any]:
        """``results``: rows [part, ``pass``/``fail``/``skip``, words, values]."""

    def walk_test(self, action: str, position: str, seconds: int = 0) -> Mapping[str, Any]:
        """``start``, ``read``, ``stop`` counting triggers at a position; ``led`` for so long, ``led_read``, ``led_stop``."""

    def deploy(self, action: str, note: str) -> Mapping[str, Any]:
        """``start`` or ``end`` the deployment of the unit's station settings."""


def work_group(work: Fieldwork) -> Table:
    """Handlers."""
    return {
        **writing(Group.TRAP, TrapCommand.ACK, _said(lambda body: work.acknowledge(number(body, "upto")))),
        **writing(
            Group.TRAP,
            TrapCommand.TEST_SHOT,
            _said(lambda body: work.test_shot(flash=body.get("flash") is True, position=_short(body, "position"))),
        ),
        **writing(Group.TRAP, TrapCommand.SELF_TEST, _said(lambda _body: work.self_test())),
        **writing(
            Group.TRAP,
            TrapCommand.WALK_TEST,
            _said(lambda body: work.walk_test(_one_of(body, *WALK_ACTIONS), _short(body, "position"), _seconds(body))),
        ),
        **writing(
            Group.TRAP,
            TrapCommand.DEPLOY,
            _said(lambda body: work.deploy(_one_of(body, "start", "end"), _short(body, "note"))),
        ),
    }


def _said(handler: Any) -> Any:
    """The same handler, whose errors reach the host as words."""

    def handle(body: Body) -> Body:
        try:
            return dict(handler(body))
        except RefusedError as error:
            raise SmpError(Error.BAD_STATE, str(error)) from error
        except SmpError:
            raise
        except TrapError as error:
            raise SmpError(Error.UNKNOWN, str(error)) from error

    return handle


def _seconds(body: Body) -> int:
    seconds = number(body, "seconds", 0)
    if seconds > LONGEST_WALK_S:
        raise SmpError(Error.INVALID, f"seconds: at most {LONGEST_WALK_S} expected")
    return seconds


def _one_of(body: Body, *actions: str) -> str:
    action = text(body, "action")
    if action not in actions:
        raise SmpError(Error.INVALID, f"action: {', '.join(actions)} expected")
    return action


def _short(body: Body, key: str) -> str:
    value = text(body, key, "")
    if len(value) > 80 or not value.isprintable():
        raise SmpError(Error.INVALID, f"{key}: at most 80 printable characters expected")
    return value
