import hashlib
import struct

from tests.unit.supervisor.flash import Dice, Flash, PowerCut
from trap_supervisor.slots import TRIES, Slots, Staging
from trap_wire import codes
from trap_wire.supervisor_image import pack

IMAGE = pack({"trap_supervisor/life.py": b"new life" * 40, "trap_supervisor/gate.py": b"new gate" * 30})


def begin(image):
    return struct.pack("<I", len(image)) + hashlib.sha256(image).digest()


def pieces(image, size=200):
    return [struct.pack("<I", at) + image[at : at + size] for at in range(0, len(image), size)]


def staged(flash, image=IMAGE):
    """Answers of a whole staging."""
    staging = Staging(flash, Slots(flash))
    answers = [staging.take(codes.UPDATE_BEGIN, begin(image))]
    answers += [staging.take(codes.UPDATE_DATA, piece) for piece in pieces(image)]
    return answers + [staging.take(codes.UPDATE_COMMIT, b"")]


def test_new_unit_runs_what_is_frozen_in():
    assert Slots(Flash()).choose(False) == 0


def test_update_is_tried_at_the_next_power_up_and_stays_when_the_pi_says_hello():
    flash = Flash()
    assert set(staged(flash)) == {codes.RESULT_DONE}
    slots = Slots(flash)
    assert slots.choose(False) == 1
    assert slots.event == codes.UPDATE_SWAPPED
    assert slots.confirm()
    assert not slots.confirm()
    assert Slots(flash).choose(False) == 1
    assert flash.read("1/trap_supervisor/life.py") == b"new life" * 40


def test_trial_that_never_hears_the_pi_is_rolled_back():
    flash = Flash()
    staged(flash)
    assert [Slots(flash).choose(False) for _ in range(TRIES)] == [1] * TRIES
    slots = Slots(flash)
    assert slots.choose(False) == 0
    assert slots.event == codes.UPDATE_ROLLED_BACK


def test_second_update_rolls_back_to_the_first_not_to_the_factory():
    flash = Flash()
    staged(flash)
    slots = Slots(flash)
    slots.choose(False)
    slots.confirm()
    staged(flash, pack({"trap_supervisor/life.py": b"worse"}))
    assert Slots(flash).choose(False) == 2
    Slots(flash).failed()
    assert Slots(flash).choose(False) == 1


def test_confirmed_update_that_makes_the_watchdog_bite_gives_way():
    flash = Flash()
    staged(flash)
    slots = Slots(flash)
    slots.choose(False)
    slots.confirm()
    assert [Slots(flash).choose(True) for _ in range(TRIES)] == [1, 1, 0]


def test_good_wakes_between_two_bites_forgive():
    flash = Flash()
    staged(flash)
    slots = Slots(flash)
    slots.choose(False)
    slots.confirm()
    for _ in range(10):
        slots = Slots(flash)
        assert slots.choose(True) == 1
        slots.confirm()


def test_old_update_is_cleared_away_once_the_new_one_is_good():
    flash = Flash()
    for image in (IMAGE, pack({"trap_supervisor/life.py": b"two"})):
        staged(flash, image)
        slots = Slots(flash)
        slots.choose(False)
        slots.confirm()
    assert [name for name in flash.names() if "/" in name] == ["2/sha256", "2/trap_supervisor/life.py"]


def test_image_that_runs_or_is_on_trial_is_not_sent_a_second_time():
    flash = Flash()
    staged(flash)
    assert Staging(flash, Slots(flash)).take(codes.UPDATE_BEGIN, begin(IMAGE)) == codes.RESULT_CURRENT
    slots = Slots(flash)
    slots.choose(False)
    slots.confirm()
    assert Staging(flash, Slots(flash)).take(codes.UPDATE_BEGIN, begin(IMAGE)) == codes.RESULT_CURRENT
    other = pack({"trap_supervisor/life.py": b"other"})
    assert Staging(flash, Slots(flash)).take(codes.UPDATE_BEGIN, begin(other)) == codes.RESULT_DONE


def test_image_that_fell_is_not_tried_for_ever():
    for fall in (fall_by_silence, fall_by_exception, fall_by_watchdog):
        flash = Flash()
        staged(flash)
        fall(flash)
        assert Slots(flash).choose(False) == 0
        assert Staging(flash, Slots(flash)).take(codes.UPDATE_BEGIN, begin(IMAGE)) == codes.RESULT_FELL


def fall_by_silence(flash):
    for _ in range(TRIES + 1):
        Slots(flash).choose(False)


def fall_by_exception(flash):
    slots = Slots(flash)
    slots.choose(False)
    slots.failed()


def fall_by_watchdog(flash):
    slots = Slots(flash)
    slots.choose(False)
    slots.confirm()
    for _ in range(TRIES):
        Slots(flash).choose(True)


def test_commit_whose_answer_was_lost_is_done_when_it_is_asked_for_again():
    flash = Flash()
    staging = Staging(flash, Slots(flash))
    for type_, payload in [(codes.UPDATE_BEGIN, begin(IMAGE))] + [(codes.UPDATE_DATA, p) for p in pieces(IMAGE)]:
        staging.take(type_, payload)
    assert [staging.take(codes.UPDATE_COMMIT, b"") for _ in range(3)] == [codes.RESULT_DONE] * 3
    assert Slots(flash).choose(False) == 1


