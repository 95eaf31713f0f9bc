"""The supervisor's whole firmware: MicroPython for the RP2040 with the supervisor frozen in, from Debian's sources."""
