# What stands on the Pico, for `manul flash supervisor --files firmware/pico` (frozen.py freezes the same into a firmware).
# MicroPython's manifest language; read by trap_tools/flash/supervisor/manifest.py without being run.
package("trap_supervisor", base_path="..")
package("trap_wire", files=("__init__.py", "codes.py", "crc16.py", "frames.py", "pins.py"), base_path="..")
module("main.py")
