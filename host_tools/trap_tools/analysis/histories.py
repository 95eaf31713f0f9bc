"""Detection histories for occupancy models: site × occasion, 1 seen, 0 not seen, empty where nobody watched.

The layout is what ``unmarked`` (R) and ``spOccupancy`` read: one row a site, one column an occasion, and a table of the
same shape with the camera-days of each cell as the covariate of detection.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trap_tools.analysis.detections import detections, of_species
from trap_tools.analysis.rates import by_site, species_in
from trap_tools.archive.effort import DAY_US
from trap_tools.archive.whole import Whole
from trap_tools.observers.labels import Burst, Label


@dataclass(frozen=True, slots=True)
class Histories:
    """Occasions of equal length from one midnight UTC on. ``seen`` maps species -> site -> cells, ``effort`` site -> days."""

    start_us: int
    occasion_us: int
    sites: tuple[str, ...]
    seen: Mapping[str, Mapping[str, tuple[int | None, ...]]]
    effort: Mapping[str, tuple[float, ...]]

    @property
    def occasions(self) -> int:
        """How many columns there are."""
        return len(next(iter(self.effort.values()), ()))


def histories(read: Sequence[Whole], labels: Mapping[Burst, list[Label]], occasion_days: int = 7) -> Histories | None:
    """Histories of every species over all sites; None when nobody watched at all."""
    spans = [span for one in read for span in one.effort.spans]
    if not spans:
        return None
    start = min(span.start_us for span in spans) // DAY_US * DAY_US
    length = occasion_days * DAY_US
    windows = range(start, max(span.end_us for span in spans), length)
    sites = by_site(read)
    effort = {
        site: tuple(round(sum(one.effort.days_between(at, at + length) for one in mine), 4) for at in windows)
        for site, mine in sites.items()
    }
    found = {site: [seen for one in mine for seen in detections(one, labels)] for site, mine in sites.items()}
    every = species_in(seen for mine in found.values() for seen in mine)
    seen = {
        species: {site: _cells(of_species(found[site], species), start, length, effort[site]) for site in sites}
        for species in every
    }
    return Histories(start, length, tuple(sites), seen, effort)


def _cells(times: Sequence[int], start: int, length: int, effort: Sequence[float]) -> tuple[int | None, ...]:
    """One row. A detection proves that somebody watched, however short."""
    hit = {(at - start) // length for at in times}
    return tuple(1 if index in hit else 0 if days > 0 else None for index, days in enumerate(effort))
