"""The detector folder: ``model.toml``, one ``.tflite``, a known answer. Swapping the detector is copying a folder."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trap.ports import ModelIdentity, Thresholds
from trap_wire.errors import BadInputError, IntegrityError
from trap_wire.vocabulary import ObservationType

FORMATS = ("manul", "ssd", "yolox", "yolov5", "yolov8")
BOXES = ("sides", "centre")
CLASSES = (ObservationType.ANIMAL, ObservationType.HUMAN, ObservationType.VEHICLE)


@dataclass(frozen=True, slots=True)
class Input:
    """How a picture becomes the network's input: pixels of ``width`` × ``height``, float networks get (p - mean) / scale."""

    width: int
    height: int
    letterbox: bool = True
    pad: int = 114
    bgr: bool = False
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    scale: tuple[float, ...] = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """A picture and the best score of each class that the network gave on it when it was released."""

    image: Path
    scores: Mapping[ObservationType, float]
    tolerance_steps: int


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A detector folder that was read and whose hash holds. ``classes`` maps the network's index; None is ignored."""

    path: Path
    network: Path
    identity: ModelIdentity
    licence: str
    format: str
    input: Input
    strides: tuple[int, ...]
    classes: tuple[ObservationType | None, ...]
    thresholds: Thresholds
    known_answer: KnownAnswer | None
    calibration: tuple[Mapping[str, Any], ...]
    centred: bool = False  # ``manul`` boxes: centre and logarithm of the size instead of the distance to each side


def load(folder: Path) -> ModelFolder:
    """Read and prove a folder. ``BadInputError`` names the file and field, ``IntegrityError`` a network that was changed."""
    card = folder / "model.toml"
    try:
        tables = tomllib.loads(card.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{card}: {error.strerror}: is this a detector folder? See docs/detectors.md") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"{card}: not TOML: {error}") from error
    try:
        return _folder(folder, tables)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadInputError(f"{card}: missing or misplaced field {error}. See docs/detectors.md") from error
    except ValueError as error:
        raise type(error)(f"{card}: {error}") from error


def _folder(folder: Path, tables: Mapping[str, Any]) -> ModelFolder:
    model, thresholds = tables["model"], tables["thresholds"]
    network = folder / model["file"]
    return ModelFolder(
        path=folder,
        network=network,
        identity=ModelIdentity(model["name"], model["version"], _proved(network, model["sha256"])),
        licence=model["licence"],
        format=_one_of(FORMATS, model["format"], "model.format"),
        input=_input(tables["input"]),
        strides=tuple(tables.get("output", {}).get("strides", (8, 16, 32))),
        centred=_one_of(BOXES, tables.get("output", {}).get("boxes", "sides"), "output.boxes") == "centre",
        classes=tuple(_label(name) for name in tables["labels"]["classes"]),
        thresholds=_thresholds(thresholds),
        known_answer=_known_answer(folder, tables.get("known_answer")),
        calibration=tuple(thresholds.get("calibration", ())),
    )


def _proved(network: Path, sha256: str) -> str:
    try:
        actual = hashlib.sha256(network.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInputError(f"model.file: {network.name}: {error.strerror}") from error
    if actual != sha256:
        raise IntegrityError(f"{network.name} has sha256 {actual}, the card says {sha256}: copy the folder again")
    return actual


def _input(table: Mapping[str, Any]) -> Input:
    return Input(
        width=table["width"],
        height=table["height"],
        letterbox=_one_of(("letterbox", "stretch"), table.get("resize", "letterbox"), "input.resize") == "letterbox",
        pad=table.get("pad", 114),
        bgr=_one_of(("rgb", "bgr"), table.get("channels", "rgb"), "input.channels") == "bgr",
        mean=tuple(table.get("mean", (0.0, 0.0, 0.0))),
        scale=tuple(table.get("scale", (1.0, 1.0, 1.0))),
    )


def _thresholds(table: Mapping[str, Any]) -> Thresholds:
    keep_at, blank_at = float(table["keep_at"]), float(table["blank_at"])
    if not 0.0 <= blank_at <= keep_at <= 1.0:
        raise BadInputError(
            f"thresholds: blank_at {blank_at} and keep_at {keep_at} must satisfy 0 <= blank_at <= keep_at <= 1"
        )
    return Thresholds(keep_at, blank_at, table.get("second_look_at"))


def _known_answer(folder: Path, table: Mapping[str, Any] | None) -> KnownAnswer | None:
    if table is None:
        return None
    scores = {name: float(table[name]) for name in CLASSES if name in table}
    return KnownAnswer(folder / table["image"], scores, table.get("tolerance_steps", 2))


def _label(name: str) -> ObservationType | None:
    return ObservationType(_one_of(CLASSES, name, "labels.classes")) if name else None


def _one_of(allowed: tuple[str, ...], value: str, field: str) -> str:
    if value not in allowed:
        raise BadInputError(f"{field} = {value!r}: must be one of {', '.join(allowed)}")
    return value
