"""The slot for a centre's own model: models built here, read by their descriptors, and every way in which they can be wrong."""

import hashlib

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cctv.vision.model import PERSON, VEHICLE
from cctv.vision.model_descriptor import ModelFileError, read_descriptor
from cctv.vision.onnx_model import load_detector

WIDTH, HEIGHT = 64, 32
CLASSES = ["person", "dog", "car"]
PERSON_ROW = (20.0, 16.0, 8.0, 16.0)  # centre x, centre y, width, height in the input
CAR_ROW = (44.0, 16.0, 16.0, 8.0)

DESCRIPTOR = """
name = "street-1"
file = "model.onnx"
classes = ["person", "dog", "car"]
score = 0.3
overlap = 0.5

[kinds]
person = "person"
car = "vehicle"

[input]
width = 64
height = 32

[output]
layout = "yolov8"
"""


def save_model(path, output, *, input_shape=(1, 3, HEIGHT, WIDTH), element=TensorProto.FLOAT, brightness=False):
    """A model that gives `output` for every picture, times its mean brightness (0 … 1) if asked."""
    nodes = [helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0)]
    if element != TensorProto.FLOAT:
        nodes = [
            helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["floats"], ["mean"], keepdims=0),
        ]
    if brightness:
        nodes.append(helper.make_node("Mul", ["mean", "rows"], ["output"]))
    else:
        nodes += [
            helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
            helper.make_node("Add", ["nothing", "rows"], ["output"]),
        ]
    graph = helper.make_graph(
        nodes,
        "drawn",
        [helper.make_tensor_value_info("images", element, input_shape)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, output.shape)],
        [numpy_helper.from_array(output.astype(np.float32), "rows"), numpy_helper.from_array(np.float32(0), "zero")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(made)
    onnx.save(made, path)


def yolov8(*rows):
    """[1, 4 + c, n] of rows (centre x, centre y, width, height, score of each class)."""
    return np.array(rows, np.float32).T[None]


GOOD = yolov8((*PERSON_ROW, 0.9, 0.1, 0.0), (*CAR_ROW, 0.0, 0.1, 0.8), (8, 8, 4, 4, 0.1, 0.95, 0.0), (50, 8, 4, 4, 0.2, 0, 0))


@pytest.fixture
def place(tmp_path):
    def write(output=GOOD, descriptor=DESCRIPTOR, **how):
        if output is not None:
            save_model(tmp_path / "model.onnx", output, **how)
        (tmp_path / "street.toml").write_text(descriptor, encoding="utf-8")
        return tmp_path / "street.toml"

    return write


@pytest.fixture
def picture():
    return np.full((2 * HEIGHT, 2 * WIDTH, 3), 128, np.uint8)


def refused(path):
    with pytest.raises(ModelFileError) as raised:
        load_detector(path)
    assert str(raised.value).rstrip().endswith((".", "`classes`."))
    return raised.value


def test_a_yolov8_like_model_finds_what_it_was_built_to_find(place, picture):
    found = load_detector(place()).detect(picture)
    assert found.kinds == (PERSON, VEHICLE)
    np.testing.assert_allclose(found.scores, [0.9, 0.8], atol=1e-6)
    np.testing.assert_allclose(found.boxes, [[32, 16, 48, 48], [72, 24, 104, 40]], atol=1e-4)


def test_a_yolov5_like_model_weighs_its_classes_by_objectness(place, picture):
    rows = np.array([[(*PERSON_ROW, 0.8, 0.5, 0.1, 0.0), (*CAR_ROW, 0.5, 0.0, 0.0, 0.5)]], np.float32)
    found = load_detector(place(rows, DESCRIPTOR.replace("yolov8", "yolov5"))).detect(picture)
    assert found.kinds == (PERSON,)
    np.testing.assert_allclose(found.scores, [0.4], atol=1e-6)


def test_a_model_that_suppresses_by_itself_gives_corners(place, picture):
    rows = np.array([[(16, 8, 24, 24, 0.9, 0), (36, 12, 52, 20, 0.7, 2), (0, 0, 0, 0, 0, 0), (1, 1, 5, 5, 0.9, 7)]], np.float32)
    found = load_detector(place(rows, DESCRIPTOR.replace("yolov8", "boxes"))).detect(picture)
    assert found.kinds == (PERSON, VEHICLE)
    np.testing.assert_allclose(found.boxes[0], [32, 16, 48, 48], atol=1e-4)


def test_fractions_and_bytes_and_height_width_colour_order_are_read_as_described(place, picture):
    row = (PERSON_ROW[0] / WIDTH, PERSON_ROW[1] / HEIGHT, PERSON_ROW[2] / WIDTH, PERSON_ROW[3] / HEIGHT, 0.9, 0, 0)
    text = DESCRIPTOR + 'units = "fractions"\n'
    text = text.replace("height = 32", 'height = 32\nlayout = "nhwc"')
    path = place(yolov8(row), text, input_shape=(1, HEIGHT, WIDTH, 3), element=TensorProto.UINT8)
    np.testing.assert_allclose(load_detector(path).detect(picture).boxes, [[32, 16, 48, 48]], atol=1e-3)


def test_a_picture_of_other_proportions_is_letterboxed_and_boxes_come_back_in_its_pixels(place):
    tall = np.full((320, 64, 3), 128, np.uint8)  # shrunk to a tenth: 32 × 6
    found = load_detector(place(yolov8((3.0, 16.0, 2.0, 16.0, 0.9, 0, 0)))).detect(tall)
    np.testing.assert_allclose(found.boxes, [[20, 80, 40, 240]], atol=1e-3)


def test_normalisation_reaches_the_model(place):
    path = place(yolov8((*PERSON_ROW, 1.0, 0, 0)) * 1.0, brightness=True)
    white, dark = np.full((HEIGHT, WIDTH, 3), 255, np.uint8), np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    detector = load_detector(path)
    assert detector.detect(white).scores == pytest.approx([1.0])
    assert len(detector.detect(dark)) == 0


def test_boxes_of_one_thing_are_suppressed_but_not_across_classes(place, picture):
    rows = yolov8((*PERSON_ROW, 0.9, 0, 0), (20.5, 16, 8, 16, 0.8, 0, 0), (*PERSON_ROW, 0, 0, 0.7))
    assert load_detector(place(rows)).detect(picture).kinds == (PERSON, VEHICLE)


def test_rows_that_are_not_finite_are_left_out_while_running(place, picture):
    detector = load_detector(place())
    broken = np.array([(*PERSON_ROW, 0.9, 0, 0), (np.nan, 1, 2, 3, 0.9, 0, 0), (*CAR_ROW, 0, 0, np.inf)], np.float32)
    boxes, scores, classes = detector._candidates(broken)
    assert (len(boxes), scores.tolist(), classes.tolist()) == (1, [pytest.approx(0.9)], [0])


def test_a_model_whose_numbers_are_not_finite_is_refused(place):
    assert refused(place(yolov8((np.nan, 1, 2, 3, 0.9, 0, 0)))).code == "not_finite"


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07\x12\x00" * 50, b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_not_onnx_is_refused(place, content):
    path = place(None)
    (path.parent / "model.onnx").write_bytes(content)
    error = refused(path)
    assert error.code == "not_onnx"
    assert "model.onnx" in str(error)


def test_a_model_that_is_not_there_is_named(place):
    assert refused(place(None)).code == "missing"


def test_another_input_shape_is_refused_and_both_shapes_are_told(place):
    error = refused(place(input_shape=(1, 3, 48, 64)))
    assert error.code == "input_shape"
    assert "[1, 3, 48, 64]" in str(error)
    assert "[1, 3, 32, 64]" in str(error)


def test_a_free_input_shape_is_taken(place, picture):
    assert len(load_detector(place(input_shape=("b", 3, "h", "w"))).detect(picture)) == 2


@pytest.mark.parametrize("output", [np.zeros((1, 84, 4)), np.zeros((2, 7, 4)), np.zeros((7, 4)), np.zeros((1, 4, 7))])
def test_another_output_shape_is_refused_and_what_was_meant_is_told(place, output):
    error = refused(place(output))
    assert error.code == "output_shape"
    assert "[1, 7, n]" in str(error)


def test_a_digest_that_differs_is_refused_and_one_that_fits_is_taken(place, picture):
    path = place()
    digest = hashlib.sha256((path.parent / "model.onnx").read_bytes()).hexdigest()
    path.write_text(f'sha256 = "{digest}"\n{DESCRIPTOR}', encoding="utf-8")
    assert len(load_detector(path).detect(picture)) == 2
    path.write_text(f'sha256 = "{"0" * 64}"\n{DESCRIPTOR}', encoding="utf-8")
    assert refused(path).code == "digest"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('name = "street-1"', "", "name"),
        ('name = "street-1"', "name = 3", "name"),
        ('file = "model.onnx"', 'file = "../model.onnx"', "file"),
        ("score = 0.3", "score = 7", "score"),
        ("score = 0.3", "score = true", "score"),
        ("score = 0.3", "skore = 0.3", "skore"),
        ("width = 64", "width = 0", "width"),
        ("width = 64", "", "width"),
        ("width = 64", 'width = 64\ncolour = "grey"', "colour"),
        ("width = 64", "width = 64\nstd = [1, 0, 1]", "std"),
        ("width = 64", "width = 64\nmean = [1]", "mean"),
        ('layout = "yolov8"', 'layout = "yolov99"', "layout"),
        ('person = "person"', 'human = "person"', "human"),
        ('person = "person"', 'person = "Who Knows?"', "person"),
        ('person = "person"\ncar = "vehicle"', "", "kinds"),
        ('["person", "dog", "car"]', '"person"', "classes"),
        ("[kinds]", "[[kinds]]", "kinds"),
        ("score = 0.3", "score = = 3", "TOML"),
    ],
)
def test_a_wrong_descriptor_is_refused_and_the_key_is_named(place, old, new, named):
    assert old in DESCRIPTOR
    error = refused(place(None, DESCRIPTOR.replace(old, new)))
    assert error.code == "descriptor"
    assert named in str(error)


def test_a_descriptor_that_is_not_there_or_no_text_or_too_long_is_refused(tmp_path):
    assert refused(tmp_path / "none.toml").code == "descriptor_missing"
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    assert refused(tmp_path / "bytes.toml").code == "descriptor"
    (tmp_path / "long.toml").write_bytes(b"#" * 70_000)
    assert refused(tmp_path / "long.toml").code == "descriptor"


def test_what_the_descriptor_leaves_out_has_its_documented_value(place):
    one = read_descriptor(place(None))
    assert (one.input_layout, one.colour, one.scale, one.letterbox, one.units) == ("nchw", "rgb", 1 / 255, True, "pixels")
    assert one.kinds == ("person", "", "vehicle")
