"""Sections that need places, labels and exact intervals: map, effort, rates, audit, the solar day, countries."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from trap_tools.analysis.corrected import Corrected, corrected
from trap_tools.analysis.detections import ANY
from trap_tools.analysis.rates import SiteRate, by_site, rates
from trap_tools.analysis.solar import day_length_h, solar_hour
from trap_tools.archive.effort import State
from trap_tools.archive.facts import Verdict
from trap_tools.archive.whole import Whole
from trap_tools.observers.labels import Burst, Label, Labels
from trap_tools.observers.missed import Missed, agreements, missed
from trap_tools.report import charts, plots
from trap_wire.entries import from_us, to_us
from trap_wire.vocabulary import CaptureMethod, Decision, ObservationType

Words = Mapping[str, str]


def sections(read: Sequence[Whole], labels: Labels | None, w: dict[str, str]) -> dict[str, Any]:
    """What the template shows beyond the plain numbers; None for a section that these data cannot have."""
    said = labels.standing() if labels else {}
    found = [row for row in rates(read, said) if row.per_100_days is not None]
    audited = missed(read, said, "unit")
    truth = {by: corrected(read, said, by) for by in GROUPS}
    return {
        "map": _map(read, found, w),
        "timeline": _timeline(read, w),
        "states": [state for state in State if any(one.effort.days(state) > 0 for one in read)],
        "rates": _rates(found, _site_names(read), w),
        "species": _species(said),
        "audit": _audit(audited, w),
        "audit_rows": [row for row in audited if row.looked_at],
        "audit_waits": sum(row.audited - row.looked_at for row in audited),
        "corrected": [panel for by, rows in truth.items() if (panel := _corrected(by, rows, read, w))],
        "agreements": _agreements(labels, w),
        "looked": any(row.looked_at for row in audited),
        **_activity(read, w),
    }


def _map(read: Sequence[Whole], found: Sequence[SiteRate], w: Words) -> Markup | None:
    value = {row.site: row.per_100_days.value for row in found if row.species == ANY and row.per_100_days}
    spots = [
        charts.Spot(
            mine[0].place.location_name or site, mine[0].place.latitude, mine[0].place.longitude or 0.0, value.get(site)
        )
        for site, mine in by_site(read).items()
        if mine[0].place.latitude is not None
    ]
    return charts.site_map(spots, w["map"], w["per_100_days"]) if spots else None


def _timeline(read: Sequence[Whole], w: dict[str, str]) -> Markup | None:
    tracks = [charts.Track(one.log.unit, one.effort.spans) for one in read if one.effort.spans]
    return charts.timeline(tracks, w["effort"], w) if tracks else None


@dataclass(frozen=True, slots=True)
class SpeciesPlot:
    """Rates of one species over the sites."""

    species: str
    plot: Markup
    latin: bool


def _rates(found: Sequence[SiteRate], names: Mapping[str, str], w: Words) -> list[SpeciesPlot]:
    plotted = []
    for species in dict.fromkeys(row.species for row in found):
        rows = [
            charts.Whisker(names[row.site], row.per_100_days, str(row.events))
            for row in found
            if row.species == species and row.per_100_days
        ]
        name = w["all_animals"] if species == ANY else species
        plot = charts.whiskers(rows, f"{w['rates']}: {name}", w["per_100_days"])
        plotted.append(SpeciesPlot(name, plot, species != ANY))
    return plotted


def _species(said: Mapping[Burst, list[Label]]) -> list[tuple[str, int]]:
    """Bursts per named species, most often seen first."""
    names = Counter(name for words in said.values() for name in {label.scientific_name for label in words} if name)
    return names.most_common()


def _audit(rows: Sequence[Missed], w: Words) -> Markup | None:
    points = [
        charts.Whisker(row.group, row.missed.scaled(100), f"{row.animals_found}/{row.looked_at}")
        for row in rows
        if row.missed
    ]
    return charts.whiskers(points, w["audit_title"], "%") if points else None


def _site_names(read: Sequence[Whole]) -> dict[str, str]:
    """What a site is called on the page; a deployment without a location goes by its unit."""
    return {one.site: one.place.location_name or one.place.location or one.log.unit for one in read}


GROUPS = ("unit", "site", "light", "model")


@dataclass(frozen=True, slots=True)
class CorrectedPanel:
    """Raw and corrected rates by one grouping: its title, the plot, and rows of (name, numbers)."""

    title: str
    plot: Markup
    rows: list[tuple[str, Corrected]]


def _corrected(by: str, found: Sequence[Corrected], read: Sequence[Whole], w: Words) -> CorrectedPanel | None:
    """None where there is nothing to draw, or where sites are only other names of the units."""
    if by == "site" and len({one.site for one in read}) == len({one.log.unit for one in read}):
        return None
    names = {"day": w["daylight"], "infrared": w["infrared"], "none": w["no_detector"], **_site_names(read)}
    rows = [(names.get(row.group, row.group).partition("+")[0], row) for row in found if row.raw]
    drawn = [charts.Pair(name, row.raw, row.corrected, str(row.events)) for name, row in rows if row.raw]
    if not drawn:
        return None
    return CorrectedPanel(
        w[f"by_{by}"], charts.pairs(drawn, f"{w['corrected']}: {w[f'by_{by}']}", w["per_100_days"]), rows
    )


def _agreements(labels: Labels | None, w: Words) -> list[str]:
    """How far every two observers agree, in words."""
    pairs = agreements(labels) if labels else []
    return [
        w["agreement"].format(**{**asdict(pair), "kappa": "–" if pair.kappa is None else f"{pair.kappa:.2f}"})
        for pair in pairs
    ]


def _activity(read: Sequence[Whole], w: Words) -> dict[str, Any]:
    """Bursts per hour, in solar time where every place is known, else UTC."""
    solar = bool(read) and all(one.place.longitude is not None for one in read)
    hours = {style: [0.0] * plots.HOURS for style in ("kept", "other", "doubt", "blank")}
    for one in read:
        for verdict, at in _timed(one):
            hour = solar_hour(at, one.place.longitude or 0.0) if solar else at.hour
            hours[style_of(verdict.decision, verdict.observation_type)][int(hour) % plots.HOURS] += 1
    labels = {"kept": "animals", "other": "others", "doubt": "doubt", "blank": "blank"}
    layers = [plots.Layer(w[labels[style]], style, counts) for style, counts in hours.items()]
    shown = plots.hour_bars(layers, w["activity"], w["bursts_axis"], _day_length(read) if solar else None)
    return {"activity": shown, "activity_solar": solar}


def _timed(one: Whole) -> list[tuple[Verdict, datetime]]:
    """Verdicts on the PIR's bursts with their true times."""
    chosen = [verdict for name, verdict in one.log.verdicts.items() if _is_triggered(one, name)]
    times = one.clock.correct_us([v.sequence for v in chosen], [to_us(v.at) for v in chosen])
    return [(verdict, from_us(int(at))) for verdict, at in zip(chosen, times, strict=True)]


def _is_triggered(one: Whole, burst: str) -> bool:
    return burst not in one.log.bursts or one.log.bursts[burst].capture_method == CaptureMethod.ACTIVITY_DETECTION


def _day_length(read: Sequence[Whole]) -> float | None:
    """Mean length of the day over the sites, in the middle of their time."""
    lengths = []
    for one in read:
        if one.effort.spans and one.place.latitude is not None:
            middle = from_us((one.effort.spans[0].start_us + one.effort.spans[-1].end_us) // 2)
            lengths.append(day_length_h(middle, one.place.latitude))
    return sum(lengths) / len(lengths) if lengths else None


def style_of(decision: str, observation_type: str) -> str:
    """Which of the four colours a burst gets."""
    if decision == Decision.BLANK:
        return "blank"
    if observation_type == ObservationType.ANIMAL:
        return "kept"
    return "other" if observation_type in (ObservationType.HUMAN, ObservationType.VEHICLE) else "doubt"
