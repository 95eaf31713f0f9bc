"""Lets ``virtual_camera`` in right after picamera2, whoever imports it, and at no cost to those who do not."""

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import PathFinder


class _After(Loader):
    def __init__(self, real):
        self._real = real

    def create_module(self, spec):
        return self._real.create_module(spec)

    def exec_module(self, module):
        self._real.exec_module(module)
        import virtual_camera

        virtual_camera.apply()


class _Picamera2(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != "picamera2":
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None:
            spec.loader = _After(spec.loader)
        return spec


sys.meta_path.insert(0, _Picamera2())
