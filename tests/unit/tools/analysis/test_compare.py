import csv
import json
from dataclasses import asdict, replace

from click.testing import CliRunner

from tests.pulled import Unit, night
from trap_tools.cli import main
from trap_tools.protocol import files


def manul(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def test_sites_of_one_protocol_and_detector_are_said_to_compare(tmp_path):
    for country, unit in (("mongolia", "MN-01"), ("kazakhstan", "KZ-01")):
        night(tmp_path / country, unit).close()
    result = manul("compare", tmp_path / "mongolia", tmp_path / "kazakhstan")
    assert result.exit_code == 0 and "All 2 deployments ran one protocol and one detector." in result.output


def test_other_protocol_and_a_detector_changed_on_the_way_are_named(tmp_path):
    night(tmp_path, "MN-01").close()
    other = Unit(tmp_path, "MN-02")
    other.boot(protocol_hash="cd" * 32)
    other.visit_of("keep")
    other.visit_of("keep", model="other@1+ffff")
    other.close()
    same = json.loads(manul("compare", tmp_path, "--json").stdout)
    assert same["comparable"] is False
    assert any(
        words.startswith("2 protocols: manul-altai/1 abababababab on MN-01/ridge-2026") for words in same["differences"]
    )
    assert any("MN-02/ridge-2026 changed its detector on the way" in words for words in same["differences"])


def test_rules_in_which_two_countries_differ_are_named_with_their_values(tmp_path):
    mongolia, russia = Unit(tmp_path, "MN-01"), Unit(tmp_path, "RU-01")
    mongolia.boot(protocol="pallas-cat@1", protocol_hash=files.load("pallas-cat").protocol.digest)
    own = replace(files.load("pallas-cat").protocol, name="altai", burst_frames=4, audit_every=10)
    # No file of that protocol is anywhere: the unit's own journal says its rules.
    russia.boot(protocol="altai@1", protocol_hash=own.digest, rules=asdict(own))
    for unit in (mongolia, russia):
        unit.visit_of("keep")
        unit.close()
    told = json.loads(manul("compare", tmp_path, "--json").stdout)
    assert told["rules"].keys() == {"name", "burst_frames", "audit_every"} and told["unknown"] == []
    assert sorted(told["rules"]["burst_frames"].values()) == [3, 4]
    assert (
        f"burst_frames: 3 in pallas-cat@1 {files.load('pallas-cat').protocol.digest[:12]}; 4 in altai@1"
        in manul("compare", tmp_path).output
    )


def test_rules_that_do_not_fit_their_hash_are_not_believed(tmp_path):
    unit, own = Unit(tmp_path, "MN-01"), files.load("pallas-cat").protocol
    unit.boot(protocol_hash="cd" * 32, rules=asdict(own))
    unit.close()
    assert json.loads(manul("compare", tmp_path, "--json").stdout)["unknown"] == [f"manul-altai/1 {'cd' * 6}"]


def test_tables_for_occupancy_models_have_the_same_shape(tmp_path):
    for unit in ("MN-01", "MN-02"):
        night(tmp_path / "pulled", unit, seed=len(unit)).close()
    manul("compare", tmp_path / "pulled", "--to", tmp_path / "out", "--occasion", "1")
    effort, history = (
        list(csv.reader((tmp_path / "out" / name).open())) for name in ("effort.csv", "history-animal.csv")
    )
    assert effort[0] == history[0] and [row[0] for row in effort] == [row[0] for row in history]
    assert {cell for row in history[1:] for cell in row[1:]} <= {"0", "1", "NA"}
    (rate, _) = csv.DictReader((tmp_path / "out" / "rates.csv").open())
    assert float(rate["low"]) < float(rate["per_100_days"]) < float(rate["high"])


def test_one_folder_of_two_is_not_there(tmp_path):
    night(tmp_path / "a").close()
    assert manul("compare", tmp_path / "a", tmp_path / "b").exit_code == 3
