"""The detector on a TensorFlow Lite runtime: LiteRT where it is installed, else tflite-runtime.

LiteRT first: it runs int8 graphs 8–16 times faster on x86 and tflite-runtime has had no release since 2023.

- absent (no runtime, no folder): ``PartError``; the unit keeps everything and says so.
- slow: triage's time limit (``trap.triage.judge``), not this driver's.
- lying (another network than the card names, another shape, no network): ``PartError`` before the first look.
- gone in mid-use (an inference that fails): ``PartError`` for that burst, which is kept.
"""

import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trap.ports import Detection, ModelIdentity, Pixels, Thresholds
from trap.triage import boxes, decode, model_folder, picture
from trap.triage.model_folder import ModelFolder
from trap_wire.errors import PartError

RUNTIMES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")


class TfliteDetector:
    """``trap.ports.Detector`` over one detector folder. Not for use from two threads."""

    def __init__(self, folder: ModelFolder, threads: int = 1, runtimes: tuple[str, ...] = RUNTIMES) -> None:
        self._folder = folder
        self.runtime, interpreter = _interpreter(runtimes)
        try:
            self._interpreter = interpreter(model_path=str(folder.network), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise PartError(
                "detector", f"{folder.network} is no network that {self.runtime} can run: {error}"
            ) from error
        (self._input,) = self._interpreter.get_input_details()
        self._outputs = self._interpreter.get_output_details()
        self.invoke_ms = 0.0  # of the last look, for the bench and the journal

    @property
    def identity(self) -> ModelIdentity:
        """Name, version and hash of the network."""
        return self._folder.identity

    @property
    def thresholds(self) -> Thresholds:
        """From the card."""
        return self._folder.thresholds

    def look(self, image: Pixels) -> tuple[Detection, ...]:
        """Everything above the floor in one picture, best first; ``PartError`` when the runtime fails."""
        where = picture.fit(image, self._folder.input)
        prepared = picture.prepare(image, self._folder.input, where)
        return boxes.detections(decode.decode(self._run(prepared), self._folder), self._folder, where)

    def _run(self, prepared: Pixels) -> list[decode.Tensor]:
        try:
            self._interpreter.set_tensor(self._input["index"], self._as_input(prepared)[None])
            started = time.perf_counter()
            self._interpreter.invoke()
            self.invoke_ms = (time.perf_counter() - started) * 1000
            return [self._tensor(detail) for detail in self._outputs]
        except (ValueError, RuntimeError) as error:
            raise PartError("detector", f"inference failed: {error}") from error

    def _as_input(self, prepared: Pixels) -> NDArray[Any]:
        kind = np.dtype(self._input["dtype"])
        if kind == np.uint8:
            return prepared
        if kind == np.int8:  # the same pixels shifted: zero point -128
            return (prepared ^ np.uint8(0x80)).view(np.int8)
        return picture.as_float(prepared, self._folder.input)

    def _tensor(self, detail: dict[str, Any]) -> decode.Tensor:
        scale, zero_point = detail["quantization"]
        return decode.Tensor(self._interpreter.get_tensor(detail["index"]), scale, zero_point)


def load(folder: Path, threads: int = 1) -> TfliteDetector:
    """Detector from a folder: hash proved, network loaded, input shape compared with the card."""
    read = model_folder.load(folder)
    detector = TfliteDetector(read, threads)
    shape = tuple(int(n) for n in detector._input["shape"])
    if shape != (1, read.input.height, read.input.width, 3):
        raise PartError(
            "detector", f"{folder}: the network takes {shape}, the card says {read.input.width}×{read.input.height}"
        )
    return detector


def _interpreter(runtimes: tuple[str, ...]) -> tuple[str, Any]:
    """Name and Interpreter class of the first runtime that is installed."""
    for name in runtimes:
        try:
            return name.partition(".")[0], import_module(name).Interpreter
        except ImportError:
            continue
    raise PartError("detector", "neither ai-edge-litert nor tflite-runtime is installed: pip install 'manul[pi]'")
