from tests.unit.supervisor.bench import NOON
from tests.unit.supervisor.flash import Dice, Flash, PowerCut
from trap_supervisor.ring import Ring
from trap_wire import codes, frames


def fault(value):
    return frames.pack_record(frames.Record(0, NOON, codes.RECORD_FAULT, codes.FAULT_RTC, value))


def values(ring, first=0, limit=10_000):
    found = [frames.unpack_record(raw) for raw in ring.since(first, limit)]
    return [(r.sequence, r.value) for r in found if r.kind == codes.RECORD_FAULT]


def markers(ring):
    found = [frames.unpack_record(raw) for raw in ring.since(0, 10_000)]
    return [r.value for r in found if r.kind == codes.RECORD_MARKER]


def filled(flash, count, **size):
    ring = Ring(flash, **size)
    for n in range(1, count + 1):
        assert ring.add(fault(n)) == n
    return ring


def test_records_come_back_in_order_after_a_restart():
    flash = Flash()
    filled(flash, 10, segment=4)
    assert values(Ring(flash, segment=4)) == [(n, n) for n in range(1, 11)]


def test_number_goes_on_after_a_restart_and_after_everything_was_released():
    flash = Flash()
    filled(flash, 8, segment=4).release(8)
    ring = Ring(flash, segment=4)
    assert ring.since(0, 100) == []
    assert ring.add(fault(9)) == 9
    assert Ring(flash, segment=4).newest == 9


def test_hand_over_takes_a_batch_from_where_it_is_asked():
    ring = filled(Flash(), 20, segment=4)
    assert [n for n, _ in values(ring, first=6, limit=5)] == [6, 7, 8, 9, 10]


def test_nothing_is_dropped_before_the_pi_confirms():
    ring = filled(Flash(), 10, segment=4)
    ring.since(0, 100)
    assert len(ring.since(0, 100)) == 10
    ring.release(6)
    assert [n for n, _ in values(ring)] == [7, 8, 9, 10]


def test_confirmation_of_records_that_never_were_is_not_believed():
    ring = filled(Flash(), 5)
    ring.release(4_000_000)
    assert len(values(ring)) == 5


def test_full_ring_keeps_the_newest_and_a_marker():
    flash = Flash()
    ring = Ring(flash, segment=4, segments=3)
    for n in range(1, 41):
        ring.add(fault(n))
    kept = [v for _, v in values(ring)]
    assert kept[-1] == 40
    assert len(kept) >= 5
    assert ring.lost > 0
    told = markers(ring)[-1]
    assert told == ring.lost
    numbers = [frames.unpack_record(raw).sequence for raw in ring.since(0, 100)]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert told == numbers[0] - 1  # every record before the first that is left


def test_marker_is_forgotten_once_the_pi_has_it():
    flash = Flash()
    ring = Ring(flash, segment=4, segments=3)
    for n in range(1, 21):
        ring.add(fault(n))
    ring.release(ring.newest)
    assert Ring(flash, segment=4, segments=3).lost == 0


def test_torn_record_is_dropped_and_its_segment_closed():
    flash = Flash()
    filled(flash, 3, segment=8)
    name = flash.names("ring-")[0]
    flash.content[name] += b"\1\2\3"
    ring = Ring(flash, segment=8)
    assert ring.add(fault(4)) == 4
    assert values(Ring(flash, segment=8)) == [(n, n) for n in range(1, 5)]


def test_record_whose_bits_flipped_is_left_out_and_the_rest_stays():
    flash = Flash()
    filled(flash, 10, segment=4)
    name = flash.names("ring-")[0]
    raw = bytearray(flash.content[name])
    raw[17] ^= 0x10
    flash.content[name] = bytes(raw)
    assert [n for n, _ in values(Ring(flash, segment=4))] == [1, 3, 4, 5, 6, 7, 8, 9, 10]


def test_thousand_power_cuts_lose_no_confirmed_record():
    for seed in range(50):
        live_through_cuts(seed, cuts=20)


def live_through_cuts(seed, cuts):
    """Random adds and releases on a ring that is cut ``cuts`` times; after each restart everything confirmed is there."""
    dice = Dice(seed)
    flash = Flash(dice)
    confirmed, released = {}, 0  # by sequence number
    ring = Ring(flash, segment=4, segments=200)
    value = 0
    for _ in range(cuts):
        flash.cut_after = flash.operations + dice.below(30)
        try:
            while True:
                if dice.below(8) == 0 and confirmed:
                    released = max(released, sorted(confirmed)[dice.below(len(confirmed))])
                    ring.release(released)
                value += 1
                confirmed[ring.add(fault(value))] = value
        except PowerCut:
            ring = restarted(flash)
        kept = dict(values(ring))
        for sequence, told in confirmed.items():
            assert sequence <= released or kept.get(sequence) == told, (seed, sequence)
        for sequence, told in kept.items():
            confirmed.setdefault(sequence, told)  # it was whole, only its writer never heard of it


def restarted(flash):
    """A boot; the power may go again while it puts things right."""
    while True:
        try:
            return Ring(flash, segment=4, segments=200)
        except PowerCut:
            pass


def test_cut_at_every_single_write_of_a_full_ring_leaves_a_ring_that_works():
    for cut in range(120):
        flash = Flash(Dice(cut))
        ring = Ring(flash, segment=2, segments=3)
        flash.cut_after = cut
        newest = 0
        try:
            for n in range(1, 30):
                newest = ring.add(fault(n))
        except PowerCut:
            pass
        ring = Ring(flash, segment=2, segments=3)
        assert ring.newest >= newest
        for n in range(3):
            ring.add(fault(100 + n))
        numbers = [frames.unpack_record(raw).sequence for raw in ring.since(0, 100)]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert not ring.lost or ring.lost == numbers[0] - 1
