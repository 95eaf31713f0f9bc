import asyncio
import time

import pytest

from tests.link_unit import WholeUnit
from tests.unit.link.test_fieldwork import checkered
from tests.unit.trap.parts import ScriptedCamera
from trap_tools.link.ports import Port, probed

pytest.importorskip("textual", reason="no Textual here: pip install 'manul[tui]'")


async def until(pilot, true):
    deadline = time.monotonic() + 30
    while not true() and time.monotonic() < deadline:
        await pilot.pause(0.05)
    assert true()


def shown(app, name):
    return str(app.query_one(name).render())


def test_unit_appears_is_judged_aimed_and_pulled_with_one_key_each(tmp_path, monkeypatch):
    from trap_tools.field.tui_app import VisitApp

    monkeypatch.setenv("MANUL_HOME", str(tmp_path / "laptop"))
    whole = WholeUnit(tmp_path / "unit", camera=ScriptedCamera([checkered()]))
    whole.bench.keep("p", 20_000)

    async def visit(port):
        def find(skip):
            return probed(one for one in [Port(port, "", False)] if one.port not in skip)

        app = VisitApp(find, tmp_path / "home")
        async with app.run_test(size=(110, 40)) as pilot:
            await until(pilot, lambda: len(app.query("#units ListItem")) == 1)
            await until(
                pilot, lambda: not app._busy and "anybody can open" in app.export_screenshot().replace("&#160;", " ")
            )
            app.save_screenshot(str(tmp_path / "summary.svg"))
            await pilot.press("a")
            await until(pilot, lambda: not app._busy and "▀" in app.export_screenshot())
            await pilot.press("c")
            await until(pilot, lambda: not app._busy and "mend this before you leave" in shown(app, "#said"))
            await pilot.press("r")
            await until(
                pilot, lambda: not app._busy and "anybody can open" in app.export_screenshot().replace("&#160;", " ")
            )
            await pilot.press("p")
            await until(pilot, lambda: "complete" in shown(app, "#said"))
            app.save_screenshot(str(tmp_path / "pulled.svg"))

    with whole.at_a_cable() as port:
        asyncio.run(visit(port))
    whole.journal.close()
    assert (tmp_path / "home/MN-017/tost-2026-a/media/p.jpg").stat().st_size == 20_000


def test_screen_without_any_unit_says_what_to_do(tmp_path):
    from trap_tools.field.tui_app import VisitApp

    async def look():
        app = VisitApp(lambda _skip: [], tmp_path)
        async with app.run_test() as pilot:
            await pilot.pause(0.2)
            return shown(app, "#screen")

    assert "plug one in" in asyncio.run(look())
