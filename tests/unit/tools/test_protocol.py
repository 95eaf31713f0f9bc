import json

import pytest
from click.testing import CliRunner

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
    assert all("doi:" in why or "our choice because" in why or len(why) > 15 for why in rules.why.values())


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
        ('species = "manul"', "must match"),
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
