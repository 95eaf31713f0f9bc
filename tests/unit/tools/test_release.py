"""A release from a tiny wheelhouse to a unit's first start, as one would do it by hand."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests import wheelhouse
from tests.images import BOOT_AT, BOOT_SIZE, ROOT_AT, ROOT_SIZE, build, needs_tools, partition_of, run
from tests.signing import KEY, OTHER, pem, public_line
from trap_tools import keys
from trap_tools.cli import main
from trap_tools.flash.supervisor import bytecode
from trap_tools.keys import keystore
from trap_tools.protocol import files as protocols
from trap_tools.protocol import programme
from trap_tools.release import wheels
from trap_tools.release.build import Contents
from trap_tools.release.build import build as build_bundle
from trap_tools.release.image import launcher
from trap_wire import bundle
from trap_wire.errors import BadInputError, IntegrityError

SYSTEMD = Path(__file__).parents[3] / "firmware" / "systemd"


def manul(*words):
    return CliRunner().invoke(main, ["release", *map(str, words)])


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release")
    (folder / "key").write_bytes(pem(KEY))
    (folder / "key.pub").write_text(public_line(KEY))
    (folder / "other.pub").write_text(public_line(OTHER))
    (folder / "model").mkdir()
    (folder / "model" / "model.toml").write_text(
        "[model]\nname = 'small'\nversion = '2.1.0'\nsha256 = '0123456789abcdef'\n"
    )
    (folder / "supervisor").mkdir()
    (folder / "supervisor" / "manifest.py").write_text("module('main.py')\npackage('trap_supervisor')\n")
    (folder / "supervisor" / "main.py").write_text("")
    (folder / "supervisor" / "trap_supervisor").mkdir()
    (folder / "supervisor" / "trap_supervisor" / "gate.py").write_text("OPEN = 1\n")
    return folder


def built(desk, version, **more):
    app = wheelhouse.build(desk / "wheels", version)
    words = ["build", "--version", version, "--key", desk / "key", "--app", app, "--extras", "", "--wheelhouse", desk / "wheels",
             "--to", desk / f"{version}.manul", "--model", desk / "model", "--supervisor", desk / "supervisor",
             "--protocol", "pallas-cat", "--systemd", SYSTEMD]  # fmt: skip
    answer = manul(*words, *[word for name, value in more.items() for word in (f"--{name}", value)])
    assert answer.exit_code == 0, answer.output
    return desk / f"{version}.manul"


@pytest.fixture(scope="module")
def made(desk):
    return built(desk, "1.0")


def test_bundle_holds_aarch64_wheels_of_both_pythons_each_pure_one_once(made, desk):
    answer = manul("verify", made, "--key", desk / "key.pub", "--json")
    assert answer.exit_code == 0, answer.output
    files = json.loads(answer.output)["files"]
    assert sorted(file for file in files if not file.startswith("systemd/")) == [
        "hook/manul-boot.pyz",
        "model/model/model.toml",
        "protocol/protocol.toml",
        "supervisor/main.py",
        "supervisor/trap_supervisor/gate.mpy",
        "wheels/any/demo_trap-1.0-py3-none-any.whl",
        "wheels/any/pure-2.0-py3-none-any.whl",
        "wheels/cp311/native-1.0-cp311-cp311-manylinux_2_28_aarch64.whl",
        "wheels/cp313/native-1.0-cp313-cp313-manylinux_2_28_aarch64.whl",
    ]


def test_supervisor_travels_as_bytecode_that_is_the_same_wherever_it_is_built(tmp_path):
    made = []
    for place in ("here", "there"):
        source = tmp_path / place / "gate.py"
        source.parent.mkdir()
        source.write_text("OPEN = 1\n")
        [(where, file)] = bytecode.compiled({"trap_supervisor/gate.py": source}, tmp_path / place / "out").items()
        assert where == "trap_supervisor/gate.mpy"
        made.append(file.read_bytes())
    assert made[0] == made[1]
    assert made[0][:2] == b"M\x06"  # the mark and the version of MicroPython's format


def test_supervisor_source_that_does_not_compile_is_named(tmp_path):
    (tmp_path / "gate.py").write_text("OPEN = = 1\n")
    with pytest.raises(BadInputError, match=r"gate\.py.*SyntaxError"):
        bytecode.compiled({"trap_supervisor/gate.py": tmp_path / "gate.py"}, tmp_path / "out")


def test_same_contents_and_time_give_the_same_bytes(desk, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1764000000")
    contents = Contents()
    contents.add("model/model", "model", desk / "model")
    for name in ("one", "two"):
        build_bundle(contents, desk / name, version="3.0", python=["3.11"], base=[], key=KEY)
    assert (desk / "one").read_bytes() == (desk / "two").read_bytes()


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda raw: raw, "not a key that you trust"),
        (lambda raw: raw[: len(raw) // 2], "get it again"),
        (lambda raw: flipped(raw, b"name = 'small'"), "not what the manifest says"),
        (lambda raw: flipped(raw, b'"version": "1.0"'), "changed after it was signed"),
        (lambda raw: b"not a tar at all" * 100, "not a whole bundle"),
        (lambda raw: b"", "not a whole bundle"),
    ],
)
def test_wrong_bundle_is_refused_with_the_reason(made, desk, tmp_path, harm, said):
    (tmp_path / "b.manul").write_bytes(harm(made.read_bytes()))
    key = desk / ("other.pub" if said.startswith("not a key") else "key.pub")
    answer = manul("verify", tmp_path / "b.manul", "--key", key)
    assert answer.exit_code == 6
    assert said in answer.output
    assert "Traceback" not in answer.output


def flipped(raw, where):
    at = raw.rindex(where) + len(where) - 2
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def test_missing_bundle_and_missing_dependency_are_named(desk, tmp_path):
    assert manul("verify", tmp_path / "nosuch", "--key", desk / "key.pub").exit_code == 3
    app = wheelhouse.wheel(tmp_path, "lonely", "1.0", "py3-none-any", requires=["nosuchpackage"])
    answer = manul("build", "--version", "1.0", "--key", desk / "key", "--app", app, "--extras", "", "--wheelhouse", tmp_path,
                   "--to", tmp_path / "b")  # fmt: skip
    assert answer.exit_code == 3
    assert "nosuchpackage" in answer.output


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("n-1-cp311-cp311-manylinux_2_28_x86_64.whl", "a unit is aarch64"),
        ("n-1-cp312-cp312-manylinux_2_28_aarch64.whl", "not for CPython 3.11"),
        ("n.zip", "not the name of a wheel"),
    ],
)
def test_wheel_that_a_unit_cannot_run_is_refused(tmp_path, name, said):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(BadInputError, match=said):
        wheels.check(tmp_path / name, "3.11")


def test_wheel_that_is_not_whole_is_refused(tmp_path):
    (tmp_path / "n-1-py3-none-any.whl").write_bytes(b"PK")
    with pytest.raises(IntegrityError, match="not a whole wheel"):
        wheels.check(tmp_path / "n-1-py3-none-any.whl", "3.11")


def test_each_python_gets_the_numpy_that_its_systems_camera_modules_are_compiled_for(tmp_path):
    house = tmp_path / "wheels"
    house.mkdir()
    for tag in ("cp311-cp311", "cp313-cp313"):
        for version in ("1.26.4", "2.2.4"):
            wheelhouse.wheel(house, "numpy", version, f"{tag}-manylinux_2_17_aarch64")
    app = wheelhouse.wheel(house, "demo_trap", "1.0", "py3-none-any", requires=["numpy>=1.26"])
    found = [where for where, _ in wheels.gathered(app, "", tmp_path / "to", house)]
    assert [where for where in found if "numpy" in where] == [
        "wheels/cp311/numpy-1.26.4-cp311-cp311-manylinux_2_17_aarch64.whl",
        "wheels/cp313/numpy-2.2.4-cp313-cp313-manylinux_2_17_aarch64.whl",
    ]


@pytest.mark.parametrize(
    ("older", "newer"), [("1.9", "1.10"), ("1.5rc2", "1.5"), ("1.5rc1", "1.5rc2"), ("1.4.9", "1.5rc1")]
)
def test_versions_are_compared_as_numbers(older, newer):
    assert bundle.version_key(older) < bundle.version_key(newer)


@needs_tools
def test_stock_image_is_prepared_without_mounting_and_its_first_start_runs_the_release(made, desk, tmp_path):
    stock = build(tmp_path, "stock.img")
    boot = partition_of(stock.path, BOOT_AT, BOOT_SIZE, tmp_path / "boot")
    run("mdel", "-i", boot, "::station.toml")
    run("dd", f"if={boot}", f"of={stock.path}", "bs=1M", f"seek={BOOT_AT // 2**20}", "conv=notrunc")
    packed = tmp_path / "stock.img.xz"
    packed.write_bytes(run("xz", "-0c", stock.path).stdout)
    answer = manul("image", packed, "--bundle", made, "--key", desk / "key.pub", "--to", tmp_path / "manul.img")
    assert answer.exit_code == 0, answer.output
    boot = partition_of(tmp_path / "manul.img", BOOT_AT, BOOT_SIZE, tmp_path / "boot")
    root = partition_of(tmp_path / "manul.img", ROOT_AT, ROOT_SIZE, tmp_path / "root")
    run("fsck.fat", "-n", boot)
    for path, target in {**enabled(), "manul-first.service": "multi-user.target"}.items():
        said = run("debugfs", "-R", f"stat /etc/systemd/system/{target}.wants/{path}", root).stdout.decode()
        assert f"/usr/lib/systemd/system/{path}" in said
    assert b"u manul" in run("debugfs", "-R", "cat /usr/lib/sysusers.d/manul.conf", root).stdout
    assert b"Mode:  0755" in run("debugfs", "-R", "stat /usr/local/bin/trapd", root).stdout
    assert first_start(tmp_path, boot, root) == f"trap 1.0 {tmp_path}/data/update/a"


@needs_tools
def test_boot_partition_too_small_for_the_bundle_is_named_with_both_sizes(made, desk, tmp_path):
    with made.open("rb") as file, (desk / "large.manul").open("wb") as large:
        shutil.copyfileobj(file, large)
        large.write(bytes(60 * 10**6))  # behind the archive's end
    stock = build(tmp_path, "stock.img")
    answer = manul(
        "image", stock.path, "--bundle", desk / "large.manul", "--key", desk / "key.pub", "--to", tmp_path / "m.img"
    )
    assert answer.exit_code == 7
    assert re.search(r"manul\.bundle \(60\.\d MB\) did not get onto .* of 42 MB", answer.output)
    assert not list(tmp_path.glob("m.img*"))


def enabled():
    """The units that the firmware's own files want started, and by which target."""
    texts = {path.name: path.read_text() for path in SYSTEMD.iterdir()}
    found = {name: re.search(r"^WantedBy=(\S+)$", text, re.MULTILINE) for name, text in texts.items()}
    assert found["trapd.service"]
    return {name: match[1] for name, match in found.items() if match}


