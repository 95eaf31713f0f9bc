import pytest

from trap_sim.vtime import PowerCut, VirtualTime


def test_what_is_due_is_called_in_order_at_its_own_time():
    time, seen = VirtualTime(), []
    for at in (30, 10, 20):
        time.at(at, lambda at=at: seen.append((at, time.ms)))
    time.advance(25)
    assert (seen, time.ms) == ([(10, 10), (20, 20)], 25)


def test_calls_of_the_same_moment_keep_their_order():
    time, seen = VirtualTime(), []
    for name in "abc":
        time.at(5, lambda name=name: seen.append(name))
    time.advance_to(5)
    assert seen == ["a", "b", "c"]


def test_time_never_runs_backwards():
    time = VirtualTime()
    time.advance(100)
    time.advance_to(40)
    assert time.ms == 100


def test_power_cut_leaves_whatever_was_letting_time_pass():
    time = VirtualTime()

    def cut():
        raise PowerCut

    time.at(5, cut)
    with pytest.raises(PowerCut):
        time.advance(10)
    assert time.ms == 5
