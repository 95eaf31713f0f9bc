"""Photographs for the emulated camera: a burst with an animal, a burst with wind only, as the simulator draws them."""

from pathlib import Path

from PIL import Image

from trap_sim.place import build
from trap_sim.scene import Light, Subject, compose

SIZE = (1280, 720)
SEED = 7
FRAMES = 4


def draw(to: Path) -> None:
    """Folders ``animal`` and ``empty`` with 0.jpg to 3.jpg: libcamera's virtual pipeline plays them in that order."""
    place = build(SEED)
    for name, subject in (("animal", Subject.CAT), ("empty", Subject.WIND)):
        folder = to / name
        folder.mkdir(parents=True)
        scene = compose(place, subject, Light(lux=8_000, warmth=0.5, sun=0.6), SEED)
        for number in range(FRAMES):
            picture = scene.look(number * 500, infrared=False).pixels
            Image.fromarray(picture).resize(SIZE).save(folder / f"{number}.jpg", quality=90)
