"""``manul flash`` as a technician types it, on files of a card's size."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from click.testing import CliRunner

from tests.images import MIB, blank, build, needs_tools, partition_table, run
from tests.signing import KEY, OTHER, pem, public_line
from trap_tools import keys
from trap_tools.cli import main
from trap_tools.flash import box, disks, fat, image, receipt
from trap_tools.flash.offers import Choice
from trap_tools.flash.receipt import Source
from trap_tools.flash.stations import from_sheet
from trap_tools.release.build import Contents
from trap_tools.release.build import build as build_bundle
from trap_wire import slot, station
from trap_wire.errors import BadInputError

STATION = '[station]\nunit = "MN-017"\ndeployment = "tost-2026-a"\nprogramme = "tost"\n'
SHEET = "unit;deployment;programme\nMN-001;tost-a;tost\nMN-002;tost-b;tost\n"
pytestmark = needs_tools


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return build(tmp_path_factory.mktemp("image"))


@pytest.fixture
def desk(tmp_path, made):
    """A bench: an image, a station, a sheet, two cards."""
    (tmp_path / "station.toml").write_text(STATION)
    (tmp_path / "sheet.csv").write_text(SHEET)
    for name in ("one", "two"):
        blank(tmp_path / name, made.size)
    (tmp_path / "key").write_bytes(pem(KEY))
    (tmp_path / "key.pub").write_text(public_line(KEY))
    return tmp_path


def manul(desk, made, *words, typed=""):
    order = ["flash", "--image", made.path, "--receipts", desk / "receipts", *words]
    return CliRunner().invoke(main, [str(word) for word in order], input=typed)


def station_on(card):
    with card.open("rb") as file:

        def read(offset, length):
            file.seek(offset)
            return file.read(length)

        place = fat.locate(read, "station.toml")
        return station.parse(slot.read(read(place.offset, place.size)))


def test_one_card_ends_with_its_station_a_signed_receipt_and_a_label(desk, made):
    answer = manul(
        desk, made, "--file", desk / "one", "--station", desk / "station.toml", "--protocol", "pallas-cat",
        "--yes", "one", "--sign", desk / "key",
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    facts = station_on(desk / "one")
    assert (facts.station.unit, facts.protocol.name) == ("MN-017", "pallas-cat")
    found = json.loads((desk / "receipts" / "MN-017.json").read_text())
    assert (found["result"], found["unit"], found["protocol"]["sha256"]) == ("good", "MN-017", facts.protocol.digest)
    keys.verify_file(desk / "receipts" / "MN-017.json", keys.load_public(desk / "key.pub"), receipt.NAMESPACE)
    assert "MN-017" in (desk / "receipts" / "MN-017.svg").read_text()
    assert (desk / "receipts" / "labels.pdf").read_bytes().startswith(b"%PDF")


def test_slot_within_the_first_piece_is_not_written_over_by_it(desk, tmp_path):
    """The first piece goes last; an image whose boot partition begins early has its slot there."""
    early = build(tmp_path, name="early.img", boot_at=MIB)
    run("xz", "-0", early.path)  # a packed image tells nothing of holes: its pieces are 4 MiB, whole
    early = replace(early, path=early.path.with_name("early.img.xz"))
    blank(desk / "one", early.size)
    blank(desk / "two", early.size)
    rows = manul(
        desk, early, "--file", desk / "one", "--file", desk / "two", "--sheet", desk / "sheet.csv",
        "--protocol", "pallas-cat", "--yes", "one", "--yes", "two",
    )  # fmt: skip
    assert rows.exit_code == 0, rows.output
    assert {station_on(desk / name).station.unit for name in ("one", "two")} == {"MN-001", "MN-002"}


def test_each_unit_gets_an_audit_key_of_its_own_that_no_receipt_tells(desk, made):
    answer = manul(
        desk, made, "--file", desk / "one", "--file", desk / "two", "--sheet", desk / "sheet.csv",
        "--protocol", "snow-leopard", "--yes", "one", "--yes", "two", "--json",
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    stations = [station_on(desk / name).station for name in ("one", "two")]
    assert [s.unit for s in stations] == ["MN-001", "MN-002"]
    assert len({s.audit_key for s in stations} | {"00" * 32}) == 3
    assert stations[0].audit_key not in answer.output
    assert [json.loads(line)["result"] for line in answer.stdout.splitlines()] == ["good", "good"]


def test_name_must_be_typed_and_a_wrong_one_writes_nothing(desk, made):
    words = ("--file", desk / "one", "--station", desk / "station.toml", "--protocol", "pallas-cat")
    refused = manul(desk, made, *words, typed="two\n")
    assert refused.exit_code == 9
    assert "nothing was written" in refused.output
    assert (desk / "one").read_bytes()[:2] == b"\xee\xee"
    assert manul(desk, made, *words, typed="").exit_code == 9
    assert manul(desk, made, *words, typed="one\n").exit_code == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--to", "{desk}/one"], 9, "--file"),
        (["--to", "/dev/nosuch"], 9, "--list"),
        (["--file", "{desk}/nosuch"], 9, "truncate"),
        (["--file", "{desk}/one", "--yes", "two"], 9, "--yes does not name"),
        (["--file", "{desk}/one", "--station", "{desk}/bad.toml", "--protocol", "pallas-cat"], 3, "station.chemistry = 'coal'"),
        (["--file", "{desk}/one", "--station", "{desk}/station.toml"], 3, "--protocol pallas-cat"),
        (["--file", "{desk}/one", "--sheet", "{desk}/bad.csv", "--protocol", "pallas-cat"], 3, "line 3"),
        (["--file", "{desk}/one", "--sheet", "{desk}/twice.csv", "--protocol", "pallas-cat"], 3, "2 times"),
        (["--file", "{desk}/one", "--bundle", "{desk}/b.manul"], 2, "--key"),
        (["--file", "{desk}/one", "--bundle", "{desk}/b.manul", "--key", "{desk}/other.pub"], 6, "not a key that you trust"),
        (["--file", "{desk}/one", "--bundle", "{desk}/b.manul", "--key", "{desk}/key.pub"], 6, "is not an image that"),
    ],
)  # fmt: skip
def test_refusals_say_what_to_do_and_write_nothing(desk, made, words, code, said):
    (desk / "bad.toml").write_text(STATION + 'chemistry = "coal"\n')
    (desk / "bad.csv").write_text("unit,deployment\nMN-1,a\nMN 2,b\n")
    (desk / "twice.csv").write_text("unit,deployment\nMN-1,a\nMN-1,b\n")
    (desk / "other.pub").write_text(public_line(OTHER))
    other_image = desk / "other.img"
    other_image.write_bytes(b"other")
    build_bundle(Contents(), desk / "b.manul", version="1.0", python=["3.11"], base=[other_image], key=KEY)
    answer = manul(desk, made, *[word.format(desk=desk) for word in words])
    assert answer.exit_code == code, answer.output
    assert said in answer.output
    assert "Traceback" not in answer.output
    assert (desk / "one").read_bytes()[:2] == b"\xee\xee"


def test_bundle_proves_the_image_and_brings_the_protocol(desk, made):
    contents = Contents()
    (desk / "p.toml").write_text('[protocol]\nname = "steppe"\nversion = 3\n')
    contents.add("protocol/protocol.toml", "protocol", desk / "p.toml")
    build_bundle(contents, desk / "b.manul", version="1.2", python=["3.11"], base=[made.path], key=KEY)
    answer = manul(
        desk, made, "--file", desk / "one", "--yes", "one", "--station", desk / "station.toml",
        "--bundle", desk / "b.manul", "--key", desk / "key.pub",
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    found = json.loads((desk / "receipts" / "MN-017.json").read_text())
    assert (found["bundle"]["version"], found["protocol"]["name"]) == ("1.2", "steppe")
    assert station_on(desk / "one").protocol.version == 3


def test_signed_proof_beside_a_prepared_image_ties_it_to_its_bundle(desk, made):
    (desk / "p.toml").write_text('[protocol]\nname = "steppe"\n')
    contents = Contents()
    contents.add("protocol/protocol.toml", "protocol", desk / "p.toml")
    for version in ("1.2", "1.3"):
        build_bundle(contents, desk / f"{version}.manul", version=version, python=["3.11"], base=[], key=KEY)
    card = desk / made.path.name
    run("cp", "--sparse=always", made.path, card)
    words = ["flash", "--image", card, "--file", desk / "one", "--yes", "one", "--station", desk / "station.toml",
             "--receipts", desk / "receipts", "--key", desk / "key.pub", "--bundle"]  # fmt: skip

    def tried(version):
        return CliRunner().invoke(main, [*map(str, words), str(desk / f"{version}.manul")])

    assert "is not beside it either" in tried("1.2").output
    signed = ["release", "sign-image", card, "--bundle", desk / "1.2.manul", "--key", desk / "key"]
    assert CliRunner().invoke(main, [str(word) for word in signed]).exit_code == 0
    assert "another bundle" in tried("1.3").output
    answer = tried("1.2")
    assert answer.exit_code == 0, answer.output
    with card.open("r+b") as file:
        file.seek(6 * 2**20)
        file.write(b"!")
    assert "changed or cut short" in tried("1.2").output


def test_tampered_image_is_refused_before_anything_is_written(desk, made):
    build_bundle(Contents(), desk / "b.manul", version="1.2", python=["3.11"], base=[made.path], key=KEY)
    changed = desk / made.path.name
    run("cp", "--sparse=always", made.path, changed)
    with changed.open("r+b") as file:
        file.seek(6 * 2**20)
        file.write(b"!")
    words = [
        "flash",
        "--image",
        changed,
        "--file",
        desk / "one",
        "--bundle",
        desk / "b.manul",
        "--key",
        desk / "key.pub",
    ]
    answer = CliRunner().invoke(main, [str(word) for word in words])
    assert answer.exit_code == 6
    assert (desk / "one").read_bytes()[:2] == b"\xee\xee"


def test_image_without_a_slot_is_refused_before_a_card_is_written_for_a_station(desk):
    (desk / "plain.img").write_bytes(partition_table([(0x83, 2**20, 2**20)]) + bytes(2**21))
    words = ["flash", "--image", desk / "plain.img", "--file", desk / "one", "--yes", "one", "--station", desk / "station.toml",
             "--protocol", "pallas-cat", "--receipts", desk / "receipts"]  # fmt: skip
    answer = CliRunner().invoke(main, [str(word) for word in words])
    assert answer.exit_code == 3
    assert "no FAT partition" in answer.output
    assert (desk / "one").read_bytes()[:2] == b"\xee\xee"


def test_truncated_image_leaves_a_card_that_does_not_start(desk, made):
    short = desk / "short.img"
    run("cp", "--sparse=always", made.path, short)
    run("truncate", "-s", made.size - 2**20, short)
    words = ["flash", "--image", short, "--file", desk / "one", "--yes", "one", "--receipts", desk / "receipts"]
    answer = CliRunner().invoke(main, [str(word) for word in words])
    assert answer.exit_code == 6
    assert json.loads((desk / "receipts" / "one.json").read_text())["result"] == "failed"
    assert (desk / "one").read_bytes()[:512] == bytes(512)


def test_box_goes_on_where_it_stopped(desk, made):
    words = ("--sheet", desk / "sheet.csv", "--protocol", "pallas-cat")
    assert manul(desk, made, "--file", desk / "one", "--yes", "one", *words).exit_code == 0
    assert manul(desk, made, "--file", desk / "two", "--yes", "two", *words).exit_code == 0
    assert station_on(desk / "two").station.unit == "MN-002"
    done = manul(desk, made, "--file", desk / "two", "--yes", "two", *words)
    assert done.exit_code == 3
    assert "every unit of" in done.output


def test_card_that_failed_after_a_good_one_is_not_taken_for_finished(desk, made):
    """The earlier receipt stays, with its time in its name, and its signature goes with it."""
    words = ("--sheet", desk / "sheet.csv", "--protocol", "pallas-cat", "--sign", desk / "key")
    assert manul(desk, made, "--file", desk / "one", "--yes", "one", *words).exit_code == 0
    with (desk / "tiny").open("wb") as file:
        file.truncate(1_000_000)
    station = desk / "again.toml"
    station.write_text("[station]\nunit = 'MN-001'\ndeployment = 'a'\n")
    again = ("--station", station, "--protocol", "pallas-cat")
    assert manul(desk, made, "--file", desk / "tiny", "--yes", "tiny", *again).exit_code == 7
    assert receipt.finished(desk / "receipts") == set()
    (aside,) = (desk / "receipts").glob("MN-001.*Z.json")
    assert json.loads(aside.read_text())["result"] == "good"
    assert keys.verify_file(aside, [keys.public_of(KEY)], receipt.NAMESPACE)
    assert not (desk / "receipts" / "MN-001.json.sig").exists()


def test_one_card_named_twice_is_refused_before_two_writers_meet_on_it(desk, made):
    (desk / "alias").symlink_to(desk / "one")
    for other in ("one", "alias"):
        answer = manul(desk, made, "--file", desk / "one", "--file", desk / other, "--yes", "one", "--yes", other)
        assert answer.exit_code == 9
        assert "are one card: name each card once" in answer.output
    assert (desk / "one").read_bytes()[:2] == b"\xee\xee"


def test_receipts_that_could_not_be_kept_are_told_before_the_card_is_written(desk, made):
    (desk / "receipts").write_text("a file")
    answer = manul(desk, made, "--file", desk / "one", "--yes", "one")
    assert answer.exit_code == 3
    assert "nothing can be written there" in answer.output
    assert (desk / "one").read_bytes()[:2] == b"\xee\xee"


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("unit\nMN-1\n", "deployment: missing"),
        ("Unit,Deployment\nMN-1,a\n", ["MN-1"]),
        ("\ufeffunit;deployment\r\nMN-1;a\r\n;\r\nMN-2;b\r\n", ["MN-1", "MN-2"]),
        ("unit\tdeployment\nMN-1\ta\n", ["MN-1"]),
        ('unit,deployment,programme\nMN-1,"a",tost\n', ["MN-1"]),
        ("unit,deployment\nMN-1,a,b\n", "line 2: has 3 values for 2 columns"),
        ("unit,deployment\nMN-1,a\nMN-1,bad name\n", "unit MN-1 stands in it 2 times"),
        ("unit,deployment,protocol\nMN-1,a,lynx\n", "line 2: protocol = 'lynx': no protocol called"),
        ("unit,deployment\nMN 1,a\n", "line 2: station.unit = 'MN 1': must be like MN-017"),
        ("unit,deployment,sealed_to\nMN-1,a,me\n", "station.sealed_to = 'me': must be like a key of age"),
        ("unit,deployment,remarks\nMN-1,a,tall rock\n", "line 2: station.remarks: unknown field"),
        ("", "has no units"),
    ],
)
def test_sheet_as_people_save_it_is_read_or_named_line_by_line(tmp_path, text, units):
    sheet = tmp_path / "box.csv"
    sheet.write_text(text, encoding="utf-8", newline="")
    if isinstance(units, list):
        assert [ticket.facts.station.unit for ticket in from_sheet(sheet, "pallas-cat")] == units
        return
    with pytest.raises(BadInputError, match=re.escape(units)) as caught:
        from_sheet(sheet, "pallas-cat")
    assert str(sheet) in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("unit,deployment\nMN-1,Тост\n".encode("cp1251"), "save it as 'CSV UTF-8'"),
        (b'unit = "MN-1"\n', r"write a table \[\[unit\]\]"),
        (b"unit = [1]\n", r"write a table \[\[unit\]\]"),
    ],
)
def test_sheet_that_cannot_be_read_says_how_to_write_it(tmp_path, raw, said):
    sheet = tmp_path / ("box.csv" if b"," in raw else "box.toml")
    sheet.write_bytes(raw)
    with pytest.raises(BadInputError, match=said):
        from_sheet(sheet, "pallas-cat")


class Reader:
    """A card reader whose cards come and go: each is a file; the list is what lsblk would tell."""

    def __init__(self, *cards):
        self.cards, self.asked = list(cards), 0

    def __call__(self):
        self.asked += 1
        card = self.cards[min(self.asked // 4, len(self.cards) - 1)]
        return (
            []
            if card is None
            else [disks.Disk(str(card), "disk", card.stat().st_size, "Reader", card.name, removable=True)]
        )


def test_box_of_cards_in_a_row_waits_for_the_next_card_to_appear(desk, made):
    """The newly appeared card is taken by itself; a reader stands in for lsblk, the cards are files."""
    reader = Reader(None, desk / "one", None, desk / "two")
    choice = Choice(yes=["one", "two"], listed=reader)
    work = box.Work(Source(image.opened(made.path), "", {}), choice, desk / "receipts", None, as_json=True)
    assert box.write(work, from_sheet(desk / "sheet.csv", "pallas-cat"), in_a_row=True) == 0
    assert [station_on(desk / name).station.unit for name in ("one", "two")] == ["MN-001", "MN-002"]


def test_letters_that_the_printers_font_lacks_cost_no_label(desk, made):
    renamed = desk / "образ.img"
    renamed.symlink_to(made.path)
    words = ["flash", "--image", renamed, "--receipts", desk / "receipts", "--file", desk / "one", "--yes", "one"]
    answer = CliRunner().invoke(
        main, [*map(str, words), "--station", str(desk / "station.toml"), "--protocol", "pallas-cat"]
    )
    assert answer.exit_code == 0, answer.output
    assert "образ.img" in (desk / "receipts" / "MN-017.svg").read_text()
    assert (desk / "receipts" / "labels.pdf").read_bytes().startswith(b"%PDF")


def test_label_is_there_before_the_next_card_and_ctrl_c_while_waiting_loses_none(desk, made):
    reader = Reader(None, desk / "one", None)

    def stopped():
        if reader.asked > 12:
            raise KeyboardInterrupt
        return reader()

    choice = Choice(yes=["one"], listed=stopped)
    work = box.Work(Source(image.opened(made.path), "", {}), choice, desk / "receipts", None, as_json=True)
    with pytest.raises(KeyboardInterrupt):
        box.write(work, from_sheet(desk / "sheet.csv", "pallas-cat"), in_a_row=True)
    assert {path.name for path in (desk / "receipts").iterdir()} == {"MN-001.json", "MN-001.svg", "labels.pdf"}


def rpiboot(desk, lines):
    """Raspberry Pi's tool on PATH; what it was asked goes to a file."""
    (desk / "bin").mkdir()
    (desk / "bin" / "rpiboot").write_text(f'#!/bin/sh\necho "$@" >> {desk}/asked\n{lines}\n')
    (desk / "bin" / "rpiboot").chmod(0o755)
    return {"PATH": f"{desk / 'bin'}:{os.environ['PATH']}"}


