"""The camera, through picamera2: both sizes out of one request, the first frame on presets, nothing allowed to hang.

- absent: ``PartError`` names the ribbon and ``trapd doctor``; the unit goes on without pictures and says so at every wake.
- slow: every call has a deadline; a late frame ends the burst, frames before it are kept.
- lying (garbled or wrongly sized frames): what cannot be encoded is a ``PartError``; a picture of noise is for triage.
- gone in mid-use: the burst ends, the camera is closed and opened anew for the next one. A call that never comes back
  makes ``stuck`` true: then ``trapd`` ends and systemd starts it again, which is the one cure for a driver in that state.

512 MB: planar YUV, three buffers, no raw stream: 3 × (2304×1296×1.5 + 640×360×1.5) = 14.5 MB of CMA.
"""

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trap.drivers.bounded import Bounded, Call
from trap.drivers.exposure import Preset, by_flash, preset
from trap.drivers.flash import Flash
from trap.drivers.yuv import to_rgb
from trap.ports import BurstPlan, Lighting, Shot
from trap_wire.errors import PartError

PART = "camera"
OPEN_S, START_S, STOP_S, FRAME_S = 10.0, 5.0, 3.0, 2.0
# libcamera's manual lens position is in dioptres; 0.2 = 5 m, sharp from 2.5 m to the horizon at f/1.8 (hyperfocal ≈ 5 m).
HYPERFOCAL_DIOPTRES = 0.2


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """Sizes are (width, height), even. ``layout`` YUV420 or NV12; ``number`` is libcamera's index of the sensor.

    ``patience`` stretches every deadline; only an emulated machine needs one above 1.
    """

    main_px: tuple[int, int] = (2304, 1296)
    lores_px: tuple[int, int] = (640, 360)
    layout: str = "YUV420"
    quality: int = 90
    buffers: int = 3
    number: int = 0
    patience: float = 1.0


@dataclass(slots=True)
class CameraTimes:
    """How long the last steps took, ms; ``request_ns`` is CLOCK_MONOTONIC when the last burst asked for its first frame."""

    open_ms: int | None = None
    start_ms: int | None = None
    request_ns: int | None = None


class PiCamera:
    """``trap.ports.Camera`` over picamera2. ``library`` gives a ``Picamera2`` (tests hand in their own)."""

    def __init__(
        self,
        settings: CameraSettings,
        now: Callable[[], datetime],
        flash: Flash | None = None,
        library: Callable[[int], Any] | None = None,
        bounded: Bounded | None = None,
    ) -> None:
        self._settings = settings
        self._now = now
        self._flash = flash
        self._library = library or _picamera2
        self._bounded = bounded or Bounded(PART, settings.patience)
        self._camera: Any = None
        self._starting: Call[None] | None = None
        self.times = CameraTimes()

    @property
    def stuck(self) -> bool:
        """Whether a call hangs that only a new process gets rid of."""
        return bool(self._bounded.stuck)

    def arm(self) -> None:
        """Open and configure, so that a trigger only has to start the stream; ``PartError`` when there is no camera."""
        if self._camera is None:
            started = time.monotonic_ns()
            self._camera = self._bounded("open", OPEN_S, _said(self._open))
            self.times.open_ms = _ms_since(started)

    def begin(self, plan: BurstPlan) -> None:
        """Start the stream and come back at once; a camera that is closed, or hangs, is left to ``burst``, which says why."""
        self.times.request_ns = time.monotonic_ns()
        if self._camera is not None and not self.stuck and self._starting is None:
            self._starting = self._started(_preset(plan))

    def burst(self, plan: BurstPlan) -> Iterator[Shot]:
        """Frames in order; ``PartError`` when the camera is absent, hangs or fails. Begins it where ``begin`` did not."""
        first, paired, starting = _preset(plan), plan.lighting is Lighting.PAIRED, self._starting
        self._starting = None
        if starting is None:
            self.times.request_ns = time.monotonic_ns()
            self.arm()
        infrared = first.infrared and self._flash is not None
        try:
            self._bounded.end(starting or self._started(first), START_S)
            for number in range(plan.frames):
                self._keep_time(number, plan.interval_ms)
                yield self._dark() if paired and number % 2 == 0 else self._shot(infrared)
                if number == 0 and first.exposure_us is not None and not infrared and not paired:
                    self._set({"AeEnable": True, "ExposureTime": 0, "AnalogueGain": 0.0})
        except PartError:
            self._give_up()
            raise
        finally:
            self._stop()

    def close(self) -> None:
        """Let go of the camera; a camera that cannot be closed is left to the end of the process."""
        camera, self._camera = self._camera, None
        if camera is not None:
            self._try("close", STOP_S, camera.close)

    def _open(self) -> Any:
        settings = self._settings
        camera = self._library(settings.number)
        camera.options["quality"] = settings.quality
        config = camera.create_still_configuration(
            main={"size": settings.main_px, "format": settings.layout},
            lores={"size": settings.lores_px, "format": settings.layout},
            raw=None,
            buffer_count=settings.buffers,
            display=None,
            encode=None,
        )
        camera.configure(config)
        return camera

    def _started(self, first: Preset) -> Call[None]:
        return self._bounded.begin("start", _said(lambda: self._start(first)))

    def _start(self, first: Preset) -> None:
        started = time.monotonic_ns()
        self._set(_controls(first))
        self._camera.start()
        self.times.start_ms = _ms_since(started)

    def _shot(self, infrared: bool) -> Shot:
        """One frame. Under the flash: one whose exposure began after the light came on, and the light only that long."""
        if not infrared or self._flash is None:
            return self._taken(after_ns=None)
        with self._flash.lit() as lit_ns:
            return self._taken(lit_ns, infrared=lit_ns is not None)

    def _dark(self) -> Shot:
        """One frame that no light of the flash before it has reached."""
        return self._taken(time.monotonic_ns())

    def _taken(self, after_ns: int | None, *, infrared: bool = False) -> Shot:
        request = self._bounded("frame", FRAME_S + 0.5, _said(lambda: self._request(after_ns)))
        try:
            encode = _said(lambda: self._read(request, infrared=infrared))
            shot: Shot = self._bounded("encode", FRAME_S, encode)
            return shot
        finally:
            self._try("release", STOP_S, request.release)

    def _request(self, after_ns: int | None) -> Any:
        wait_s = FRAME_S * self._settings.patience
        deadline = time.monotonic() + wait_s
        while True:
            request = self._camera.capture_request(wait=wait_s)
            if (
                after_ns is None
                or _began_ns(request.get_metadata(), after_ns) >= after_ns
                or time.monotonic() > deadline
            ):
                return request
            request.release()

    def _read(self, request: Any, *, infrared: bool) -> Shot:
        taken_at, facts, jpeg = self._now(), request.get_metadata(), io.BytesIO()
        request.save("main", jpeg, format="jpeg")
        width, height = self._settings.lores_px
        lores = to_rgb(request.make_array("lores"), width, height, self._settings.layout)
        exposure_us, gain = int(facts.get("ExposureTime", 0)), float(facts.get("AnalogueGain", 1.0))
        return Shot(jpeg.getvalue(), lores, taken_at, exposure_us, gain, infrared)

    def _keep_time(self, number: int, interval_ms: int) -> None:
        if number:
            time.sleep(max(0, interval_ms) / 1000)

    def _set(self, controls: dict[str, Any]) -> None:
        """Only what this sensor has: v2 has no lens motor, and picamera2 refuses a control that is not advertised."""
        known = self._camera.camera_controls
        _said(lambda: self._camera.set_controls({name: value for name, value in controls.items() if name in known}))()

    def _stop(self) -> None:
        if self._camera is not None:
            self._try("stop", STOP_S, self._camera.stop)

    def _give_up(self) -> None:
        if not self.stuck:
            self.close()
        self._camera = None

    def _try(self, name: str, timeout_s: float, call: Callable[[], Any]) -> None:
        try:
            self._bounded(name, timeout_s, _said(call))
        except PartError:
            self._camera = None


