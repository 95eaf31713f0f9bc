"""The walk test: triggers counted position by position with a picture at each, or on the unit's own LED."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import click

from trap_tools.i18n import say
from trap_tools.link import group70
from trap_tools.link.client import Unit
from trap_wire.errors import LinkError, RefusedError

LOOK_S = 1.0


def walk(unit: Unit, positions: tuple[str, ...], seconds: float, picture: Callable[[str], None]) -> None:
    """Each position in turn. ``picture`` takes its setup picture: at the first trigger, which shows who walks there."""
    counts = {position: _counted(unit, position, seconds, picture) for position in positions}
    for position, triggers in counts.items():
        words = {"position": position, "triggers": triggers, "seconds": seconds}
        click.echo(say("{position}: {triggers} triggers in {seconds:.0f} s, journalled", **words))
    if missed := [position for position, triggers in counts.items() if not triggers]:
        click.echo(
            say("no trigger at {positions}: turn or move the unit, then walk there again", positions=", ".join(missed))
        )


def _counted(unit: Unit, position: str, seconds: float, picture: Callable[[str], None]) -> int:
    unit.do(group70.WalkTestRequest(action="start", position=position))
    # The bell: whoever walks does not see the screen.
    click.echo(
        "\a"
        + say("{position}: walk there now, for {seconds:.0f} s (ctrl-C when done)", position=position, seconds=seconds)
    )
    taken = False
    with suppress(KeyboardInterrupt):
        for triggers in _counts(unit, position, seconds):
            click.echo(say("{position}: {triggers} triggers", position=position, triggers=triggers))
            taken = taken or _taken(picture, position)
    if not taken:
        _taken(picture, position)
    return int(unit.do(group70.WalkTestRequest(action="stop", position=position))["triggers"])


def _counts(unit: Unit, position: str, seconds: float) -> Iterator[int]:
    """The count whenever it has changed, until the time is over."""
    until, seen = time.monotonic() + seconds, 0
    while (left := until - time.monotonic()) > 0:
        triggers = int(unit.do(group70.WalkTestRequest(action="read", position=position))["triggers"])
        if triggers != seen:
            yield triggers
        seen = triggers
        time.sleep(min(LOOK_S, max(0.0, left)))


def _taken(picture: Callable[[str], None], position: str) -> bool:
    """A walk test counts without its picture, too."""
    try:
        picture(position)
    except RefusedError as error:
        click.echo(say("no picture at {position}: {words}", position=position, words=error))
    return True


def led(unit: Unit, seconds: int) -> None:
    """The test goes on without us; ctrl-C ends it, a cable that is pulled does not."""
    unit.do(group70.WalkTestRequest(action="led", seconds=seconds))
    click.echo(
        say(
            "the LED follows the PIR for {seconds} s: unplug and walk, or stay and read the count (ctrl-C ends the test)",
            seconds=seconds,
        )
    )
    until, seen = time.monotonic() + seconds, 0
    try:
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(LOOK_S, left))
            if (pulses := unit.do(group70.WalkTestRequest(action="led_read"))["pulses"]) != seen:
                seen = pulses
                click.echo(say("{pulses} pulses", pulses=seen))
    except LinkError:
        click.echo(say("unplugged: the test goes on by itself, its count will be in the journal"))
        return
    except KeyboardInterrupt:
        seen = unit.do(group70.WalkTestRequest(action="led_stop"))["pulses"]
    click.echo(say("{pulses} pulses, journalled", pulses=seen))
