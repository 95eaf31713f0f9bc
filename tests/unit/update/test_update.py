"""An update through every fault: what runs afterwards is the old release whole or the new one whole."""

import os
import shutil
import tempfile
import zipfile
from pathlib import Path

import pytest

from tests.signing import KEY, OTHER
from trap.drivers.card import FolderCard
from trap.update import boot, install, state, trust
from trap_sim.card import CardFaults, SimCard
from trap_sim.vtime import PowerCut
from trap_tools import keys
from trap_tools.release.build import Contents, build
from trap_wire import bundle
from trap_wire.errors import IntegrityError, RefusedError, StorageError, TrapError

MB = 10**6


def wheel(path, **files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in files.items():
            file.writestr(name.replace("__", "/"), text)
    return path


def release(folder, version, key=KEY, python=("3.11", "3.13"), units=None):
    """A bundle whose every file says its version, so that a mixture of two shows."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = Contents()
    app = wheel(folder / "manul-1-py3-none-any.whl", trap__cli_py=f"v{version}", trap__duty_py=f"v{version}")
    native = wheel(
        folder / "n-1-cp311-cp311-linux_aarch64.whl",
        **{"n.so": f"v{version} 311", "n-1.data/purelib/p.py": f"v{version}"},
    )
    other = wheel(folder / "n-1-cp313-cp313-linux_aarch64.whl", **{"n.so": f"v{version} 313"})
    (folder / "model.toml").write_text(f"v{version}")
    contents.add("wheels/any/" + app.name, "wheel", app)
    contents.add("wheels/cp311/" + native.name, "wheel", native)
    contents.add("wheels/cp313/" + other.name, "wheel", other)
    contents.add("model/m/model.toml", "model", folder / "model.toml")
    for name, text in (units or {}).items():
        (folder / name).write_text(text)
        contents.add(f"systemd/{name}", "systemd", folder / name)
    path = folder / f"manul-{version}.manul"
    build(contents, path, version=version, python=python, base=[], key=key)
    return path


def opened(path, key=KEY):
    return bundle.opened(path, [keys.public_of(key)], trust.check)


def update(card, path):
    install.arm(card, install.prepare(card, opened(path), "3.11"))


def runs(card):
    """The version that a start takes, with the proof that every file of it is of that version."""
    start = boot.choose(card)
    files = {path.split("/", 2)[2]: card.read(path).decode() for path in card.files(f"update/{start.name}")}
    said = {text.split()[0] for path, text in files.items() if path != "release.json"}
    assert said == {f"v{start.version}"}, files
    assert set(files) == {
        "site/trap/cli_py",
        "site/trap/duty_py",
        "site/n.so",
        "site/p.py",
        "model/m/model.toml",
        "release.json",
    }
    return start.version


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    return {version: release(folder / version, version) for version in ("1.0", "1.1", "1.2")}


@pytest.fixture
def memory():
    """A folder in memory: thousands of real fsyncs would test this machine's disk, not us."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture
def running(memory, bundles):
    """A unit that runs 1.0."""
    (memory / "unit").mkdir()
    card = FolderCard(memory / "unit")
    update(card, bundles["1.0"])
    assert runs(card) == "1.0"
    boot.confirm(card)
    return card


def test_first_release_of_a_card_runs_even_before_it_is_confirmed(tmp_path, bundles):
    card = FolderCard(tmp_path)
    assert boot.choose(card).name == ""
    update(card, bundles["1.0"])
    assert [runs(card) for _ in range(6)] == ["1.0"] * 6


def test_update_is_tried_confirmed_and_stays(running, bundles):
    update(running, bundles["1.1"])
    assert boot.choose(running).on_trial
    boot.confirm(running)
    assert runs(running) == "1.1"
    assert not boot.choose(running).on_trial
    assert "healthy" in state.load(running).said


def test_release_that_crashes_on_start_is_left_after_its_starts(running, bundles):
    update(running, bundles["1.1"])
    assert [runs(running) for _ in range(state.STARTS + 2)] == ["1.1"] * state.STARTS + ["1.0"] * 2
    assert "1.1 was left" in state.load(running).said


def test_release_that_finds_itself_unhealthy_says_why_and_leaves(running, bundles):
    update(running, bundles["1.1"])
    assert runs(running) == "1.1"
    boot.give_up(running, "the camera does not answer")
    assert runs(running) == "1.0"
    assert "the camera does not answer" in state.load(running).said


def test_two_updates_in_a_row_swap_the_folders(running, bundles):
    for version in ("1.1", "1.2"):
        update(running, bundles[version])
        assert runs(running) == version
        boot.confirm(running)
    assert {r.version for r in state.load(running).releases.values()} == {"1.1", "1.2"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda b, f: opened(b["1.1"], OTHER), "not a key that you trust"),
        (lambda b, f: opened(release(f, "0.9")), "older than 1.0"),
        (lambda b, f: opened(b["1.0"]), "runs already"),
        (lambda b, f: opened(release(f, "1.3", python=("3.13",))), "this unit has 3.11"),
        (lambda b, f: opened(cut(b["1.1"], f)), "get it again"),
        (lambda b, f: opened(flipped(b["1.1"], f)), "not what the manifest says"),
    ],
)
def test_what_must_not_be_installed_is_refused_and_the_unit_runs_on(running, bundles, tmp_path, change, said):
    with pytest.raises(TrapError, match=said):
        install.prepare(running, change(bundles, tmp_path / "f"), "3.11")
    assert runs(running) == "1.0"


def cut(path, folder):
    folder.mkdir()
    (folder / "cut.manul").write_bytes(path.read_bytes()[: -4096 * 4])
    return folder / "cut.manul"


