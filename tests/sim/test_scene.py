import numpy as np
import pytest

from trap_sim import place as places
from trap_sim.scene import Light, Subject, compose, hidden_share

DAY = Light(20_000.0, 0.0, 0.2)
SMALL = (320, 240)


@pytest.fixture(scope="module")
def place():
    return places.build(3, SMALL)


def moved(scene, infrared=False):
    one, two = (scene.look(at, infrared=infrared).pixels.astype(int) for at in (0, 500))
    return np.abs(one - two).max(axis=2) > 12


def test_same_seed_draws_the_same_frame(place):
    one, two = (compose(places.build(3, SMALL), Subject.CAT, DAY, 5).look(500, infrared=False) for _ in range(2))
    assert np.array_equal(one.pixels, two.pixels)


def test_walking_animal_moves_where_it_stands(place):
    scene = compose(place, Subject.HOOFED, DAY, 4, wind=0.0)
    rows = np.nonzero(moved(scene).any(axis=1))[0]
    assert moved(scene).mean() > 0.004
    assert rows.max() < place.foot(scene.walker.depth_m) + 12


def test_wind_moves_the_grass_and_nothing_in_the_sky(place):
    change = moved(compose(place, Subject.WIND, DAY, 9))
    assert change[place.horizon :].mean() > 0.002
    assert not change[: place.horizon // 2].any()


def test_warm_stone_changes_almost_nothing(place):
    calm, storm = (moved(compose(place, s, DAY, 9)).mean() for s in (Subject.WARM_STONE, Subject.WIND))
    assert calm < storm


def test_animal_changes_the_picture_that_the_empty_place_would_give(place):
    for subject in (Subject.CAT, Subject.HOOFED, Subject.PEEKING_CAT):
        scene = compose(place, subject, DAY, 11, wind=0.0)
        empty = compose(place, Subject.NOTHING, DAY, 11, wind=0.0)
        difference = scene.look(0, infrared=False).pixels.astype(int) - empty.look(0, infrared=False).pixels
        assert (np.abs(difference).max(axis=2) > 20).mean() > 0.001, subject


def test_no_animal_is_hidden_altogether():
    for seed in range(24):
        place = places.build(seed % 4, SMALL)
        scene = compose(place, Subject.PEEKING_CAT, DAY, seed)
        assert hidden_share(place, scene.walker) <= 0.55


def test_flash_is_grey_and_leaves_the_sky_black(place):
    pixels = compose(place, Subject.CAT, DAY, 5).look(0, infrared=True).pixels
    assert np.array_equal(pixels[..., 0], pixels[..., 2])
    assert pixels[: place.horizon // 3].mean() < 12
    assert pixels[-40:].mean() > 40


def test_flash_brings_back_the_eyes(place):
    scene = compose(place, Subject.CAT, DAY, 5)
    lit, empty = (compose(place, s, DAY, 5).look(0, infrared=True).pixels for s in (Subject.CAT, Subject.NOTHING))
    assert scene.walker is not None
    assert (lit == 255).sum() > (empty == 255).sum()
