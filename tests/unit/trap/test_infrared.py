"""What the flash adds, told from pictures with and without it: on plain frames, and before the pretend world's camera."""

import dataclasses
from datetime import UTC, datetime

import numpy as np
import pytest

from tests.unit.trap.parts import shot
from trap.infrared import PAIR, effect, paired_shots
from trap_sim import place
from trap_sim.camera import CameraFaults, SimCamera, World
from trap_sim.clock import Rtc, SimClock
from trap_sim.scene import Light, Sight, Subject, compose
from trap_sim.vtime import VirtualTime


def frame(grey, infrared=False, near=0):
    lores = np.full((240, 320, 3), grey, np.uint8)
    lores[160:] += np.uint8(near)  # the ground before the unit
    return dataclasses.replace(shot(), lores=lores, infrared=infrared)


def test_flash_that_lights_only_the_ground_before_the_unit_adds():
    seen = effect(frame(3), frame(3, infrared=True, near=60), frame(3))
    assert (seen.why, seen.adds) == ("adds", 60.0)


def test_leds_that_stay_dark_add_nothing_though_their_line_was_switched():
    assert effect(frame(90), frame(90, infrared=True), frame(90)).why == "weak"


def test_lamp_that_is_switched_on_in_the_meantime_is_not_taken_for_the_flash():
    assert effect(frame(20), frame(80, infrared=True), frame(80)).why == "weak"
    assert effect(frame(80), frame(80, infrared=True), frame(20)).why == "weak"


def test_daylight_leaves_the_flash_no_room_to_show():
    assert effect(frame(255), frame(255, infrared=True), frame(255)).why == "too_bright"


def test_flash_that_could_not_be_switched_is_told_from_one_that_is_dead():
    assert effect(frame(20), frame(20), frame(20)).why == "unlit"


class Photograph:
    """A photograph as a scene, taken by some camera's flash or by day."""

    frames = 1

    def __init__(self, infrared):
        self._infrared = infrared

    def look(self, at_ms, *, infrared):
        return Sight(np.full((240, 320, 3), 120, np.uint8), developed=True, infrared=self._infrared)


@pytest.fixture(scope="module")
def empty():
    return compose(place.build(1, (640, 360)), Subject.NOTHING, Light(0.002, -0.08, 0.0), seed=0)


def seen_by(scene, lux, **faults):
    time = VirtualTime()
    clock = SimClock(time, Rtc(time, datetime(2026, 10, 3, 9, tzinfo=UTC)))
    camera = SimCamera(time, clock, World(lambda: scene, lambda: lux), CameraFaults(misses_focus=0.0, **faults))
    shots = paired_shots(camera, lambda: time.ms)
    assert [one.infrared for one in shots] == [False, True, False]
    assert len({(one.exposure_us, one.gain) for one in shots}) == 1
    return effect(*shots)


@pytest.mark.parametrize(("lux", "why"), [(0.002, "adds"), (10.0, "adds"), (60.0, "adds"), (20_000.0, "too_bright")])
def test_pretend_unit_with_a_good_flash(empty, lux, why):
    assert seen_by(empty, lux).why == why


@pytest.mark.parametrize("lux", [0.002, 10.0, 60.0])
def test_pretend_unit_whose_flash_is_dead(empty, lux):
    assert seen_by(empty, lux, dead_flash=True).why == "weak"


@pytest.mark.parametrize("infrared", [False, True])
def test_pretend_unit_that_is_shown_a_photograph(infrared):
    assert seen_by(Photograph(infrared), 0.002).why == "adds"
    assert seen_by(Photograph(infrared), 0.002, dead_flash=True).why == "weak"


def test_night_burst_of_a_pretend_unit_with_a_dead_flash_is_black(empty):
    time = VirtualTime()
    clock = SimClock(time, Rtc(time, datetime(2026, 10, 3, 9, tzinfo=UTC)))
    camera = SimCamera(time, clock, World(lambda: empty, lambda: 0.002), CameraFaults(dead_flash=True))
    plan = dataclasses.replace(PAIR, frames=1, light_lux=0.002, lighting="by_light")
    [dark] = camera.burst(plan)
    assert dark.infrared
    assert dark.lores.mean() < 8
