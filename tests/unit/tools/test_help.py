"""`manul --help` is a map for three kinds of people: each command stands where somebody would look for it."""

from importlib.metadata import entry_points

from click.testing import CliRunner

from trap_tools.cli import GROUP, SECTIONS, main


def test_every_command_stands_in_one_section_of_the_help() -> None:
    listed = [name for names in SECTIONS.values() for name in names]
    assert len(listed) == len(set(listed))
    assert {entry.name for entry in entry_points(group=GROUP)} <= set(listed)


def test_the_help_says_a_whole_sentence_of_each_command() -> None:
    text = CliRunner().invoke(main, ["--help"]).output
    assert text.index("On the bench:") < text.index("At a unit, with a cable:") < text.index("What came home:")
    assert "More:" not in text
    assert "..." not in text.split("Commands")[-1].replace("[ARGS]...", "")
