import dataclasses
import hashlib

import numpy as np
import pytest
from smpclient.generics import error, success
from smpclient.requests.settings_management import (
    CommitSettings,
    DeleteSetting,
    LoadSettings,
    ReadSetting,
    WriteSetting,
)
from smpclient.requests.statistics_management import GroupData, ListOfGroups

from tests.link_rig import plugged_in
from tests.link_unit import STATION, WholeUnit
from tests.unit.link.test_general_clients import asked
from tests.unit.trap.parts import QueueLink, ScriptedCamera, shot, wake
from trap.cable import public_keys
from trap.fieldwork import UnitWork
from trap.link.bulk import Bulk, Cause
from trap.ports import Lighting
from trap.records import wake_body
from trap.selftest import self_test
from trap.store.held import HeldCard
from trap_sim.drive import PretendDrive
from trap_tools.link import group70
from trap_tools.link.client import Unit
from trap_tools.link.line import Line
from trap_wire import slot
from trap_wire.entries import Kind
from trap_wire.errors import BadInputError, RefusedError

KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl tost\n"


@pytest.fixture
def whole(tmp_path):
    made = WholeUnit(tmp_path / "unit")
    yield made
    made.journal.close()


@pytest.fixture
def talk(whole):
    with whole.at_a_cable() as port, Line(port) as line:
        yield Unit(line)


def checkered():
    lores = np.zeros((240, 320, 3), np.uint8)
    lores[::2, ::2] = 200
    return dataclasses.replace(shot(), lores=lores)