def flipped(path, folder):
    folder.mkdir()
    raw = bytearray(path.read_bytes())
    raw[raw.rindex(b"v1.1")] ^= 1
    (folder / "flipped.manul").write_bytes(raw)
    return folder / "flipped.manul"


UNITS = {"trapd.service": "[Service]\nExecStart=/usr/local/bin/trapd run\n", "manul.sysusers": "u manul\n"}


def test_release_with_the_systemd_files_of_the_card_or_with_none_is_taken(memory, tmp_path):
    card = FolderCard(memory)
    for version, units in (("1.0", UNITS), ("1.1", UNITS), ("1.2", None)):
        update(card, release(tmp_path / version, version, units=units))
        boot.choose(card)
        boot.confirm(card)
    assert boot.choose(card).version == "1.2"


@pytest.mark.parametrize(
    ("units", "named"),
    [
        ({**UNITS, "trapd.service": "[Service]\nExecStart=/bin/false\n"}, "trapd.service"),
        ({**UNITS, "new.path": "[Path]\n"}, "new.path"),
        ({"trapd.service": UNITS["trapd.service"]}, "manul.sysusers"),
    ],
)
def test_release_with_other_systemd_files_is_refused_with_what_to_do_and_the_unit_runs_on(
    memory, tmp_path, units, named
):
    card = FolderCard(memory)
    update(card, release(tmp_path / "1.0", "1.0", units=UNITS))
    boot.choose(card)
    boot.confirm(card)
    with pytest.raises(
        RefusedError, match=rf"which runs \({named}\); they change only with a new card. Build the release again"
    ):
        update(card, release(tmp_path / "1.1", "1.1", units=units))
    assert boot.choose(card).version == "1.0"


def test_second_update_waits_for_the_first_to_be_decided(running, bundles):
    update(running, bundles["1.1"])
    with pytest.raises(RefusedError, match="on trial"):
        update(running, bundles["1.2"])


def test_full_card_is_told_and_the_unit_runs_on(running, bundles):
    full = SimCard(running.root, CardFaults(capacity_bytes=30 * MB))
    with pytest.raises(StorageError, match="pull the photographs first"):
        update(full, bundles["1.1"])
    assert runs(running) == "1.0"


def test_read_only_card_is_told_and_the_unit_runs_on(running, bundles):
    with pytest.raises(StorageError, match="Read-only"):
        update(SimCard(running.root, CardFaults(read_only=True)), bundles["1.1"])
    assert runs(running) == "1.0"


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b'{"active": "c"}', b"\xff", b'{"active":"b","trial":"","starts_left":0,"releases":{},"said":""}'],
)
def test_state_that_cannot_be_read_is_said_and_a_whole_release_is_found(running, raw):
    running.write(state.PATH, raw)
    assert runs(running) == "1.0"
    assert "looked at the folders" in state.load(running).said


def whole_update(card, path):
    update(card, path)
    boot.choose(card)
    boot.confirm(card)


def test_five_hundred_power_cuts_in_an_update_leave_five_hundred_units_that_start(running, bundles, memory):
    base = running.root
    counting = copied(base, memory / "count")
    whole_update(counting, bundles["1.1"])
    steps, seen = counting.operations, []
    for n in range(500):
        card = copied(base, memory / "cut", cut_at=n % steps + 1, seed=n)
        with pytest.raises(PowerCut):
            whole_update(card, bundles["1.1"])
        after = SimCard(card_root(card))
        seen.append(runs(after))
        if not state.load(after).trial and seen[-1] == "1.0":
            whole_update(after, bundles["1.1"])  # sent again, it goes through
            assert runs(after) == "1.1"
    assert len(seen) == 500
    assert set(seen) == {"1.0", "1.1"}


def copied(base, target, **faults):
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(base, target)
    seed = faults.pop("seed", 0)
    card = SimCard(target, CardFaults(**faults), seed)
    card.root = target
    return card


def card_root(card):
    return card.root


def test_power_cut_while_a_trial_is_counted_never_gives_it_more_starts(running, bundles, memory):
    update(running, bundles["1.1"])
    for n in range(40):
        card = copied(running.root, memory / "cut", cut_at=n % 4 + 1, seed=n)
        with pytest.raises(PowerCut):
            boot.choose(card)
        after = FolderCard(card.root)
        assert runs(after) in ("1.0", "1.1")
        assert state.load(after).starts_left < state.STARTS


def test_wheel_with_a_path_outside_its_folder_is_refused(running, tmp_path):
    contents = Contents()
    evil = wheel(tmp_path / "evil-1-py3-none-any.whl", **{"../../../etc/passwd": "x"})
    contents.add("wheels/any/" + evil.name, "wheel", evil)
    build(contents, tmp_path / "e.manul", version="2.0", python=["3.11"], base=[], key=KEY)
    with pytest.raises(IntegrityError, match="outside its folder"):
        update(running, tmp_path / "e.manul")
    assert runs(running) == "1.0"


def test_openssh_checks_a_bundle_where_python_cannot(bundles):
    import tarfile

    if not shutil.which("ssh-keygen"):
        pytest.skip("no ssh-keygen on this machine")
    with tarfile.open(bundles["1.0"]) as tar:
        raw, signature = (tar.extractfile(name).read() for name in (bundle.MANIFEST, bundle.SIGNATURE))
    trust.check_with_openssh(raw, signature.decode(), bundle.NAMESPACE, [keys.public_of(KEY)])
    with pytest.raises(IntegrityError, match="not good"):
        trust.check_with_openssh(raw + b" ", signature.decode(), bundle.NAMESPACE, [keys.public_of(KEY)])
    with pytest.raises(IntegrityError, match="not good"):
        trust.check_with_openssh(raw, signature.decode(), bundle.NAMESPACE, [keys.public_of(OTHER)])
