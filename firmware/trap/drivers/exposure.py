"""Exposure before the first look: from the light level that the supervisor measured while the Pi booted.

Metering takes libcamera five to ten frames; the animal is gone by then. So the first frame is taken on these presets, and
automatic exposure takes over for the rest of the burst. Lux to exposure after ISO 2720 (incident light, C = 250) for the
f/1.8 lens of Camera Module 3 and ISO 100 at gain 1; not yet run on hardware: the bench photographs a grey card at five levels.

The light sensor behind it is the supervisor's part. Absent or gone in mid-use: no level, the camera meters. Slow: the level
came with the wake or did not. Lying (negative, no number): as absent; a wrong level costs the first frame, and no other.
"""

from dataclasses import dataclass

LENS_F = 1.8
CALIBRATION_C = 250.0
BASE_ISO = 100.0
# A walking cat (1 m/s at 5 m) smears over 3 px of a 2304 px frame in 4 ms; longer only when gain is used up.
SHARP_US = 4_000
LONGEST_US = 33_000
SHORTEST_US = 60
GAIN_MAX = 16.0
# Civil twilight: below it the sensor sees more of its own flash than of the sky.
INFRARED_BELOW_LUX = 10.0
# Under the flash the scene has the flash's light: what lights a cat at 5 m without washing it out.
INFRARED_US, INFRARED_GAIN = 8_000, 4.0
# Frames that are compared: a whole period of a lamp on 50 Hz mains, whose bands would pass for a flash otherwise.
PAIRED_US = 10_000


@dataclass(frozen=True, slots=True)
class Preset:
    """What the first frame is taken with. ``exposure_us`` None: nobody measured the light, the camera meters."""

    exposure_us: int | None
    gain: float | None
    infrared: bool


def by_flash(*, paired: bool) -> Preset:
    """Preset for frames whose light is the flash's, whatever the sky gives."""
    return Preset(PAIRED_US if paired else INFRARED_US, INFRARED_GAIN, infrared=True)


def preset(light_lux: float | None) -> Preset:
    """Preset for a light level; None and values that no sensor gives (negative, NaN) leave it to the camera, by day."""
    if light_lux is None or not light_lux >= 0:
        return Preset(None, None, infrared=False)
    if light_lux < INFRARED_BELOW_LUX:
        return Preset(INFRARED_US, INFRARED_GAIN, infrared=True)
    needed_us = LENS_F**2 * CALIBRATION_C / (light_lux * BASE_ISO) * 1_000_000
    exposure_us = min(max(needed_us, SHORTEST_US), SHARP_US)
    gain = min(max(needed_us / exposure_us, 1.0), GAIN_MAX)
    longer_us = min(max(needed_us / gain, exposure_us), LONGEST_US) if needed_us > exposure_us else exposure_us
    return Preset(round(longer_us), round(gain, 2), infrared=False)
