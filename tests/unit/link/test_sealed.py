import json
from pathlib import Path

import pyrage
import pytest
from click.testing import CliRunner
from smp.file_management import FileDownloadResponse
from smpclient.requests.file_management import FileDownload

from tests.link_rig import START, plugged_in
from tests.link_unit import STATION, WholeUnit
from tests.unit.link.test_pull import NOW
from trap.drivers.age import sealer
from trap.store.media import MediaStore, Reserve
from trap.store.shelf import JournalShelf
from trap_tools.cli import main
from trap_tools.field.pulling import Options, pull
from trap_tools.keys import keystore
from trap_tools.link import group70
from trap_tools.link.client import Unit
from trap_tools.link.line import Line
from trap_wire import station
from trap_wire.entries import Kind
from trap_wire.errors import BadInputError
from trap_wire.vocabulary import Role


@pytest.fixture
def identity():
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def sealing(bench, identity, monkeypatch, tmp_path):
    """The unit of the tests, told to seal to one age key."""
    monkeypatch.setenv("MANUL_HOME", str(tmp_path / "laptop"))
    seal = sealer(str(identity.to_public()))
    bench.store = MediaStore(bench.card, bench.journal, Reserve(journal=0, heartbeat=0), seal)
    facts = bench.facts()
    object.__setattr__(facts, "shelf", JournalShelf(bench.journal, bench.card, seal))
    bench.facts = lambda: facts
    return bench


def opened(tmp_path, key_text):
    (tmp_path / "programme.key").write_text(key_text)
    arguments = [
        "unseal",
        str(tmp_path / "home"),
        "--to",
        str(tmp_path / "open"),
        "--key",
        str(tmp_path / "programme.key"),
        "--json",
    ]
    return CliRunner().invoke(main, arguments)


def test_nothing_on_the_card_or_the_cable_is_in_the_clear(sealing, tmp_path):
    sealing.wakes(3)
    data = sealing.keep("p", 5_000)
    with plugged_in(sealing) as port:
        receipt = pull(port, tmp_path / "home", options=Options(now=lambda: NOW))
    assert receipt.complete
    assert receipt.journal.sealed == 1
    assert "unseal proves them" in receipt.to_text()
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file() and "receipt" not in path.name]
    assert {path.suffix for path in files} == {".age"}
    kept = [
        path.read_bytes()
        for folder in ("media", "sealed")
        for path in (sealing.root / folder).rglob("*")
        if path.is_file()
    ]
    assert all(
        data[100:200] not in one and b'"reason"' not in one for one in [*kept, *(path.read_bytes() for path in files)]
    )


def test_programmes_key_opens_everything_into_an_ordinary_folder(sealing, tmp_path, identity):
    sealing.wakes(1_200)
    data = sealing.keep("p", 5_000)
    with plugged_in(sealing) as port:
        pull(port, tmp_path / "home", options=Options(set_clock=False))
        more = sealing.keep("t", 900, Role.THUMBNAIL)
        pull(port, tmp_path / "home", options=Options(set_clock=False))
    run = opened(tmp_path, str(identity))
    assert run.exit_code == 0, run.output
    folder = tmp_path / "open/MN-017/tost-2026-a"
    assert (folder / "media/p.jpg").read_bytes() == data
    assert (folder / "thumbnails/t.jpg").read_bytes() == more
    assert json.loads(run.output)["journals"] == {
        "MN-017/tost-2026-a": f"entries 1-{sealing.journal.head}, hash chain holds"
    }
    body = next(iter(sealing.journal.entries(kind=Kind.MEDIA))).body
    assert (body["path"], body["size"]) == ("media/p.jpg", 5_000)


def test_another_key_opens_nothing(sealing, tmp_path):
    sealing.keep("p", 5_000)
    with plugged_in(sealing) as port:
        pull(port, tmp_path / "home", options=Options(set_clock=False))
    run = opened(tmp_path, str(pyrage.x25519.Identity.generate()))
    assert run.exit_code == 6
    assert "none of the keys opens it" in run.output


def test_openssh_key_of_the_programme_seals_and_opens(tmp_path, monkeypatch):
    monkeypatch.setenv("MANUL_HOME", str(tmp_path / "laptop"))
    path = keystore.new("tost")
    public = path.with_name("tost.pub").read_text().rsplit(" ", 1)[0]
    assert (
        station.parse(f'[station]\nunit = "a"\ndeployment = "b"\nsealed_to = "{public}"\n').station.sealed_to == public
    )
    (tmp_path / "home").mkdir()
    (tmp_path / "home/x.jpg.age").write_bytes(sealer(public)(b"a cat"))
    run = CliRunner().invoke(main, ["unseal", str(tmp_path / "home"), "--to", str(tmp_path / "open")])
    assert run.exit_code == 0, run.output
    assert (tmp_path / "open/x.jpg").read_bytes() == b"a cat"


