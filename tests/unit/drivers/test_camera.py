import time

import numpy as np
import pytest

from tests.unit.drivers.fake_gpiod import FakeGpiod
from tests.unit.drivers.fake_picamera2 import FakePicamera2, FakeRequest
from tests.unit.trap.parts import NOON
from trap.drivers import camera as driver
from trap.drivers.bounded import Bounded
from trap.drivers.camera import CameraSettings, PiCamera
from trap.drivers.exposure import GAIN_MAX, LONGEST_US, PAIRED_US, SHARP_US, preset
from trap.drivers.flash import Flash
from trap.drivers.yuv import to_rgb
from trap.ports import BurstPlan, Lighting
from trap_wire.errors import PartError

SMALL = CameraSettings(main_px=(64, 48), lores_px=(32, 24))


@pytest.fixture
def library():
    return FakePicamera2()


@pytest.fixture
def camera(library):
    return PiCamera(SMALL, lambda: NOON, library=lambda number: library)


def burst(camera, frames=3, light_lux=None):
    return list(camera.burst(BurstPlan(frames, interval_ms=0, light_lux=light_lux)))


def test_burst_gives_a_jpeg_and_the_detectors_picture_of_each_frame(camera, library):
    shots = burst(camera)
    assert [shot.jpeg[:2] for shot in shots] == [b"\xff\xd8"] * 3
    assert [shot.lores.shape for shot in shots] == [(24, 32, 3)] * 3
    assert (shots[0].exposure_us, shots[0].gain, shots[0].infrared) == (4_000, 2.0, False)


def test_every_request_is_given_back_and_the_stream_stopped(camera, library):
    burst(camera, frames=10)
    assert all(request.released for request in library.requests)
    assert library.calls[-1] == "stop"


def test_main_and_lores_come_from_one_request_and_raw_is_never_asked_for(camera, library):
    burst(camera)
    assert len(library.requests) == 3
    assert library.config["raw"] is None
    assert library.config["buffer_count"] == 3


def test_first_frame_is_on_presets_and_automatic_exposure_takes_over_after_it(camera, library):
    burst(camera, light_lux=200.0)
    first, then = library.controls
    assert first["AeEnable"] is False and first["ExposureTime"] > 0
    assert then == {"AeEnable": True, "ExposureTime": 0, "AnalogueGain": 0.0}


def test_without_a_light_level_the_camera_meters_by_itself(camera, library):
    burst(camera)
    assert library.controls == [{"Saturation": 1.0, "AeEnable": True}]


def test_control_that_the_sensor_does_not_have_is_not_asked_of_it(camera, library):
    burst(camera)
    assert not any("LensPosition" in controls for controls in library.controls)


def test_lens_is_set_to_the_hyperfocal_distance_where_there_is_a_motor(library):
    library.camera_controls |= {"AfMode": None, "LensPosition": None}
    burst(PiCamera(SMALL, lambda: NOON, library=lambda number: library))
    assert library.controls[0]["LensPosition"] == driver.HYPERFOCAL_DIOPTRES


def test_at_night_each_frame_has_its_own_flash_and_its_exposure_began_inside(library):
    gpiod = FakeGpiod()
    camera = PiCamera(SMALL, lambda: NOON, Flash(chip="/dev/gpiochip0", gpiod=gpiod), library=lambda number: library)
    shots = burst(camera, light_lux=0.0)
    assert all(shot.infrared for shot in shots)
    assert [value for _, value in gpiod.history] == ["ACTIVE", "INACTIVE"] * 3


def test_at_night_without_a_flash_the_frame_does_not_claim_infrared(camera):
    assert not burst(camera, frames=1, light_lux=0.0)[0].infrared


def test_frames_before_the_ribbon_came_off_are_kept(camera, library):
    library.frames_left = 2
    taken = []
    with pytest.raises(PartError, match="ribbon"):
        taken.extend(camera.burst(BurstPlan(3, 0)))
    assert len(taken) == 2


def test_camera_is_opened_anew_after_a_fault(library):
    opened = []

    def open_(number):
        opened.append(FakePicamera2())
        opened[-1].frames_left = 0 if len(opened) == 1 else None
        return opened[-1]

    camera = PiCamera(SMALL, lambda: NOON, library=open_)
    with pytest.raises(PartError):
        burst(camera)
    assert len(burst(camera)) == 3
    assert "close" in opened[0].calls


def test_camera_that_hangs_is_given_up_in_time_and_known_to_be_stuck(camera, library, monkeypatch):
    monkeypatch.setattr(driver, "START_S", 0.05)
    library.hang_in = "start"
    started = time.monotonic()
    with pytest.raises(PartError, match="'start' did not come back"):
        burst(camera)
    assert camera.stuck
    with pytest.raises(PartError, match="still stuck in 'start'"):
        burst(camera)
    assert time.monotonic() - started < 2
    library.unhang()


def test_start_that_was_begun_early_is_not_waited_for_until_the_burst(camera, library):
    camera.arm()
    library.hang_in = "start"
    begun = time.monotonic()
    camera.begin(BurstPlan(2, 0, light_lux=200.0))
    assert time.monotonic() - begun < 0.5
    library.unhang()
    assert len(list(camera.burst(BurstPlan(2, 0, light_lux=200.0)))) == 2
    assert library.calls.count("start") == 1
    assert library.controls[0]["AeEnable"] is False


