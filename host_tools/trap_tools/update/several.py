"""Several units at once, each in a thread of its own: a bar for each, and what became of it."""

import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from trap_wire.errors import TrapError


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one unit; ``trouble`` is empty when all went well."""

    port: str
    unit: str = ""
    version: str = ""
    confirmed: bool = False
    trouble: str = ""
    exit_code: int = 0

    def say(self, as_json: bool) -> None:
        """A line to stdout, or to stderr when it went wrong."""
        if as_json:
            facts = {"unit": self.unit, "version": self.version, "confirmed": self.confirmed, "port": self.port}
            click.echo(json.dumps({**facts, "trouble": self.trouble} if self.trouble else facts))
        if self.trouble:
            click.echo(f"manul: {self.trouble}", err=True)
        elif not as_json:
            said = f"runs {self.version}" if self.confirmed else f"{self.version} will be tried at the next start"
            click.echo(f"{self.unit}: {said}")


def each(ports: Sequence[str], work: Callable[[str], Told]) -> list[Told]:
    """``work`` at every port, all at once; one that fails stops no other."""
    with ThreadPoolExecutor(len(ports)) as pool:
        return list(pool.map(lambda port: _kept(port, work, alone=len(ports) == 1), ports))


def _kept(port: str, work: Callable[[str], Told], *, alone: bool) -> Told:
    try:
        return work(port)
    except TrapError as error:
        words = str(error)
        return Told(port, trouble=words if alone or port in words else f"{port}: {words}", exit_code=error.exit_code)


class Bars:
    """A bar a port on stderr; none where programs read."""

    def __init__(self, ports: Sequence[str], *, shown: bool) -> None:
        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._console = Console(file=sys.stderr)
        self._progress = Progress(TextColumn("{task.description}"), *columns, console=self._console) if shown else None
        self._tasks = {port: self._progress.add_task(port, total=None) for port in ports} if self._progress else {}

    def __enter__(self) -> "Bars":
        if self._progress:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()

    def advance(self, port: str, renew: Callable[[], object], done: int, size: int) -> None:
        """``renew`` keeps the session open meanwhile."""
        renew()
        if self._progress:
            self._progress.update(self._tasks[port], completed=done, total=size)

    def note(self, words: str) -> None:
        """A line above the bars."""
        if self._progress:
            self._console.print(words, markup=False, highlight=False)
