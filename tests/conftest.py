"""For every test: the clock of the machine that runs them is not theirs to set."""

import signal
import time

import pytest
from hypothesis import settings

# How long an example takes is the load of this machine, no property of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(autouse=True, scope="session")
def clock_of_this_machine_stays_as_it_is():
    """A unit's real clock driver steps the kernel's clock, which works as root: an interlock, once needed."""

    def refused(*_):
        raise OSError(1, "tests do not set this machine's clock")

    kept, time.clock_settime = time.clock_settime, refused
    yield
    time.clock_settime = kept


@pytest.fixture(autouse=True)
def laptop_of_a_stranger(monkeypatch, tmp_path_factory, request):
    """No test reads or writes the keys and releases of whoever runs it."""
    monkeypatch.setenv(
        "MANUL_HOME", str(tmp_path_factory.getbasetemp() / "laptops" / f"{abs(hash(request.node.nodeid))}")
    )


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_reaches_what_the_tests_start():
    """A shell that runs this in the background has its children ignore SIGINT, and theirs inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
