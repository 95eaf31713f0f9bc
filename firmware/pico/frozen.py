"""What is frozen into the RP2040's firmware: ``make -C ports/rp2 BOARD=RPI_PICO FROZEN_MANIFEST=…/pico/frozen.py``.

MicroPython's build runs this file with ``freeze``, ``package`` and ``module`` in scope. Of the port's own modules only those
that mount the flash come along: no asyncio, no drivers of parts that a unit does not have.
"""

freeze("$(PORT_DIR)/modules")  # noqa: F821
package(  # noqa: F821
    "trap_wire", ("__init__.py", "codes.py", "crc16.py", "frames.py", "pins.py"), base_path="..", opt=2
)
package("trap_supervisor", base_path="..", opt=2)  # noqa: F821
module("main.py", opt=2)  # noqa: F821