def _preset(plan: BurstPlan) -> Preset:
    if plan.lighting is Lighting.BY_LIGHT:
        return preset(plan.light_lux)
    return by_flash(paired=plan.lighting is Lighting.PAIRED)


def _controls(first: Preset) -> dict[str, Any]:
    fixed = {"AfMode": 0, "LensPosition": HYPERFOCAL_DIOPTRES}
    colour = {"Saturation": 0.0 if first.infrared else 1.0}  # by IR light colours are noise, and grey compresses better
    if first.exposure_us is None:
        return {**fixed, **colour, "AeEnable": True}
    return {**fixed, **colour, "AeEnable": False, "ExposureTime": first.exposure_us, "AnalogueGain": first.gain}


def _began_ns(metadata: dict[str, Any], otherwise: int) -> int:
    """When the exposure of a frame began; a pipeline that does not say so is believed to be late enough."""
    ended = metadata.get("SensorTimestamp")
    return otherwise if ended is None else int(ended) - 1000 * int(metadata.get("ExposureTime", 0))


def _said(call: Callable[[], Any]) -> Callable[[], Any]:
    """The call with the library's many ways to fail turned into the one that the unit knows."""

    def guarded() -> Any:
        try:
            return call()
        except PartError:
            raise
        except TimeoutError as error:
            raise PartError(PART, f"no frame for {FRAME_S:g} s: is the ribbon seated at both ends?") from error
        # picamera2 and simplejpeg raise what they like; a defect there must cost a burst, never the unit.
        except (RuntimeError, OSError, ValueError, TypeError, LookupError, AttributeError, MemoryError) as error:
            raise PartError(PART, f"{type(error).__name__}: {error}") from error

    return guarded


def _picamera2(number: int) -> Any:
    try:
        from picamera2 import Picamera2
    except ImportError as error:
        raise PartError(PART, f"picamera2 is not installed ({error}): apt install python3-picamera2") from error
    try:
        return Picamera2(number)
    except (IndexError, RuntimeError) as error:
        raise PartError(PART, f"no camera {number}: is the ribbon seated, contacts down? ({error})") from error


def _ms_since(started_ns: int) -> int:
    return (time.monotonic_ns() - started_ns) // 1_000_000
