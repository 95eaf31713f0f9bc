"""The battery gauge: INA226, or the older INA219 on boards that have it. Which one answers is found by its registers.

- absent: one message with address and pins.
- slow: the bus repeats once, then it is absent.
- lying: an INA226 proves itself by its two id registers, an INA219 (which has none) by reading back its configuration; a
  value outside what the part can measure is a ``PartError``, never a battery entry.
- gone in mid-use: ``PartError`` at the next reading; the next one probes anew, as a plug that was put back must count.

Datasheets: TI SBOS547B (INA226), SBOS448G (INA219).
"""

from dataclasses import dataclass

from trap.drivers.i2c import Bus
from trap.ports import Vitals
from trap_wire import pins
from trap_wire.errors import PartError

SHUNT_MILLIOHM = 20
CONFIG, SHUNT, VOLTAGE, MAKER_ID, DIE_ID = 0x00, 0x01, 0x02, 0xFE, 0xFF
TI, INA226_DIE = 0x5449, 0x226


@dataclass(frozen=True, slots=True)
class Chip:
    """One kind of gauge: configuration word, size of a step of both measurements, how far the voltage is shifted."""

    name: str
    config: int
    shunt_nv: int
    voltage_uv: int
    voltage_shift: int
    most_mv: int


INA226 = Chip("INA226", config=0x4527, shunt_nv=2_500, voltage_uv=1_250, voltage_shift=0, most_mv=36_000)  # 16 averages
INA219 = Chip("INA219", config=0x399F, shunt_nv=10_000, voltage_uv=4_000, voltage_shift=3, most_mv=26_000)


class Gauge:
    """Battery voltage and current. ``chip`` is which gauge it is, None before the first answer."""

    def __init__(self, bus: Bus, address: int = pins.I2C_INA226, shunt_milliohm: int = SHUNT_MILLIOHM) -> None:
        self._bus = bus
        self._address = address
        self._shunt = shunt_milliohm
        self.chip: Chip | None = None

    def read(self) -> Vitals:
        """Voltage and current now; ``PartError`` when nobody answers or the answer cannot be."""
        try:
            chip = self.chip or self.probe()
            voltage = self._word(chip.name, VOLTAGE) >> chip.voltage_shift
            shunt = _signed(self._word(chip.name, SHUNT))
        except PartError:
            self.chip = None
            raise
        millivolts = voltage * chip.voltage_uv // 1000
        if not 0 < millivolts <= chip.most_mv:
            raise PartError(chip.name, f"reads {millivolts} mV: is its VBUS wire at the battery?")
        # nV / mΩ = µA
        return Vitals(battery_mv=millivolts, battery_ma=round(shunt * chip.shunt_nv / self._shunt / 1000))

    def probe(self) -> Chip:
        """Find out which gauge it is and set it to continuous measuring with averaging."""
        maker = self._word("INA226", MAKER_ID), self._word("INA226", DIE_ID) >> 4
        chip = INA226 if maker == (TI, INA226_DIE) else INA219
        self._bus.write(chip.name, self._address, CONFIG, chip.config.to_bytes(2, "big"))
        if (back := self._word(chip.name, CONFIG)) != chip.config:
            words = (
                f"wrote 0x{chip.config:04x}, read back 0x{back:04x} at 0x{self._address:02x}: not an INA226 or INA219?"
            )
            raise PartError("gauge", words)
        self.chip = chip
        return chip

    def _word(self, name: str, register: int) -> int:
        return int.from_bytes(self._bus.read(name, self._address, register, 2), "big")


def _signed(word: int) -> int:
    return word - 0x10000 if word & 0x8000 else word
