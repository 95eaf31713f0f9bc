"""Every shipped detector against its bars: one-thread time beside the SSD peer, bytes, memory of a process, both runtimes.

The peer is a file of ``../shared/models``; without it the ratio is not measured and the bench says so.
"""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.bench.peak import PEAK_KB
from trap.drivers import detector
from trap.triage import model_folder
from trap_wire.errors import PartError

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(card.parent for card in (ROOT / "models").glob("*/model.toml"))
PEER = ROOT.parent / "shared" / "models" / "peers" / "ssd_mobilenet_v1_coco_300_uint8.tflite"
ROUNDS, REPEATS = 7, 40
BIGGEST_BYTES, MOST_MB = 2_000_000, 120
ALONE = f"""
import sys
from pathlib import Path
import numpy as np
from trap.drivers import detector
detector.load(Path(sys.argv[1])).look(np.zeros((480, 640, 3), np.uint8))
print({PEAK_KB})
"""

by_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)


def invoke(network):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(model_path=str(network), num_threads=1)
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    interpreter.set_tensor(given["index"], np.full(given["shape"], 114, given["dtype"]))
    return interpreter.invoke


def best_medians(*works):
    """Median milliseconds of processor time, in turns; the best round counts: what a busy machine disturbs least."""
    best = [float("inf")] * len(works)
    for _ in range(ROUNDS):
        for number, work in enumerate(works):
            taken = []
            for _ in range(REPEATS):
                started = time.process_time()
                work()
                taken.append((time.process_time() - started) * 1000)
            best[number] = min(best[number], float(np.median(taken)))
    return best


@by_folder
def test_time_is_at_most_half_of_the_ssd_peer(figure, folder):
    if not PEER.exists():
        pytest.skip("the peer's file is not beside the repository")
    ours, peer = best_medians(invoke(model_folder.load(folder).network), invoke(PEER))
    figure(
        f"{folder.name}: {ours:.2f} ms, SSD MobileNetV1 300 uint8 {peer:.2f} ms, ratio {ours / peer:.2f} (bar 0.5, stretch 0.25)"
    )


@by_folder
def test_network_is_small_enough_to_send(figure, folder):
    size = model_folder.load(folder).network.stat().st_size
    figure(f"{folder.name}: {size:,} bytes (bar {BIGGEST_BYTES:,})")
    assert size <= BIGGEST_BYTES


@by_folder
def test_a_process_with_nothing_but_the_detector_stays_small(figure, folder):
    said = subprocess.run([sys.executable, "-c", ALONE, str(folder)], check=True, capture_output=True, text=True)
    peak = int(said.stdout) / 1024
    figure(f"{folder.name}: {peak:.0f} MB peak (bar {MOST_MB})")
    assert peak <= MOST_MB


@by_folder
@pytest.mark.parametrize("runtime", detector.RUNTIMES)
def test_known_answer_on_each_runtime(figure, folder, runtime):
    card = model_folder.load(folder)
    try:
        loaded = detector.TfliteDetector(card, runtimes=(runtime,))
    except PartError as error:
        pytest.skip(f"{runtime}: {error}")
    seen = loaded.look(np.asarray(Image.open(card.known_answer.image).convert("RGB")))
    for label, score in card.known_answer.scores.items():
        best = max((found.score for found in seen if found.label is label), default=0.0)
        figure(f"{folder.name} on {runtime.partition('.')[0]}: {label} {best:.4f}, card {score:.4f}")
        assert abs(best - score) <= card.known_answer.tolerance_steps / 256 or max(best, score) < 0.02
