"""Packs of cells: charge over temperature and load, voltage over charge and load. Names are those of ``station.toml``.

Sources. Lithium: Energizer L91 (3,500 mAh at low drain, 0.09-0.15 Ω, −40 °C); 2.8-2.95 Ah at 800 mA to 1.1 V, six cells
measured (mybroadband.co.za/news/energy/244759); nearly flat over load (Linden's Handbook, fig. 14.74). Alkaline: 3,000 mAh at
25 mA, 2,600 at 100, 1,600 at 500, 1,000 at 1,000 (Energizer E91 as read off by kurokatta.org, 2019), halved at 0 °C and high
drain (same data sheets). NiMH, lithium-ion, LiFePO4 and **every value below −10 °C are estimates**: a discharge in a cold
chamber at the unit's own load, one string a chemistry, replaces them.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from trap_wire.energy.budget import Interval, Pick
from trap_wire.errors import BadInputError

Curve = tuple[tuple[float, float], ...]
_COLD_LOSS = Interval(0.5, 1.0, 1.5)


@dataclass(frozen=True, slots=True)
class Pack:
    """Cells in series and in parallel, with what one cell does. Curves are straight lines between points.

    ``cold``: °C → share of the charge that is there. ``load``: mA of a cell → share. ``volts``: share used → open circuit
    volts of a cell at 20 °C. ``spread`` is a factor on ``capacity_mah``, ``cold_loss`` one on what the cold takes.
    """

    series: int
    parallel: int
    capacity_mah: float
    cold: Curve
    load: Curve
    volts: Curve
    ohm: float
    cutoff_v: float
    self_discharge_a_year: float
    spread: Interval
    cold_loss: Interval = _COLD_LOSS

    @property
    def rated_mah(self) -> float:
        """Charge of the pack, fresh, 20 °C, low drain."""
        return self.capacity_mah * self.parallel

    @property
    def cutoff_mv(self) -> float:
        """Pack voltage under load at which the unit goes dark."""
        return 1000 * self.series * self.cutoff_v

    def inputs(self) -> Iterator[tuple[str, Interval]]:
        """Name and interval of every uncertain number of the cells."""
        yield from (("cell capacity", self.spread), ("loss to cold", self.cold_loss))

    def settled(self, pick: Pick) -> "Pack":
        """The pack with its uncertain numbers chosen by ``pick(name, interval)``."""
        capacity, loss = (pick(name, interval) for name, interval in self.inputs())
        cold = tuple((celsius, max(0.02, 1 - (1 - share) * loss)) for celsius, share in self.cold)
        return dataclasses.replace(self, capacity_mah=self.capacity_mah * capacity, cold=cold)

    def available_mah(self, celsius: float, load_ma: float) -> float:
        """Charge that a fresh pack gives at this temperature and pack current until ``cutoff_v``."""
        return self.rated_mah * between(self.cold, celsius) * between(self.load, load_ma / self.parallel)

    def millivolts(self, used_share: float, celsius: float, load_ma: float) -> float:
        """Pack voltage, mV; ``used_share`` is of the charge that is available at this temperature and load, 0..1."""
        open_v = between(self.volts, min(max(used_share, 0.0), 1.0))
        return max(0.0, 1000 * self.series * open_v - load_ma * self.resistance_ohm(celsius))

    def resistance_ohm(self, celsius: float) -> float:
        """Internal resistance of the pack: doubles every 20 °C of cold (estimate)."""
        return self.ohm * self.series / self.parallel * float(2.0 ** (max(0.0, 20.0 - celsius) / 20.0))


def between(points: Curve, x: float) -> float:
    """Straight lines between points, flat beyond the ends."""
    if x <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]


PACKS: Mapping[str, Pack] = {
    "lithium-aa-12": Pack(
        series=4, parallel=3, capacity_mah=3_200, spread=Interval(0.90, 1.0, 1.09, worse=-1),
        cold=((-40, 0.50), (-30, 0.72), (-20, 0.86), (0, 0.96), (20, 1.0)),
        load=((25, 1.0), (250, 0.97), (800, 0.90), (1500, 0.80)),
        volts=((0, 1.79), (0.03, 1.64), (0.15, 1.55), (0.60, 1.50), (0.85, 1.43), (0.95, 1.28), (1, 0.95)),
        ohm=0.12, cutoff_v=0.8, self_discharge_a_year=0.006,
    ),
    "alkaline-aa-12": Pack(
        series=4, parallel=3, capacity_mah=2_900, spread=Interval(0.85, 1.0, 1.08, worse=-1),
        cold=((-30, 0.08), (-20, 0.20), (-10, 0.40), (0, 0.60), (10, 0.82), (20, 1.0)),
        load=((25, 1.0), (100, 0.88), (500, 0.53), (1000, 0.33)),
        volts=((0, 1.60), (0.1, 1.45), (0.3, 1.30), (0.6, 1.18), (0.9, 1.02), (1, 0.85)),
        ohm=0.20, cutoff_v=0.8, self_discharge_a_year=0.03,
    ),
    "nimh-aa-12": Pack(
        series=4, parallel=3, capacity_mah=1_900, spread=Interval(0.80, 1.0, 1.05, worse=-1),
        cold=((-30, 0.25), (-20, 0.55), (-10, 0.78), (0, 0.90), (20, 1.0)),
        load=((200, 1.0), (1000, 0.95)),
        volts=((0, 1.40), (0.1, 1.31), (0.5, 1.25), (0.85, 1.20), (0.95, 1.12), (1, 1.0)),
        ohm=0.04, cutoff_v=0.9, self_discharge_a_year=0.20,
    ),
    "liion-2s": Pack(
        series=2, parallel=2, capacity_mah=3_400, spread=Interval(0.85, 1.0, 1.03, worse=-1),
        cold=((-30, 0.25), (-20, 0.60), (-10, 0.80), (0, 0.90), (20, 1.0)),
        load=((700, 1.0), (3400, 0.95)),
        volts=((0, 4.18), (0.2, 3.95), (0.5, 3.70), (0.8, 3.50), (0.95, 3.30), (1, 3.0)),
        ohm=0.05, cutoff_v=2.8, self_discharge_a_year=0.04,
    ),
    "lifepo4-2s": Pack(
        series=2, parallel=2, capacity_mah=3_000, spread=Interval(0.88, 1.0, 1.02, worse=-1),
        cold=((-30, 0.25), (-20, 0.50), (-10, 0.72), (0, 0.87), (20, 1.0)),
        load=((600, 1.0), (3000, 0.96)),
        volts=((0, 3.45), (0.05, 3.33), (0.5, 3.28), (0.85, 3.20), (0.95, 3.05), (1, 2.6)),
        ohm=0.05, cutoff_v=2.5, self_discharge_a_year=0.03,
    ),
}  # fmt: skip


def pack(name: str) -> Pack:
    """Pack by its name in ``station.toml``; ``BadInputError`` for one that has no cells (mains) or does not exist."""
    if name not in PACKS:
        raise BadInputError(f"chemistry {name!r} has no cells to simulate: choose one of {', '.join(PACKS)}")
    return PACKS[name]
