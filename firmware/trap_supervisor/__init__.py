"""The RP2040's half: pure policy that decides when the Pi lives, and one module that touches the chip. Runs on MicroPython."""
