"""Writes a TFLite file operator by operator.

A converter would do, but each of those at hand writes operators or versions that tflite-runtime 2.14 refuses, rounds the
network by rules of its own, and weighs gigabytes. The file format is public and stable; a detector needs sixteen
operators, all of TFLite 2.3 or older.
"""

from collections.abc import Sequence

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

Op = schema.BuiltinOperator
TYPES = {np.dtype("float32"): 0, np.dtype("int32"): 2, np.dtype("uint8"): 3, np.dtype("int8"): 9}
# First version of each operator that takes int8 (tensorflow/lite/tools/versioning/op_version.cc).
VERSIONS = {
    "ADD": 2, "AVERAGE_POOL_2D": 2, "CONCATENATION": 2, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "LEAKY_RELU": 2, "LOGISTIC": 2,
    "MAX_POOL_2D": 2, "MUL": 2, "PAD": 2, "PADV2": 2, "QUANTIZE": 2, "REDUCE_MAX": 2, "RESHAPE": 1, "RESIZE_BILINEAR": 3,
    "RESIZE_NEAREST_NEIGHBOR": 2, "SLICE": 2,
    "SOFTMAX": 2, "SPACE_TO_DEPTH": 2,
}  # fmt: skip
OPTIONS = {
    "ADD": "Add", "AVERAGE_POOL_2D": "Pool2D", "CONCATENATION": "Concatenation", "CONV_2D": "Conv2D",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2D", "LEAKY_RELU": "LeakyRelu", "MAX_POOL_2D": "Pool2D", "MUL": "Mul",
    "PAD": "Pad", "PADV2": "PadV2",
    "QUANTIZE": "Quantize", "REDUCE_MAX": "Reducer", "RESHAPE": "Reshape", "RESIZE_BILINEAR": "ResizeBilinear",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighbor",
    "SLICE": "Slice",
    "SOFTMAX": "Softmax", "SPACE_TO_DEPTH": "SpaceToDepth",
}  # fmt: skip


class Writer:
    """One graph under construction; tensors and operators are numbered in the order of their making."""

    def __init__(self) -> None:
        self.graph = schema.SubGraphT()
        self.graph.name, self.graph.tensors, self.graph.operators = b"main", [], []
        self.buffers = [schema.BufferT()]
        self.codes: dict[str, int] = {}

    def tensor(
        self,
        shape: Sequence[int],
        kind: str,
        scale: float | np.ndarray | None = None,
        zero: int = 0,
        *,
        data: np.ndarray | None = None,
        axis: int = 0,
    ) -> int:
        """Number of a new tensor; ``scale`` of many values counts per channel along ``axis``; ``data`` makes it constant."""
        tensor = schema.TensorT()
        tensor.name = f"t{len(self.graph.tensors)}".encode()
        tensor.shape, tensor.type, tensor.buffer = [int(n) for n in shape], TYPES[np.dtype(kind)], 0
        if data is not None:
            tensor.buffer = self._buffer(data)
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            quantisation = schema.QuantizationParametersT()
            quantisation.scale, quantisation.zeroPoint = scales, np.full(len(scales), zero, np.int64)
            quantisation.quantizedDimension = axis
            tensor.quantization = quantisation
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def constant(self, values: Sequence[int] | Sequence[Sequence[int]]) -> int:
        """Number of an int32 constant: a shape, an axis, paddings."""
        array = np.array(values, np.int32)
        return self.tensor(array.shape, "int32", data=array)

    def operator(self, name: str, inputs: Sequence[int], output: int, **options: object) -> None:
        """Add ``name`` (as in TFLite's list) with its options by their schema names."""
        code = self.codes.setdefault(name, len(self.codes))
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = code, list(inputs), [output]
        if name in OPTIONS:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, OPTIONS[name] + "Options")
            operator.builtinOptions = getattr(schema, OPTIONS[name] + "OptionsT")()
            for key, value in options.items():
                setattr(operator.builtinOptions, key, value)
        self.graph.operators.append(operator)

    def finish(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The file."""
        self.graph.inputs, self.graph.outputs = list(inputs), list(outputs)
        model = schema.ModelT()
        model.version, model.description = 3, b"manul"
        model.operatorCodes = [_code(name) for name in self.codes]
        model.subgraphs, model.buffers = [self.graph], self.buffers
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _buffer(self, data: np.ndarray) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
        self.buffers.append(buffer)
        return len(self.buffers) - 1


def _code(name: str) -> "schema.OperatorCodeT":
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(Op, name)
    code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), VERSIONS[name]
    return code
