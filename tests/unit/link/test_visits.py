"""A visit as it goes: check, aim, deploy, pull; each command over a pty, against a whole unit."""

import dataclasses
import json
import threading
import time
import tomllib
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from PIL import Image

from tests.link_unit import WholeUnit
from tests.unit.link.test_fieldwork import checkered
from tests.unit.trap.parts import ScriptedCamera, shot
from trap_tools import keys
from trap_tools.archive import places
from trap_tools.cli import main
from trap_tools.field import check, deploy, shown
from trap_wire import slot
from trap_wire.entries import Kind
from trap_wire.errors import BadInputError

GPX = """<gpx xmlns="http://www.topografix.com/GPX/1/1"><wpt lat="43.61" lon="100.02"><name>north saddle</name></wpt>
<wpt lat="43.70" lon="100.10"><name>scree</name></wpt></gpx>"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MANUL_HOME", str(tmp_path / "laptop"))
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def whole(tmp_path):
    made = WholeUnit(tmp_path / "unit", camera=ScriptedCamera([checkered()]))
    yield made
    made.journal.close()


def manul(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def given_a_key(port):
    assert manul("keys", "new", "tost").exit_code == 0
    run = manul("keys", "add", "--port", port, deploy.Path(keys_home()) / "tost.pub")
    assert run.exit_code == 0, run.output
    return run


def keys_home():
    from trap_tools.keys import keystore

    return keystore.home() / "keys"


def test_check_of_a_good_unit_with_a_key_passes(whole):
    whole.trap.clock.set(datetime.now(UTC))
    with whole.at_a_cable() as port:
        given_a_key(port)
        run = manul("check", "--port", port)
    assert run.exit_code == 0, run.output
    assert "opened by the programme's key" in run.output
    assert "FAIL" not in run.output


def test_check_says_what_to_do_and_ends_with_code_8(whole):
    whole.camera.shots = [shot(grey=0)]
    with whole.at_a_cable() as port:
        run = manul("check", "--port", port)
    assert run.exit_code == 8
    for words in ("take the cap off", "anybody can open this unit", "camera, clock, keys"):
        assert words in " ".join(run.output.split())


def test_receipt_of_a_check_is_signed_so_that_a_programme_can_trust_it(whole, tmp_path):
    assert manul("keys", "new", "tost").exit_code == 0
    private = keys_home() / "tost"
    with whole.at_a_cable() as port:
        manul("check", "--port", port, "--to", tmp_path / "receipts", "--sign", private)
    [receipt] = (tmp_path / "receipts").glob("check-MN-017-*.json")
    keys.verify_file(receipt, keys.load_public(private.with_name("tost.pub")), "manul-check")
    assert {one["part"] for one in json.loads(receipt.read_text())["findings"]} >= {
        "camera",
        "card",
        "clock",
        "link",
        "keys",
    }


def test_aim_saves_the_picture_with_the_boxes_that_the_detector_saw(whole, tmp_path):
    with whole.at_a_cable() as port:
        run = manul("aim", "--port", port, "--to", tmp_path)
    assert run.exit_code == 0, run.output
    assert "animal 0.90" in run.output
    [path] = tmp_path.glob("MN-017-setup-*.jpg")
    left_edge = Image.open(path).convert("RGB").getpixel((128, 160))
    assert left_edge[0] > left_edge[2] + 60  # the orange of the box


def test_aim_shows_the_picture_in_the_terminal():
    text = shown.half_blocks(Image.new("RGB", (40, 20), "#804020"), 20)
    assert text.plain.count("▀") == 20 * 5
    assert "#804020" in str(text.spans[0].style)


def walker(whole, triggers):
    """Somebody who walks before the unit: so many triggers, from a moment after the walk test began."""

    def go():
        for _ in range(triggers):
            time.sleep(0.2)
            whole.journal.append(Kind.WAKE, whole.trap.clock.now(), {"reason": "pir"})

    threading.Thread(target=go).start()


def test_walk_test_counts_takes_a_picture_at_the_first_trigger_and_is_journalled(whole, tmp_path):
    with whole.at_a_cable() as port:
        walker(whole, 2)
        run = manul("aim", "--port", port, "--to", tmp_path, "--walk", "5 m left", "--seconds", "1.5")
    assert run.exit_code == 0, run.output
    [picture] = whole.kinds(Kind.MEDIA)
    assert (picture["setup"], picture["position"]) == (True, "5 m left")
    assert whole.kinds(Kind.WALK_TEST) == [{"position": "5 m left", "triggers": 2, "picture": picture["path"]}]
    assert len(list(tmp_path.glob("MN-017-setup-*.jpg"))) == 1
    assert "5 m left: 2 triggers in 2 s, journalled" in run.output


def test_positions_are_walked_in_turn_and_one_without_a_trigger_is_named(whole, tmp_path):
    with whole.at_a_cable() as port:
        run = manul("aim", "--port", port, "--to", tmp_path, "--walk", "5 m left", "--walk", "10 m", "--seconds", "0.1")
    assert run.exit_code == 0, run.output
    assert [body["position"] for body in whole.kinds(Kind.WALK_TEST)] == ["5 m left", "10 m"]
    assert [body["position"] for body in whole.kinds(Kind.MEDIA)] == ["5 m left", "10 m"]
    assert "no trigger at 5 m left, 10 m: turn or move the unit" in run.output


def test_walk_test_counts_on_where_no_picture_can_be_taken(whole, tmp_path):
    whole.camera.fails_after = 0
    with whole.at_a_cable() as port:
        run = manul("aim", "--port", port, "--to", tmp_path, "--walk", "10 m", "--seconds", "0.1")
    assert run.exit_code == 0, run.output
    assert "no picture at 10 m" in run.output
    assert whole.kinds(Kind.WALK_TEST) == [{"position": "10 m", "triggers": 0}]


def test_deployment_begins_with_its_place_kept_on_this_computer_only(whole, tmp_path):
    (tmp_path / "points.gpx").write_text(GPX)
    book = tmp_path / "places.toml"
    with whole.at_a_cable() as port:
        given_a_key(port)
        run = manul("deploy", "start", "saddle-2026", "--port", port, "--places", book, "--protocol", "pallas-cat",
                    "--from", tmp_path / "points.gpx", "--point", "north saddle", "--height-m", "0.4", "--feature", "rock", "--who", "B. Munkh")  # fmt: skip
    assert run.exit_code == 0, run.output
    kept = places.load(tmp_path).of("MN-017", "saddle-2026")
    assert (kept.latitude, kept.longitude, kept.height_m, kept.set_up_by) == (43.61, 100.02, 0.4, "B. Munkh")
    station = slot.read(whole.slot.read_bytes())
    tables = tomllib.loads(station)
    assert (tables["station"]["unit"], tables["station"]["deployment"]) == ("MN-017", "saddle-2026")
    assert tables["protocol"]["name"] == "pallas-cat"
    [entry] = whole.kinds(Kind.DEPLOYMENT)
    assert (entry["action"], entry["deployment"]) == ("start", "saddle-2026")
    everything = station + json.dumps([dict(e.body) for e in whole.journal.entries()])
    assert "43.61" not in everything
    assert "B. Munkh" not in everything
    assert abs((whole.trap.clock.now() - datetime.now(UTC)).total_seconds()) < 30


def test_new_settings_hold_before_anybody_leaves_the_unit(whole, tmp_path):
    with whole.at_a_cable() as port:
        given_a_key(port)
        run = manul("deploy", "start", "saddle-2026", "--port", port, "--places", tmp_path / "places.toml")
        now = json.loads(manul("summary", "--port", port, "--json").stdout)
    assert "the new settings hold\n" in run.output
    assert now["deployment"] == "saddle-2026"
    assert "restarting" in [body.get("state") for body in whole.kinds(Kind.STATE)]


def test_name_that_is_in_the_book_already_is_refused_before_anything_is_sent(whole, tmp_path):
    start = ("deploy", "start", "saddle-2026", "--places", tmp_path / "places.toml", "--port")
    with whole.at_a_cable() as port:
        given_a_key(port)
        assert manul(*start, port).exit_code == 0
        again = manul(*start, port)
    assert again.exit_code == 3
    assert "choose another name" in again.output
    assert len(whole.kinds(Kind.DEPLOYMENT)) == 1


def test_unit_may_be_left_to_its_next_start(whole, tmp_path):
    with whole.at_a_cable() as port:
        given_a_key(port)
        run = manul(
            "deploy", "start", "saddle-2026", "--port", port, "--places", tmp_path / "places.toml", "--no-restart"
        )
        now = json.loads(manul("summary", "--port", port, "--json").stdout)
    assert "the new settings hold from the unit's next start" in run.output
    assert now["deployment"] == "tost-2026-a"


def test_deployment_may_begin_sealed_to_the_programmes_key(whole, tmp_path):
    with whole.at_a_cable() as port:
        given_a_key(port)
        start = ("deploy", "start", "saddle-2026", "--port", port, "--places", tmp_path / "places.toml", "--seal-to")
        wrong = [manul(*start, tmp_path / "nothing.pub"), manul(*start, "age1short"), manul(*start, whole.slot)]
        run = manul(*start, keys_home() / "tost.pub")
    assert [one.exit_code for one in wrong] == [3, 3, 3]
    assert run.exit_code == 0, run.output
    public = " ".join((keys_home() / "tost.pub").read_text().split()[:2])
    assert tomllib.loads(slot.read(whole.slot.read_bytes()))["station"]["sealed_to"] == public


def test_deployment_ends_on_the_unit_and_in_the_book(whole, tmp_path):
    book = tmp_path / "places.toml"
    with whole.at_a_cable() as port:
        given_a_key(port)
        manul("deploy", "start", "saddle-2026", "--port", port, "--places", book, "--at", "43.61,100.02")
        run = manul("deploy", "end", "--port", port, "--places", book)
    assert run.exit_code == 0, run.output
    assert places.load(tmp_path).of("MN-017", "saddle-2026").end is not None


def test_unit_on_the_bench_is_not_deployed_and_no_place_is_written(whole, tmp_path):
    with whole.at_a_cable() as port:
        run = manul(
            "deploy", "start", "x", "--port", port, "--places", tmp_path / "places.toml", "--at", "43.61,100.02"
        )
    assert run.exit_code == 9
    assert "anybody could open it" in run.output
    assert not (tmp_path / "places.toml").exists()


def test_point_is_found_by_name_in_gpx_and_geojson(tmp_path):
    (tmp_path / "p.gpx").write_text(GPX)
    feature = {
        "type": "Feature",
        "properties": {"name": "den"},
        "geometry": {"type": "Point", "coordinates": [100.5, 43.9]},
    }
    (tmp_path / "p.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    assert deploy.point_in(tmp_path / "p.gpx", "scree") == (43.70, 100.10)
    assert deploy.point_in(tmp_path / "p.geojson", "whatever") == (43.9, 100.5)
    with pytest.raises(BadInputError, match="north saddle, scree"):
        deploy.point_in(tmp_path / "p.gpx", "den")


def test_place_that_is_none_is_refused_before_anything_is_sent(whole, tmp_path):
    with whole.at_a_cable() as port:
        run = manul("deploy", "start", "x", "--port", port, "--places", tmp_path / "places.toml", "--at", "somewhere")
        assert run.exit_code == 3
        run = manul("deploy", "start", "x", "--port", port, "--places", tmp_path / "places.toml", "--at", "143.6,100")
        assert run.exit_code == 3
    assert "tost-2026-a" in slot.read(whole.slot.read_bytes())


def test_pull_acknowledges_what_is_safe_and_since_leaves_out_the_old(whole, tmp_path):
    whole.bench.keep("old", 2_000)
    after = datetime(2026, 6, 1, tzinfo=UTC)
    whole.journal.append(Kind.STATE, after, {"state": "armed"})
    whole.bench.keep("new", 2_000)
    with whole.at_a_cable() as port:
        some = manul("pull", "--port", port, "--to", tmp_path / "some", "--since", "2026-05-01", "--keep-clock")
        assert whole.kinds(Kind.VISIT) == []
        every = manul("pull", "--port", port, "--to", tmp_path / "all", "--keep-clock", "--json")
    assert some.exit_code == every.exit_code == 0, some.output
    assert [path.name for path in (tmp_path / "some/MN-017/tost-2026-a/media").iterdir()] == ["new.jpg"]
    [receipt] = json.loads(every.stdout)
    assert receipt["acknowledged"] == whole.kinds(Kind.VISIT)[0]["upto"] == 3


def test_aim_by_flash_says_what_the_flash_adds(whole, tmp_path):
    whole.camera.shots = [shot(grey=4), dataclasses.replace(shot(grey=70), infrared=True), shot(grey=4)]
    with whole.at_a_cable() as port:
        run = manul("aim", "--port", port, "--to", tmp_path, "--flash")
    assert run.exit_code == 0, run.output
    assert "infrared: the flash adds 66 of 255" in run.output


def test_check_words_of_another_release_are_shown_as_they_came():
    newer = check.Finding("infrared", "pass", "the flash adds a lot", {"why": "adds"})
    assert check.worded(newer) == "the flash adds a lot"
