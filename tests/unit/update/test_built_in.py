"""A card of ``make image``: its own release lies on the read-only root, and runs whenever the two others do not."""

import json
import os
import subprocess
import sys

import pytest

from tests.signing import KEY
from tests.unit.update.test_update import UNITS, opened, release, wheel
from trap import launcher, releases
from trap.drivers.card import FolderCard
from trap.update import boot, install, state
from trap.update.images import Images
from trap_tools import keys
from trap_tools.release.build import Contents, build
from trap_wire.errors import RefusedError

OWN = {"version": "0.9", "sha256": "ab" * 32}


@pytest.fixture
def card(tmp_path, monkeypatch):
    """A unit of that image that never had an update."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    folder = tmp_path / "data" / state.BUILT_IN
    (folder / "systemd").mkdir(parents=True)
    (folder / "release.json").write_text(json.dumps(OWN))
    for name, text in UNITS.items():
        (folder / "systemd" / name).write_text(text)
    return FolderCard(tmp_path / "data")


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    return {version: release(folder / version, version, units=UNITS) for version in ("0.8", "1.0", "1.1")}


def update(card, path):
    install.arm(card, install.prepare(card, opened(path), "3.11"))


def started(card, *words):
    """What the launcher becomes: the release's folder, and where its Python looks for modules."""
    seen = []
    launcher.main(["--data", str(card.root), *words], run=lambda *call: seen.append(call[2]))
    (env,) = seen
    return env["MANUL_RELEASE"].removeprefix(f"{card.root}/"), env["PYTHONPATH"].removeprefix(f"{card.root}/")


def shown(card):
    found = Images(card, card.root / "inbox", lambda: [keys.public_of(KEY)], "3.11").state({})["images"]
    return [(row["slot"], row["version"], row["confirmed"], row["pending"]) for row in found]


def test_the_images_own_release_runs_and_is_shown_until_another_comes(card):
    assert started(card, "run") == ("image", "")
    assert shown(card) == [(0, "0.9", True, False)]


def test_release_on_trial_runs_beside_the_images_own_and_stays_when_it_is_healthy(card, bundles):
    update(card, bundles["1.0"])
    assert shown(card) == [(0, "0.9", True, False), (1, "1.0", False, True)]
    assert started(card, "run") == ("update/a", "update/a/site")
    boot.confirm(card)
    assert started(card, "run") == ("update/a", "update/a/site")
    assert shown(card) == [(0, "1.0", True, False)]


def test_release_that_crashes_on_start_is_left_for_the_images_own_which_says_so(card, bundles):
    update(card, bundles["1.0"])
    assert [started(card, "run")[0] for _ in range(state.STARTS + 2)] == ["update/a"] * state.STARTS + ["image"] * 2
    told = releases.decided("", {releases.FOLDER: str(card.root / state.BUILT_IN)})
    assert told == "release 1.0 was left: it did not become healthy in its starts; 0.9 runs again"
    assert shown(card)[0] == (0, "0.9", True, False)


def test_release_that_finds_itself_unhealthy_is_left_for_the_images_own(card, bundles):
    update(card, bundles["1.0"])
    folder, _ = started(card, "run")
    assert "the camera is absent; 0.9 runs again" in releases.decided(
        "the camera is absent", {releases.FOLDER: str(card.root / folder)}
    )
    assert started(card, "run")[0] == "image"


def test_second_update_falls_back_to_the_first_and_not_to_the_image(card, bundles):
    update(card, bundles["1.0"])
    boot.confirm(card)
    update(card, bundles["1.1"])
    boot.give_up(card, "no camera")
    assert started(card, "run")[0] == "update/a"


@pytest.mark.parametrize("harm", ["{", "a folder", "emptied"])
def test_card_that_lost_its_releases_runs_the_images_own(card, bundles, harm):
    """fsck mends a file system by throwing away what it cannot mend; the unit photographs on."""
    update(card, bundles["1.0"])
    boot.confirm(card)
    path = card.root / state.PATH
    if harm == "emptied":
        (card.root / state.mark_path("a")).unlink()
    elif harm == "a folder":
        path.unlink()
        path.mkdir()
    else:
        path.write_text(harm)
    assert started(card, "run")[0] == "image"


def test_release_older_than_the_images_own_or_with_other_systemd_files_is_refused(card, bundles, tmp_path):
    with pytest.raises(RefusedError, match=r"0\.8 is older than 0\.9"):
        update(card, bundles["0.8"])
    with pytest.raises(RefusedError, match=r"other systemd files than 0\.9, which runs \(trapd\.service\)"):
        update(card, release(tmp_path / "other", "1.2", units={**UNITS, "trapd.service": "[Service]\n"}))


def test_what_python_was_told_to_look_in_stays_behind_the_release(card, bundles, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/run/bench/site")
    assert started(card, "run") == ("image", "/run/bench/site")
    update(card, bundles["1.0"])
    assert started(card, "run")[1] == "update/a/site:/run/bench/site"


def test_free_room_is_that_of_the_partition_on_which_releases_lie(tmp_path):
    (tmp_path / "update").symlink_to("/dev/shm")
    status = os.statvfs("/dev/shm")
    room = FolderCard(tmp_path, room=tmp_path / "update").free_bytes()
    assert room == pytest.approx(status.f_bavail * status.f_frsize, rel=0.05)
    assert FolderCard(tmp_path, room=tmp_path / "nothing").free_bytes() > 0


def test_installed_module_brings_its_byte_code_and_python_takes_it(card, tmp_path):
    """Made at the installing, unchecked: a unit compiles nothing when it starts."""
    app = wheel(
        tmp_path / "manul-1-py3-none-any.whl", **{"said.py": "WORD = 'compiled'\n", "tests__said.py": "WORD = 1\n"}
    )
    contents = Contents()
    contents.add("wheels/any/" + app.name, "wheel", app)
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    build(contents, tmp_path / "b.manul", version="1.0", python=[here], base=[], key=KEY)
    install.prepare(card, opened(tmp_path / "b.manul"), here)
    site = card.root / "update" / "a" / "site"
    assert not list(site.glob("tests/**/*.pyc"))
    (site / "said.py").write_text("WORD = 'read'\n")
    line = [sys.executable, "-B", "-c", "import said; print(said.WORD, said.__file__)"]
    done = subprocess.run(line, env={"PYTHONPATH": str(site)}, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["compiled", str(site / "said.py")]
