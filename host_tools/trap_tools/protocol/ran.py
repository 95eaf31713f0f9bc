"""Which rules a pulled deployment ran: its journal knows their hash, and this finds the rules behind it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from trap_tools.archive.whole import Whole, whole
from trap_tools.protocol import files
from trap_wire.errors import BadInputError
from trap_wire.protocol import Protocol


def known(read: Sequence[Whole], folder: Path) -> dict[str, Protocol]:
    """Hash -> rules: what journals say of themselves, protocol files and receipts in ``folder``, and the presets.

    A unit writes its rules into the journal at the first start with them. Every rule set here is the one that its hash names.
    """
    journalled = (boot.rules for one in read for boot in one.log.boots if boot.rules)
    return {rules.digest: rules for rules in (*_presets(), *_in_files(folder), *journalled)}


def ran(one: Whole, rules: Mapping[str, Protocol]) -> list[Protocol]:
    """Rules that a deployment ran, each once, the newest last; those that nobody knows are left out."""
    hashes = dict.fromkeys(boot.protocol_hash for boot in one.log.boots)
    return [rules[digest] for digest in hashes if digest in rules]


def unknown(read: Iterable[Whole], rules: Mapping[str, Protocol]) -> list[str]:
    """Names of protocols that were run and whose rules are nowhere to be found."""
    boots = (boot for one in read for boot in one.log.boots if boot.protocol_hash and boot.protocol_hash not in rules)
    return list(dict.fromkeys(f"{boot.protocol} {boot.protocol_hash[:12]}" for boot in boots))


def of_folder(folder: Path) -> files.Rules:
    """The rules that the units of a pulled folder ran last; ``BadInputError`` when they differ or are nowhere to be found."""
    read = whole(folder)
    rules = known(read, folder)
    if lost := unknown(read, rules):
        raise BadInputError(
            f"{folder}: ran {', '.join(lost)}, whose rules are not here: put its protocol file or a receipt into {folder}"
        )
    found = {protocol: None for one in read for protocol in ran(one, rules)[-1:]}
    if len(found) != 1:
        names = (
            ", ".join(f"{protocol.name} {protocol.version} {protocol.digest[:12]}" for protocol in found) or "nothing"
        )
        raise BadInputError(
            f"{folder}: its units ran {names}: give the folder of one unit, or see 'manul compare {folder}'"
        )
    return files.Rules(next(iter(found)), {}, str(folder))


def spoken(read: Sequence[Whole], folder: Path) -> str:
    """The first language of the protocol that most of these deployments ran, English where none is known."""
    rules = known(read, folder)
    used = Counter(protocol for one in read for protocol in ran(one, rules))
    return used.most_common(1)[0][0].languages.split(",")[0] if used else "en"


def differing(read: Iterable[Whole], rules: Mapping[str, Protocol]) -> dict[str, dict[str, Any]]:
    """Every rule that is not the same in all protocols that were run: rule -> protocol -> its value."""
    used = {f"{one.name}@{one.version} {one.digest[:12]}": asdict(one) for whole in read for one in ran(whole, rules)}
    values = {spec.name: {protocol: table[spec.name] for protocol, table in used.items()} for spec in fields(Protocol)}
    return {name: said for name, said in values.items() if len(set(said.values())) > 1}


def _presets() -> Iterator[Protocol]:
    return (files.load(name).protocol for name in files.presets())


def _in_files(folder: Path) -> Iterator[Protocol]:
    """Protocol files and receipts of ``manul flash`` that somebody put into the folder; other files are no matter."""
    for path in sorted(path for pattern in ("*.toml", "*.json", "protocols/*") for path in folder.glob(pattern)):
        if path.is_file():
            try:
                yield files.load(str(path)).protocol
            except (BadInputError, UnicodeDecodeError):
                continue
