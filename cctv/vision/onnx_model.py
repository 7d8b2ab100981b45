"""The slot for a centre's own detector: an ONNX model of the YOLO family, run by ONNX Runtime on the processor.

`load_detector` reads the descriptor, checks the model against it with one trial picture and gives a detector that many cameras
may share (ONNX Runtime sessions take calls from several threads). Nothing of a model is executed but its graph: custom operators
and weights in further files are not loaded.
"""

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from cctv.vision.boxes import suppressed
from cctv.vision.model import Boxes, Detections, Motion, Picture
from cctv.vision.model_descriptor import ModelDescriptor, ModelFileError, read_descriptor

LARGEST_MODEL = 512 * 2**20  # bytes
MOST_CANDIDATES = 1_000  # of one picture, the best ones
PADDING = 114  # grey round a letterboxed picture, as the YOLO family is trained
FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}

Floats = npt.NDArray[np.float32]


def load_detector(descriptor: Path, *, threads: int = 1) -> "OnnxDetector":
    """The detector that a descriptor file describes. Raises ModelFileError: no ONNX, other shapes, senseless output."""
    described = read_descriptor(descriptor)
    detector = OnnxDetector(described, _session(described, threads))
    width, height = described.input_size
    trial = np.full((height, width, 3), PADDING, np.uint8)
    output = detector.raw(trial)
    if not np.isfinite(output).all():
        raise ModelFileError(
            "not_finite", f"The model {described.file.name} gives numbers that are not finite for a grey picture."
        )
    return detector