def first_start(folder, boot, root):
    """Run the launcher out of the image as systemd would: alone, with Python's own library only."""
    (folder / "bootfs").mkdir()
    for name in ("manul.bundle", "manul.pub"):
        (folder / "bootfs" / name).write_bytes(run("mcopy", "-n", "-i", boot, f"::{name}", "-").stdout)
    (folder / "boot.pyz").write_bytes(run("debugfs", "-R", "cat /opt/manul/manul-boot.pyz", root).stdout)
    order = [sys.executable, "-I", "-S", folder / "boot.pyz", "--data", folder / "data", "--boot", folder / "bootfs"]
    answers = [
        subprocess.run(
            [*map(str, order), *words], capture_output=True, text=True, env={"PATH": os.environ["PATH"]}, check=False
        )
        for words in (["--install"], ["--install"], ["run"])
    ]
    assert [answer.returncode for answer in answers] == [0, 0, 0], answers
    return answers[-1].stdout.strip()


def test_launcher_of_the_bundle_is_the_one_on_the_card_and_is_the_same_bytes_each_time(made, desk, tmp_path):
    one, two = (launcher(tmp_path / name).read_bytes() for name in ("one", "two"))
    assert one == two
    opened = bundle.opened(made, [keys.public_of(KEY)], keys.check)
    assert {file.path: data for file, data in opened.contents(["hook/manul-boot.pyz"])} == {"hook/manul-boot.pyz": one}


