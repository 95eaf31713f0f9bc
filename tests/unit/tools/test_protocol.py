import dataclasses
import json
import re

import pytest
from click.testing import CliRunner

from tests.pulled import Unit
from tests.signing import KEY, OTHER, pem, public_line
from trap_tools.cli import main
from trap_tools.protocol import files
from trap_wire import slot
from trap_wire.errors import BadInputError


def manul(*words):
    return CliRunner().invoke(main, ["protocol", *map(str, words)])


@pytest.mark.parametrize("name", ["pallas-cat", "snow-leopard"])
def test_every_rule_of_a_preset_says_why(name):
    rules = files.load(name)
    assert rules.unexplained == []
    assert rules.unwritten == ()
    cited = r"doi:|data sheet|et al\. 20\d\d|our choice because|first edition|that the programme"
    assert [rule for rule, why in rules.why.items() if not re.search(cited, why)] == []


def test_presets_differ_where_the_animals_differ():
    found = files.differences(files.load("pallas-cat").protocol, files.load("snow-leopard").protocol)
    assert found["burst_frames"] == (3, 5)
    assert "heartbeat_hour" not in found


def test_a_unit_takes_what_the_host_wrote():
    from trap import deployment

    protocol = files.load("snow-leopard").protocol
    text = '[station]\nunit = "MN-1"\ndeployment = "a"\n' + files.to_toml(protocol)
    assert deployment.parse(text).protocol == protocol


def test_diff_reads_presets_slots_and_receipts_alike(tmp_path):
    text = '[station]\nunit = "MN-1"\ndeployment = "a"\n' + files.to_toml(files.load("pallas-cat").protocol)
    (tmp_path / "slot").write_bytes(slot.fill(text))
    other = files.load("snow-leopard")
    (tmp_path / "receipt.json").write_text(manul("show", "snow-leopard", "--json").output)
    assert "the same rules" in manul("diff", "pallas-cat", tmp_path / "slot").output
    found = json.loads(manul("diff", tmp_path / "slot", tmp_path / "receipt.json", "--json").output)
    assert found["differences"]["burst_frames"] == [3, other.protocol.burst_frames]


def pulled(folder, unit, *protocols, journalled=True):
    """What ``manul pull`` brought home of a unit that ran these rules one after the other."""
    made = Unit(folder, unit)
    for protocol in protocols:
        rules = {"rules": dataclasses.asdict(protocol)} if journalled else {}
        made.boot(protocol=f"{protocol.name}@{protocol.version}", protocol_hash=protocol.digest, **rules)
    made.close()


def test_diff_reads_what_two_countries_pulled_in_two_years(tmp_path):
    cat = files.load("pallas-cat").protocol
    changed = dataclasses.replace(cat, version=2, burst_frames=4)
    pulled(tmp_path / "mn-2025", "MN-01", cat)
    pulled(tmp_path / "mn-2025", "MN-02", cat)
    pulled(tmp_path / "kz-2026", "KZ-01", cat, changed)  # what it ran last
    found = json.loads(manul("diff", tmp_path / "mn-2025", tmp_path / "kz-2026", "--json").output)
    assert found["differences"] == {"version": [1, 2], "burst_frames": [3, 4]}
    assert "the same rules" in manul("diff", "pallas-cat", tmp_path / "mn-2025").output


def test_folder_whose_units_ran_unlike_rules_or_rules_that_nobody_has_says_what_to_do(tmp_path):
    cat, leopard = (files.load(name).protocol for name in files.presets())
    pulled(tmp_path / "both", "MN-01", cat)
    pulled(tmp_path / "both", "MN-02", leopard)
    answer = manul("diff", tmp_path / "both", "pallas-cat")
    assert answer.exit_code == 3
    assert "give the folder of one unit" in answer.output
    assert manul("diff", tmp_path / "both" / "MN-01", "pallas-cat").exit_code == 0
    pulled(tmp_path / "lost", "MN-01", dataclasses.replace(cat, name="ours"), journalled=False)
    assert "put its protocol file or a receipt into" in manul("diff", tmp_path / "lost", "pallas-cat").output


def test_summary_names_its_rules_by_their_hash(tmp_path):
    cat = files.load("pallas-cat").protocol
    summary = {"unit": "MN-01", "protocol": "pallas-cat@1", "protocol_hash": cat.digest}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    (tmp_path / "pull.json").write_text(json.dumps({"unit": "MN-01", "summary": summary}))
    for name in ("summary.json", "pull.json"):
        assert "the same rules" in manul("diff", tmp_path / name, "pallas-cat").output
    (tmp_path / "summary.json").write_text(json.dumps({**summary, "protocol_hash": "ab" * 32}))
    answer = manul("diff", tmp_path / "summary.json", "pallas-cat")
    assert answer.exit_code == 3
    assert "the folder that was pulled from it" in answer.output


