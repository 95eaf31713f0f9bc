import pytest

from tests.pulled import START, night
from trap_tools.archive.whole import whole
from trap_tools.observers.labels import Label, Labels
from trap_tools.observers.missed import agreements, missed
from trap_wire.errors import BadInputError


def say(labels, burst, kind, observer="anna", unit="MN-01", **more):
    labels.add(Label(START.isoformat(), observer, unit, "ridge-2026", burst, kind, **more))


def test_words_survive_the_program(tmp_path):
    say(Labels(tmp_path), "b1", "animal", scientific_name="Otocolobus manul", count=2)
    (label,) = Labels(tmp_path).of("anna").values()
    assert (label.scientific_name, label.count) == ("Otocolobus manul", 2)


def test_second_thought_replaces_the_first(tmp_path):
    labels = Labels(tmp_path)
    say(labels, "b1", "animal")
    say(labels, "b1", "blank")
    assert [label.observation_type for label in Labels(tmp_path).of("anna").values()] == ["blank"]


def test_undo_takes_back_the_last_word_of_this_observer_only(tmp_path):
    labels = Labels(tmp_path)
    say(labels, "b1", "animal")
    say(labels, "b2", "blank", observer="bolat")
    assert labels.undo("anna", START).burst == "b1"
    assert labels.undo("anna", START) is None
    assert list(Labels(tmp_path).standing()) == [("MN-01", "ridge-2026", "b2")]


def test_line_that_is_no_label_is_named(tmp_path):
    (tmp_path / "labels.jsonl").write_text('{"observer": "anna"}\n')
    with pytest.raises(BadInputError, match=r"labels.jsonl line 1"):
        Labels(tmp_path)


def test_word_that_is_no_observation_type_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="'cat'"):
        say(Labels(tmp_path), "b1", "cat")


def audited(tmp_path, blanks=40, every=4, kept=10):
    unit = night(tmp_path, bursts=0)
    names = [
        unit.later(minutes=5).visit_of("blank", audited=n % every == 0, infrared=n % 2 == 0) for n in range(blanks)
    ]
    for _ in range(kept):
        unit.later(minutes=5).visit_of("keep")
    unit.close()
    return names[::every]


def test_one_animal_in_ten_audited_of_forty_blanks_is_four_missed_beside_ten_kept(tmp_path):
    sample = audited(tmp_path)
    labels = Labels(tmp_path)
    for number, burst in enumerate(sample):
        say(labels, burst, "animal" if number == 0 else "blank")
    (all_,) = missed(whole(tmp_path), labels.standing())
    assert (all_.kept_animals, all_.discarded, all_.audited, all_.looked_at, all_.animals_found) == (10, 40, 10, 10, 1)
    assert all_.share.value == pytest.approx(0.1)
    assert all_.missed.value == pytest.approx(4 / 14)
    assert all_.missed.low == pytest.approx(0.00253 * 40 / (0.00253 * 40 + 10), rel=1e-2)
    assert all_.corrected.value == pytest.approx(1.4)


def test_nobody_has_looked_yet_so_no_rate_is_given(tmp_path):
    audited(tmp_path)
    (all_,) = missed(whole(tmp_path), Labels(tmp_path).standing())
    assert (all_.looked_at, all_.share, all_.missed) == (0, None, None)


def test_animal_that_one_of_two_observers_saw_counts(tmp_path):
    sample = audited(tmp_path)
    labels = Labels(tmp_path)
    say(labels, sample[0], "blank")
    say(labels, sample[0], "animal", observer="bolat")
    (all_,) = missed(whole(tmp_path), labels.standing())
    assert (all_.looked_at, all_.animals_found) == (1, 1)


def test_blank_that_was_not_drawn_does_not_enter_the_rate(tmp_path):
    unit = night(tmp_path, bursts=0)
    seen = unit.visit_of("blank")
    unit.close()
    labels = Labels(tmp_path)
    say(labels, seen, "animal")
    (all_,) = missed(whole(tmp_path), labels.standing())
    assert (all_.discarded, all_.looked_at) == (1, 0)


def test_person_who_sees_no_animal_on_a_kept_burst_is_believed(tmp_path):
    unit = night(tmp_path, bursts=0)
    kept = unit.visit_of("keep")
    unit.close()
    labels = Labels(tmp_path)
    say(labels, kept, "blank")
    assert missed(whole(tmp_path), labels.standing())[0].kept_animals == 0


def test_day_and_infrared_are_told_apart(tmp_path):
    audited(tmp_path)
    groups = {group.group: group for group in missed(whole(tmp_path), Labels(tmp_path).standing(), by="light")}
    assert (groups["day"].discarded, groups["infrared"].discarded) == (20, 20)


def test_two_observers_agree_as_far_as_they_do(tmp_path):
    labels = Labels(tmp_path)
    for number in range(10):
        say(labels, f"b{number}", "animal" if number < 5 else "blank")
        say(labels, f"b{number}", "animal" if number < 4 else "blank", observer="bolat")
    say(labels, "alone", "animal")
    (pair,) = agreements(labels)
    assert (pair.both, pair.agreed, pair.kappa) == (10, 9, pytest.approx(0.8))
