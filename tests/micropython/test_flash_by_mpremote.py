"""``manul flash supervisor`` with the real mpremote, on a pty, against the REPL of a real MicroPython: nothing of it is pretend
but the USB plug and ``machine.reset``."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tty
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.micropython import engine
from trap_tools.cli import main
from trap_tools.flash.supervisor.chip import Chip, flash
from trap_wire.errors import IntegrityError

MPREMOTE = Path(sys.executable).with_name("mpremote")
GATE = "# gate, é\n" + "".join(
    f"RULE_{n} = {n!r} * {n}\n" for n in range(300)
)  # several of mpremote's pieces, not all ASCII


@pytest.fixture(scope="module")
def modules():
    """Where the WebAssembly MicroPython lies; it alone has a REPL that can be fed by the character."""
    if not MPREMOTE.exists():
        pytest.skip("the real mpremote is not installed")
    node = shutil.which("node")
    trouble = engine.install() if node else "node is not installed"
    if trouble:
        (pytest.fail if os.environ.get("MANUL_NEED_MICROPYTHON") else pytest.skip)(trouble)
    return engine.MODULES


@contextmanager
def plugged_in(modules, folder):
    """A port at which a chip with this flash answers, until the plug is pulled."""
    near, far = os.openpty()
    tty.setraw(far)
    order = ["node", str(engine.HERE / "chip.mjs"), str(modules), str(folder)]
    with subprocess.Popen(order, stdin=near, stdout=near, start_new_session=True) as chip:
        try:
            yield os.ttyname(far)
        finally:
            chip.terminate()
            os.close(near)
            os.close(far)


@pytest.fixture
def desk(tmp_path):
    """Sources with a manifest, and a chip with an old program, an update that came through the Pi, and a log."""
    files = {"src/trap_supervisor/gate.py": GATE, "src/trap_supervisor/deep/more.py": "# more\n", "src/main.py": "# main\n",
             "chip/main.py": "old", "chip/old/gone.py": "old", "chip/supervisor/slots": "3", "chip/supervisor/ring.0": "log"}  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "src" / "manifest.py").write_text('package("trap_supervisor")\nmodule("main.py")\n')
    return tmp_path


def on_chip(desk):
    return sorted(p.relative_to(desk / "chip").as_posix() for p in (desk / "chip").rglob("*") if p.is_file())


def test_chip_holds_exactly_the_manifests_programs_with_the_hashes_that_it_computed_itself(modules, desk):
    with plugged_in(modules, desk / "chip") as port:
        answer = CliRunner().invoke(
            main, ["flash", "supervisor", "--files", str(desk / "src"), "--port", port, "--json"]
        )
        assert answer.exit_code == 0, answer.output
        hashes = json.loads(answer.stdout)["files"]
        assert hashes["trap_supervisor/gate.py"] == hashlib.sha256(GATE.encode()).hexdigest()
        assert Chip(port).sha256("trap_supervisor/gate.py") == hashes["trap_supervisor/gate.py"]
    assert on_chip(desk) == [
        ".restarted",
        "main.py",
        "supervisor/ring.0",
        "trap_supervisor/deep/more.py",
        "trap_supervisor/gate.py",
    ]
    assert (desk / "chip" / "trap_supervisor" / "gate.py").read_text(encoding="utf-8") == GATE


def test_file_that_lies_on_the_chip_with_another_hash_is_found_there_and_main_is_not_written(modules, desk):
    """As a worn flash would have it: what was meant is not what the chip says that it holds."""
    files = {"trap_supervisor/gate.py": desk / "src/trap_supervisor/gate.py", "main.py": desk / "src/main.py"}
    meant = {path: hashlib.sha256(path.encode()).hexdigest() for path in files}
    with plugged_in(modules, desk / "chip") as port, pytest.raises(IntegrityError, match="change the Pico"):
        flash(Chip(port), files, meant, lambda _: None)
    assert "main.py" not in on_chip(desk)


@pytest.mark.parametrize("words", [("mkdir", ":old"), ("mkdir", ":new"), ("rm", ":nosuch"), ("ls", ":nosuch"), ("sha256sum", ":main.py"),
                                   ("cp", "{desk}/src/main.py", ":nosuch/main.py")])  # fmt: skip
def test_the_pretend_mpremote_of_the_other_tests_says_what_the_real_one_says(modules, desk, words):
    order = [word.format(desk=desk) for word in words]
    faults = desk / "faults.json"
    faults.write_text("{}")
    shutil.copytree(desk / "chip", desk / "other")
    env = {**os.environ, "PRETEND_CHIP": str(desk / "other"), "PRETEND_FAULTS": str(faults)}
    pretend = [sys.executable, str(engine.ROOT / "tests" / "pretend" / "mpremote.py")]
    with plugged_in(modules, desk / "chip") as port:
        real, other = (
            subprocess.run([*tool, "connect", port, "fs", *order], capture_output=True, text=True, check=False, env=env)
            for tool in ([str(MPREMOTE)], pretend)
        )
    assert (real.returncode, real.stdout, real.stderr) == (other.returncode, other.stdout, other.stderr)
