"""A camera that sees a pretend scene: exposes by the light it was told, adds noise, misses the focus, hangs.

Whatever it looks at becomes what the real one gives: a JPEG and a small RGB picture for each frame, with exposure, gain and
whether the infrared flash was on.
"""

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from trap.ports import BurstPlan, Clock, Pixels, Shot
from trap_sim.scene import Scene, Sight
from trap_sim.textures import Plane
from trap_sim.vtime import VirtualTime
from trap_wire.errors import PartError

IR_BELOW_LUX = 8.0
METER_MS = 350  # without a preset from the supervisor the first frames go to metering
READY_MS = 250  # stream start of picamera2 to the first frame
QUALITY = 87
LORES = (320, 240)


@dataclass
class CameraFaults:
    """What is wrong with the camera. Shares are 0..1 of bursts; ``absent`` and ``hangs_after`` (frames) end in PartError."""

    absent: bool = False
    hangs_after: int | None = None
    misses_focus: float = 0.02


@dataclass(frozen=True, slots=True)
class Exposure:
    """How one frame is taken."""

    exposure_us: int
    gain: float
    infrared: bool
    brightness: float  # 1 when the preset fits the light


@dataclass(frozen=True, slots=True)
class World:
    """What a camera needs of the world: the scene at this moment and the true light on it."""

    scene: Callable[[], Scene]
    lux: Callable[[], float]


class SimCamera:
    """``trap.ports.Camera``. Virtual time passes while it works."""

    def __init__(
        self, time: VirtualTime, clock: Clock, world: World, faults: CameraFaults | None = None, seed: int = 0
    ) -> None:
        self._time = time
        self._clock = clock
        self._world = world
        self.faults = faults or CameraFaults()
        self._rng = np.random.default_rng([seed, 11])
        self._noise: Plane | None = None

    def burst(self, plan: BurstPlan) -> Iterator[Shot]:
        """Frames of the scene, ``plan.interval_ms`` apart; ``PartError`` when the camera is absent or hangs."""
        if self.faults.absent:
            raise PartError("camera", "no camera found: seat the ribbon, contacts towards the board")
        exposure = self._meter(plan.light_lux)
        self._time.advance(READY_MS)
        scene = self._world.scene()
        blur = self._rng.uniform() < self.faults.misses_focus
        count = plan.frames if scene.frames is None else min(plan.frames, scene.frames)
        for number in range(count):
            if number == self.faults.hangs_after:
                self._time.advance(2_000)
                raise PartError("camera", "no frame for 2 s: it hangs; power it off and on, then look at its ribbon")
            if number:
                self._time.advance(plan.interval_ms)
            yield self._shot(scene.look(number * plan.interval_ms, infrared=exposure.infrared), exposure, blur=blur)

    def _meter(self, told_lux: float | None) -> Exposure:
        if told_lux is None:
            self._time.advance(METER_MS)
        true_lux = self._world.lux()
        return exposed(true_lux if told_lux is None else told_lux, true_lux)

    def _shot(self, sight: Sight, exposure: Exposure, *, blur: bool) -> Shot:
        pixels = sight.pixels if sight.developed else self._develop(sight.pixels, exposure)
        image = Image.fromarray(pixels)
        if blur:
            image = image.filter(ImageFilter.GaussianBlur(image.width / 160))
        infrared = sight.infrared if sight.developed else exposure.infrared
        return Shot(_jpeg(image), _small(image), self._clock.now(), exposure.exposure_us, exposure.gain, infrared)

    def _develop(self, pixels: Pixels, exposure: Exposure) -> Pixels:
        """Exposure error, then the sensor's noise: grows with the gain."""
        sigma = 1.2 + 1.1 * math.sqrt(exposure.gain)
        noise = self._noise_of(pixels.shape) * sigma
        bright = pixels.astype(np.float32) * exposure.brightness + noise[..., None]
        developed: Pixels = bright.clip(0, 255).astype(np.uint8)
        return developed

    def _noise_of(self, shape: tuple[int, ...]) -> Plane:
        """Unit noise: one sheet for all frames, shifted by a draw, because drawing two million numbers takes longer."""
        if self._noise is None or self._noise.shape != shape[:2]:
            self._noise = self._rng.standard_normal(shape[:2], dtype=np.float32)
        shift = tuple(int(n) for n in self._rng.integers(0, min(shape[:2]), size=2))
        rolled: Plane = np.roll(self._noise, shift, axis=(0, 1))
        return rolled


def exposed(told_lux: float, true_lux: float) -> Exposure:
    """Exposure for the light that was told, and how bright the true light then comes out.

    f/1.8, ISO 100 at gain 1: 20,000 lx needs about 1/1000 s. Below IR_BELOW_LUX the flash sets the exposure, not the sky.
    """
    if told_lux < IR_BELOW_LUX:
        return Exposure(8_000, 6.0, infrared=True, brightness=1.0)
    wanted_us = 1_000 * 20_000 / told_lux
    exposure_us = min(wanted_us, 16_000)
    gain = min(16.0, max(1.0, wanted_us / exposure_us))
    error = true_lux / told_lux * exposure_us * gain / wanted_us
    return Exposure(round(exposure_us), round(gain, 2), infrared=False, brightness=min(4.0, max(0.05, error**0.5)))


def _jpeg(image: Image.Image) -> bytes:
    target = io.BytesIO()
    image.save(target, "JPEG", quality=QUALITY)
    return target.getvalue()


def _small(image: Image.Image) -> Pixels:
    """The low-resolution stream: inside LORES, undistorted."""
    ratio = min(1.0, LORES[0] / image.width, LORES[1] / image.height)
    size = (max(1, round(image.width * ratio)), max(1, round(image.height * ratio)))
    small: Pixels = np.asarray(image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))
    return small