def on_the_cable(desk, made, env):
    words = [
        "flash",
        "--image",
        made.path,
        "--receipts",
        desk / "receipts",
        "--usb",
        "--file",
        desk / "one",
        "--yes",
        "one",
    ]
    return CliRunner().invoke(main, [str(word) for word in words], env=env)


def test_unit_on_the_cable_is_made_a_disk_before_any_card_is_written(desk, made):
    answer = on_the_cable(desk, made, rpiboot(desk, f"cmp -n 2 {desk}/one /dev/zero && exit 1; exit 0"))
    assert answer.exit_code == 0, answer.output
    assert (desk / "asked").read_text() == "-d mass-storage-gadget64\n"


@pytest.mark.parametrize(
    ("lines", "said"), [("exit 1", "USB boot mode"), (None, "not installed: github.com/raspberrypi/usbboot")]
)
def test_unit_that_does_not_become_a_disk_says_what_to_do_and_nothing_is_written(desk, made, lines, said):
    if lines is None and shutil.which("rpiboot"):
        pytest.skip("rpiboot is installed here")
    env = rpiboot(desk, lines) if lines else {}
    answer = on_the_cable(desk, made, env)
    assert answer.exit_code == 8, answer.output
    assert said in answer.output
    assert (desk / "one").read_bytes()[:2] == b"\xee\xee"