def test_diff_of_unlike_protocols_can_fail_a_script():
    assert manul("diff", "pallas-cat", "snow-leopard", "--require-same").exit_code == 6


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("burst_frames = 99", "must lie in 1..10"),
        ("colour = 1", "unknown field"),
        ('languages = "klingon"', "must match"),
        ("heartbeat_only_pct = 90", "ladder must go down"),
        ("burst_frames = ", "not TOML"),
        ('species = "manul"', "must be like Panthera uncia,Canis lupus"),
        ('languages = "ru, en"', "must be like ru,en"),
        ('languages = "ru,ru"', "languages: named twice: ru"),
        ("keep_bias = nan", "must lie in 0.0..1.0"),
        ("leds = 1", "must be of type bool"),
        ("[whi]", "[whi]: unknown table"),
        ('species = "Lynx lynx,Lynx lynx"', "named twice: Lynx lynx"),
    ],
)
def test_bad_rule_is_named_with_its_value(tmp_path, line, said):
    (tmp_path / "p.toml").write_text("[protocol]\n" + line + "\n")
    answer = manul("check", tmp_path / "p.toml")
    assert answer.exit_code == 3
    assert said in answer.output


def test_unexplained_rule_is_told_and_refused_when_strict(tmp_path):
    (tmp_path / "p.toml").write_text('[protocol]\nname = "mine"\n[why]\nname = "ours"\n')
    assert manul("check", tmp_path / "p.toml").exit_code == 0
    strict = manul("check", "--strict", tmp_path / "p.toml")
    assert strict.exit_code == 3
    assert "burst_frames" in strict.output


def test_rule_that_a_file_leaves_to_the_default_is_told_with_its_value(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(re.sub(r"\nhold_off_ms = \d+", "", files.preset_text("pallas-cat"), count=1))
    assert "not written, so this version's default: hold_off_ms (5000)" in manul("check", path).output
    assert "not written: hold_off_ms (5000)" in manul("check", "--strict", path).output


@pytest.mark.parametrize("zero", ["0", "0.0", "-0.0"])
def test_one_rule_written_in_two_ways_has_one_hash(zero):
    text = files.preset_text("pallas-cat").replace("keep_bias = 0.0", f"keep_bias = {zero}")
    assert files.parse(text, "p.toml").protocol.digest == files.load("pallas-cat").protocol.digest


def test_unlike_rules_of_one_name_and_version_are_told_apart_only_by_a_higher_version(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(files.preset_text("pallas-cat").replace("burst_frames = 3", "burst_frames = 4"))
    assert "both are called pallas-cat 1: raise the version" in manul("diff", "pallas-cat", path).output
    path.write_text(path.read_text().replace("version = 1", "version = 2"))
    assert "both are called" not in manul("diff", "pallas-cat", path).output


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"{}",
        b"[1]",
        b"\xff\xfe",
        b'{"protocol": 5}',
        b'{"summary": 5}',
        b'{"protocol": {"burst_frames": 99}}',
        b"",
    ],
)
def test_file_without_rules_is_named_never_a_crash(tmp_path, raw):
    path = tmp_path / "some.json"
    path.write_bytes(raw)
    answer = manul("check", path)
    assert answer.exit_code == 3, answer.output
    assert str(path) in answer.output
    assert "station.toml is" not in answer.output


def test_a_reason_for_no_rule_is_refused():
    with pytest.raises(BadInputError, match=r"why\.colour: no such rule"):
        files.parse('[protocol]\n[why]\ncolour = "red"\n', "p.toml")


def test_new_protocol_is_signed_verified_and_a_change_is_found(tmp_path):
    mine, key, trusted, stranger = (tmp_path / name for name in ("mine.toml", "key", "key.pub", "stranger.pub"))
    key.write_bytes(pem(KEY))
    trusted.write_text(public_line(KEY))
    stranger.write_text(public_line(OTHER))
    assert manul("new", mine, "--from", "snow-leopard").exit_code == 0
    assert manul("new", mine).exit_code == 3
    assert manul("verify", mine, "--key", trusted).exit_code == 6
    assert manul("sign", mine, "--key", key).exit_code == 0
    assert manul("verify", mine, "--key", trusted).exit_code == 0
    assert "not a key that you trust" in manul("verify", mine, "--key", stranger).output
    mine.write_text(mine.read_text().replace("burst_frames = 5", "burst_frames = 4"))
    assert manul("verify", mine, "--key", trusted).exit_code == 6


def test_show_prints_each_reason():
    assert "Anile et al. 2021" in json.loads(manul("show", "pallas-cat", "--json").output)["why"]["burst_frames"]
    assert manul("show", "nosuch").exit_code == 3
