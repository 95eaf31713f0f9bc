"""Systemd units that come with a release: what trapd takes, and what root believes and puts into effect."""

import os
import shutil

import pytest

from tests.signing import KEY, OTHER, public_line
from tests.unit.update.test_update import UNITS, copied, opened, release
from trap import launcher
from trap.drivers.card import FolderCard
from trap.update import boot, effect, install, state, units
from trap.update.boot import Start
from trap_sim.vtime import PowerCut
from trap_tools.release.image import launcher as launcher_file
from trap_wire.errors import IntegrityError, RefusedError

pytestmark = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen on this machine")
CHANGED = {**UNITS, "trapd.service": "[Service]\nExecStart=/usr/local/bin/trapd run\nNice=5\n"}
NEW = {**CHANGED, "manul-fan.timer": "[Timer]\n[Install]\nWantedBy=timers.target\n"}


@pytest.fixture
def home(tmp_path):
    """Root's folder of a card that came with 1.0."""
    folder = tmp_path / "home"
    (folder / units.OWN).mkdir(parents=True)
    for name, text in UNITS.items():
        (folder / units.OWN / name).write_text(text)
    (folder / units.KEYS).write_text(public_line(KEY) + "\n")
    (folder / units.VERSION).write_text("1.0\n")
    launcher_file(folder / units.LAUNCHER)
    return folder


@pytest.fixture
def card(tmp_path, home):
    """A unit that runs 1.0."""
    made = FolderCard(tmp_path / "data")
    made.root.mkdir()
    prepared(made, home, release(tmp_path / "1.0", "1.0", units=UNITS))
    boot.confirm(made)
    return made


@pytest.fixture
def root(tmp_path, home, card):
    """Root's service: ``root(again)`` runs it and returns what it told systemd."""

    def put(again=False):
        orders = []
        places = effect.Places(card.root, home, tmp_path / "run")
        effect.put(places, again=again, order=lambda *words: orders.append(" ".join(words)))
        return orders

    return put


def prepared(card, home, path, key=KEY):
    install.arm(card, install.prepare(card, opened(path, key), "3.11", home))


@pytest.fixture
def offered(card, home, tmp_path):
    """``offered(units, key)``: a release 1.1 comes through the cable."""
    return lambda files, key: prepared(card, home, release(tmp_path / "r", "1.1", units=files, key=key), key)


def in_effect(tmp_path):
    system = tmp_path / "run" / "systemd" / "system"
    return {path.relative_to(system).as_posix() for path in system.rglob("*") if path.is_symlink() or path.is_file()}


def test_release_with_the_cards_own_units_leaves_nothing_to_root(card, home, root, tmp_path):
    prepared(card, home, release(tmp_path / "1.1", "1.1", units=UNITS))
    assert card.size(f"update/b/{units.MARK}") is None
    assert root() == []
    assert in_effect(tmp_path) == set()


def test_changed_and_new_units_of_a_trial_are_put_into_effect_and_taken_back_with_it(card, home, root, tmp_path):
    prepared(card, home, release(tmp_path / "1.1", "1.1", units=NEW))
    assert root() == ["daemon-reload", "--no-block start manul-fan.timer"]
    assert in_effect(tmp_path) == {"trapd.service", "manul-fan.timer", "timers.target.wants/manul-fan.timer"}
    boot.give_up(card, "no camera")
    assert root(again=True) == ["daemon-reload", "--no-block start trapd.service"]
    assert in_effect(tmp_path) == set()
    assert root(again=True) == ["--no-block start trapd.service"]


def test_unit_that_a_release_no_longer_has_is_masked_but_accounts_and_rules_are_not(card, home, root, tmp_path):
    (home / units.OWN / "manul-old.path").write_text("[Path]\n")
    prepared(card, home, release(tmp_path / "1.1", "1.1", units=UNITS))
    root()
    masked = tmp_path / "run" / "systemd" / "system" / "manul-old.path"
    assert masked.readlink().as_posix() == "/dev/null"
    assert in_effect(tmp_path) == {"manul-old.path"}


def test_trial_with_units_loses_a_start_at_each_start_of_the_system_and_none_between(card, home, root, tmp_path):
    prepared(card, home, release(tmp_path / "1.1", "1.1", units=CHANGED))
    root()
    root(again=True)
    assert state.load(card).starts_left == state.STARTS - 1
    for _ in range(state.STARTS):
        root()
    assert "1.1 was left" in state.load(card).said
    assert in_effect(tmp_path) == set()


def test_power_cut_anywhere_in_an_update_with_units_leaves_a_release_under_its_own(card, home, tmp_path):
    """Whatever is due after the cut, root has its units in effect and no others'."""
    path = release(tmp_path / "1.1", "1.1", units=CHANGED)
    counting = copied(card.root, tmp_path / "count")
    prepared(counting, home, path)
    seen = []
    for n in range(0, counting.operations, 4):
        cut = copied(card.root, tmp_path / "cut", cut_at=n + 1, seed=n)
        with pytest.raises(PowerCut):
            prepared(cut, home, path)
        after, run = FolderCard(cut.root), tmp_path / f"run{n}"
        told = effect.put(effect.Places(after.root, home, run), again=False, order=lambda *_: None)
        due = boot.current(after)
        assert told["refused"] == {}
        assert (told["folder"] == "b") == (due.version == "1.1")
        assert (run / "systemd/system/trapd.service").exists() == (due.version == "1.1")
        seen.append(due.version)
    assert set(seen) <= {"1.0", "1.1"}
    assert "1.0" in seen


