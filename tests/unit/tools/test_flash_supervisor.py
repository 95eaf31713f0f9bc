"""``manul flash supervisor`` against a pretend mpremote and picotool on PATH, and what the pretend one says of itself."""

import ast
import hashlib
import json
import os
import shutil
import stat
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.signing import KEY, public_line
from trap_tools.cli import main
from trap_tools.flash.supervisor import manifest, uf2
from trap_tools.flash.supervisor.chip import Chip
from trap_tools.release.build import Contents, build
from trap_wire.errors import BadInputError, IntegrityError, PartError

PRETEND = Path(__file__).parents[2] / "pretend" / "mpremote.py"
RULES = 'package("trap_supervisor")\npackage("trap_wire", files=("codes.py",), base_path="..")\nmodule("main.py")\n'


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """Sources with a manifest, a chip with an old program and a log, and the tools on PATH."""
    for name in ("src/trap_supervisor/gate.py", "src/main.py", "trap_wire/codes.py", "trap_wire/smp.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}\n")
    (tmp_path / "src" / "manifest.py").write_text(RULES)
    for name in ("old/gone.py", "main.py", "ring.bin"):
        (tmp_path / "chip" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "chip" / name).write_text("old")
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin" / "mpremote", f'exec {sys.executable} {PRETEND} "$@"\n')
    (tmp_path / "faults.json").write_text("{}")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("PRETEND_CHIP", str(tmp_path / "chip"))
    monkeypatch.setenv("PRETEND_FAULTS", str(tmp_path / "faults.json"))
    return tmp_path


def script(path, text):
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IEXEC)


def manul(*words):
    return CliRunner().invoke(main, ["flash", "supervisor", *map(str, words)])


def faulty(desk, **faults):
    (desk / "faults.json").write_text(json.dumps(faults))


def on_chip(desk):
    return sorted(p.relative_to(desk / "chip").as_posix() for p in (desk / "chip").rglob("*") if p.is_file())


def test_chip_holds_exactly_the_manifests_programs_and_keeps_its_log(desk):
    answer = manul("--files", desk / "src", "--json")
    assert answer.exit_code == 0, answer.output
    assert on_chip(desk) == [".restarted", "main.py", "ring.bin", "trap_supervisor/gate.py", "trap_wire/codes.py"]
    found = json.loads(answer.stdout)["files"]
    assert found["main.py"] == hashlib.sha256((desk / "src" / "main.py").read_bytes()).hexdigest()


def test_an_update_that_came_through_the_pi_does_not_run_instead(desk):
    for name in ("supervisor/3/gate.py", "supervisor/slots", "supervisor/ring.0"):
        (desk / "chip" / name).parent.mkdir(parents=True, exist_ok=True)
        (desk / "chip" / name).write_text("update")
    assert manul("--files", desk / "src").exit_code == 0
    assert [name for name in on_chip(desk) if name.startswith("supervisor/")] == ["supervisor/ring.0"]


def test_this_projects_own_manifest_names_what_the_supervisor_imports():
    found = manifest.files(Path(__file__).parents[3] / "firmware" / "pico")
    assert {"main.py", "trap_supervisor/main.py", "trap_supervisor/board.py", "trap_wire/pins.py"} <= set(found)
    tree = [ast.parse(file.read_text()) for path, file in found.items() if path.startswith("trap_supervisor")]
    imports = {n.module for module in tree for n in ast.walk(module) if isinstance(n, ast.ImportFrom) and n.module}
    wanted = {name.replace(".", "/") + ".py" for name in imports if name.startswith(("trap_wire.", "trap_supervisor."))}
    assert wanted <= set(found)


def test_main_is_written_last_so_a_half_done_chip_starts_nothing(desk):
    faulty(desk, flips={"trap_wire/codes.py": 9})
    answer = manul("--files", desk / "src")
    assert answer.exit_code == 6
    assert "change the Pico" in answer.output
    assert "main.py" not in on_chip(desk)


def test_one_wrong_copy_is_written_again(desk):
    faulty(desk, flips={"trap_supervisor/gate.py": 1})
    assert manul("--files", desk / "src").exit_code == 0


def test_chip_that_its_watchdog_resets_is_tried_again(desk):
    faulty(desk, resets=3)
    assert manul("--files", desk / "src").exit_code == 0


def test_chip_that_keeps_resetting_is_given_up_with_what_to_do(desk):
    faulty(desk, resets=1000)
    answer = manul("--files", desk / "src")
    assert answer.exit_code == 8
    assert "unplug it" in answer.output


