"""What crosses a boundary: bytes, names and numbers that two programs must agree on. Standard library only.

``codes``, ``crc16``, ``frames`` and ``pins`` also run under MicroPython on the supervisor.
"""

__version__ = "0.1.0"