@pytest.mark.parametrize(("words", "code"), [(["--install"], 4), (["run"], 4), (["--nosuch"], 2)])
def test_launcher_that_finds_nothing_fails_so_that_systemd_tries_again(tmp_path, words, code):
    order = [
        sys.executable,
        "-I",
        "-S",
        launcher(tmp_path / "boot.pyz"),
        "--data",
        tmp_path / "data",
        "--boot",
        tmp_path,
        *words,
    ]
    answer = subprocess.run(list(map(str, order)), capture_output=True, text=True, check=False)
    assert answer.returncode == code, answer
    assert "Traceback" not in answer.stderr


def test_first_start_with_a_strangers_bundle_installs_nothing(made, desk, tmp_path):
    if not shutil.which("ssh-keygen"):
        pytest.skip("no ssh-keygen on this machine")
    from trap import launcher

    (tmp_path / "bootfs").mkdir()
    shutil.copy(made, tmp_path / "bootfs" / "manul.bundle")
    shutil.copy(desk / "other.pub", tmp_path / "bootfs" / "manul.pub")
    words = ["--data", str(tmp_path / "data"), "--boot", str(tmp_path / "bootfs"), "--install"]
    assert launcher.main(words, run=None) == 6
    assert not list((tmp_path / "data").rglob("*"))
    (tmp_path / "bootfs" / "manul.bundle").unlink()
    assert launcher.main(words, run=None) == 4
    assert launcher.main([*words[:-1], "run"], run=None) == 4


