"""See the package."""


class Picamera2Camera:
    """Named by picamera2 while it is imported."""
