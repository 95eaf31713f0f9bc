"""Every network that was compared, behind one question: how much animal, and how much of anything, is in this picture?

Float networks from ``start`` run as released; a detector folder runs through the unit's own code.
"""

from collections.abc import Callable
from pathlib import Path
from time import process_time

import numpy as np
import onnxruntime
import torch

from models.nanodet import NanoDet
from models.opinion import Yolox
from models.photographs import Pixels
from trap.drivers import detector as driver
from trap.triage.model_folder import Input
from trap.triage.picture import fit, prepare

Score = tuple[float, float]  # animal, best of animal, human and vehicle
Scorer = Callable[[Pixels], Score]
SSD_ANIMALS = range(15, 25)  # COCO's 90 labels, counted from 0
SSD_OTHERS = (0, *range(1, 9))


def boxed(pixels: Pixels, width: int, height: int, bgr: bool = False) -> Pixels:
    """The picture letterboxed by the unit's own code."""
    wanted = Input(width, height, bgr=bgr)
    return prepare(pixels, wanted, fit(pixels, wanted))


def from_torch(network: NanoDet, width: int, height: int) -> Scorer:
    """A float network of ours."""
    network = network.eval()

    def score(pixels: Pixels) -> Score:
        tensor = torch.from_numpy(boxed(pixels, width, height).copy()).permute(2, 0, 1)[None].float()
        with torch.no_grad():
            best = network(tensor)[0][0].amax(0)
        return float(best[0]), float(best.max())

    return score


def from_folder(folder: Path) -> Scorer:
    """A detector folder: what the unit's ``look`` gives."""
    detector = driver.load(folder)

    def score(pixels: Pixels) -> Score:
        seen = detector.look(pixels)
        return max((one.score for one in seen if one.label == "animal"), default=0.0), max(
            (o.score for o in seen), default=0.0
        )

    return score


def yolox(onnx: Path) -> Scorer:
    """YOLOX-nano, float, 416 x 416."""
    network = Yolox(onnx)

    def score(pixels: Pixels) -> Score:
        _, scores = network.raw(pixels)
        return float(scores[:, 14:24].max()), float(scores[:, [0, *range(1, 9), *range(14, 24)]].max())

    return score


def fastest_det(onnx: Path) -> Scorer:
    """FastestDet, float, 352 x 352: objectness ** 0.6 times class ** 0.4, as its authors decode it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def score(pixels: Pixels) -> Score:
        tensor = boxed(pixels, 352, 352, bgr=True).astype(np.float32).transpose(2, 0, 1)[None] / 255
        out = session.run(None, {name: tensor})[0][0]
        scores = out[0] ** 0.6 * out[5:] ** 0.4
        return float(scores[14:24].max()), float(scores[[0, *range(1, 9), *range(14, 24)]].max())

    return score


def ssd(tflite: Path) -> Scorer:
    """SSD MobileNetV1 COCO, uint8, 300 x 300."""
    run = runner(tflite.read_bytes())

    def score(pixels: Pixels) -> Score:
        _, classes, scores, _ = run(boxed(pixels, 300, 300))
        pairs = [(int(kind), float(value)) for kind, value in zip(classes[0], scores[0], strict=True)]
        animal = max((value for kind, value in pairs if kind in SSD_ANIMALS), default=0.0)
        return animal, max([animal, *(value for kind, value in pairs if kind in SSD_OTHERS)])

    return score


def runner(network: bytes) -> Callable[[np.ndarray], list[np.ndarray]]:
    """A TFLite file as a function of one picture, one thread, outputs undecoded in the file's order."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=network, num_threads=1)
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    wanted = [detail["index"] for detail in interpreter.get_output_details()]

    def run(picture: np.ndarray) -> list[np.ndarray]:
        interpreter.set_tensor(given["index"], picture[None])
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in wanted]

    return run


def milliseconds(one: bytes, other: bytes, rounds: int = 7, repeats: int = 40) -> tuple[float, float]:
    """Best-of-rounds median processor time of two files on grey pictures, in turns, one thread.

    Processor time, because a machine that does other things stretches the clock on the wall but hardly this.
    """
    runs = [(runner(file), np.full(_side(file), 114, np.uint8)) for file in (one, other)]
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for number, (run, picture) in enumerate(runs):
            times = []
            for _ in range(repeats):
                began = process_time()
                run(picture)
                times.append(process_time() - began)
            best[number] = min(best[number], float(np.median(times)) * 1000)
    return best[0], best[1]


def _side(file: bytes) -> tuple[int, ...]:
    from ai_edge_litert.interpreter import Interpreter

    return tuple(int(n) for n in Interpreter(model_content=file).get_input_details()[0]["shape"][1:])


def multiplications(network: bytes) -> int:
    """Multiply-accumulates of the convolutions in a TFLite file, one picture."""
    from ai_edge_litert import schema_py_generated as schema

    graph = schema.ModelT.InitFromPackedBuf(network, 0)
    tensors, total = graph.subgraphs[0].tensors, 0
    names = {getattr(schema.BuiltinOperator, n): n for n in ("CONV_2D", "DEPTHWISE_CONV_2D")}
    for operator in graph.subgraphs[0].operators:
        code = graph.operatorCodes[operator.opcodeIndex]
        kind = names.get(max(code.builtinCode, code.deprecatedBuiltinCode))
        if kind:
            _, height, width, channels = tensors[operator.outputs[0]].shape
            weight = tensors[operator.inputs[1]].shape
            inputs = 1 if kind == "DEPTHWISE_CONV_2D" else weight[3]
            total += int(height * width * channels * weight[1] * weight[2] * inputs)
    return total
