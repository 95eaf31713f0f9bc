"""What lies between real picamera2 and libcamera's ``virtual`` pipeline, which is no sensor of a Raspberry Pi.

1. The pipeline has no Raw role, which picamera2's constructor asks for.
2. Debian's arm64 kernel has no /dev/dma_heap (CONFIG_DMABUF_HEAPS is off); /dev/udmabuf gives real dma-bufs as well.
3. The pipeline writes NV12 into two planes, where picamera2 describes a buffer as one.
4. libcamera 0.4.0 leaves the status of its frames unset, and picamera2 drops frames that are no success.

5. It never hangs; here it does while /run/hang-camera exists.

Nothing of the camera driver of Manul is replaced here. Not covered by this camera: raw, ISP, exposure, focus.
"""

import fcntl
import mmap
import os
import struct
import time
import types
from pathlib import Path

import libcamera
import picamera2.allocators.dmaallocator as dma
import picamera2.picamera2 as library
from picamera2 import Picamera2
from picamera2.dma_heap import UniqueFD

UDMABUF_CREATE = 0x40187542
F_ADD_SEALS, F_SEAL_SHRINK = 1033, 2
PAGE = 4096
HANG = Path("/run/hang-camera")


def _raw_modes(self):
    wanted = [libcamera.StreamRole.Raw], [libcamera.StreamRole.StillCapture]
    config = next(found for roles in wanted if (found := self.camera.generate_configuration(roles)) is not None)
    formats = config.at(0).formats
    return [{"format": str(f), "size": (s.width, s.height)} for f in formats.pixel_formats for s in formats.sizes(f)]


class UdmabufHeap:
    """``picamera2.dma_heap.DmaHeap`` on memfds."""

    isValid = True  # noqa: N815  # picamera2's name

    def __init__(self):
        self._device = os.open("/dev/udmabuf", os.O_RDWR | os.O_CLOEXEC)

    def close(self):
        os.close(self._device)

    def alloc(self, name, size):
        size = (size + PAGE - 1) // PAGE * PAGE
        memory = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(memory, size)
        fcntl.fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK)
        made = fcntl.ioctl(self._device, UDMABUF_CREATE, bytearray(struct.pack("IIQQ", memory, 1, 0, size)))
        os.close(memory)
        return UniqueFD(made)


class TwoPlaneAllocator(dma.DmaAllocator):
    """Buffers whose NV12 is described as two planes of one dma-buf."""

    def allocate(self, libcamera_config, _):
        self.libcamera_fds = []
        self.cleanup()
        for descriptor in self.open_fds:
            os.close(descriptor)
        self.frame_buffers, self.open_fds = {}, []
        for stream in libcamera_config:
            self.frame_buffers[stream.stream] = [self._buffer(stream, number) for number in range(stream.buffer_count)]

    def _buffer(self, stream, number):
        luma = stream.stride * stream.size.height
        nv12 = str(stream.pixel_format) == "NV12"
        parts = [(0, luma), (luma, stream.frame_size - luma)] if nv12 else [(0, stream.frame_size)]
        descriptor = self.dmaHeap.alloc(f"frame-{number}", stream.frame_size)
        self.open_fds.append(descriptor.get())
        buffer = libcamera.FrameBuffer([_plane(descriptor.get(), offset, length) for offset, length in parts])
        self.libcamera_fds.append(buffer.planes[0].fd)
        self.mapped_buffers_used[buffer.planes[0].fd] = False
        access = mmap.PROT_READ | mmap.PROT_WRITE
        self.mapped_buffers[buffer] = mmap.mmap(descriptor.get(), stream.frame_size, mmap.MAP_SHARED, access)
        return buffer


def _plane(descriptor, offset, length):
    plane = libcamera.FrameBuffer.Plane()
    plane.fd, plane.offset, plane.length = descriptor, offset, length
    return plane


class _Whatever:
    """Equal to every frame status."""

    __hash__ = None

    def __eq__(self, other):
        return True


def _hangs(call):
    """``start`` as a driver leaves it that waits for an interrupt which never comes: for as long as the file is there."""

    def start(self, *args, **kwargs):
        while HANG.exists():
            time.sleep(0.2)
        return call(self, *args, **kwargs)

    return start


def apply():
    """Put all of it in place; once, when picamera2 has been imported."""
    Picamera2.start = _hangs(Picamera2.start)
    Picamera2._get_raw_modes = _raw_modes
    if not Path("/dev/dma_heap/linux,cma").exists():
        dma.DmaHeap = UdmabufHeap
    library.DmaAllocator = TwoPlaneAllocator
    seen = {name: getattr(libcamera, name) for name in dir(libcamera) if not name.startswith("__")}
    library.libcamera = types.SimpleNamespace(**seen)
    library.libcamera.FrameMetadata = types.SimpleNamespace(Status=types.SimpleNamespace(Success=_Whatever()))
