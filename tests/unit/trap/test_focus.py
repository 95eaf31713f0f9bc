"""The lens, judged by two pictures: photographs as they are pass, the same out of focus do not, whatever the noise."""

import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from trap.focus import DETAIL_LEAST, focus

PHOTOS = Path(__file__).parents[4] / "shared/photos"
SAMPLE = 25


def pair(image, noise, seed=1):
    """Two frames of one scene with the sensor's noise, which is another one in each."""
    draw, scene = np.random.default_rng(seed), np.asarray(image.convert("RGB"), dtype=np.float32)
    return tuple((scene + draw.normal(0, noise, scene.shape)).clip(0, 255).astype(np.uint8) for _ in range(2))


def texture(seed=1):
    """A scene with as much at one scale as at the next."""
    draw, picture = np.random.default_rng(seed), np.zeros((360, 640))
    for step in (1, 2, 4, 8, 16, 32):
        rough = draw.normal(0, 12 * step**0.5, (360 // step + 1, 640 // step + 1))
        picture += np.kron(rough, np.ones((step, step)))[:360, :640]
    return Image.fromarray((picture + 128).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("noise", [0.5, 3, 8])
def test_scene_in_focus_is_sharp_and_out_of_focus_is_not_whatever_the_noise(noise):
    assert focus(*pair(texture(), noise)).sharp
    for radius in (1.0, 2.0, 4.0, 8.0):
        assert not focus(*pair(texture().filter(ImageFilter.GaussianBlur(radius)), noise)).sharp, radius


def test_noise_alone_is_no_detail():
    assert focus(*pair(Image.new("RGB", (640, 360), (90, 90, 90)), 8)).detail < DETAIL_LEAST


def test_only_one_frame_is_judged_as_it_is():
    picture = np.asarray(texture().convert("RGB"))
    assert focus(picture, picture).sharp


def photographs():
    found = sorted(path for path in PHOTOS.glob("**/*") if path.suffix.lower() == ".jpg")
    random.Random(1).shuffle(found)
    for path in found:
        with Image.open(path) as image:
            if image.width >= 640:
                small = image.convert("L").resize(
                    (640, round(640 * image.height / image.width)), Image.Resampling.BILINEAR
                )
                yield small.crop(
                    (0, small.height // 12, 640, small.height - small.height // 12)
                )  # cameras print a banner


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="no photographs beside this checkout")
def test_photographs_pass_and_fail_when_they_are_out_of_focus():
    sharp = [image for image, _ in zip(photographs(), range(SAMPLE), strict=False)]
    assert len(sharp) == SAMPLE
    passed = sum(focus(*pair(image, 3)).sharp for image in sharp)
    blurred = [image.filter(ImageFilter.GaussianBlur(radius)) for image in sharp for radius in (1, 2, 4)]
    missed = sum(focus(*pair(image, 3)).sharp for image in blurred)
    assert passed >= 0.95 * SAMPLE
    assert missed <= 0.02 * len(blurred)
