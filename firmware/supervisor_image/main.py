"""The first line of ours that runs on the RP2040."""

from trap_supervisor.main import start

start()
