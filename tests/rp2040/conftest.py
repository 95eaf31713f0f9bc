"""One settled Pico for all tests: its first life is lived once, and its flash kept as a file."""

from pathlib import Path

import pytest

from tests.rp2040 import parts
from tests.rp2040.emulator import Pico
from tests.rp2040.pi import Pi
from trap_wire import pins


def pytest_collection_modifyitems(items):
    ours = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    why = parts.missing() if ours else ""
    for item in ours if why else ():
        item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def settled_flash(tmp_path_factory):
    """Flash of a Pico whose cells were put in, which told its Pi so, took the protocol, and went dark."""
    file = tmp_path_factory.mktemp("pico") / "flash.bin"
    with Pico() as pico:
        pico.power_up()
        pico.await_pin(pins.SUPERVISOR_PI_RAIL, 1)
        with Pi(pico) as pi:
            pi.whole_wake()
        assert pico.await_dark() == "latch"
        pico.order("save", file=str(file))
    return file


@pytest.fixture
def pico(settled_flash, request):
    """In the dark, an hour after its first life."""
    with Pico(console=request.config.option.verbose > 1) as one:
        one.order("restore", file=str(settled_flash))
        one.order("pass", ms=3_600_000)
        yield one
