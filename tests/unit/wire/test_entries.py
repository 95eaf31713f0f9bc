from datetime import UTC, datetime

import pytest

from trap_wire import entries
from trap_wire.entries import Kind
from trap_wire.errors import IntegrityError

AT = datetime(2026, 11, 25, 1, 2, 3, 456_789, tzinfo=UTC)


def chain(count):
    previous, made = entries.GENESIS, []
    for sequence in range(1, count + 1):
        body = {"n": sequence, "unit": "MN-017"}
        digest = entries.chained(previous, sequence, entries.to_us(AT), Kind.STATE, entries.canonical(body))
        made.append(entries.Entry(sequence, AT, Kind.STATE, body, digest))
        previous = digest
    return made


def test_hash_of_the_first_entry_is_the_golden_one():
    # Golden: the archive of every programme depends on this sum.
    assert chain(1)[0].digest.hex() == "b3495e998325f1ac4b8b1196044374ee9ef4bbabe3bb3ae83b4a86aa829621d3"


def test_unbroken_chain_passes_whole():
    assert list(entries.verified(chain(5))) == chain(5)


def test_missing_entry_is_named():
    with pytest.raises(IntegrityError, match="entry 3 is missing, 4 follows"):
        list(entries.verified([e for e in chain(5) if e.sequence != 3]))


def test_changed_entry_is_named():
    lines = chain(5)
    lines[2] = entries.Entry(3, AT, Kind.STATE, {"n": 99, "unit": "MN-017"}, lines[2].digest)
    with pytest.raises(IntegrityError, match="entry 3 does not match"):
        list(entries.verified(lines))


def test_line_survives_the_page():
    (entry,) = chain(1)
    assert entries.parse_line(entry.to_line()) == entry


@pytest.mark.parametrize(
    "line", ["", "{}", "[1]", '{"seq":1}', '{"seq":1,"at_us":1e40,"kind":"state","body":{},"hash":""}']
)
def test_line_that_is_no_entry_is_refused_with_its_text(line):
    with pytest.raises(IntegrityError, match="not a journal line"):
        entries.parse_line(line)