@pytest.mark.parametrize(
    ("changes", "key", "said"),
    [
        (
            {"manul.sysusers": "u root\n"},
            KEY,
            r"other systemd files than this card's \(manul\.sysusers\).*--systemd FOLDER",
        ),
        ({"70-manul.rules": ""}, KEY, r"70-manul\.rules"),
        ({"ssh.service": ""}, KEY, r"ssh\.service"),
        ({"manul-units.path": ""}, KEY, r"manul-units\.path"),
        ({"trapd.service": ""}, OTHER, "signed by another key than those that this card came with"),
    ],
)
def test_what_root_would_not_take_is_refused_when_it_comes(card, offered, changes, key, said):
    with pytest.raises(RefusedError, match=said):
        offered({**UNITS, **changes}, key)
    assert boot.choose(card).version == "1.0"


def harmed(card, how):
    """What somebody who has taken over trapd's account can do to what root reads."""
    place = card.root / "update" / "b"
    unit = place / "systemd" / "trapd.service"
    if how == "changed":
        unit.write_text("[Service]\nExecStart=/bin/sh\n")
    elif how == "link":
        unit.unlink()
        unit.symlink_to("/etc/passwd")
    elif how == "pipe":
        unit.unlink()
        os.mkfifo(unit)
    elif how == "large":
        unit.write_bytes(bytes(10**6))
    elif how == "manifest":
        path = place / "manifest.json"
        path.write_bytes(path.read_bytes().replace(b'"1.1"', b'"1.2"'))
    elif how == "no signature":
        (place / units.MARK).write_text("")
    else:
        unit.unlink()


@pytest.mark.parametrize("how", ["changed", "link", "pipe", "large", "manifest", "no signature", "gone"])
def test_root_takes_nothing_that_the_programme_did_not_sign(card, home, root, tmp_path, how):
    prepared(card, home, release(tmp_path / "1.1", "1.1", units=CHANGED))
    harmed(card, how)
    assert root() == []
    assert in_effect(tmp_path) == set()
    assert units.said(tmp_path / "run")["refused"]["b"]


def test_root_takes_no_units_older_than_the_card(card, home, tmp_path):
    """An old release is signed too: somebody who kept it must not bring its faults back."""
    prepared(card, home, release(tmp_path / "1.1", "1.1", units=CHANGED))
    (home / units.VERSION).write_text("2.0\n")
    with pytest.raises(RefusedError, match=r"1\.1 is older than this card's 2\.0"):
        effect.signed(card.root / "update" / "b", home)
    with pytest.raises(RefusedError, match=r"older than this card's own 2\.0"):
        install.prepare(
            card.__class__(tmp_path / "none"), opened(release(tmp_path / "1.2", "1.2", units=NEW)), "3.11", home
        )


def test_root_takes_no_units_that_another_key_signed(card, home, tmp_path):
    prepared(card, home, release(tmp_path / "1.1", "1.1", units=CHANGED))
    (home / units.KEYS).write_text(public_line(OTHER) + "\n")
    with pytest.raises(IntegrityError, match="signature is not good"):
        effect.signed(card.root / "update" / "b", home)


@pytest.mark.parametrize(
    ("told", "mark", "runs"),
    [
        ({}, False, True),  # no release here ever brought units
        ({"folder": ""}, False, True),
        ({"folder": "b"}, True, True),
        ({"folder": "", "refused": {"b": "why"}}, True, True),
        ({"folder": "a"}, True, True),  # root never came: started all the same, after a wait
    ],
)
def test_release_starts_under_its_units_or_after_a_wait_without(card, tmp_path, told, mark, runs):
    if mark:
        card.write(f"update/b/{units.MARK}", b"x")
    if told:
        units.say(tmp_path / "run", {"folder": "", "refused": {}, **told})
    assert launcher._under_its_units(card, Start("b", "1.1", True, ""), tmp_path / "run", patience_s=0.3) is runs


def test_start_during_which_root_changed_the_units_is_done_again_under_them(card, tmp_path):
    card.write(f"update/b/{units.MARK}", b"x")
    run = tmp_path / "run"
    units.say(run, {"folder": "", "refused": {}})
    root_comes = lambda _: units.say(run, {"folder": "b", "refused": {}})  # noqa: E731
    assert not launcher._under_its_units(card, Start("b", "1.1", True, ""), run, pause=root_comes)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_that_starts_a_release_becomes_its_owner(card, home):
    os.chown(card.root / "update", 900, 900)
    child = os.fork()
    if child == 0:
        launcher._become_owner(card.root / "update")
        os._exit(0 if (os.getuid(), os.geteuid(), os.getgid()) == (900, 900, 900) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_unit_names_of_the_system_are_never_taken():
    assert [name for name in ("trapd.service", "manul-sleep.path", "manul-fan.timer") if not units.taken(name)] == []
    others = ("ssh.service", "manul.sysusers", "70-manul.rules", "manul-units@.service", "manul-first.service", "manul-/x.service",
              "trapd.socket", "../trapd.service", "manul-a.service.d")  # fmt: skip
    assert [name for name in others if units.taken(name)] == []
