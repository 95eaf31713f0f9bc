"""See the package."""


class PICAM2DNG:
    """Named by picamera2 while it is imported."""
