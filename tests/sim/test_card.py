"""The pretend card shows each fault that it promises, and the store above it survives a cut at every operation."""

import io

import pytest
from PIL import Image

from trap.drivers.card import FolderCard
from trap.store.media import durable_write
from trap_sim.card import CardFaults, SimCard
from trap_sim.vtime import PowerCut
from trap_wire.errors import StorageError


@pytest.fixture
def card(tmp_path):
    return SimCard(tmp_path)


def jpeg(grey: int) -> bytes:
    target = io.BytesIO()
    Image.new("L", (24, 16), grey).save(target, "JPEG")
    return target.getvalue()


def fates(tmp_path, doing, seeds=range(40)):
    """What the card holds after ``doing`` and a cut, for many draws."""
    for seed in seeds:
        root = tmp_path / str(seed)
        root.mkdir()
        card = SimCard(root, seed=seed)
        doing(card)
        card.cut()
        yield {path: card.read(path) for path in card.files(".")}


def test_synced_file_in_synced_folder_survives_every_cut(tmp_path):
    for held in fates(tmp_path, lambda card: durable_write(card, "media/a.jpg", b"whole")):
        assert held == {"media/a.jpg": b"whole"}


def test_data_that_was_not_synced_may_be_whole_torn_zeroed_or_gone(tmp_path):
    def write(card):
        card.write("media/a.jpg", b"0123456789")
        card.sync_folder("media")

    seen = [held.get("media/a.jpg") for held in fates(tmp_path, write)]
    assert b"0123456789" in seen
    assert b"" in seen
    assert any(data and data != b"0123456789" and b"0123456789".startswith(data) for data in seen)
    assert any(data and len(data) == 10 and data.endswith(b"\0") for data in seen)


def test_name_that_was_not_synced_may_be_gone(tmp_path):
    def write(card):
        card.write("media/a.jpg", b"x")
        card.sync("media/a.jpg")

    assert {"media/a.jpg" in held for held in fates(tmp_path, write)} == {True, False}


def test_rename_that_was_not_synced_may_be_rolled_back_with_what_it_replaced(tmp_path):
    def replace(card):
        durable_write(card, "state/scene.json", b"old")
        card.write("state/scene.json.tmp", b"new")
        card.sync("state/scene.json.tmp")
        card.rename("state/scene.json.tmp", "state/scene.json")

    seen = {held["state/scene.json"] for held in fates(tmp_path, replace)}
    assert seen == {b"old", b"new"}


def test_removed_file_may_come_back_until_its_folder_is_synced(tmp_path):
    def remove(card):
        durable_write(card, "media/a.jpg", b"x")
        card.remove("media/a.jpg")

    assert {bool(held) for held in fates(tmp_path, remove)} == {True, False}


def test_rename_never_outlives_the_creation_that_it_followed(tmp_path):
    """Names are lost from the end: the new name without its data's creation would be a state no disk shows."""

    def write(card):
        for name in ("a", "b", "c"):
            card.write(f"media/{name}.tmp", b"x")
            card.sync(f"media/{name}.tmp")
            card.rename(f"media/{name}.tmp", f"media/{name}")

    for held in fates(tmp_path, write):
        finals = [name for name in ("a", "b", "c") if f"media/{name}" in held]
        assert finals == ["a", "b", "c"][: len(finals)]


def test_same_seed_tears_the_same_way(tmp_path):
    def once(root):
        root.mkdir()
        return list(fates(root, lambda card: card.write("media/a.jpg", bytes(range(200)))))

    assert once(tmp_path / "one") == once(tmp_path / "two")


def test_power_cut_is_no_exception_that_a_program_may_survive(card):
    card.faults.cut_at = 1
    with pytest.raises(PowerCut):
        card.write("media/a.jpg", b"x")
    assert not issubclass(PowerCut, Exception)


def test_sync_during_which_the_power_goes_makes_nothing_durable(tmp_path):
    gone = 0
    for seed in range(30):
        root = tmp_path / str(seed)
        root.mkdir()
        card = SimCard(root, CardFaults(cut_at=3), seed)
        card.write("media/a.jpg", b"0123456789")
        card.sync_folder("media")
        with pytest.raises(PowerCut):
            card.sync("media/a.jpg")
        gone += card.read("media/a.jpg") != b"0123456789"
    assert gone > 0


def test_full_card_refuses_and_keeps_what_it_has(tmp_path):
    card = SimCard(tmp_path, CardFaults(capacity_bytes=1_000))
    card.write("media/a.jpg", bytes(800))
    with pytest.raises(StorageError, match="No space left"):
        card.write("media/b.jpg", bytes(300))
    assert card.free_bytes() == 200
    assert card.size("media/a.jpg") == 800


def test_removing_makes_room_again(tmp_path):
    card = SimCard(tmp_path, CardFaults(capacity_bytes=1_000))
    card.write("media/a.jpg", bytes(800))
    card.remove("media/a.jpg")
    assert card.free_bytes() == 1_000


def test_card_knows_what_lay_on_it_before(tmp_path):
    FolderCard(tmp_path).write("media/a.jpg", bytes(600))
    assert SimCard(tmp_path, CardFaults(capacity_bytes=1_000)).free_bytes() == 400


@pytest.mark.parametrize("change", ["write", "rename", "remove", "sync"])
def test_read_only_card_refuses_every_change_and_still_reads(tmp_path, change):
    card = SimCard(tmp_path)
    card.write("media/a.jpg", b"x")
    card.faults.read_only = True
    calls = {
        "write": lambda: card.write("media/b.jpg", b"y"),
        "rename": lambda: card.rename("media/a.jpg", "media/b.jpg"),
        "remove": lambda: card.remove("media/a.jpg"),
        "sync": lambda: card.sync("media/a.jpg"),
    }
    with pytest.raises(StorageError, match="Read-only"):
        calls[change]()
    assert card.read("media/a.jpg") == b"x"


def test_durable_write_cut_at_every_operation_leaves_the_file_whole_or_only_its_temporary(tmp_path):
    data = jpeg(90)
    for seed in range(10):
        for operation in range(1, 5):
            root = tmp_path / f"{seed}-{operation}"
            root.mkdir()
            card = SimCard(root, CardFaults(cut_at=operation), seed)
            with pytest.raises(PowerCut):
                durable_write(card, "media/a.jpg", data)
            assert card.size("media/a.jpg") is None or card.read("media/a.jpg") == data
