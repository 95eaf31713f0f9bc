"""The shipped detector and its folder, on the real runtime."""

import hashlib
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from trap.assembly import load_detector
from trap.drivers import detector
from trap.drivers.detector import TfliteDetector
from trap.triage import model_folder
from trap_wire.errors import BadInputError, IntegrityError, PartError

ROOT = Path(__file__).parents[3]
FOLDERS = sorted(card.parent for card in (ROOT / "models").glob("*/model.toml"))


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(FOLDERS[0], tmp_path / "detector"))


def edited(folder, pattern, replacement):
    card = folder / "model.toml"
    card.write_text(re.sub(pattern, replacement, card.read_text(), count=1))
    return folder


def test_a_detector_is_shipped():
    assert FOLDERS


@pytest.mark.parametrize("path", FOLDERS, ids=lambda path: path.name)
def test_known_answer_is_given_on_this_runtime(path):
    shipped = detector.load(path)
    answer = model_folder.load(path).known_answer
    seen = shipped.look(np.asarray(Image.open(answer.image).convert("RGB")))
    for label, score in answer.scores.items():
        best = max((found.score for found in seen if found.label is label), default=0.0)
        # A step of the score tensor is 1/256; scores below the decoder's floor come back as nothing.
        assert abs(best - score) <= answer.tolerance_steps / 256 or max(best, score) < 0.02


def test_card_without_a_network_is_named(folder):
    next(folder.glob("*.tflite")).unlink()
    with pytest.raises(BadInputError, match=r"model\.toml: model\.file: .*tflite: No such file"):
        detector.load(folder)


def test_wrong_hash_is_refused_with_both_hashes(folder):
    with pytest.raises(IntegrityError, match=r"has sha256 [0-9a-f]{64}, the card says 0{64}"):
        detector.load(edited(folder, r'sha256 = "[0-9a-f]+"', f'sha256 = "{"0" * 64}"'))


def test_truncated_network_is_refused_even_when_its_hash_was_mended(folder):
    network = next(folder.glob("*.tflite"))
    network.write_bytes(network.read_bytes()[:1000])
    edited(folder, r'sha256 = "[0-9a-f]+"', f'sha256 = "{hashlib.sha256(network.read_bytes()).hexdigest()}"')
    with pytest.raises(PartError, match="no network that ai_edge_litert can run"):
        detector.load(folder)


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        ('format = "manul"', 'format = "onnx"', "model.format = 'onnx': must be one of manul"),
        ("keep_at = [0-9.]+", "keep_at = 0.0001", "0 <= blank_at <= keep_at"),
        ('"human"', '"person"', "labels.classes = 'person'"),
        ("width = [0-9]+", "", "missing or misplaced field 'width'"),
        (r"\[model\]", "[model", "not TOML"),
    ],
)
def test_bad_card_names_file_field_and_value(folder, pattern, replacement, message):
    with pytest.raises(BadInputError) as caught:
        detector.load(edited(folder, pattern, replacement))
    assert message in str(caught.value)
    assert "model.toml" in str(caught.value)


def test_card_with_another_input_size_is_refused(folder):
    with pytest.raises(PartError, match="the card says 64×"):
        detector.load(edited(folder, "width = [0-9]+", "width = 64"))


def test_machine_without_a_runtime_says_what_to_install(folder):
    with pytest.raises(PartError, match="neither ai-edge-litert nor tflite-runtime"):
        TfliteDetector(model_folder.load(folder), runtimes=("no_such_runtime.interpreter",))


@pytest.mark.parametrize("path", [None, Path("no/such/folder")])
def test_unit_starts_without_a_detector_and_says_why(path):
    loaded, trouble = load_detector(path)
    assert loaded is None
    assert trouble


@pytest.mark.parametrize("shape", [(1, 1, 3), (3000, 20, 3), (480, 640, 3)])
def test_any_shape_of_picture_is_looked_at(shape):
    shipped = detector.load(FOLDERS[0])
    assert all(0 <= found.box.x <= 1 for found in shipped.look(np.zeros(shape, dtype=np.uint8)))


def test_ssd_of_the_shared_models_runs_as_a_folder(tmp_path):
    peer = ROOT.parent / "shared" / "models" / "peers" / "ssd_mobilenet_v1_coco_300_uint8.tflite"
    if not peer.exists():
        pytest.skip("../shared/models is not here")
    shutil.copy(peer, tmp_path / "ssd.tflite")
    classes = ["human", *[""] * 14, "animal"]  # COCO: 0 person, 15 bird; the rest is not asked for here
    (tmp_path / "model.toml").write_text(
        f'[model]\nname = "ssd"\nversion = "1"\nfile = "ssd.tflite"\nsha256 = "{hashlib.sha256(peer.read_bytes()).hexdigest()}"\n'
        'licence = "Apache-2.0"\nformat = "ssd"\n[input]\nwidth = 300\nheight = 300\nresize = "stretch"\n'
        f"[labels]\nclasses = {classes}\n[thresholds]\nkeep_at = 0.5\nblank_at = 0.2\n".replace("'", '"')
    )
    seen = detector.load(tmp_path).look(data.astronaut())
    assert seen[0].label == "human"
    assert seen[0].score > 0.6