def test_sealed_page_is_the_same_file_when_it_is_asked_for_again(sealing):
    sealing.wakes(5)
    seal = sealer(str(pyrage.x25519.Identity.generate().to_public()))
    one, other = (JournalShelf(sealing.journal, sealing.card, seal).items(0, 10) for _ in range(2))
    assert one == other
    assert JournalShelf(sealing.journal, sealing.card, seal).size(one[0].path.removesuffix(".age")) is None


def test_evicted_sealed_file_is_gone_from_the_shelf_under_its_plain_name(sealing):
    sealing.keep("a", 1_000, Role.AUDIT)
    item = sealing.journal.files(role=Role.AUDIT)[0]
    assert item.path == "media/a.jpg.age"
    sealing.card.remove(item.path)
    sealing.store.recover(START)
    assert sealing.journal.files() == []
    assert [entry.body["path"] for entry in sealing.journal.entries(kind=Kind.EVICTED)] == ["media/a.jpg"]


def test_sealed_orphan_is_adopted_after_a_power_cut(sealing, identity):
    (sealing.root / "media").mkdir()
    (sealing.root / "media/o.jpg.age").write_bytes(pyrage.encrypt(b"x" * 500, [identity.to_public()]))
    (sealing.root / "media/torn.jpg.age").write_bytes(b"age-encr")
    sealing.store.recover(START)
    assert [item.path for item in sealing.journal.files()] == ["media/o.jpg.age"]


def test_key_that_is_none_is_refused():
    with pytest.raises(BadInputError, match="sealed_to"):
        station.parse('[station]\nunit = "a"\ndeployment = "b"\nsealed_to = "age1xyz"\n')


PLACE = "43.2051"
JOURNAL_WORDS = (b'"kind"', b"reason", b"prev", b"detector", PLACE.encode())


def read_whole(unit, name):
    data, size = b"", None
    while size is None or len(data) < size:
        answer = unit.ask(FileDownload(off=len(data), name=name), FileDownloadResponse)
        size = answer.len if size is None else size
        data += answer.data
    return data


def test_no_name_that_a_sealed_unit_lets_be_read_has_a_plain_word_in_it(tmp_path, identity, monkeypatch):
    monkeypatch.setenv("MANUL_HOME", str(tmp_path / "laptop"))
    text = STATION.replace("[protocol]", f'sealed_to = "{identity.to_public()}"\n[protocol]', 1)
    unit = WholeUnit(tmp_path / "unit", text)
    bench = unit.bench
    bench.wakes(2)
    bench.journal.append(Kind.SETTINGS, START, {"note": f"camera at {PLACE}"})
    bench.keep("p", 40_000)
    bench.keep("t", 900, Role.THUMBNAIL)
    bench.keep("a", 900, Role.AUDIT)
    with unit.at_a_cable() as port:
        with Line(port) as line:
            client = Unit(line)
            client.do(group70.TestShotRequest())
            names = [row.path for row in client.index()]
            carried = {name: read_whole(client, name) for name in names}
            entries = client.summary()["entries"]
        pull(port, tmp_path / "home", options=Options(set_clock=False))
    drive = {str(path): path.read_bytes() for folder in ("media", "thumbnails", "sealed")
             for path in (bench.root / folder).rglob("*") if path.is_file()}  # fmt: skip
    assert len(names) == 5
    assert any("setup" in name for name in names)
    assert entries > 0
    for name, data in {**carried, **drive}.items():
        assert name.endswith(".age"), name
        assert data.startswith(b"age-encryption.org/v1"), name
        assert not data.startswith(b"\xff\xd8"), name
        assert not any(word in data for word in (b"JFIF", b"Exif", *JOURNAL_WORDS)), name
    assert {path.suffix for path in (tmp_path / "home").rglob("*.*") if "receipt" not in path.name} <= {".age"}
    run = opened(tmp_path, str(identity))
    assert run.exit_code == 0, run.output
    pages = b"".join(path.read_bytes() for path in (tmp_path / "open").rglob("*.jsonl"))
    assert all(word in pages for word in (PLACE.encode(), b"reason"))
    unit.journal.close()


def test_test_shot_of_a_sealed_unit_is_opened_by_the_programmes_key_and_by_no_other(tmp_path, monkeypatch):
    monkeypatch.setenv("MANUL_HOME", str(tmp_path / "laptop"))
    public = " ".join(Path(f"{keystore.new('programme')}.pub").read_text().split()[:2])
    unit = WholeUnit(tmp_path / "unit", STATION.replace("[protocol]", f'sealed_to = "{public}"\n[protocol]', 1))
    with unit.at_a_cable() as port:
        run = CliRunner().invoke(main, ["aim", "--port", port, "--to", str(tmp_path)])
        assert run.exit_code == 0, run.output
        monkeypatch.setenv("MANUL_HOME", str(tmp_path / "strangers"))
        keystore.new("stranger")
        refused = CliRunner().invoke(main, ["aim", "--port", port, "--to", str(tmp_path)])
    [picture] = tmp_path.glob("*-setup-*.jpg")
    assert picture.read_bytes()[:2] == b"\xff\xd8"
    assert refused.exit_code == 6
    assert "none of the keys opens it" in refused.output
    unit.journal.close()
