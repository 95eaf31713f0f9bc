"""picamera2 without a sensor: the calls, options and faults that ``PiCamera`` meets, with frames made of numbers."""

import threading
import time

import numpy as np
from PIL import Image


class FakeRequest:
    def __init__(self, camera, number):
        self._camera, self.number, self.released = camera, number, False
        self._began_ns = time.monotonic_ns()

    def get_metadata(self):
        exposure_us = 4_000
        ended = self._began_ns + exposure_us * 1000
        return {"ExposureTime": exposure_us, "AnalogueGain": 2.0, "SensorTimestamp": ended}

    def save(self, name, target, format):  # noqa: A002  # the library's name
        if self._camera.garbled:
            raise ValueError("cannot encode")
        width, height = self._camera.config[name]["size"]
        Image.new("RGB", (width, height), (80, 90, 100)).save(target, format, quality=self._camera.options["quality"])

    def make_array(self, name):
        width, height = self._camera.config[name]["size"]
        height = height // 2 if self._camera.torn else height
        return np.full((height * 3 // 2, width + 64), 128, dtype=np.uint8)

    def release(self):
        assert not self.released, "released twice"
        self.released = True
        self._camera.out -= 1


class FakePicamera2:
    """``hang_in`` names a call that blocks until ``unhang``; ``frames_left`` frames, then the ribbon is off."""

    def __init__(self, number=0, controls=("AeEnable", "ExposureTime", "AnalogueGain", "Saturation")):
        self.options, self.config, self.camera_controls = {}, None, dict.fromkeys(controls)
        self.hang_in, self.frames_left, self.garbled, self.torn = "", None, False, False
        self.calls, self.controls, self.out, self.started = [], [], 0, False
        self.requests = []
        self._unhang = threading.Event()

    def create_still_configuration(self, **config):
        return config

    def configure(self, config):
        self._called("configure")
        self.config = config

    def set_controls(self, controls):
        if unknown := set(controls) - set(self.camera_controls):
            raise RuntimeError(f"Control {unknown} is not advertised by libcamera")
        self.controls.append(controls)

    def start(self):
        self._called("start")
        self.started = True

    def stop(self):
        self._called("stop")
        self.started = False

    def close(self):
        self._called("close")

    def capture_request(self, wait):
        self._called("capture_request")
        if self.frames_left == 0:
            raise TimeoutError
        if self.frames_left is not None:
            self.frames_left -= 1
        assert self.out < self.config["buffer_count"], "all buffers are out: a request was not released"
        self.out += 1
        self.requests.append(FakeRequest(self, len(self.requests)))
        return self.requests[-1]

    def unhang(self):
        self._unhang.set()

    def _called(self, name):
        self.calls.append(name)
        if name == self.hang_in:
            self._unhang.wait(20)
