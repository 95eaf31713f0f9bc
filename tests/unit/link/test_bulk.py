"""The card as a drive: shown on demand, capture paused and said so, over by itself."""

import dataclasses
import json
import threading

import pytest
from click.testing import CliRunner

from tests.link_rig import START
from tests.link_unit import WholeUnit
from tests.unit.trap.parts import QueueLink, ScriptedCamera, shot, wake
from trap import duty
from trap.assembly import summary_of
from trap.link.bulk import SECONDS_MOST, UNPLUGGED_MS, Bulk, Cause
from trap.store.held import HeldCard
from trap.store.media import MediaStore, Reserve
from trap_sim.drive import PretendDrive
from trap_tools.cli import main
from trap_tools.field import drive as drive_of
from trap_tools.link import group70
from trap_tools.link.client import Unit
from trap_tools.link.line import Line
from trap_wire import codes, frames
from trap_wire.entries import Kind
from trap_wire.errors import PartError, RefusedError, StorageError


class Clock:
    ms = 0

    def __call__(self):
        return self.ms


@pytest.fixture
def drive():
    return PretendDrive()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def said():
    return []


@pytest.fixture
def bulk(drive, clock, said):
    made = Bulk(drive, clock)
    made.journals(lambda body: said.append(dict(body)))
    return made


def test_drive_is_shown_on_demand_and_taken_away_again(bulk, drive, clock, said):
    bulk.begin(60)
    assert (drive.medium, bulk.told()) == (True, {"on": True, "left_s": 60, "label": "MANUL-MEDIA", "ended": ""})
    clock.ms += 4_200
    bulk.end(Cause.HOST)
    assert not drive.medium
    assert said == [
        {"from": "armed", "to": "bulk", "cause": "host"},
        {"from": "bulk", "to": "armed", "cause": "host", "seconds": 5},
    ]


def test_asking_again_gives_more_time_and_is_no_second_pause(bulk, clock, said):
    bulk.begin(10)
    clock.ms += 9_000
    bulk.begin(10)
    assert bulk.told()["left_s"] == 10
    assert len(said) == 1
    bulk.begin(10**9)
    assert bulk.told()["left_s"] == SECONDS_MOST


