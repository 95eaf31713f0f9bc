"""A PIR edge on a kernel GPIO line → real picamera2 → LiteRT on ARM → JPEG and journal → ``manul summary``."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from tests.system import bench as benches
from tests.system.frames import draw
from tests.system.machine import WAITING, overlay, running
from tests.system.unit import DETECTOR, burst, cable, entries, head, manul
from trap.drivers import detector

EDGES = 200
P99_MS = 10.0  # DESIGN.md, section 8


def test_pulse_becomes_a_kept_photograph_and_the_summary_says_so(armed):
    found = burst(armed, head(armed))
    (taken,), (verdict,) = found["burst"], found["verdict"]
    assert (taken["frames"], taken["capture_method"]) == (3, "activityDetection")
    assert verdict["model"].partition("@")[0] == DETECTOR.name
    assert verdict["fail_open"] is None
    media = [body for body in found["media"] if body["role"] == "photograph"]
    assert len(media) == 3
    jpeg = armed.run(f"base64 -w0 /var/lib/manul/card/{media[0]['path']}")
    picture = Image.open(io.BytesIO(base64.b64decode(jpeg)))
    assert picture.size == (1280, 720)
    assert picture.getexif()[0x0132]  # when it was taken
    assert found["battery"][0]["battery_mv"] == 7_200
    with cable(armed) as port:
        said = json.loads(manul("summary", "--json", "--port", port))
    assert (said["totals"]["triggers"], said["totals"]["kept"] + said["totals"]["unknown"]) == (1, 1)
    assert said["battery"]["battery_mv"] == 7_200


def test_arm_sees_what_this_machine_sees_in_the_same_frames(armed, tmp_path):
    draw(tmp_path)
    here = detector.load(DETECTOR)
    best = max(_score(here, tmp_path / "animal" / f"{n}.jpg") for n in range(4))
    (verdict,) = burst(armed, head(armed))["verdict"]
    assert verdict["score"] == pytest.approx(best, abs=0.08), "the camera's YUV and scaling may move it by a few steps"


def _score(here, path):
    with Image.open(path) as picture:
        found = here.look(np.asarray(picture.convert("RGB").resize((640, 360))))
    return max((one.score for one in found), default=0.0)


def test_burst_without_an_animal_is_scored_below_one_with(staged):
    """The second camera shows wind in the grass; the first one a cat among stones."""
    scores = {}
    for number, name in enumerate(("animal", "empty")):
        staged.run(
            f"sed -i 's/NV12:[0-9]/NV12:{number}/' /run/systemd/system/trapd.service.d/bench.conf; systemctl daemon-reload"
        )
        staged.run("systemctl restart trapd", timeout_s=300)
        scores[name] = burst(staged, head(staged))["verdict"][0]["score"]
    assert scores["empty"] < scores["animal"]


def test_edge_reaches_the_camera_within_the_bar(image, bench):
    """In the machine's own time: one nanosecond an instruction, about a Cortex-A53 at 1 GHz. The card's flush comes after it.

    Idle it waits as long as the host does: time that jumped over a busy host's disk would run out systemd's time-outs.
    """
    folder = benches.where() / "edges"
    card = overlay_in(folder, image)
    with running(folder, image, card, bench, pace=WAITING) as machine:
        machine.wait_for_shell()
        machine.run("mkdir -p /run/bench; mount -o ro /dev/vdb /run/bench; sh /run/bench/bin/stage.sh")
        out = machine.run(f"python3 /run/bench/bin/edges.py {EDGES}", timeout_s=900)
    figures = json.loads(out.splitlines()[-1])
    benches.note("edges", figures)
    assert figures["edges"] == EDGES
    assert figures["p99_ms"] <= P99_MS


def overlay_in(folder, image):
    folder.mkdir(exist_ok=True)
    return overlay(image / "manul.img", folder / "card.qcow2")


def test_second_pulse_inside_the_hold_off_is_counted_and_takes_no_picture(armed):
    before = head(armed)
    burst(armed, before)
    armed.run("sh /run/bench/bin/pulse.sh; sleep 1")
    assert len(entries(armed, "burst", before)) == 1
