"""The Textual screen behind ``manul tui``: units on the left, the chosen one's summary on the right, a key for each deed."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Footer, Header, Label, ListItem, ListView, ProgressBar, Static

from trap_tools.field import aim, check, summary
from trap_tools.field.pulling import Options, pull
from trap_tools.field.shown import half_blocks
from trap_tools.field.visit import Progress
from trap_tools.i18n import say
from trap_tools.keys import keystore
from trap_tools.link import group70
from trap_tools.link.login import opened
from trap_tools.link.ports import Port
from trap_tools.protocol import programme
from trap_wire.errors import TrapError

_LOOK_S = 3.0
_COLUMNS = 60
Find = Callable[[frozenset[str]], list[Port]]


class UnitItem(ListItem):
    """One unit of the list."""

    def __init__(self, port: Port) -> None:
        super().__init__(Label(f"{port.unit}\n[dim]{port.port}[/]"))
        self.port = port


class VisitApp(App[None]):
    """``find(skip)`` lists the ports with their units, without touching those that are being pulled."""

    CSS = """
    #units { width: 28; border-right: solid $primary; }
    #units ListItem { padding: 0 1 1 1; }
    #right { padding: 0 1; }
    #said { margin: 1 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        ("p", "pull", say("pull")),
        ("a", "aim", say("aim")),
        ("c", "check", say("check")),
        ("r", "again", say("look again")),
        ("q", "quit", say("quit")),
    ]
    TITLE = "Manul"
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, find: Find, folder: Path, private: tuple[Path, ...] = ()) -> None:
        super().__init__()
        self._find, self._folder, self._private = find, folder, private
        self._busy: set[str] = set()
        self._known: dict[str, Port] = {}

    def compose(self) -> ComposeResult:
        """Left the units, right the chosen one."""
        yield Header()
        with Horizontal():
            yield ListView(id="units")
            with VerticalScroll(id="right"):
                yield Static(say("no unit yet: plug one in and wait ten seconds"), id="screen")
                yield ProgressBar(id="bar", show_eta=True)
                yield Static("", id="said")
        yield Footer()

    def on_mount(self) -> None:
        """Look for units now and every few seconds."""
        self.query_one("#bar").display = False
        self.action_look()
        self.set_interval(_LOOK_S, self.action_look)

    def on_list_view_highlighted(self, event: ListView.Highlighted) -> None:
        """Another unit was chosen."""
        if isinstance(event.item, UnitItem) and event.item.port.port not in self._busy:
            self._summarise(event.item.port.port)

    @work(thread=True, exclusive=True, group="look")
    def action_look(self) -> None:
        """Ask every port that is not busy."""
        found = {port.port: port for port in self._find(frozenset(self._busy)) if port.unit}
        self.call_from_thread(self._show_units, found)  # type: ignore[arg-type]  # its hint knows no coroutine of None

    def action_again(self) -> None:
        """Look for units, and ask the chosen one how it is: the way back from a picture or a receipt."""
        self.action_look()
        if (port := self._chosen()) is not None:
            self._summarise(port)

    def action_check(self) -> None:
        """Try every part of the chosen unit."""
        if (port := self._chosen()) is not None:
            self._busy.add(port)
            self._check(port)

    def action_pull(self) -> None:
        """Bring the chosen unit home."""
        if (port := self._chosen()) is not None:
            self._busy.add(port)
            self._pull(port)

    def action_aim(self) -> None:
        """See what the chosen unit sees."""
        if (port := self._chosen()) is not None:
            self._busy.add(port)
            self._aim(port)

    def _chosen(self) -> str | None:
        item = self.query_one("#units", ListView).highlighted_child
        return item.port.port if isinstance(item, UnitItem) and item.port.port not in self._busy else None

    async def _show_units(self, found: dict[str, Port]) -> None:
        kept = {name: port for name, port in self._known.items() if name in self._busy}
        if (now := {**kept, **found}) == self._known:
            return
        self._known = now
        units = self.query_one("#units", ListView)
        await units.clear()
        await units.extend(UnitItem(port) for port in now.values())
        units.index = 0 if now else None

    @work(thread=True, group="talk")
    def _summarise(self, port: str) -> None:
        self._busy.add(port)
        try:
            facts, host, known = summary.asked(port, private=self._private), datetime.now(UTC), programme.known()
            self.call_from_thread(self._show, summary.screen(facts, host, known))
            self.call_from_thread(self._say, "")
        except TrapError as error:
            self.call_from_thread(self._say, str(error))
        finally:
            self._busy.discard(port)

    @work(thread=True, group="talk")
    def _pull(self, port: str) -> None:
        options = Options(signers=partial(keystore.signers, self._private))
        try:
            receipt = pull(port, self._folder, lambda at: self.call_from_thread(self._progress, at), options)
            self.call_from_thread(self._say, receipt.to_text())
        except TrapError as error:
            self.call_from_thread(self._say, str(error))
        finally:
            self._busy.discard(port)

    @work(thread=True, group="talk")
    def _aim(self, port: str) -> None:
        self.call_from_thread(self._say, say("taking a picture"))
        try:
            with opened(port, partial(keystore.signers, self._private)) as (unit, _, _):
                told = unit.do(group70.TestShotRequest())
                picture = aim.seen(unit.line, told, self._private)
            self.call_from_thread(self._show, half_blocks(picture, _COLUMNS))
            self.call_from_thread(self._say, "\n".join(aim.found(told)))
        except TrapError as error:
            self.call_from_thread(self._say, str(error))
        finally:
            self._busy.discard(port)

    @work(thread=True, group="talk")
    def _check(self, port: str) -> None:
        self.call_from_thread(self._say, say("trying every part"))
        try:
            with opened(port, partial(keystore.signers, self._private)) as (unit, name, session):
                findings = check.examine(unit, bench=session.bench)
            self.call_from_thread(self._show, check.screen(name, findings))
            failed = any(one.state == check.FAIL for one in findings)
            self.call_from_thread(self._say, say("mend this before you leave, then check again") if failed else "")
        except TrapError as error:
            self.call_from_thread(self._say, str(error))
        finally:
            self._busy.discard(port)

    def _show(self, screen: object) -> None:
        self.query_one("#screen", Static).update(screen)  # type: ignore[arg-type]  # any rich renderable

    def _say(self, words: str) -> None:
        self.query_one("#said", Static).update(words.replace("[", r"\["))

    def _progress(self, at: Progress) -> None:
        bar = self.query_one("#bar", ProgressBar)
        bar.display = True
        bar.update(total=at.bytes_total or 1, progress=at.bytes_done)
        self._say(f"{at.unit}: {say(at.stage)} {at.files_done}/{at.files_total}")
