"""Detections per 100 camera-days, with exact intervals, per site and species."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trap_tools.analysis.detections import ANY, Detection, detections, independent, of_species
from trap_tools.archive.whole import Whole
from trap_tools.observers.intervals import Estimate, rate
from trap_tools.observers.labels import Burst, Label

PER_DAYS = 100


@dataclass(frozen=True, slots=True)
class SiteRate:
    """Independent events of one species at one site. ``per_100_days`` is None where there was no effort."""

    site: str
    country: str
    species: str
    events: int
    camera_days: float
    per_100_days: Estimate | None


def by_site(read: Sequence[Whole]) -> dict[str, list[Whole]]:
    """Deployments of each site, in the order in which the sites appear."""
    sites: dict[str, list[Whole]] = {}
    for one in read:
        sites.setdefault(one.site, []).append(one)
    return sites


def species_in(found: Iterable[Detection]) -> list[str]:
    """All animals together, then every named species."""
    return [ANY, *sorted({detection.species for detection in found} - {ANY})]


def rates(read: Sequence[Whole], labels: Mapping[Burst, list[Label]], minutes: float = 30) -> list[SiteRate]:
    """Rates of every species at every site: a species seen anywhere has a rate of zero where it was not."""
    sites = by_site(read)
    found = {site: [seen for one in mine for seen in detections(one, labels)] for site, mine in sites.items()}
    every = species_in(seen for mine in found.values() for seen in mine)
    return [_rate(site, mine, found[site], species, minutes) for site, mine in sites.items() for species in every]


def _rate(site: str, mine: Sequence[Whole], found: Sequence[Detection], species: str, minutes: float) -> SiteRate:
    events = len(independent(of_species(found, species), minutes))
    days = sum(one.effort.days() for one in mine)
    estimate = rate(events, days).scaled(PER_DAYS) if days > 0 else None
    return SiteRate(site, mine[0].place.country, species, events, round(days, 3), estimate)
