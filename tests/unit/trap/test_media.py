import hashlib
from datetime import timedelta

import pytest

from tests.unit.trap.parts import NOON, jpeg
from trap.drivers.card import FolderCard
from trap.store.media import MIB, MediaStore, Picture, Reserve, is_whole_jpeg, media_body
from trap_wire.entries import Kind
from trap_wire.errors import StorageError
from trap_wire.vocabulary import Role

NOTHING = Reserve(journal=0, heartbeat=0)


class SmallCard(FolderCard):
    """A card of ``capacity`` bytes."""

    def __init__(self, root, capacity):
        super().__init__(root)
        self.capacity = capacity

    def free_bytes(self):
        return self.capacity - sum(self.size(path) for path in self.files("."))


def picture(name, role=Role.PHOTOGRAPH, data=None):
    folder = "thumbnails" if role is Role.THUMBNAIL else "media"
    return Picture(f"{folder}/20261125/{name}.jpg", data or jpeg(), role, {"burst": name})


def kept(store, journal, name, role):
    journal.append(Kind.MEDIA, NOON, store.save(picture(name, role), NOON))


@pytest.fixture
def store(tmp_path, journal):
    return MediaStore(FolderCard(tmp_path), journal, NOTHING)


def test_saved_picture_is_whole_and_leaves_nothing_temporary(store, tmp_path):
    body = store.save(picture("a-1"), NOON)
    data = (tmp_path / body["path"]).read_bytes()
    assert body["sha256"] == hashlib.sha256(data).hexdigest()
    assert not list(tmp_path.rglob("*.tmp"))


def test_picture_never_overwrites_another(store, tmp_path):
    first, second = store.save(picture("a-1"), NOON), store.save(picture("a-1", data=jpeg(grey=3)), NOON)
    assert first["path"] != second["path"]
    assert (tmp_path / first["path"]).read_bytes() != (tmp_path / second["path"]).read_bytes()


def test_photograph_whose_entry_was_cut_off_is_adopted(store, journal):
    orphan = store.save(picture("a-1"), NOON)
    assert store.recover(NOON) == [f"{orphan['path']}: whole, but its journal entry was cut off"]
    assert [item.sha256 for item in journal.files()] == [orphan["sha256"]]


def test_torn_file_is_dropped_and_said(store, journal, tmp_path):
    for name, data in (("x.jpg.tmp", jpeg()), ("y.jpg", jpeg()[:-100])):
        path = tmp_path / "media" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    assert len(store.recover(NOON)) == 2
    assert not list((tmp_path / "media").iterdir())
    assert [entry.body["what"] for entry in journal.entries(kind=Kind.RECOVERED)] == ["torn", "torn"]


def test_photograph_that_vanished_is_said_once(store, journal, tmp_path):
    kept(store, journal, "a-1", Role.PHOTOGRAPH)
    (tmp_path / journal.files()[0].path).unlink()
    assert "not on the card" in store.recover(NOON)[0]
    assert store.recover(NOON) == []


def test_full_card_gives_up_audit_frames_then_thumbnails_never_a_photograph(tmp_path, journal):
    size = len(jpeg())
    card = SmallCard(tmp_path / "card", 4 * size)
    card.root.mkdir()
    store = MediaStore(card, journal, NOTHING)
    for name, role in (("t", Role.THUMBNAIL), ("p", Role.PHOTOGRAPH), ("a", Role.AUDIT), ("q", Role.PHOTOGRAPH)):
        kept(store, journal, name, role)
    kept(store, journal, "r", Role.PHOTOGRAPH)
    assert [e.body["path"] for e in journal.entries(kind=Kind.EVICTED)] == ["media/20261125/a.jpg"]
    kept(store, journal, "s", Role.PHOTOGRAPH)
    with pytest.raises(StorageError, match="card full"):
        store.save(picture("u"), NOON)
    assert {item.role for item in journal.files()} == {Role.PHOTOGRAPH}


def acknowledge(journal, days_ago):
    """``manul pull`` has proved everything so far."""
    at = NOON - timedelta(days=days_ago)
    journal.append(Kind.VISIT, at, {"what": "acknowledged", "upto": journal.head})


@pytest.fixture
def cramped(tmp_path, journal):
    """A card of four pictures: a thumbnail, an audit frame and a photograph that a host has, and a thumbnail of later."""
    card = SmallCard(tmp_path / "card", 4 * len(jpeg()))
    card.root.mkdir()

    def made(keep_acked_days, days_ago):
        store = MediaStore(card, journal, NOTHING, keep_acked_days=keep_acked_days)
        for name, role in (("p", Role.PHOTOGRAPH), ("t", Role.THUMBNAIL), ("a", Role.AUDIT)):
            kept(store, journal, name, role)
        acknowledge(journal, days_ago)
        kept(store, journal, "late", Role.AUDIT)
        return store

    return made


def evicted(store, journal, more):
    for n in range(more):
        kept(store, journal, f"new{n}", Role.PHOTOGRAPH)
    return [e.body["path"].split("/")[-1] for e in journal.entries(kind=Kind.EVICTED)]


def test_what_a_host_has_had_long_enough_goes_first_and_no_photograph_ever(cramped, journal):
    store = cramped(keep_acked_days=30, days_ago=31)
    assert evicted(store, journal, 3) == ["a.jpg", "t.jpg", "late.jpg"]
    with pytest.raises(StorageError, match="card full"):
        store.save(picture("u"), NOON)


def test_what_a_host_has_is_not_yet_first_while_its_copy_is_young(cramped, journal):
    store = cramped(keep_acked_days=30, days_ago=29)
    assert evicted(store, journal, 3) == ["a.jpg", "late.jpg", "t.jpg"]
    with pytest.raises(StorageError, match="card full"):
        store.save(picture("u"), NOON)


def test_protocol_may_trust_a_copy_at_once(cramped, journal):
    assert evicted(cramped(keep_acked_days=0, days_ago=0), journal, 3) == ["a.jpg", "t.jpg", "late.jpg"]


def test_trigger_photograph_stops_at_the_heartbeats_reserve(tmp_path, journal):
    card = SmallCard(tmp_path / "card", 3 * len(jpeg()))
    card.root.mkdir()
    store = MediaStore(card, journal, Reserve(journal=len(jpeg()), heartbeat=len(jpeg())))
    kept(store, journal, "a", Role.PHOTOGRAPH)
    with pytest.raises(StorageError):
        store.save(picture("b"), NOON)
    assert store.save(picture("heartbeat"), NOON, heartbeat=True)


def test_reserve_is_a_share_of_a_small_card_and_a_fixed_size_on_a_large_one():
    large, small = Reserve.of(32_000 * MIB, journal_apart=False), Reserve.of(512 * MIB, journal_apart=False)
    assert large == Reserve()
    assert (small.journal, small.heartbeat) == (64 * MIB, 64 * MIB)
    assert Reserve.of(512 * MIB, journal_apart=True).journal == 0


def test_media_entry_describes_the_file(store):
    body = media_body(picture("a-1"))
    assert (body["role"], body["burst"], body["size"]) == ("photograph", "a-1", len(jpeg()))


def test_torn_jpeg_is_told_from_a_whole_one():
    assert is_whole_jpeg(jpeg())
    assert not is_whole_jpeg(jpeg()[:-1])
    assert not is_whole_jpeg(b"")