def test_disk_that_appeared_while_the_unit_booted_is_the_new_one(desk, made):
    """Looked at before ``rpiboot``: the disk may be there before it returns."""
    before, reader = [], Reader(desk / "one")
    work = box.Work(
        Source(image.opened(made.path), "", {}),
        Choice(yes=["one"], listed=reader),
        desk / "receipts",
        None,
        as_json=True,
    )
    assert box.write(work, [], in_a_row=False, known=before) == 0
    assert first(desk / "one") == first(made.path)


def test_ctrl_c_in_a_real_process_says_so_and_the_card_does_not_start(desk, made):
    big = desk / "big.img"
    run("cp", "--sparse=always", made.path, big)
    with big.open("r+b") as file:
        file.truncate(1500 * 2**20)
        file.seek(made.size)
        for _ in range(20):
            file.write(os.urandom(2**20) * 10)
    card = blank(desk / "big", 1500 * 2**20)
    order = [sys.executable, "-c", "from trap_tools.cli import main; main()", "flash", "--image", big, "--file", card,
             "--yes", "big", "--receipts", desk / "receipts", "--json"]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": "firmware:host_tools"}
    process = subprocess.Popen(
        [str(word) for word in order], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    )
    wait_until(lambda: card.read_bytes()[:2] == b"\0\0" if card.stat().st_size < 2**21 else first(card) == b"\0\0")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert "does not start" in json.loads(out.splitlines()[-1])["trouble"]
    assert first(card, 512) == bytes(512)
    assert "Traceback" not in err


def first(card, length=2):
    with card.open("rb") as file:
        return file.read(length)


def wait_until(true, timeout_s=30):
    end = time.monotonic() + timeout_s
    while not true() and time.monotonic() < end:
        threading.Event().wait(0.01)


def test_list_shows_the_disks_of_this_machine_and_why_not():
    answer = CliRunner().invoke(main, ["flash", "--list"], env={"COLUMNS": "200"})
    assert answer.exit_code == 0
    assert "may be written" in answer.output


def test_no_image_is_wrong_usage():
    assert CliRunner().invoke(main, ["flash", "--to", "/dev/sdz"]).exit_code == 2
