"""A camera that sees a pretend scene: exposes by the light it was told, adds noise, misses the focus, hangs.

Whatever it looks at becomes what the real one gives: a JPEG and a small RGB picture for each frame, with exposure, gain and
whether the infrared flash was on.
"""

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFilter

from trap.ports import BurstPlan, Clock, Lighting, Pixels, Shot
from trap_sim.scene import Scene, Sight
from trap_sim.textures import Plane
from trap_sim.vtime import VirtualTime
from trap_wire.errors import PartError

IR_BELOW_LUX = 8.0
METER_MS = 350  # without a preset from the supervisor the first frames go to metering
READY_MS = 250  # stream start of picamera2 to the first frame
QUALITY = 87
LORES = (320, 240)
BY_FLASH_LUX = 420.0  # that fit the flash's exposure


@dataclass
class CameraFaults:
    """What is wrong with the camera. Shares are 0..1 of bursts; ``absent`` and ``hangs_after`` (frames) end in PartError.

    ``dead_flash``: its line is switched as ever and nothing lights.
    """

    absent: bool = False
    hangs_after: int | None = None
    misses_focus: float = 0.02
    dead_flash: bool = False


@dataclass(frozen=True, slots=True)
class Exposure:
    """How one frame is taken."""

    exposure_us: int
    gain: float
    infrared: bool
    brightness: float  # 1 when the preset fits the light
    daylight: float = 0.0  # under the flash: what the sky still adds, 1 when it would do alone


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
        exposure = self._meter(plan)
        self._time.advance(READY_MS)
        scene = self._world.scene()
        blur = self._rng.uniform() < self.faults.misses_focus
        again = scene.frames is None or plan.lighting is Lighting.PAIRED
        count = plan.frames if again else min(plan.frames, scene.frames or 0)
        for number in range(count):
            if number == self.faults.hangs_after:
                self._time.advance(2_000)
                raise PartError("camera", "no frame for 2 s: it hangs; power it off and on, then look at its ribbon")
            if number:
                self._time.advance(plan.interval_ms)
            this = (
                replace(exposure, infrared=False) if plan.lighting is Lighting.PAIRED and number % 2 == 0 else exposure
            )
            yield self._shot(self._look(scene, number * plan.interval_ms, this, plan.lighting), this, blur=blur)

    def _meter(self, plan: BurstPlan) -> Exposure:
        true_lux, told_lux = self._world.lux(), plan.light_lux
        if plan.lighting is not Lighting.BY_LIGHT:
            return by_flash(true_lux)
        if told_lux is None:
            self._time.advance(METER_MS)
        return exposed(true_lux if told_lux is None else told_lux, true_lux)

    def _look(self, scene: Scene, at_ms: int, exposure: Exposure, lighting: Lighting) -> Sight:
        """The scene by what the exposure asks for: by day, by flash, or by both where frames are compared."""
        lit = exposure.infrared and not self.faults.dead_flash
        if lighting is Lighting.BY_LIGHT and lit == exposure.infrared:
            return scene.look(at_ms, infrared=exposure.infrared)
        by_flash = scene.look(at_ms, infrared=True) if lit else None
        return mixed(scene.look(at_ms, infrared=False), by_flash, exposure)

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
        return by_flash(true_lux)
    wanted_us = 1_000 * 20_000 / told_lux
    exposure_us = min(wanted_us, 16_000)
    gain = min(16.0, max(1.0, wanted_us / exposure_us))
    error = true_lux / told_lux * exposure_us * gain / wanted_us
    return Exposure(round(exposure_us), round(gain, 2), infrared=False, brightness=min(4.0, max(0.05, error**0.5)))


def by_flash(true_lux: float) -> Exposure:
    """Exposure for the flash; the sky adds what it adds."""
    return Exposure(8_000, 6.0, infrared=True, brightness=1.0, daylight=min(4.0, (true_lux / BY_FLASH_LUX) ** 0.5))


def mixed(sky: Sight, flash: Sight | None, exposure: Exposure) -> Sight:
    """Light adds up. A photograph has its light in it already: by day the sky's, by night the flash's."""
    share = exposure.daylight
    if sky.developed:
        share = float(flash is not None) if sky.infrared else share + 0.5 * (flash is not None)
        flash = None
    light = sky.pixels.astype(np.float32) * share
    if flash is not None:
        light += flash.pixels
    return Sight(light.clip(0, 255).astype(np.uint8), infrared=exposure.infrared)


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