def test_start_that_was_begun_early_and_hangs_is_given_up_in_the_burst(camera, library, monkeypatch):
    monkeypatch.setattr(driver, "START_S", 0.05)
    camera.arm()
    library.hang_in = "start"
    camera.begin(BurstPlan(2, 0))
    with pytest.raises(PartError, match="'start' did not come back"):
        burst(camera)
    assert camera.stuck
    camera.begin(BurstPlan(2, 0))
    with pytest.raises(PartError, match="still stuck in 'start'"):
        burst(camera)
    library.unhang()


def test_camera_that_is_closed_is_not_opened_early_and_its_absence_is_told_by_the_burst():
    def absent(number):
        raise PartError("camera", "no camera 0: is the ribbon seated, contacts down?")

    camera = PiCamera(SMALL, lambda: NOON, library=absent)
    camera.begin(BurstPlan(1, 0))
    with pytest.raises(PartError, match="contacts down"):
        burst(camera)


def test_garbled_frame_is_a_fault_and_its_buffer_comes_back(camera, library):
    library.garbled = True
    with pytest.raises(PartError, match="cannot encode"):
        burst(camera)
    assert library.out == 0


def test_absent_camera_names_the_ribbon():
    def absent(number):
        raise PartError("camera", "no camera 0: is the ribbon seated, contacts down?")

    with pytest.raises(PartError, match="contacts down"):
        burst(PiCamera(SMALL, lambda: NOON, library=absent))


def test_start_times_are_recorded(camera):
    burst(camera)
    assert camera.times.open_ms >= 0 and camera.times.start_ms >= 0 and camera.times.request_ns > 0


def test_call_that_raises_passes_its_error_on_and_is_not_stuck():
    bounded = Bounded("camera")
    with pytest.raises(ZeroDivisionError):
        bounded("divide", 1.0, lambda: 1 // 0)
    assert not bounded.stuck


@pytest.mark.parametrize("lux", [None, -1.0, float("nan")])
def test_light_that_nobody_measured_leaves_the_exposure_to_the_camera(lux):
    assert preset(lux).exposure_us is None


def test_less_light_never_means_less_exposure():
    values = [preset(lux) for lux in (100_000, 10_000, 1_000, 300, 100, 30, 11)]
    products = [value.exposure_us * value.gain for value in values]
    assert products == sorted(products)
    assert all(value.gain <= GAIN_MAX and value.exposure_us <= LONGEST_US for value in values)


def test_gain_is_used_up_before_a_walking_cat_smears():
    assert preset(300.0).exposure_us == SHARP_US


def test_darkness_is_infrared_and_daylight_is_not():
    assert preset(0.0).infrared and preset(9.9).infrared and not preset(10.0).infrared


@pytest.mark.parametrize("layout", ["YUV420", "NV12"])
def test_colours_survive_the_way_through_yuv_with_padded_rows(layout):
    red, blue = (200, 40, 30), (20, 60, 220)
    picture = np.zeros((8, 16, 3), dtype=np.uint8)
    picture[:, :8], picture[:, 8:] = red, blue
    back = to_rgb(_yuv(picture, layout, stride=32), 16, 8, layout)
    assert np.abs(back.astype(int) - picture).max() <= 3


def _yuv(rgb, layout, stride):
    height, width, _ = rgb.shape
    r, g, b = (rgb[..., n].astype(float) for n in range(3))
    y = 0.299 * r + 0.587 * g + 0.114 * b
    u, v = ((b - y) * 0.564 + 128)[::2, ::2], ((r - y) * 0.713 + 128)[::2, ::2]
    buffer = np.zeros((height * 3 // 2, stride), dtype=np.uint8)
    buffer[:height, :width] = y.round()
    below = buffer[height:]
    if layout == "NV12":
        below[:, 0:width:2], below[:, 1:width:2] = u.round(), v.round()
    else:
        halves = below.reshape(height, stride // 2)
        halves[: height // 2, : width // 2], halves[height // 2 :, : width // 2] = u.round(), v.round()
    return buffer


def lit_camera(library):
    gpiod = FakeGpiod()
    return gpiod, PiCamera(
        SMALL, lambda: NOON, Flash(chip="/dev/gpiochip0", gpiod=gpiod), library=lambda number: library
    )


def test_frames_that_are_compared_have_one_exposure_and_every_other_one_the_flash(library):
    gpiod, camera = lit_camera(library)
    shots = list(camera.burst(BurstPlan(3, 0, lighting=Lighting.PAIRED)))
    assert [shot.infrared for shot in shots] == [False, True, False]
    assert [value for _, value in gpiod.history] == ["ACTIVE", "INACTIVE"]
    [controls] = library.controls
    assert (controls["AeEnable"], controls["ExposureTime"]) == (False, PAIRED_US)


def test_frame_that_was_half_under_the_flash_is_not_taken_for_a_dark_one(library, monkeypatch):
    _, camera = lit_camera(library)
    began, early = FakeRequest.get_metadata, []

    def half_lit(request):
        """The first frame after the light went out had begun before it did."""
        facts = began(request)
        if request.number == 2:
            early.append(request)
            facts["SensorTimestamp"] -= 1_000_000_000
        return facts

    monkeypatch.setattr(FakeRequest, "get_metadata", half_lit)
    assert len(list(camera.burst(BurstPlan(3, 0, lighting=Lighting.PAIRED)))) == 3
    assert len(library.requests) == 4
    assert early[0].released


def test_flash_that_is_asked_for_is_used_whatever_the_light(library):
    gpiod, camera = lit_camera(library)
    assert next(camera.burst(BurstPlan(1, 0, light_lux=20_000.0, lighting=Lighting.LIT))).infrared
    assert gpiod.history[0][1] == "ACTIVE"
