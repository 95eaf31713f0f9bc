"""What the camera does to a frame: day, infra-red night, flash night, and the weather.

All of it is simulated; figures on such frames are called simulated wherever they are given.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from models.photographs import ANIMAL, Box, Pixels
from models.warp import HEIGHT, WIDTH, clipped, clouds

DAY, INFRARED, FLASH = "day", "infrared", "flash"
SHARES = ((INFRARED, 0.22), (FLASH, 0.13), (DAY, 0.65))  # COCO has hardly any night; traps have a third to a half
Light = np.ndarray  # (HEIGHT, WIDTH, 3) float32, 1.0 is full white
_DOWN, _ACROSS = (axis.astype(np.float32) for axis in np.mgrid[0 : 1 : HEIGHT * 1j, 0 : 1 : WIDTH * 1j])


def draw_kind(rng: np.random.Generator) -> str:
    """One of ``SHARES`` by its share."""
    kinds, shares = [kind for kind, _ in SHARES], [share for _, share in SHARES]
    return str(rng.choice(kinds, p=shares))


def shoot(rng: np.random.Generator, pixels: Pixels, boxes: Sequence[Box], kind: str | None = None) -> Pixels:
    """The frame as a trap camera would have taken it."""
    light = pixels.astype(np.float32) / 255
    kind = kind or draw_kind(rng)
    light = daylight(rng, light) if kind == DAY else night(rng, light, boxes, infrared=kind == INFRARED)
    light = weathered(rng, light.astype(np.float32, copy=False))
    light = noisy(rng, blurred(rng, light.astype(np.float32, copy=False)), grey=kind != DAY)
    result = clipped(light * 255)
    if rng.random() < 0.35:
        strip(rng, result)
    return compressed(rng, result) if rng.random() < 0.3 else result


def night(rng: np.random.Generator, light: Light, boxes: Sequence[Box], infrared: bool) -> Light:
    """A lamp beside the lens: grey when infra-red, falling off with distance, sometimes burning out the near grass."""
    if infrared:
        light = np.repeat((light @ rng.dirichlet([3, 3, 3]).astype(np.float32))[..., None], 3, 2)
    lamp = (rng.uniform(0.0, 0.12) + beam(rng) * rng.uniform(0.7, 1.8)).astype(np.float32)
    light = light ** np.float32(rng.uniform(0.9, 1.4)) * lamp[..., None]
    if rng.random() < 0.2:
        near = (rng.uniform(0.7, 0.95) < _DOWN) * rng.uniform(0.3, 0.9)
        light = light + (near * clouds(rng, WIDTH, HEIGHT, 12))[..., None]
    if not infrared:
        warm = np.array([1.0, 0.8, 0.45]) * rng.uniform(0.85, 1.15, 3)
        light = light * rng.uniform(0.35, 1.0) * (warm if rng.random() < 0.6 else rng.uniform(0.8, 1.2, 3))
    for box in boxes:
        if box[4] == ANIMAL and rng.random() < 0.35:
            light = eye_shine(rng, light, box)
    return light


def beam(rng: np.random.Generator) -> np.ndarray:
    """(HEIGHT, WIDTH): the lamp's cone, or a foreground that catches it all."""
    if rng.random() < 0.25:
        return np.clip(_DOWN * rng.uniform(0.7, 1.5) + rng.uniform(-0.3, 0.2), 0, 1)
    across = (_ACROSS - rng.uniform(0.3, 0.7)) * rng.uniform(0.8, 1.6)
    down = (_DOWN - rng.uniform(0.45, 1.0)) * rng.uniform(0.8, 1.8)
    return np.exp(-((np.hypot(across, down) / rng.uniform(0.3, 0.8)) ** 2))


def eye_shine(rng: np.random.Generator, light: Light, box: Box) -> Light:
    """One or two bright dots near the upper front of an animal."""
    size = max(box[2] - box[0], box[3] - box[1])
    radius = max(1, int(size * 0.025))
    x = int(rng.choice([box[0] + 0.15 * size, box[2] - 0.15 * size]))
    y = int(box[1] + 0.22 * (box[3] - box[1]))
    spots = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.circle(spots, (x, y), radius, 1.0, -1)
    if rng.random() < 0.6:
        cv2.circle(spots, (x + int(rng.uniform(2, 4) * radius), y), radius, 1.0, -1)
    return np.maximum(light, cv2.GaussianBlur(spots, (3, 3), 0)[..., None] * rng.uniform(0.6, 1.0))