def test_image_with_another_hash_is_refused_and_nothing_is_on_trial():
    flash = Flash()
    staging = Staging(flash, Slots(flash))
    staging.take(codes.UPDATE_BEGIN, begin(IMAGE))
    for piece in pieces(IMAGE[:-1] + b"!"):
        staging.take(codes.UPDATE_DATA, piece)
    assert staging.take(codes.UPDATE_COMMIT, b"") == codes.RESULT_MISMATCH
    assert Slots(flash).choose(False) == 0


def test_piece_that_comes_twice_is_taken_once_and_a_gap_is_refused():
    flash = Flash()
    staging = Staging(flash, Slots(flash))
    first, second, third = pieces(IMAGE)[:3]
    assert staging.take(codes.UPDATE_BEGIN, begin(IMAGE)) == codes.RESULT_DONE
    assert staging.take(codes.UPDATE_DATA, first) == codes.RESULT_DONE
    assert staging.take(codes.UPDATE_DATA, third) == codes.RESULT_REFUSED
    assert staging.take(codes.UPDATE_DATA, first) == codes.RESULT_DONE
    assert staging.take(codes.UPDATE_DATA, second) == codes.RESULT_DONE
    for piece in pieces(IMAGE)[2:]:
        assert staging.take(codes.UPDATE_DATA, piece) == codes.RESULT_DONE
    assert flash.read("update.img") == IMAGE


def test_pieces_of_an_update_wear_the_flash_a_block_at_a_time():
    flash = Flash()
    staging, image = Staging(flash, Slots(flash)), pack({"trap_supervisor/life.py": bytes(20_000)})
    staging.take(codes.UPDATE_BEGIN, begin(image))
    before = flash.operations
    for piece in pieces(image):
        staging.take(codes.UPDATE_DATA, piece)
    assert len(pieces(image)) > 100
    assert flash.operations - before <= 5


def test_update_without_a_beginning_or_of_no_size_is_refused():
    staging = Staging(Flash(), Slots(Flash()))
    assert staging.take(codes.UPDATE_DATA, pieces(IMAGE)[0]) == codes.RESULT_REFUSED
    assert staging.take(codes.UPDATE_COMMIT, b"") == codes.RESULT_MISMATCH
    assert staging.take(codes.UPDATE_BEGIN, struct.pack("<I", 0) + bytes(32)) == codes.RESULT_REFUSED


def test_commit_of_a_large_image_keeps_the_watchdog_fed():
    fed = []
    flash = Flash()
    staging = Staging(flash, Slots(flash), lambda: fed.append(1))
    image = pack({"trap_supervisor/m%d.py" % n: bytes(5_000) for n in range(20)})
    staging.take(codes.UPDATE_BEGIN, begin(image))
    for piece in pieces(image):
        staging.take(codes.UPDATE_DATA, piece)
    assert staging.take(codes.UPDATE_COMMIT, b"") == codes.RESULT_DONE
    assert len(fed) > 100


def test_name_that_leaves_its_folder_is_refused():
    flash = Flash()
    for name in ("../main.py", "/main.py", "main.py", "a/../../main.py", "", "a/", "a/\xe4.py"):
        assert staged(flash, pack({name: b"evil"}))[-1] == codes.RESULT_MISMATCH
    assert [name for name in flash.names() if "main" in name] == []


def test_power_cut_at_every_write_of_an_update_leaves_a_supervisor_that_boots():
    whole = {"trap_supervisor/life.py": b"new life" * 40, "trap_supervisor/gate.py": b"new gate" * 30}
    cut = 0
    while live_through_update(cut, whole):
        cut += 1
    assert cut > 12  # every operation was cut once


def live_through_update(cut, whole):
    """An update and three power-ups with the power cut once; False when the cut came after everything."""
    flash = Flash(Dice(cut))
    flash.cut_after = cut
    try:
        staged(flash)
    except PowerCut:
        pass
    for _ in range(3):
        try:
            slots = Slots(flash)
            chosen = slots.choose(False)
            for name, data in whole.items():  # what is chosen is there and whole
                assert chosen == 0 or flash.read("%d/%s" % (chosen, name)) == data, (cut, name)
            slots.confirm()
        except PowerCut:
            pass
    return flash.cut_after is None


def test_thousand_power_cuts_of_updates_never_leave_a_supervisor_that_does_not_boot():
    dice, cuts, seed = Dice(77), 0, 0
    while cuts < 1_000:
        seed += 1
        cuts += live_through_two_updates(seed, dice)


def live_through_two_updates(seed, dice):
    """Two updates and six power-ups, each cut at a random write; what is chosen is whole each time. How many cuts there were."""
    flash, cuts, versions = Flash(Dice(seed)), 0, {0: b"", 1: b"one", 2: b"two"}
    images = [
        pack({"trap_supervisor/life.py": versions[n] * 90, "trap_supervisor/gate.py": versions[n] * 50}) for n in (1, 2)
    ]
    whole = (b"one" * 90, b"two" * 90)
    for step in range(8):
        flash.cut_after = flash.operations + dice.below(16)
        try:
            if step in (0, 3):
                staged(flash, images[step // 3])
            else:
                slots = Slots(flash)
                chosen = slots.choose(dice.below(3) == 0)
                life, gate = (flash.read("%d/trap_supervisor/%s.py" % (chosen, name)) for name in ("life", "gate"))
                assert chosen == 0 or (life in whole and gate == life[:150]), (seed, step, chosen)
                if dice.below(2):
                    slots.confirm()
        except PowerCut:
            cuts += 1
        flash.cut_after = None
    return cuts
