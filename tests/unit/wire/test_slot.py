import pytest

from trap_wire import slot
from trap_wire.errors import BadInputError

TEXT = '[station]\nunit = "MN-017"  # стоянка\n'


def test_slot_keeps_its_size_and_gives_its_text_back():
    filled = slot.fill(TEXT)
    assert len(filled) == slot.SLOT_SIZE
    assert slot.read(filled) == TEXT


def test_plain_file_is_read_too():
    assert slot.read(TEXT.encode()) == TEXT


def test_torn_slot_is_said_not_guessed():
    torn = bytearray(slot.fill(TEXT))
    torn[60:70] = bytes(10)
    with pytest.raises(BadInputError, match="torn"):
        slot.read(bytes(torn))


@pytest.mark.parametrize("raw", [b"", bytes(slot.SLOT_SIZE), b"  \n"])
def test_empty_slot_says_how_to_fill_it(raw):
    with pytest.raises(BadInputError, match="empty"):
        slot.read(raw)


def test_text_too_long_for_the_slot_is_refused():
    with pytest.raises(BadInputError, match="the slot holds"):
        slot.fill("x" * slot.SLOT_SIZE)
