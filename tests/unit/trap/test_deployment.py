import pytest

from trap import deployment
from trap_wire import slot
from trap_wire.errors import BadInputError

GOOD = '[station]\nunit = "MN-017"\ndeployment = "tost-2026-a"\n[protocol]\nname = "pallas-cat"\nburst_frames = 5\n'


def test_good_file_gives_frozen_facts():
    facts = deployment.parse(GOOD)
    assert (facts.station.unit, facts.protocol.burst_frames, facts.trouble) == ("MN-017", 5, "")


def test_one_message_lists_every_bad_field_with_its_value():
    bad = GOOD.replace("burst_frames = 5", 'burst_frames = 50\nleds = "yes"\ncolour = 1').replace(
        '"MN-017"', '"МН 017"'
    )
    with pytest.raises(BadInputError) as caught:
        deployment.parse(bad)
    message = str(caught.value)
    for part in (
        "station.unit = 'МН 017'",
        "protocol.burst_frames = 50: must lie in 1..10",
        "protocol.leds",
        "colour: unknown",
    ):
        assert part in message


def test_missing_unit_is_named():
    with pytest.raises(BadInputError, match=r"station.unit: missing"):
        deployment.parse("[protocol]\n")


@pytest.mark.parametrize("raw", [b"", b"[station", slot.fill("nonsense = ]"), b"\xff\xfe"])
def test_unreadable_file_falls_back_to_keeping_everything(raw):
    facts = deployment.parse_or_safe(raw)
    assert not facts.protocol.filter_blanks
    assert not facts.protocol.leds
    assert "station.toml" in facts.trouble


def test_protocol_hash_changes_with_any_rule():
    one = deployment.parse(GOOD).protocol
    other = deployment.parse(GOOD.replace("= 5", "= 4")).protocol
    assert one.digest != other.digest
    assert len(one.digest) == 64


def test_a_station_that_is_not_a_table_is_named():
    with pytest.raises(BadInputError, match="station: must be a table"):
        deployment.parse("station = 3\n")


def test_battery_ladder_that_goes_up_is_refused():
    with pytest.raises(BadInputError, match="ladder must go down"):
        deployment.parse(GOOD + "off_pct = 40\n")
