from trap_supervisor.watchdog import Watchdog


def test_dog_is_fed_while_every_part_goes_round():
    dog = Watchdog({"loop": 1_000, "sample": 3_000})
    for now_ms in range(0, 10_000, 500):
        dog.alive("loop", now_ms)
        dog.alive("sample", now_ms)
        assert dog.may_feed(now_ms)


def test_one_silent_part_starves_the_dog():
    dog = Watchdog({"loop": 1_000, "sample": 3_000})
    dog.alive("sample", 0)
    dog.alive("loop", 0)
    dog.alive("loop", 3_001)
    assert not dog.may_feed(3_001)


def test_part_that_never_spoke_counts_from_the_first_question():
    dog = Watchdog({"loop": 1_000})
    assert dog.may_feed(5_000)
    assert not dog.may_feed(6_001)
