"""What MicroPython starts on the Pico."""

from trap_supervisor.main import start

start()