def test_test_shot_is_kept_and_can_be_fetched_with_its_boxes(whole, talk):
    told = talk.do(group70.TestShotRequest())
    data = (whole.root / told["path"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == told["sha256"]
    assert told["boxes"] == [["animal", 0.9, 0.2, 0.3, 0.1, 0.1]]
    assert told["path"] in {row.path for row in talk.index()}


def test_repeated_request_takes_one_picture_not_two(whole, talk):
    request = group70.TestShotRequest()
    talk.do(request)
    packet = request.BYTES[:6] + bytes([talk._sequence]) + request.BYTES[7:]
    talk.line.send(packet)
    talk.line.receive(1.0)
    assert len(whole.kinds(Kind.MEDIA)) == 1


def test_camera_without_a_picture_says_so_in_its_own_words(whole, talk):
    whole.camera.fails_after = 0
    with pytest.raises(RefusedError, match="is the ribbon seated"):
        talk.do(group70.TestShotRequest())


def test_self_test_names_what_to_do_for_each_failure(whole, talk):
    rows = {row[0]: row for row in talk.do(group70.SelfTestRequest())["results"]}
    assert rows["camera"][1] == "fail"
    assert "wipe the lens" in rows["camera"][2]
    assert rows["card"][1] == rows["journal"][1] == rows["detector"][1] == "pass"
    assert rows["pir"][1] == "skip"
    assert whole.kinds(Kind.SELF_TEST)


def test_self_test_passes_a_sharp_picture(tmp_path):
    whole = WholeUnit(tmp_path / "unit", camera=ScriptedCamera([checkered()]))
    with whole.at_a_cable() as port, Line(port) as line:
        rows = {row[0]: row[1] for row in Unit(line).do(group70.SelfTestRequest())["results"]}
    whole.journal.close()
    assert rows["camera"] == "pass"


def test_self_test_fails_a_unit_without_its_detector(tmp_path):
    whole = WholeUnit(tmp_path / "unit", detector=None)
    with whole.at_a_cable() as port, Line(port) as line:
        rows = {row[0]: row[1] for row in Unit(line).do(group70.SelfTestRequest())["results"]}
    whole.journal.close()
    assert rows["detector"] == "fail"


@pytest.mark.parametrize(
    ("chemistry", "mv", "state"),
    [("lithium-aa-12", 7_110, "pass"), ("lithium-aa-12", 4_000, "fail"), ("liion-2s", 8_000, "pass"), ("liion-2s", 6_000, "fail"),
     ("mains", 4_000, "pass")],
)  # fmt: skip
def test_self_test_judges_the_battery_by_the_pack_that_the_station_names(tmp_path, chemistry, mv, state):
    station = STATION.replace("[protocol]", f'chemistry = "{chemistry}"\n[protocol]')
    whole = WholeUnit(tmp_path / "unit", station=station)
    body = {"battery_mv": mv, "battery_ma": -80, "temperature_c": -5.0}
    whole.journal.append(Kind.BATTERY, whole.trap.clock.now(), body)
    rows = {row[0]: row for row in self_test(whole.trap)}
    whole.journal.close()
    assert rows["battery"][1] == state


def test_self_test_tells_the_light_of_the_last_wake(whole):
    whole.journal.append(Kind.WAKE, whole.trap.clock.now(), wake_body(wake(light_lux=40), whole.trap.clock.now()))
    rows = {row[0]: row for row in self_test(whole.trap)}
    assert (rows["light"][1], rows["light"][3]["light_lux"]) == ("pass", 40)


def test_walk_test_counts_the_triggers_at_a_position(whole, talk):
    whole.journal.append(Kind.WAKE, whole.trap.clock.now(), {"reason": "pir"})
    talk.do(group70.WalkTestRequest(action="start", position="5 m left"))
    for reason in ("pir", "schedule", "pir"):
        whole.journal.append(Kind.WAKE, whole.trap.clock.now(), {"reason": reason})
    assert talk.do(group70.WalkTestRequest(action="read"))["triggers"] == 2
    talk.do(group70.WalkTestRequest(action="stop", position="5 m left"))
    assert whole.kinds(Kind.WALK_TEST) == [{"position": "5 m left", "triggers": 2}]
    with pytest.raises(RefusedError, match="start one first"):
        talk.do(group70.WalkTestRequest(action="read"))


class OrderedSupervisor(QueueLink):
    """A supervisor link that takes orders, as ``trap.link.supervisor`` does."""

    def __init__(self):
        super().__init__([])
        self.orders = []

    def walk_test(self, seconds):
        self.orders.append(("walk", seconds))
        return 4

    def fresh_cells(self):
        self.orders.append(("fresh",))

    firmware, bad_frames, reading = "0.1.0", 0, (6_800, 310)

    def measure(self):
        return self.reading


def supervised_rows(folder, **facts):
    unit = WholeUnit(folder)
    supervisor = OrderedSupervisor()
    for name, value in facts.items():
        setattr(supervisor, name, value)
    rows = {row[0]: row for row in self_test(dataclasses.replace(unit.trap, supervisor=supervisor))}
    unit.journal.close()
    return rows


def test_check_weighs_the_battery_while_camera_and_detector_work(tmp_path):
    assert supervised_rows(tmp_path / "good")["load"][1:3] == ["pass", "6.80 V at 310 mA"]
    state, words = supervised_rows(tmp_path / "worn", reading=(4_100, 310))["load"][1:3]
    assert state == "fail"
    assert words.startswith("4.10 V at 310 mA: put in new cells")


def test_check_names_the_supervisors_version_and_a_line_that_breaks_frames(tmp_path):
    assert supervised_rows(tmp_path / "good")["supervisor"][1:3] == ["pass", "firmware 0.1.0, 0 broken frames"]
    assert supervised_rows(tmp_path / "noisy", bad_frames=40)["supervisor"][1] == "fail"


def test_check_of_a_unit_without_a_supervisor_does_not_pretend_to_have_weighed_it(whole):
    rows = {row[0]: row for row in self_test(whole.trap)}
    assert (rows["supervisor"][1], rows["load"][1]) == ("skip", "skip")


def test_walk_test_on_the_led_is_the_supervisors_and_goes_on_without_the_laptop(tmp_path):
    unit = WholeUnit(tmp_path / "led")
    supervisor = OrderedSupervisor()
    unit.trap = dataclasses.replace(unit.trap, supervisor=supervisor)
    with unit.at_a_cable() as port, Line(port) as line:
        talk = Unit(line)
        assert talk.do(group70.WalkTestRequest(action="led", seconds=300)) == {"pulses": 4, "seconds": 300}
        talk.do(group70.WalkTestRequest(action="led_read"))
        talk.do(group70.WalkTestRequest(action="led_stop"))
        with pytest.raises(RefusedError, match="at most 3600"):
            talk.do(group70.WalkTestRequest(action="led", seconds=9_999))
    assert supervisor.orders == [("walk", 300), ("walk", None), ("walk", 0)]
    unit.journal.close()


def test_unit_without_a_supervisor_has_no_led_for_the_walk_test(whole, talk):
    with pytest.raises(RefusedError, match="manul aim --walk"):
        talk.do(group70.WalkTestRequest(action="led", seconds=60))


def test_deployment_that_starts_counts_the_charge_from_nought(tmp_path):
    unit = WholeUnit(tmp_path / "fresh", station=STATION.replace("[protocol]", "[protocol]\nopen_units = true"))
    supervisor = OrderedSupervisor()
    unit.trap = dataclasses.replace(unit.trap, supervisor=supervisor)
    with unit.at_a_cable() as port, Line(port) as line:
        Unit(line).do(group70.DeployRequest(action="start", note=""))
    assert supervisor.orders == [("fresh",)]
    unit.journal.close()


def test_acknowledgement_is_a_mark_and_deletes_nothing(whole, talk):
    whole.bench.keep("p", 1_000)
    assert talk.do(group70.AckRequest(upto=1)) == {"upto": 1}
    assert {row.path for row in talk.index()} >= {"media/p.jpg"}
    assert whole.kinds(Kind.VISIT) == [{"what": "acknowledged", "upto": 1}]


def test_unit_on_the_bench_is_not_deployed(whole, talk):
    with pytest.raises(RefusedError, match="anybody could open it"):
        talk.do(group70.DeployRequest(action="start"))
    assert whole.kinds(Kind.DEPLOYMENT) == []


def test_unit_on_the_bench_is_deployed_where_the_protocol_allows_it(whole, talk):
    talk.change_settings(**{"station.toml": (STATION + "open_units = true\n").encode()})
    told = talk.do(group70.DeployRequest(action="start", note="north saddle"))
    assert told["from_next_start"] is True
    assert whole.kinds(Kind.DEPLOYMENT)[0]["action"] == "start"


def test_settings_are_staged_then_committed(whole):
    other = STATION.replace("tost-2026-a", "tost-2026-b").encode()
    with whole.at_a_cable() as port:
        staged, before, committed, after = asked(
            port,
            WriteSetting(name="station.toml", val=other),
            ReadSetting(name="station.toml"),
            CommitSettings(),
            ReadSetting(name="station.toml"),
        )
    assert success(staged)
    assert success(committed)
    assert (before.val, after.val) == (STATION.encode(), other)
    assert slot.read(whole.slot.read_bytes()).encode() == other


def test_setting_that_is_dropped_before_the_commit_changes_nothing(whole):
    other = STATION.replace("tost-2026-a", "tost-2026-b").encode()
    with whole.at_a_cable() as port:
        asked(port, WriteSetting(name="station.toml", val=other), DeleteSetting(name="station.toml"), CommitSettings())
        asked(port, WriteSetting(name="station.toml", val=other), LoadSettings(), CommitSettings())
    assert slot.read(whole.slot.read_bytes()) == STATION


def test_bad_station_file_is_refused_with_every_bad_field(whole, talk):
    bad = b'[station]\nunit = "MN 017"\ndeployment = "x"\n[protocol]\nburst_frames = 99\n'
    with pytest.raises(RefusedError, match=r"station.unit.*protocol.burst_frames"):
        talk.change_settings(**{"station.toml": bad})


def test_keys_are_added_but_a_unit_is_never_opened_again_over_the_cable(whole, talk):
    talk.change_settings(programme_keys=KEY)
    assert public_keys((whole.root / "vault/programme_keys").read_bytes())
    with pytest.raises(RefusedError, match="access denied"):
        talk.setting("programme_keys")
    with pytest.raises(BadInputError):
        public_keys(b"ssh-rsa AAAA")


def test_unknown_setting_has_zephyrs_code(whole):
    with whole.at_a_cable() as port:
        [answer] = asked(port, ReadSetting(name="moon"))
    assert error(answer)
    assert answer.err.rc == 5


def test_stats_count_what_came_over_the_cable(bench):
    with plugged_in(bench) as port:
        groups, first, second, none = asked(
            port, ListOfGroups(), GroupData(name="link"), GroupData(name="link"), GroupData(name="x")
        )
    assert groups.stat_list == ("link",)
    assert second.fields["answered"] == first.fields["answered"] + 1
    assert none.err.rc == 2


def test_card_that_a_laptop_has_as_a_drive_is_not_blamed(tmp_path):
    unit = WholeUnit(tmp_path / "unit")
    bulk = Bulk(PretendDrive(), unit.trap.clock.monotonic_ms)
    card = HeldCard(unit.bench.card, lambda: bulk.on)
    trap = dataclasses.replace(unit.trap, bulk=bulk, card=card)
    bulk.begin(600)
    lent = {row[0]: row for row in self_test(trap)}
    bulk.end(Cause.HOST)
    after = {row[0]: row for row in self_test(trap)}
    unit.journal.close()
    assert (lent["bulk"][1], lent["card"][1]) == ("fail", "skip")
    assert "manul bulk off" in lent["bulk"][2]
    assert lent["bulk"][3]["left_s"] == 600
    assert "bulk" not in after
    assert after["card"][1] == "pass"


def paired(dark, lit, infrared=True):
    """Frames without, with and without the flash."""
    return [shot(grey=dark), dataclasses.replace(shot(grey=lit), infrared=infrared), shot(grey=dark)]


@pytest.mark.parametrize(
    ("shots", "state", "words"),
    [
        (paired(4, 70), "pass", "adds 66 of 255"),
        (paired(4, 4), "fail", "hold a hand half a metre"),
        (paired(4, 4, infrared=False), "fail", "cannot be switched"),
        (paired(255, 255), "skip", "hang a jacket over the unit"),
    ],
)
def test_check_judges_the_flash_by_what_it_adds(tmp_path, shots, state, words):
    unit = WholeUnit(tmp_path / "unit", camera=ScriptedCamera(shots))
    rows = {row[0]: row for row in self_test(unit.trap)}
    assert any(plan.lighting is Lighting.PAIRED for plan in unit.camera.plans)
    unit.journal.close()
    assert rows["infrared"][1] == state
    assert words in rows["infrared"][2]


def test_camera_without_a_picture_is_not_blamed_on_the_flash(whole):
    whole.camera.fails_after = 0
    rows = {row[0]: row for row in self_test(whole.trap)}
    assert (rows["camera"][1], rows["infrared"][1]) == ("fail", "skip")


def test_test_shot_by_flash_keeps_the_lit_frame_and_says_what_it_adds(tmp_path):
    unit = WholeUnit(tmp_path / "unit", camera=ScriptedCamera(paired(4, 70)))
    with unit.at_a_cable() as port, Line(port) as line:
        told = Unit(line).do(group70.TestShotRequest(flash=True))
        plain = Unit(line).do(group70.TestShotRequest(position="5 m left"))
    media = unit.kinds(Kind.MEDIA)
    unit.journal.close()
    assert (told["adds"], told["flash"], told["infrared"], told["brightness"]) == (66.0, "adds", True, 70.0)
    assert "adds" not in plain
    assert [body.get("position") for body in media] == [None, "5 m left"]


def test_test_shot_in_the_dark_is_taken_by_flash(whole):
    whole.camera.shots = [shot(grey=0)]
    UnitWork(whole.trap, lambda: True, lambda: whole.trap.deployment).test_shot()
    assert [plan.lighting for plan in whole.camera.plans] == [Lighting.BY_LIGHT, Lighting.LIT]
