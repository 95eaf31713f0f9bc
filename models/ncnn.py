"""Reads the weights of an ncnn network: the text names the layers, the binary holds their numbers one after the other."""

import struct
from pathlib import Path

import numpy as np

HALF = 0x01306B47  # ncnn's mark for 16-bit floats; 0 marks 32-bit
Weights = tuple[np.ndarray, np.ndarray]


def read(param: Path, binary: Path) -> list[Weights]:
    """(weight (out, in/groups, k, k), bias (out)) of every convolution, in file order.

    ValueError when a weight has a coding other than 16 or 32-bit floats, or bytes are left over.
    """
    raw, at, found = binary.read_bytes(), 0, []
    for line in param.read_text().splitlines()[2:]:
        words = line.split()
        if not words or not words[0].startswith("Convolution"):
            continue
        facts = dict(word.split("=") for word in words[4 + int(words[2]) + int(words[3]) :])
        outputs, kernel, count = int(facts["0"]), int(facts["1"]), int(facts["6"])
        weight, at = _numbers(raw, at, count)
        bias = np.frombuffer(raw, "<f4", outputs, at)
        at += 4 * outputs
        found.append((weight.reshape(outputs, -1, kernel, kernel).copy(), bias.copy()))
    if at != len(raw):
        raise ValueError(f"{binary.name}: {len(raw) - at} bytes are not described by {param.name}")
    return found


def _numbers(raw: bytes, at: int, count: int) -> tuple[np.ndarray, int]:
    (mark,) = struct.unpack_from("<I", raw, at)
    at += 4
    if mark == HALF:
        return np.frombuffer(raw, "<f2", count, at).astype(np.float32), at + (2 * count + 3) // 4 * 4
    if mark:
        raise ValueError(f"weights in coding {mark:#x}, neither 16 nor 32-bit floats")
    return np.frombuffer(raw, "<f4", count, at), at + 4 * count
