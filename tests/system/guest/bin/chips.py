"""Sets the registers of the simulated chips: ``chips.py [millivolts [milliamperes]]``."""

import struct
import sys

FOLDER = "/sys/kernel/debug/i2c-regsim/"
millivolts = int(sys.argv[1]) if len(sys.argv) > 1 else 7_200
milliamperes = int(sys.argv[2]) if len(sys.argv) > 2 else -80
with open(FOLDER + "0x40", "r+b", buffering=0) as gauge:
    gauge.write(struct.pack(">HhH", 0x4127, milliamperes * 20 * 1000 // 2_500, millivolts * 1000 // 1_250))
    gauge.seek(0xFE * 2)
    gauge.write(struct.pack(">HH", 0x5449, 0x2260))
if len(sys.argv) == 1:
    with open(FOLDER + "0x68", "r+b", buffering=0) as rtc:
        rtc.write(bytes.fromhex("00 00 12 01 01 06 26"))
        rtc.seek(0x0F)
        rtc.write(bytes([0, 0, 21, 0x40]))
