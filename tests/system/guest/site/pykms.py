"""Stands for kms++, which only picamera2's DRM preview needs; a camera trap never opens one."""


class _Formats:
    """picamera2 names these while it is imported."""

    RGB888 = BGR888 = XRGB8888 = XBGR8888 = YUV420 = YVU420 = YUYV = UYVY = NV12 = None


PixelFormat = _Formats
