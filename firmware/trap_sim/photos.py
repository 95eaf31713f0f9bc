"""The user's own photographs as scenes: any depth, JPEG and PNG, day and infrared; frames of one visit become one burst.

A file that is damaged is never a reason to stop: what can be seen of it is shown, what cannot is named and left in peace.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from trap.ports import Pixels
from trap_sim import labels
from trap_sim.scene import Sight
from trap_wire.errors import BadInputError
from trap_wire.vocabulary import ObservationType

ENDINGS = (".jpg", ".jpeg", ".png")
BURST_GAP_S = 15
LONGEST_PX = 1_280  # larger photographs are shown this large: the detector sees 320 of them
_EXIF_IFD, _TAKEN = 0x8769, 0x9003
_DAMAGED = (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError)


@dataclass(frozen=True, slots=True)
class Photo:
    """A file that holds a picture. ``name`` is relative to the folder; ``number`` splits it for neighbours to be found."""

    path: Path
    name: str
    size: tuple[int, int]
    taken_at: datetime | None
    number: tuple[str, int] | None
    label: ObservationType | None


@dataclass(frozen=True, slots=True)
class Album:
    """Everything that was found. ``unreadable`` maps names of files that are no pictures to the reason."""

    photos: tuple[Photo, ...]
    unreadable: dict[str, str]
    labels_from: Path | None

    @property
    def labelled(self) -> bool:
        """Whether any photograph has a label."""
        return any(photo.label is not None for photo in self.photos)


@dataclass(frozen=True, slots=True)
class PhotoBurst:
    """``Scene`` of photographs that belong together; frame n is shown ``step_ms`` after frame n - 1."""

    photos: tuple[Photo, ...]
    step_ms: int
    damaged: dict[str, str] = field(default_factory=dict, compare=False)  # name -> what is wrong, found when looked at

    @property
    def frames(self) -> int:
        """As many as there are photographs."""
        return len(self.photos)

    @property
    def label(self) -> ObservationType | None:
        """The frames' common label."""
        return self.photos[0].label

    def look(self, at_ms: int, *, infrared: bool) -> Sight:  # noqa: ARG002  # it was taken by day or night long ago
        """The photograph of that moment."""
        number = at_ms // self.step_ms if self.step_ms else 0
        photo = self.photos[min(number, len(self.photos) - 1)]
        pixels, wrong = seen(photo.path)
        if wrong:
            self.damaged[photo.name] = wrong
        return Sight(pixels, developed=True, infrared=is_grey(pixels))


def album(folder: Path) -> Album:
    """All photographs below a folder. ``BadInputError`` when there is not a single one, or no such folder."""
    if not folder.is_dir():
        raise BadInputError(f"{folder}: no such folder; give a folder of photographs with --photos")
    said = labels.find(folder)
    photos: list[Photo] = []
    unreadable: dict[str, str] = {}
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS and not p.name.startswith(".")):
        name = path.relative_to(folder).as_posix()
        try:
            photos.append(_photo(path, name, labels.meaning(said.of(name))))
        except _DAMAGED as error:
            unreadable[name] = _reason(error, path)
    if not photos:
        damaged = f"; {len(unreadable)} files look like some but cannot be read" if unreadable else ""
        raise BadInputError(f"{folder}: no photograph (JPEG or PNG) in it or in any folder below it{damaged}")
    return Album(tuple(photos), unreadable, said.source if any(photo.label for photo in photos) else None)


def bursts(photos: tuple[Photo, ...], most_frames: int, step_ms: int) -> list[PhotoBurst]:
    """Photographs in groups: neighbours by name or by the time they were taken, never over ``most_frames``."""
    groups: list[list[Photo]] = []
    for photo in photos:
        if groups and len(groups[-1]) < most_frames and _belong(groups[-1][-1], photo):
            groups[-1].append(photo)
        else:
            groups.append([photo])
    return [PhotoBurst(tuple(group), step_ms) for group in groups]


def seen(path: Path) -> tuple[Pixels, str]:
    """Pixels (h, w, 3) of a photograph, upright, longest edge LONGEST_PX at most; and what is wrong with it, or nothing.

    A picture that breaks off is shown as far as it goes, grey below; one of which nothing is left is all grey.
    """
    try:
        return _decoded(path), ""
    except _DAMAGED as error:
        reason = _reason(error, path)
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        return _decoded(path), reason
    except _DAMAGED:
        return np.full((240, 320, 3), 128, dtype=np.uint8), reason
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def is_grey(pixels: Pixels) -> bool:
    """Whether a picture has no colour, as one by infrared flash."""
    small = pixels[::8, ::8].astype(np.int16)
    return bool(np.abs(small - small.mean(axis=2, keepdims=True)).mean() < 2.0)


def _photo(path: Path, name: str, label: ObservationType | None) -> Photo:
    with Image.open(path) as image:
        taken = image.getexif().get_ifd(_EXIF_IFD).get(_TAKEN)
        found = re.fullmatch(r"(.*?)(\d+)", path.stem)
        number = (f"{path.parent}/{found[1]}", int(found[2])) if found else None
        return Photo(path, name, image.size, _time(taken), number, label)


def _time(text: object) -> datetime | None:
    try:
        return datetime.strptime(str(text), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007  # EXIF has no zone; only differences count
    except ValueError:
        return None


def _belong(before: Photo, after: Photo) -> bool:
    """Whether two photographs can be neighbours of one burst: same folder, size and label, and close in time or number."""
    if (before.path.parent, before.size, before.label) != (after.path.parent, after.size, after.label):
        return False
    if before.taken_at and after.taken_at:
        return 0 <= (after.taken_at - before.taken_at).total_seconds() <= BURST_GAP_S
    if before.number is None or after.number is None:
        return False
    return before.number[0] == after.number[0] and after.number[1] == before.number[1] + 1


def _decoded(path: Path) -> Pixels:
    with Image.open(path) as image:
        image.draft("RGB", (LONGEST_PX, LONGEST_PX))
        upright = ImageOps.exif_transpose(_eight_bit(image))
        upright = upright.convert("RGB")
        upright.thumbnail((LONGEST_PX, LONGEST_PX), reducing_gap=2.0)
        pixels: Pixels = np.asarray(upright)
        return pixels


def _eight_bit(image: Image.Image) -> Image.Image:
    """16-bit greys scaled, not clipped, to eight."""
    if not image.mode.startswith(("I", "F")):
        return image
    levels = np.asarray(image, dtype=np.float32)
    top = 65_535.0 if levels.max(initial=0) > 255 else 255.0
    return Image.fromarray((levels / top * 255).clip(0, 255).astype(np.uint8))


def _reason(error: Exception, path: Path) -> str:
    """Why in words that do not repeat the path."""
    if path.stat().st_size == 0:
        return "is empty"
    if isinstance(error, UnidentifiedImageError):
        return "is no picture inside"
    return str(error).replace(str(path), "it")