def test_proved_release_is_what_units_are_held_to_from_then_on(desk, made):
    assert programme.known() is None
    assert manul("verify", made, "--key", desk / "key.pub").exit_code == 0
    known = programme.known()
    assert (known.release, known.model) == ("1.0", "small@2.1.0+0123456789ab")
    assert known.protocol_hash == protocols.load("pallas-cat").protocol.digest


def test_release_of_another_key_is_not_remembered(desk, made):
    assert manul("verify", made, "--key", desk / "other.pub").exit_code == 6
    assert programme.known() is None


def test_older_release_does_not_push_a_newer_one_out(desk, made):
    manul("verify", built(desk, "1.2"), "--key", desk / "key.pub")
    manul("verify", made, "--key", desk / "key.pub")
    assert programme.known().release == "1.2"


def test_damaged_memory_of_the_programme_is_named():
    path = keystore.home() / "programme.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(BadInputError, match=r"programme\.json.*delete it"):
        programme.known()


def test_bundle_for_one_python_brings_no_wheels_of_the_other(desk):
    app = wheelhouse.build(desk / "wheels", "1.7")
    words = [
        "build",
        "--version",
        "1.7",
        "--key",
        desk / "key",
        "--app",
        app,
        "--extras",
        "",
        "--wheelhouse",
        desk / "wheels",
    ]
    answer = manul(*words, "--python", "3.13", "--to", desk / "one.manul")
    assert answer.exit_code == 0, answer.output
    said = json.loads(manul("verify", desk / "one.manul", "--key", desk / "key.pub", "--json").output)
    assert said["python"] == ["3.13"]
    assert [file for file in said["files"] if "native" in file] == [
        "wheels/cp313/native-1.0-cp313-cp313-manylinux_2_28_aarch64.whl"
    ]