def after(bulk, clock, milliseconds):
    for _ in range(milliseconds // 500):
        clock.ms += 500
        if not bulk.look():
            return bulk.told()["ended"]
    return "still on"


def test_drive_is_not_shown_while_something_speaks_against_it(bulk, drive, said):
    bulk.unless(lambda: "3 pictures are still in the clear")
    with pytest.raises(RefusedError, match="still in the clear"):
        bulk.begin(60)
    assert not drive.medium
    assert said == []


def test_it_ends_when_its_time_is_over(bulk, drive, clock):
    bulk.begin(60)
    assert after(bulk, clock, 59_000) == "still on"
    assert after(bulk, clock, 2_000) == "time"
    assert not drive.medium


def test_it_ends_when_the_laptop_ejects_it(bulk, drive, clock):
    bulk.begin(60)
    drive.eject()
    assert after(bulk, clock, 2_000) == "ejected"


def test_it_ends_when_the_cable_is_pulled_and_not_when_the_bus_is_reset(bulk, drive, clock):
    bulk.begin(60)
    drive.plugged_in = False
    assert after(bulk, clock, UNPLUGGED_MS - 1_000) == "still on"
    drive.plugged_in = True
    assert after(bulk, clock, 10_000) == "still on"
    drive.plugged_in = False
    assert after(bulk, clock, 10_000) == "unplugged"
    assert not drive.medium


def test_gadget_that_goes_away_ends_it_and_capture_goes_on(bulk, drive, clock):
    bulk.begin(60)
    drive.absent = True
    assert after(bulk, clock, 2_000) == "fault"
    assert not bulk.on


def test_without_a_usb_host_it_is_refused(bulk, drive):
    drive.plugged_in = False
    with pytest.raises(RefusedError, match="needs the USB cable"):
        bulk.begin()
    drive.absent = True
    with pytest.raises(PartError, match="trapd gadget up"):
        bulk.begin()


def test_drive_that_the_last_life_left_shown_is_taken_away_at_start(bulk, drive):
    drive.medium = True
    bulk.settle()
    assert not drive.medium
    drive.absent = True
    bulk.settle()


def test_nothing_is_written_to_a_card_that_is_lent_out(tmp_path):
    whole, lent = WholeUnit(tmp_path / "unit"), threading.Event()
    card = HeldCard(whole.bench.card, lent.is_set)
    card.write("media/a.jpg", b"a")
    lent.set()
    for deed in (
        lambda: card.write("media/b.jpg", b"b"),
        lambda: card.rename("media/a.jpg", "media/c.jpg"),
        lambda: card.remove("media/a.jpg"),
    ):
        with pytest.raises(StorageError, match="manul bulk off"):
            deed()
    card.remove("media/none.jpg")
    assert (card.read("media/a.jpg"), list(card.files("media"))) == (b"a", ["media/a.jpg"])
    whole.journal.close()


class Lending(WholeUnit):
    """A whole unit with a drive, behind a supervisor that has ``frames`` to say once the drive is on."""

    def __init__(self, root, **facts):
        super().__init__(root, **facts)
        self.drive, self.clock = PretendDrive(), Clock()
        bulk = Bulk(self.drive, self.clock)
        bulk.journals(lambda body: self.journal.append(Kind.STATE, START, body))
        card = HeldCard(self.bench.card, lambda: bulk.on)
        store = MediaStore(card, self.journal, Reserve(journal=0, heartbeat=0))
        self.trap = dataclasses.replace(self.trap, bulk=bulk, card=card, store=store)


@pytest.fixture
def lending(tmp_path):
    made = Lending(tmp_path / "unit", camera=ScriptedCamera([shot(grey=90)]))
    yield made
    made.journal.close()


def test_trigger_while_the_drive_is_on_is_lost_effort_and_the_next_one_is_photographed(lending):
    lending.trap.bulk.begin(60)
    assert duty.on_wake(lending.trap, wake(wake_number=1)) is None
    assert duty.on_wake(lending.trap, wake(reason=codes.REASON_SCHEDULE, wake_number=2)) is None
    assert lending.camera.plans == []
    assert lending.kinds(Kind.THROTTLED) == [{"triggers": 1, "seconds": 0, "cause": "paused"}]
    lending.clock.ms += 30_000
    lending.trap.bulk.end(Cause.HOST)
    assert duty.on_wake(lending.trap, wake(wake_number=3)) is not None
    totals = summary_of(lending.trap)["totals"]
    assert (totals["paused_triggers"], totals["paused_s"], totals["throttled_triggers"]) == (1, 30, 0)


def test_summary_says_how_long_capture_is_still_paused(lending):
    assert "bulk_left_s" not in summary_of(lending.trap)
    lending.trap.bulk.begin(60)
    assert summary_of(lending.trap)["bulk_left_s"] == 60


class Ticking:
    """A clock of the duty cycle at which a minute passes between two looks, shared with the drive's."""

    def __init__(self, drive_clock):
        self._drive_clock = drive_clock

    def now(self):
        return START

    def monotonic_ms(self):
        self._drive_clock.ms += 60_000
        return self._drive_clock.ms

    def set(self, now):
        pass


def test_unit_stays_up_while_the_drive_is_on_and_sleeps_after_it(lending):
    queue = QueueLink([frames.Frame(codes.WAKE, 0, frames.pack_wake(wake()))])
    host = SilentHost()
    trap = dataclasses.replace(lending.trap, supervisor=queue, clock=Ticking(lending.clock), host=host)
    lending.trap.bulk.begin(1_800)
    duty.awake(trap)
    assert not lending.drive.medium
    ended = lending.kinds(Kind.STATE)[-1]
    assert (ended["to"], ended["cause"]) == ("armed", "time")
    assert ended["seconds"] >= 1_800
    assert queue.sent[-1][0] == codes.SLEEP_REQUEST


class SilentHost:
    def serve_for(self, milliseconds):
        return 0


def test_unit_that_is_stopped_takes_the_drive_away_first(lending):
    lending.trap.bulk.begin(60)
    lending.trap.stopping.set()
    duty.awake(dataclasses.replace(lending.trap, host=SilentHost()))
    assert not lending.drive.medium
    assert lending.kinds(Kind.STATE)[-1]["cause"] == "stopped"


def test_bulk_over_the_cable(lending):
    with lending.at_a_cable() as port, Line(port) as line:
        unit = Unit(line)
        assert unit.bulk()["on"] is False
        assert unit.do(group70.BulkRequest(action="on", seconds=90))["left_s"] in (89, 90)
        with pytest.raises(RefusedError, match="manul bulk off"):
            unit.do(group70.TestShotRequest())
        assert unit.do(group70.BulkRequest(action="off"))["ended"] == "host"
        with pytest.raises(RefusedError, match="on or off"):
            unit.do(group70.BulkRequest(action="sideways"))
        lending.drive.plugged_in = False
        with pytest.raises(RefusedError, match="needs the USB cable"):
            unit.do(group70.BulkRequest(action="on"))


def test_unit_without_a_drive_does_not_know_the_command(tmp_path):
    whole = WholeUnit(tmp_path / "unit")
    with whole.at_a_cable() as port, Line(port) as line, pytest.raises(RefusedError, match="not supported"):
        Unit(line).bulk()
    whole.journal.close()


def sysfs(tmp_path, serial="MN-017", size="62521344", bus="usb1/1-1/1-1:1.2"):
    """The kernel's folders of one USB disk."""
    device = tmp_path / "devices" / bus.partition("/1-1:")[0]
    disk = tmp_path / "devices" / bus / "host0/target0:0:0/0:0:0:0/block/sdb"
    disk.mkdir(parents=True)
    (disk / "size").write_text(size + "\n")
    (device / "idVendor").write_text("1209\n")
    (device / "serial").write_text(serial + "\n")
    (tmp_path / "block").mkdir()
    (tmp_path / "block/sdb").symlink_to(disk)
    (tmp_path / "mounts").write_text("/dev/sda1 / ext4 rw 0 0\n/dev/sdb /media/bat/MANUL\\040MEDIA vfat ro 0 0\n")
    return tmp_path / "block", tmp_path / "mounts"


def test_drive_is_found_by_the_units_name(tmp_path):
    block, mounts = sysfs(tmp_path)
    assert drive_of.find("MN-017", block, mounts) == drive_of.Found("/dev/sdb", "/media/bat/MANUL MEDIA")
    assert drive_of.find("MN-018", block, mounts) is None


def test_drive_without_a_medium_is_not_there_yet(tmp_path):
    block, mounts = sysfs(tmp_path, size="0")
    assert drive_of.find("MN-017", block, mounts) is None


def test_computer_waits_for_the_drive_and_for_the_desktop_that_mounts_it():
    seen = iter([None, None, drive_of.Found("/dev/sdb"), drive_of.Found("/dev/sdb", "/media/x")])
    assert drive_of.wait("MN-017", "MANUL-MEDIA", lambda _: next(seen), lambda _s: None).folder == "/media/x"
    assert drive_of.wait("MN-017", "MANUL-MEDIA", lambda _: drive_of.Found("/dev/sdb"), lambda _s: None).folder == ""
    assert drive_of.wait("MN-017", "MANUL-MEDIA", lambda _: None, lambda _s: None) is None


def manul(*arguments):
    return CliRunner().invoke(main, ["bulk", *arguments])


def test_bulk_commands_say_what_is_going_on(lending, monkeypatch, tmp_path):
    monkeypatch.setenv("MANUL_HOME", str(tmp_path / "laptop"))
    monkeypatch.setattr(drive_of, "APPEAR_S", 0.5)
    with lending.at_a_cable() as port:
        on = manul("on", "--port", port, "--minutes", "5")
        status = manul("status", "--port", port)
        as_json = json.loads(manul("status", "--port", port, "--json").output)
        summary = CliRunner().invoke(main, ["summary", "--port", port])
        off = manul("off", "--port", port)
    # Nothing came up on this computer, which has no such USB device: said, with what to do.
    assert on.exit_code == 5
    assert "the drive is on for 5 min; no pictures are taken meanwhile" in on.output
    assert "another cable" in on.output
    assert "on for 5 min more" in status.output
    assert as_json["on"] is True
    assert "no pictures are taken" in " ".join(summary.output.split())
    assert "the drive is off, pictures are taken (switched off)" in off.output