class OnnxDetector:
    """Finds things in a picture by an ONNX model. Looks at the whole picture: `motion` decides only whether it is called."""

    shared = True

    def __init__(self, descriptor: ModelDescriptor, session: Any) -> None:
        self.descriptor = descriptor
        self.name = descriptor.name
        self._session = session
        self._input = _checked_input(descriptor, session)

    def detect(self, picture: Picture, motion: Motion | None = None) -> Detections:
        """Things in `picture`, best first. Raises ModelFileError where the model fails on it."""
        del motion
        boxes, scores, classes = self._candidates(self.raw(picture))
        order = np.argsort(-scores, kind="stable")[:MOST_CANDIDATES]
        boxes, scores, classes = boxes[order], scores[order], classes[order]
        apart = classes[:, None].astype(np.float32) * 10_000  # boxes of different classes do not suppress one another
        kept = suppressed(boxes + apart, scores, self.descriptor.overlap)
        kinds = tuple(self.descriptor.kinds[number] for number in classes[kept])
        return Detections(self._in_picture(boxes[kept], picture), scores[kept], kinds)

    def raw(self, picture: Picture) -> Floats:
        """The model's output for one picture, as its layout says. Raises ModelFileError for another shape."""
        try:
            output = self._session.run(None, {self._input.name: self._prepared(picture)})[0]
        except _runtime_errors() as error:
            raise ModelFileError(
                "run", f"The model {self.descriptor.file.name} failed on a picture: {_first_line(error)}"
            ) from error
        return _checked_output(self.descriptor, np.asarray(output))

    def _prepared(self, picture: Picture) -> npt.NDArray[Any]:
        one = self.descriptor
        width, height = one.input_size
        across, down = self._scales(picture)
        size = max(1, round(picture.shape[1] * across)), max(1, round(picture.shape[0] * down))
        canvas = np.full((height, width, 3), PADDING, np.uint8)
        canvas[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
        if one.colour == "rgb":
            canvas = canvas[:, :, ::-1]
        kind = FLOATS[self._input.type]
        values = canvas if kind is np.uint8 else ((canvas * np.float32(one.scale) - one.mean) / one.std).astype(kind)
        return np.ascontiguousarray(values.transpose(2, 0, 1)[None] if one.input_layout == "nchw" else values[None])

    def _scales(self, picture: Picture) -> tuple[float, float]:
        """Pixels of the input per pixel of the picture, across and down."""
        width, height = self.descriptor.input_size
        across, down = width / picture.shape[1], height / picture.shape[0]
        return (min(across, down),) * 2 if self.descriptor.letterbox else (across, down)

    def _candidates(self, output: Floats) -> tuple[Boxes, Floats, npt.NDArray[np.intp]]:
        """Boxes in pixels of the input, scores and class numbers of all that reach the score and is of a wanted class."""
        one = self.descriptor
        if one.output_layout == "boxes":
            corners, scores, classes = output[:, :4], output[:, 4], np.nan_to_num(output[:, 5], nan=-1).astype(np.intp)
        else:
            by_class = output[:, 5:] * output[:, 4:5] if one.output_layout == "yolov5" else output[:, 4:]
            classes = by_class.argmax(axis=1)
            scores = by_class[np.arange(len(by_class)), classes]
            half = output[:, 2:4] / 2
            corners = np.concatenate([output[:, :2] - half, output[:, :2] + half], axis=1)
        if one.units == "fractions":
            corners = corners * np.array([*one.input_size, *one.input_size], np.float32)
        known = (classes >= 0) & (classes < len(one.kinds))
        wanted = known & np.array([bool(kind) for kind in one.kinds])[np.where(known, classes, 0)]
        sound = np.isfinite(corners).all(axis=1) & np.isfinite(scores) & (corners[:, 2:] > corners[:, :2]).all(axis=1)
        chosen = wanted & sound & (np.where(sound, scores, 0) >= one.score)
        return corners[chosen].astype(np.float32), np.clip(scores[chosen], 0, 1).astype(np.float32), classes[chosen]

    def _in_picture(self, boxes: Boxes, picture: Picture) -> Boxes:
        across, down = self._scales(picture)
        height, width = picture.shape[:2]
        scaled = boxes / np.array([across, down, across, down], np.float32)
        return np.clip(scaled, 0, np.array([width, height, width, height], np.float32)).astype(np.float32)


def _session(descriptor: ModelDescriptor, threads: int) -> Any:
    import onnxruntime  # noqa: PLC0415  # 50 MB that only a worker with such a model needs

    try:
        if descriptor.file.stat().st_size > LARGEST_MODEL:
            raise ModelFileError("large", f"The model {descriptor.file.name} is larger than 512 MiB.")
        content = descriptor.file.read_bytes()
    except OSError as error:
        raise ModelFileError("missing", f"The model {descriptor.file.name} cannot be read: {error.strerror}.") from error
    if descriptor.sha256 and hashlib.sha256(content).hexdigest() != descriptor.sha256:
        raise ModelFileError("digest", f"The model {descriptor.file.name} is not the one described: its SHA-256 differs.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except _runtime_errors() as error:
        said = _first_line(error)
        raise ModelFileError("not_onnx", f"{descriptor.file.name} is no ONNX model that can be run here: {said}") from error


def _checked_input(descriptor: ModelDescriptor, session: Any) -> Any:
    """The model's one input, if a picture as described fits it."""
    inputs = session.get_inputs()
    width, height = descriptor.input_size
    wanted = (1, 3, height, width) if descriptor.input_layout == "nchw" else (1, height, width, 3)
    fits = len(inputs) == 1 and len(inputs[0].shape) == 4 and inputs[0].type in FLOATS
    if not fits or any(isinstance(size, int) and size != want for size, want in zip(inputs[0].shape, wanted, strict=True)):
        has = "; ".join(f"{one.shape} {one.type}" for one in inputs) or "none"
        raise ModelFileError(
            "input_shape", f"The model {descriptor.file.name} takes {has}; the descriptor says {list(wanted)}. Correct [input]."
        )
    return inputs[0]


def _checked_output(descriptor: ModelDescriptor, output: npt.NDArray[Any]) -> Floats:
    """Float32[n, columns], a row for each candidate."""
    classes = len(descriptor.kinds)
    columns = {"yolov5": 5 + classes, "yolov8": 4 + classes, "boxes": 6}[descriptor.output_layout]
    axis = 1 if descriptor.output_layout == "yolov8" else 2
    if output.ndim != 3 or output.shape[0] != 1 or output.shape[axis] != columns or output.dtype.kind != "f":
        wanted = {"yolov5": f"[1, n, {columns}]", "yolov8": f"[1, {columns}, n]", "boxes": "[1, n, 6]"}[descriptor.output_layout]
        raise ModelFileError(
            "output_shape",
            f"The model {descriptor.file.name} gives {list(output.shape)}; with {classes} classes its layout"
            f" {descriptor.output_layout} means {wanted}. Correct [output] or `classes`.",
        )
    rows = output[0].T if descriptor.output_layout == "yolov8" else output[0]
    return np.asarray(rows, np.float32)


def _runtime_errors() -> tuple[type[Exception], ...]:
    from onnxruntime.capi import onnxruntime_pybind11_state as state  # noqa: PLC0415

    named = [getattr(state, name) for name in dir(state)]
    own = [one for one in named if isinstance(one, type) and issubclass(one, Exception)]
    return (*own, RuntimeError, ValueError)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200].rstrip(".") + "."
