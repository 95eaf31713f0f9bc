"""What a static camera knows: change, the second look, and the memory of rocks. On real textures and a real cat."""

import dataclasses
import io
from datetime import timedelta

import numpy as np
import pytest
from PIL import Image
from skimage import data

from tests.unit.trap.parts import NOON, ScriptedDetector, SteadyClock, animal
from trap.deployment import Deployment, Protocol, Station
from trap.ports import Box, Detection, Shot, Thresholds
from trap.triage import change, zoom
from trap.triage.judge import Triage
from trap.triage.looks import Steps
from trap.triage.repeats import RECURS_AT, Repeats
from trap.triage.scene import Hour, Scene
from trap_wire.vocabulary import Decision, ObservationType

GRAVEL = np.repeat(data.gravel()[:480, :512, None], 3, axis=2)
CAT = np.asarray(Image.fromarray(data.chelsea()[:, 100:400]).resize((48, 48)))
NOISE = np.random.default_rng(3)


def frame(cat_at=None, gain=1.0):
    picture = GRAVEL.astype(np.float32).copy()
    if cat_at is not None:
        x, y = cat_at
        picture[y : y + 48, x : x + 48] = CAT
    noisy = picture * gain + NOISE.normal(0, 3, picture.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def shot_of(picture, n=0):
    target = io.BytesIO()
    Image.fromarray(picture).save(target, "JPEG", quality=92)
    return Shot(target.getvalue(), picture[::2, ::2].copy(), NOON + timedelta(seconds=n), 8_000, 1.0, infrared=False)


def regions_of(pictures, which, quiet=None):
    cells = [change.cells_of(picture) for picture in pictures]
    return change.changed(cells[which], change.background(cells, quiet))


def test_walking_cat_is_the_strongest_change():
    pictures = [frame((60, 100)), frame((200, 110)), frame((340, 120))]
    box = regions_of(pictures, 1)[0].box
    assert box.x * 512 == pytest.approx(200, abs=16)
    assert box.y * 480 == pytest.approx(110, abs=16)


def test_still_place_has_no_change_in_spite_of_noise():
    assert regions_of([frame(), frame(), frame()], 0) == ()


def test_cloud_over_the_sun_is_no_change():
    assert regions_of([frame(), frame(gain=0.7), frame(gain=0.85)], 1) == ()


def test_sitting_cat_is_found_against_the_quiet_frame_of_that_hour():
    quiet = change.cells_of(frame())
    sitting = [frame((200, 110))]
    assert regions_of(sitting, 0) == ()
    assert regions_of([frame((200, 110)), frame()], 0, quiet)[0].box.x * 512 == pytest.approx(200, abs=16)


def test_second_look_crops_the_change_at_native_resolution():
    picture = frame((200, 110))
    place = zoom.place_to_look([change.Region(Box(200 / 512, 110 / 480, 48 / 512, 48 / 480), 9.0)], [])
    seen = zoom.crop(shot_of(picture).jpeg, place)
    assert seen.shape[1] == round(place.width * 512)
    assert place.x * 512 <= 200
    assert (place.x + place.width) * 512 >= 248


def test_place_without_more_pixels_than_the_first_look_had_is_not_looked_at_again():
    jpeg, place = shot_of(frame((200, 110))).jpeg, Box(0.3, 0.2, 0.2, 0.2)
    detector = ScriptedDetector([(animal(0.9),), (animal(0.9),)])
    assert zoom.look_into(detector, jpeg, place, 512) == ()
    assert zoom.look_into(detector, jpeg, place, 256)[0].score == 0.9
    assert zoom.look_into(detector, jpeg, place, 100)[0].score == 0.9


def test_crop_is_as_wide_as_the_first_look_s_picture_or_wider():
    place = Box(0.9, 0.5, 0.1, 0.1)
    wide = zoom.widened(place, 640 / 1536)
    assert wide.width * 1536 == pytest.approx(640)
    assert wide.x + wide.width <= 1.0 + 1e-9
    assert zoom.widened(place, 0.05) is place


def test_torn_photograph_at_the_second_look_keeps_the_burst_and_says_why():
    torn = [dataclasses.replace(shot, jpeg=shot.jpeg[: len(shot.jpeg) // 8]) for shot in walking()]
    for damaged in (torn, [dataclasses.replace(shot, jpeg=b"") for shot in torn]):
        verdict = triage([()] * 6).judge("b", damaged)
        assert verdict.decision is Decision.KEEP
        assert verdict.fail_open


def test_two_looks_at_one_cat_are_one_detection_and_two_labels_are_two():
    low, high = (Detection(ObservationType.ANIMAL, score, Box(0.4, 0.4, 0.2, 0.2)) for score in (0.3, 0.6))
    person = Detection(ObservationType.HUMAN, 0.5, Box(0.4, 0.4, 0.2, 0.2))
    assert zoom.merged([low], [high, person]) == (high, person)
    assert zoom.merged([], []) == ()


def test_change_all_over_the_frame_is_not_looked_at_again():
    assert zoom.place_to_look([change.Region(Box(0, 0, 0.9, 0.9), 9.0)], []) is None
    assert zoom.place_to_look([], []) is None


def triage(sees, *, at=None, steps=None, scene=None):
    detector = ScriptedDetector(list(sees))
    detector.thresholds = at or Thresholds(keep_at=0.4, blank_at=0.1, second_look_at=0.03)
    deployment = Deployment(station=Station(), protocol=Protocol(audit_every=1_000))
    return Triage(detector, deployment, SteadyClock().monotonic_ms, steps=steps or Steps(), scene=scene or Scene())


def walking():
    return [shot_of(frame(place), n) for n, place in enumerate([(60, 100), (200, 110), (340, 120)])]


def test_cat_that_only_the_second_look_sees_is_kept():
    whole = Detection(ObservationType.ANIMAL, 0.8, Box(0.25, 0.25, 0.5, 0.5))
    verdict = triage([(), (), (), (), (whole,), ()]).judge("b", walking())
    assert verdict.decision is Decision.KEEP
    box = verdict.boxes[1][0].box
    assert box.x * 512 < 248
    assert (box.x + box.width) * 512 > 200


def test_without_zoom_it_is_missed():
    verdict = triage([(), (), ()], steps=Steps(zoom=False)).judge("b", walking())
    assert verdict.decision is Decision.BLANK


def test_second_look_costs_no_more_looks_than_the_first():
    judge = triage([()] * 6)
    judge.judge("b", walking())
    assert judge.detector.sees == []


def test_burst_that_is_decided_is_not_looked_at_again():
    judge = triage([(animal(0.9),), (), (), ()])
    judge.judge("b", walking())
    assert len(judge.detector.sees) == 1


ROCK = Detection(ObservationType.ANIMAL, 0.5, Box(0.6, 0.6, 0.1, 0.1))


def still_bursts(count, scene, score=0.5):
    rock = dataclasses.replace(ROCK, score=score)
    for _ in range(count):
        judge = triage([(rock,)] * 3, steps=Steps(zoom=False), scene=scene)
        verdict = judge.judge("b", [shot_of(frame(), n) for n in range(3)])
    return verdict


def test_rock_that_is_seen_in_every_burst_falls_into_doubt_and_is_never_discarded():
    scene = Scene()
    assert still_bursts(RECURS_AT, scene).decision is Decision.KEEP
    assert still_bursts(1, scene).decision is Decision.UNKNOWN
    assert still_bursts(20, scene, score=0.11).decision is Decision.UNKNOWN


def test_animal_that_moves_over_the_rock_keeps_its_score():
    spots = Repeats().learned([ROCK] * 1)
    for _ in range(RECURS_AT):
        spots = spots.learned([ROCK])
    assert spots.damped(ROCK, [], 0.1).score < 0.5
    assert spots.damped(ROCK, [change.Region(ROCK.box, 5.0)], 0.1) == ROCK


def test_memory_survives_the_night_and_a_damaged_one_is_empty():
    scene = Scene()
    still_bursts(RECURS_AT, scene)
    saved = scene.to_save()
    assert scene.to_save() is None
    again = Scene.load(saved)
    assert again.repeats == scene.repeats
    hour = Hour(NOON.hour, infrared=False)
    assert np.allclose(again.quiet(hour), scene.quiet(hour), atol=0.51)
    for damaged in (b"", b"{}", saved[:-40], b"[1]", b'{"quiet":[[1]],"repeats":"x"}'):
        assert Scene.load(damaged).repeats == Repeats()


def test_memory_of_repeats_forgets_the_rarest():
    spots = Repeats()
    for n in range(100):
        spots = spots.learned([Detection(ObservationType.ANIMAL, 0.5, Box(n / 100, 0.0, 0.005, 0.005)), ROCK])
    assert len(spots.spots) == 32
    assert spots.spots[0].bursts == 100
