"""One machine for every test: booted once, kept as a snapshot, and begun from there each time (about a second)."""

import base64
import fcntl
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.system import bench as benches
from tests.system.machine import Machine, have_qemu, overlay, running
from tools.image.card import card
from tools.image.host import TOOLS, VM_TOOLS, digest, require

HERE = Path(__file__).parent
LONG = ("test_3_resets", "test_8_power_cuts", "test_9_flashed", "test_4_cable", "test_6_faults")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without root and without QEMU there is nothing to test here; that is said once for all. Long files come first.

    A lane that began one of those last would leave the other lane idle.
    """
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))
    ours = [item for item in items if item.path.is_relative_to(HERE)]
    why = (
        "the image is built with chroot and file owners: run 'sudo make test-system'"
        if os.geteuid() != 0
        else _installed()
    )
    for item in ours if why else ():
        item.add_marker(pytest.mark.skip(reason=why))


def _installed() -> str:
    """Install what is missing; why the machine cannot run here, empty when it can. Whatever else apt lacks is a failure."""
    benches.SYSTEM.mkdir(parents=True, exist_ok=True)
    with _alone("apt"):  # each worker comes by here
        try:
            require({**TOOLS, **VM_TOOLS})
        except SystemExit as trouble:
            if why := have_qemu():
                return f"{why}, and cannot be had: {trouble}"
            raise
    return have_qemu()


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """One lane at a time."""
    with (benches.SYSTEM / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def image() -> Path:
    """Folder of the card image, built if it is not in the cache; MANUL_IMAGE names one that was built before."""
    given = os.environ.get("MANUL_IMAGE")
    return Path(given) if given else card()


@pytest.fixture(scope="session")
def bench(image: Path) -> Path:
    """The second disk, one for all lanes: a snapshot of one of them remembers what it read of it."""
    with _alone("bench"):
        return benches.disk(benches.SYSTEM)


@pytest.fixture(scope="session")
def snapshots(image: Path, bench: Path) -> Path:
    """A card with the snapshots ``staged`` (parts there, trapd stopped) and ``armed`` (trapd waiting for a pulse)."""
    key = digest(image.name, bench.name, HERE / "machine.py", HERE / "conftest.py")
    folder = benches.where() / f"snapshots-{key}"
    if (folder / ".done").exists():
        return folder
    for old in benches.where().glob("snapshots-*"):
        shutil.rmtree(old)
    first = benches.SYSTEM / f"booted-{key}"
    with _alone("booted"):  # one lane boots; the other takes a copy
        if not (first / ".done").exists():
            for old in benches.SYSTEM.glob("booted-*"):
                shutil.rmtree(old, ignore_errors=True)
            _boot(first, image, bench)
    subprocess.run(["cp", "-a", "--reflink=auto", "--sparse=always", first, folder], check=True)
    return folder


def _boot(folder: Path, image: Path, bench: Path) -> None:
    folder.mkdir()
    with running(folder, image, overlay(image / "manul.img", folder / "card.qcow2"), bench) as machine:
        machine.wait_for_shell()
        machine.run("mkdir -p /run/bench; mount -o ro /dev/vdb /run/bench")
        machine.run("sh /run/bench/bin/stage.sh")
        machine.monitor("savevm staged")
        machine.run("systemctl start trapd", timeout_s=900)
        machine.monitor("savevm armed")
    (folder / ".done").touch()


def _from_snapshot(
    name: str, request: pytest.FixtureRequest, image: Path, bench: Path, folder: Path
) -> Iterator[Machine]:
    with running(folder, image, folder / "card.qcow2", bench, "-loadvm", name) as machine:
        machine.run("true")
        yield machine
        if getattr(request.node, "failed", False):
            keep(request.node.name, machine)


@pytest.fixture
def staged(request: pytest.FixtureRequest, image: Path, bench: Path, snapshots: Path) -> Iterator[Machine]:
    """A machine whose parts are there and whose trapd is stopped."""
    yield from _from_snapshot("staged", request, image, bench, snapshots)


@pytest.fixture
def armed(request: pytest.FixtureRequest, image: Path, bench: Path, snapshots: Path) -> Iterator[Machine]:
    """A machine whose trapd waits for a pulse."""
    yield from _from_snapshot("armed", request, image, bench, snapshots)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Tell the machine's fixture how the test went, so that it can keep what a person needs to see."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        item.failed = True  # type: ignore[attr-defined]


def keep(name: str, machine: Machine) -> None:
    """Console, service log, journal and newest pictures of the unit into build/system/failed/TEST."""
    folder = benches.SYSTEM / "failed" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "console.log").write_text(machine.console)
    (folder / "trapd.log").write_text(
        machine.run("journalctl -b -o short-monotonic -u trapd -u manul-gadget", check=False)
    )
    (folder / "entries.jsonl").write_text(entries_text(machine))
    packed = machine.run("python3 /run/bench/bin/pictures.py", check=False)
    with suppress(ValueError, tarfile.TarError):  # a machine that is in pieces may have none
        _unpack(base64.b64decode(packed, validate=True), folder)


def _unpack(packed: bytes, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")


def entries_text(machine: Machine) -> str:
    """The unit's journal as JSON lines."""
    return machine.run("python3 /run/bench/bin/entries.py", check=False)