@pytest.mark.parametrize(
    ("faults", "code", "said"), [({"absent": 1}, 4, "connect the Pico"), ({"room": 30}, 8, "flash is full")]
)
def test_fault_of_the_chip_says_what_to_do(desk, faults, code, said):
    faulty(desk, **faults)
    answer = manul("--files", desk / "src", "--port", "/dev/ttyACM9")
    assert answer.exit_code == code
    assert said in answer.output


def test_missing_mpremote_says_how_to_get_it():
    with pytest.raises(PartError, match="pip install mpremote"):
        Chip(tool="nosuch-mpremote").listed()


def test_supervisor_comes_out_of_a_signed_bundle(desk):
    contents = Contents()
    for path, file in manifest.files(desk / "src").items():
        contents.add(f"supervisor/{path}", "supervisor", file)
    build(contents, desk / "b.manul", version="1.0", python=["3.11"], base=[], key=KEY)
    (desk / "key.pub").write_text(public_line(KEY))
    assert manul("--bundle", desk / "b.manul").exit_code == 2
    assert manul("--bundle", desk / "b.manul", "--key", desk / "key.pub").exit_code == 0
    assert "trap_supervisor/gate.py" in on_chip(desk)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import os\n", "only module"),
        ('freeze("x")\n', "freeze"),
        ('module("a" + b)\n', "written out"),
        ('module("nosuch.py")\nmodule("main.py")\n', "not there"),
        ('package("trap_supervisor")\n', "no main.py"),
        ("module(", "cannot be read"),
    ],
)
def test_manifest_that_cannot_be_compared_is_refused(desk, text, said):
    (desk / "src" / "manifest.py").write_text(text)
    with pytest.raises(BadInputError, match=said):
        manifest.files(desk / "src")


def firmware(path, blocks=3, family=uf2.RP2040, count=None):
    heads = [
        (0x0A324655, 0x9E5D5157, 0x2000, 0x10000000 + n * 256, 256, n, count or blocks, family) for n in range(blocks)
    ]
    path.write_bytes(b"".join(struct.pack("<8I", *head) + bytes(476) + struct.pack("<I", 0x0AB16F30) for head in heads))
    return path


def test_uf2_is_loaded_and_compared_by_picotool(desk):
    script(desk / "bin" / "picotool", f'echo "$@" >> {desk}/said\n')
    assert manul("--uf2", firmware(desk / "f.uf2")).exit_code == 0
    assert [line.split()[0] for line in (desk / "said").read_text().splitlines()] == [
        "reboot",
        "load",
        "verify",
        "reboot",
    ]


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        ('echo "No accessible RP2040 devices in BOOTSEL mode were found."; exit 249\n', 4, "hold BOOTSEL"),
        (
            '[ "$1" = verify ] && { echo "ERROR: The device contents did not match the file"; exit 1; }; exit 0\n',
            6,
            "start again",
        ),
        ('[ "$1" = load ] && { echo "ERROR: write failed"; exit 1; }; exit 0\n', 8, "change the Pico"),
    ],
)
def test_fault_under_picotool_says_what_to_do(desk, lines, code, said):
    script(desk / "bin" / "picotool", lines)
    answer = manul("--uf2", firmware(desk / "f.uf2"))
    assert answer.exit_code == code
    assert said in answer.output


def test_wrong_uf2_is_refused_before_the_chip_is_touched(desk):
    with pytest.raises(IntegrityError, match="3 of 9 blocks"):
        uf2.check(firmware(desk / "short.uf2", count=9))
    with pytest.raises(BadInputError, match="another chip"):
        uf2.check(firmware(desk / "other.uf2", family=0xE48BFF59))
    (desk / "no.uf2").write_bytes(b"x" * 600)
    with pytest.raises(BadInputError, match="not a UF2"):
        uf2.check(desk / "no.uf2")


def test_the_pretend_mpremote_fails_as_the_real_one_does(desk):
    """The real one, where it is installed, must give the same words for a board that is not there."""
    order = ["connect", "/dev/nosuchport", "fs", "ls", ":"]
    faulty(desk, absent=1)
    pretend = subprocess.run([sys.executable, PRETEND, *order], capture_output=True, text=True, check=False)
    assert (pretend.returncode, pretend.stdout) == (1, "")
    assert pretend.stderr.startswith("mpremote: failed to access /dev/nosuchport")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"].split(":", 1)[1]])
    real = shutil.which("mpremote", path=path)
    if real is None:
        pytest.skip("the real mpremote is not installed: only the pretend one was looked at")
    answer = subprocess.run([real, *order], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr.split("(")[0]) == (1, pretend.stderr.split("(")[0])
