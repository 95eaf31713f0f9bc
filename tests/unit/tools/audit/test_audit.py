import json
import tomllib
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from click.testing import CliRunner

from tests.pulled import night
from trap_tools.archive.whole import whole
from trap_tools.audit.cli import choices
from trap_tools.audit.desk import Desk
from trap_tools.audit.queue import Task, items
from trap_tools.audit.species import species
from trap_tools.audit.web import app
from trap_tools.cli import main
from trap_tools.observers.labels import Labels
from trap_tools.protocol.files import load, presets, to_toml
from trap_tools.report.wording import LANGUAGES, words
from trap_wire.errors import BadInputError


def desk_for(folder, observer="anna", task=Task.AUDIT):
    return Desk(whole(folder), Labels(folder), observer, task, lambda: datetime(2027, 1, 1, tzinfo=UTC))


@pytest.fixture
def folder(tmp_path):
    night(tmp_path, bursts=16).close()
    return tmp_path


@pytest.fixture
def client(folder):
    return app(desk_for(folder), species(folder), words()).test_client()


def secret(client):
    return client.get("/").text.partition('data-secret="')[2].partition('"')[0]


def test_audit_shows_audited_blanks_and_doubts_mixed_and_nothing_else(folder):
    shown = {item.key[2] for item in items(whole(folder), Task.AUDIT, "anna")}
    (one,) = whole(folder)
    verdicts = one.log.verdicts
    assert shown == {name for name, verdict in verdicts.items() if verdict.audited or verdict.decision == "unknown"}
    assert len({verdicts[name].decision for name in shown}) == 2


def test_order_is_random_differs_between_observers_and_survives_a_restart(folder):
    first, again, other = (
        [item.key for item in items(whole(folder), Task.AUDIT, name)] for name in ("anna", "anna", "bolat")
    )
    assert first == again and first != other and sorted(first) == sorted(other)


def test_page_does_not_tell_what_the_machine_thinks(client):
    item = client.get("/api/next").json["item"]
    assert not {"decision", "score", "audited", "observation_type"} & item.keys()


def test_verdict_is_kept_and_the_next_burst_follows(client, folder):
    before = client.get("/api/next").json
    after = client.post("/api/say/0", json={"observation_type": "animal"}, headers={"X-Manul": secret(client)}).json
    assert (after["done"], after["of"]) == (1, before["of"]) and after["item"]["id"] != before["item"]["id"]
    assert [label.observation_type for label in Labels(folder).of("anna").values()] == ["animal"]
    undone = client.post("/api/undo", headers={"X-Manul": secret(client)}).json
    assert undone["undone"] is True and undone["item"] == before["item"]


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"observation_type": "cat"},
        {"observation_type": "animal", "count": 0},
        {"observation_type": "animal", "sex": "x"},
        [1],
    ],
)
def test_verdict_that_is_none_is_refused_with_words(client, folder, said):
    answer = client.post("/api/say/0", json=said, headers={"X-Manul": secret(client)})
    assert answer.status_code == 400 and answer.json["error"]
    assert not Labels(folder).observers()


def test_other_site_cannot_speak_through_the_browser(client):
    assert client.post("/api/say/0", json={"observation_type": "animal"}).status_code == 403
    assert client.get("/api/next", headers={"Host": "evil.example"}).status_code == 403
    assert "script-src 'self'" in client.get("/").headers["Content-Security-Policy"]


def test_photographs_are_given_by_number_and_nothing_else_is(client):
    assert client.get("/frame/0/0.jpg").data.startswith(b"\xff\xd8")
    for address in ("/frame/0/9.jpg", "/frame/999/0.jpg", "/frame/0/../../etc/passwd", "/static/../web.py"):
        assert client.get(address).status_code == 404


def test_observer_without_a_name_is_asked_for_one(folder):
    result = CliRunner().invoke(main, ["audit", str(folder)])
    assert result.exit_code == 3 and "--observer" in result.output


def test_results_say_so_when_nobody_has_looked(folder):
    result = CliRunner().invoke(main, ["audit", str(folder), "--results"])
    assert result.exit_code == 0 and "nobody has looked" in result.output
    (row,) = json.loads(CliRunner().invoke(main, ["audit", str(folder), "--json", "--by", "all"]).output)["missed"]
    assert (row["discarded"], row["looked_at"], row["missed"]) == (8, 0, None)


def test_species_are_those_of_the_protocol_in_its_order_and_the_folders_file_adds_and_names(folder):
    assert species(folder, "mn")[0].vernacular == "мануул"
    leopard = load("snow-leopard").protocol
    assert [one.latin for one in species(folder, "ru", [leopard])] == leopard.species_list
    (folder / "species.toml").write_text(
        '[[species]]\nlatin = "Felis chaus"\nen = "jungle cat"\n[[species]]\nlatin = "Panthera uncia"\nru = "ирбис"\n'
    )
    first, *_, last = species(folder, "ru", [leopard])
    assert (first.vernacular, last.latin, last.vernacular) == ("ирбис", "Felis chaus", "jungle cat")
    assert [one.latin for one in species(folder, "ru")] == ["Felis chaus", "Panthera uncia"]


def test_species_list_that_is_none_is_named(folder):
    (folder / "species.toml").write_text("species = 3")
    with pytest.raises(BadInputError, match="latin"):
        species(folder)


@pytest.mark.parametrize("source", ["preset", "journal", "file"])
def test_label_page_offers_what_the_deployments_own_protocol_names(tmp_path, source):
    own = replace(load("pallas-cat").protocol, name="steppe", species="Saiga tatarica,Otocolobus manul")
    own = load("snow-leopard").protocol if source == "preset" else own
    unit = night(tmp_path, bursts=4)
    rules = {"rules": asdict(own)} if source == "journal" else {}
    unit.boot(protocol=f"{own.name}@1", protocol_hash=own.digest, **rules)
    if source == "file":
        (tmp_path / "steppe.toml").write_text(to_toml(own))
    unit.close()
    offered = choices(tmp_path, whole(tmp_path), "en")
    assert [one.latin for one in offered] == own.species_list
    page = app(desk_for(tmp_path, task=Task.LABEL), offered, words()).test_client().get("/").text
    assert page.count("data-latin=") == len(own.species_list) and f'data-latin="{own.species_list[0]}"' in page


def test_protocol_that_nobody_has_is_named_and_the_shipped_list_stands_in(folder, capsys):
    assert choices(folder, whole(folder), "en")[0].latin == "Otocolobus manul"
    assert "its rules are not here" in capsys.readouterr().err


def test_every_species_of_every_preset_has_its_name_in_five_languages(tmp_path):
    for preset in presets():
        for language in LANGUAGES:
            nameless = [
                one.latin for one in species(tmp_path, language, [load(preset).protocol]) if one.latin == one.vernacular
            ]
            assert not nameless, (preset, language)
    rows = tomllib.loads((files("trap_tools.audit") / "species.toml").read_text(encoding="utf-8"))["species"]
    assert not [row["latin"] for row in rows if set(LANGUAGES) - row.keys()]
