"""What the parts of a pretend unit take from the battery, and the account of it: the typical numbers of the power budget."""

from collections.abc import Callable
from dataclasses import dataclass

from trap_sim.battery import Battery
from trap_sim.vtime import VirtualTime
from trap_wire.energy import budget

_COSTS = budget.settle(budget.shipped(), "latched")
STANDBY_MA = _COSTS.always_pack_ma  # at the battery
SUPERVISOR_MA = next(state.ma.typical for state in budget.shipped().states if state.name == "pico")
PI_MA = (
    1000 * _COSTS.wake_j / _COSTS.wake_s / budget.VOLTS_5 - SUPERVISOR_MA
)  # mean over boot, burst, triage and writing
EFFICIENCY = _COSTS.efficiency


@dataclass
class Load:
    """What is switched on."""

    supervisor: bool = False
    pi: bool = False


class Supply:
    """Owner of the account: lets the battery pay for the time since the last change, before each change."""

    def __init__(self, time: VirtualTime, battery: Battery, celsius: Callable[[], float]) -> None:
        self._time = time
        self._battery = battery
        self._celsius = celsius
        self._paid_ms = time.ms
        self.load = Load()

    def switch(self, *, supervisor: bool | None = None, pi: bool | None = None) -> None:
        """Turn parts on or off."""
        self.settle()
        self.load.supervisor = self.load.supervisor if supervisor is None else supervisor
        self.load.pi = self.load.pi if pi is None else pi

    def settle(self) -> None:
        """Pay up to now."""
        self._battery.draw(self.milliamps(), self._time.ms - self._paid_ms)
        self._paid_ms = self._time.ms

    def milliamps(self) -> float:
        """Current out of the battery."""
        at_5v = SUPERVISOR_MA * self.load.supervisor + PI_MA * self.load.pi
        rested = max(2_000, self._battery.millivolts(0, self._celsius()))
        return STANDBY_MA + at_5v * 1_000 * budget.VOLTS_5 / rested / EFFICIENCY

    def millivolts(self) -> int:
        """Pack voltage under the present load."""
        return self._battery.millivolts(self.milliamps(), self._celsius())
