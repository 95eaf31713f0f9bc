import io
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from trap.ports import BurstPlan
from trap_sim.camera import CameraFaults, SimCamera, World, exposed
from trap_sim.clock import Rtc, SimClock
from trap_sim.scene import Sight
from trap_sim.vtime import VirtualTime
from trap_wire.errors import PartError


class Checkers:
    """A scene of black and white fields."""

    def __init__(self, frames=None, developed=False):
        self.frames, self._developed = frames, developed
        self.asked = []

    def look(self, at_ms, *, infrared):
        self.asked.append((at_ms, infrared))
        field = np.kron(np.indices((12, 16)).sum(axis=0) % 2, np.ones((20, 20))) * 160 + 40
        return Sight(np.repeat(field.astype(np.uint8)[..., None], 3, axis=2), self._developed)


def camera(scene, lux=20_000.0, **faults):
    time = VirtualTime()
    clock = SimClock(time, Rtc(time, datetime(2026, 10, 3, 9, tzinfo=UTC)))
    faults.setdefault("misses_focus", 0.0)
    return time, SimCamera(time, clock, World(lambda: scene, lambda: lux), CameraFaults(**faults))


def contrast(shot):
    return float(np.asarray(Image.open(io.BytesIO(shot.jpeg)).convert("L"), dtype=np.float32).std())


def test_burst_has_the_frames_and_the_times_that_were_asked_for():
    scene = Checkers()
    _, cam = camera(scene)
    shots = list(cam.burst(BurstPlan(3, 500, 20_000.0)))
    assert [at for at, _ in scene.asked] == [0, 500, 1_000]
    assert (shots[2].taken_at - shots[0].taken_at).total_seconds() == 1.0
    assert shots[0].lores.shape == (240, 320, 3)


def test_night_is_taken_by_flash_and_day_is_not():
    for lux, infrared in ((0.1, True), (5_000.0, False)):
        _, cam = camera(Checkers(), lux)
        assert next(cam.burst(BurstPlan(1, 0, lux))).infrared is infrared


def test_metering_takes_time_that_a_preset_saves():
    times = []
    for told in (None, 20_000.0):
        time, cam = camera(Checkers())
        next(cam.burst(BurstPlan(1, 0, told)))
        times.append(time.ms)
    assert times[0] > times[1]


def test_wrong_preset_makes_the_picture_too_dark_or_too_bright():
    assert exposed(20_000, 1_000).brightness < 0.5
    assert exposed(1_000, 20_000).brightness > 2
    assert exposed(3_000, 3_000).brightness == pytest.approx(1, abs=0.01)


def test_dusk_is_noisier_than_noon():
    _, noon = camera(Checkers(), 20_000.0)
    _, dusk = camera(Checkers(), 12.0)
    bright, dim = (next(cam.burst(BurstPlan(1, 0, None))) for cam in (noon, dusk))
    assert dim.gain > bright.gain
    flat = np.s_[2:12, 2:12]
    assert dim.lores[flat].std() > bright.lores[flat].std()


def test_missed_focus_blurs_the_burst():
    sharp, soft = (next(camera(Checkers(), misses_focus=m)[1].burst(BurstPlan(1, 0, None))) for m in (0.0, 1.0))
    assert contrast(soft) < 0.95 * contrast(sharp)


def test_hang_gives_the_frames_before_it_and_then_names_the_part():
    _, cam = camera(Checkers(), hangs_after=2)
    shots = []
    with pytest.raises(PartError, match="camera"):
        shots.extend(cam.burst(BurstPlan(5, 100, None)))  # extend keeps what came before the fault
    assert len(shots) == 2


def test_absent_camera_is_said_at_once():
    with pytest.raises(PartError, match="ribbon"):
        list(camera(Checkers(), absent=True)[1].burst(BurstPlan(3, 100, None)))


def test_photograph_is_left_as_it_is():
    _, cam = camera(Checkers(developed=True), 12.0)
    lores = next(cam.burst(BurstPlan(1, 0, 12.0))).lores
    assert set(np.unique(lores)) <= {40, 200, *range(40, 201)}
    assert lores[2:12, 2:12].std() == 0


def test_scene_with_fewer_photographs_ends_the_burst_early():
    _, cam = camera(Checkers(frames=1))
    assert len(list(cam.burst(BurstPlan(3, 500, None)))) == 1