def daylight(rng: np.random.Generator, light: Light) -> Light:
    """Sun low or high, blue dusk, exposure off, the sun in the lens, shade with hard edges."""
    if rng.random() < 0.45:
        light = light * rng.uniform(0.85, 1.15, 3).astype(np.float32)
    if rng.random() < 0.25:
        light = light * rng.choice(np.array([[0.65, 1.05, 1.25], [1.25, 0.95, 0.7], [0.8, 1.1, 1.1]], np.float32))
    if rng.random() < 0.15:
        grey = light.mean(2, keepdims=True)
        light = grey + (light - grey) * rng.uniform(0, 0.6)
    gamma, gain = (np.float32(np.exp(rng.normal(mean, 0.3))) for mean in (0, -0.05))
    light = np.clip(light, 0, 2) ** gamma * gain
    if rng.random() < 0.15:
        across, down = (_ACROSS - rng.uniform(0, 1)) / 0.3, (_DOWN - rng.uniform(0, 0.6)) / 0.3
        flare = 1 + rng.uniform(0.3, 1.5) * np.exp(-(across**2 + down**2))
        light = light * flare[..., None] * np.array([1.15, 0.95, 0.75])
    if rng.random() < 0.2:
        lit = clouds(rng, WIDTH, HEIGHT, int(rng.integers(3, 10))) > rng.uniform(0.3, 0.7)
        light = light * np.where(lit, 1, rng.uniform(0.3, 0.7))[..., None]
    return light


def weathered(rng: np.random.Generator, light: Light) -> Light:
    """Haze or a cold lens in one of ten, falling snow in one of sixteen."""
    if rng.random() < 0.1:
        veil = rng.uniform(0.2, 0.6)
        light = light * (1 - veil) + veil * rng.uniform(0.4, 0.9)
    if rng.random() < 0.06:
        light = np.ascontiguousarray(light, np.float32)
        for _ in range(int(rng.integers(30, 200))):
            at = (int(rng.integers(WIDTH)), int(rng.integers(HEIGHT)))
            cv2.circle(light, at, int(rng.integers(1, 3)), (0.9, 0.9, 0.9), -1, cv2.LINE_AA)
    return light


def blurred(rng: np.random.Generator, light: Light) -> Light:
    """Motion in one of eight, focus in a third of the rest."""
    if rng.random() < 0.12:
        length = int(rng.integers(3, 8))
        kernel = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1
        turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0, 180), 1)
        kernel = cv2.warpAffine(kernel, turn, (length, length))
        return cv2.filter2D(light, -1, kernel / max(kernel.sum(), 1e-3))
    return cv2.GaussianBlur(light, (0, 0), rng.uniform(0.4, 1.6)) if rng.random() < 0.35 else light


def noisy(rng: np.random.Generator, light: Light, grey: bool) -> Light:
    """Sensor noise in half of the frames; one value a pixel under infra-red, where the three channels are one."""
    if rng.random() < 0.5:
        return light
    shape = light.shape[:2] if grey else light.shape
    noise = rng.standard_normal(shape, dtype=np.float32) * np.float32(rng.uniform(0.004, 0.05))
    return light + (noise[..., None] if grey else noise)


def strip(rng: np.random.Generator, pixels: Pixels) -> None:
    """The maker's strip with date and temperature, black or white, above or below."""
    tall, above = int(rng.integers(6, 20)), rng.random() < 0.5
    top = 0 if above else HEIGHT - tall
    pixels[top : top + tall] = 0 if rng.random() < 0.7 else 255
    text = "{:02d}/{:02d}/20{:02d} {:02d}:{:02d} {}C".format(*rng.integers(1, 28, 6))
    at = (int(rng.integers(0, 120)), top + tall - 3)
    cv2.putText(pixels, text, at, cv2.FONT_HERSHEY_SIMPLEX, tall / 30, (200, 200, 200), 1)


def compressed(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Through JPEG at a quality of 25 to 90."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
    _, code = cv2.imencode(".jpg", pixels[..., ::-1], quality)
    image: np.ndarray = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))
    return np.ascontiguousarray(image[..., ::-1])
