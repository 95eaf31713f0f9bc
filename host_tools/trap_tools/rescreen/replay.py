"""One deployment on its way through its bursts, in the order of capture: verdicts as its unit would have made them.

Looks are taken by others, in any order. What changed against the last quiet frame hangs on the bursts before, but on no
detection, so the places for second looks are known early; what recurs hangs on both looks, so verdicts come last.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from trap.deployment import Deployment, Station
from trap.ports import Box, ModelIdentity, Pixels, Thresholds
from trap.triage.change import Cells, Region
from trap.triage.judge import Triage
from trap.triage.looks import Compared, Steps, compared, places_to_look, weighed_together
from trap.triage.scene import Scene
from trap_tools.rescreen.episodes import Episode, Frame
from trap_tools.rescreen.store import Judged, Results, Who
from trap_tools.rescreen.work import Found, Job, Result

STEPS = Steps()


class Looks:
    """Owner of what was seen: the results, and what could not be read in this run and counts as nothing seen."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self._lost: set[tuple[str, Box | None]] = set()
        self._fresh: dict[tuple[str, Box | None], Found] = {}  # asked for soon; the file is for the next run

    def of(self, sha256: str, place: Box | None = None) -> Found | None:
        """What was seen there; None while it is not known."""
        if (sha256, place) in self._lost:
            return ()
        fresh = self._fresh.get((sha256, place))
        return self.results.look(sha256, place) if fresh is None else fresh

    def take(self, result: Result) -> None:
        """Keep what came back."""
        if result.fault:
            self._lost.add((result.job.sha256, result.job.place))
        if result.found is not None:
            self._fresh[result.job.sha256, result.job.place] = result.found
        self.results.add(result)

    def forget(self, sha256: str, place: Box | None) -> None:
        """A burst is judged; whoever asks again gets the answer from the file."""
        self._fresh.pop((sha256, None), None)
        self._fresh.pop((sha256, place), None)


@dataclass(frozen=True, slots=True)
class Card:
    """``trap.ports.Detector`` by its card alone: who speaks and from which score on; the looking is done elsewhere."""

    identity: ModelIdentity
    thresholds: Thresholds

    def look(self, picture: Pixels) -> Found:
        """Nobody asks: judging begins when all looks are there."""
        raise NotImplementedError(f"looks of {self.identity} come from the workers, not here ({picture.shape})")


@dataclass(slots=True)
class _Burst:
    """A burst under way: cells of its frames as they arrive, what changed, and where to look again."""

    episode: Episode
    cells: dict[int, Cells | None] = field(default_factory=dict)  # None for a frame that cannot be read
    seen: Compared | None = None
    frames: tuple[Frame, ...] = ()  # those that can be read
    places: tuple[Box | None, ...] = ()


class Replay:
    """Owner of one deployment's judging. ``number`` counts deployments; tickets of its jobs begin with it."""

    def __init__(self, number: int, who: Who, episodes: Sequence[Episode], card: Card, looks: Looks) -> None:
        self.number, self.who = number, who
        self._card, self._looks, self._results = card, looks, looks.results
        done = self._done(episodes)
        self._bursts = [_Burst(episode) for episode in episodes[done:]]
        self._upto, self._state = self._results.scene(who) if done else (0, b"")
        # Two memories of one scene: what changed is known before what was seen there, and runs ahead.
        self._ahead, self._behind = Scene.load(self._state), Scene.load(self._state)
        self._compared = self._judged = 0
        self._whole = True  # until a file cannot be read

    def _done(self, episodes: Sequence[Episode]) -> int:
        """How many of the first bursts need nothing: judged on the same basis, with the scene's memory behind them kept."""
        upto, _ = self._results.scene(self.who)
        known = self._results.judged(self.who)
        count = sum(episode.sequence <= upto for episode in episodes)
        for episode in episodes[:count]:
            verdict = known.get(episode.burst)
            if episode.judged and (verdict is None or verdict.basis != episode.basis(self._card.thresholds)):
                return 0
        return count

    @property
    def is_finished(self) -> bool:
        """Whether every burst was judged."""
        return self._judged == len(self._bursts)

    @property
    def is_waiting(self) -> bool:
        """Whether all frames of the next burst are there, and only what was seen in one of them is not."""
        if self._compared == len(self._bursts):
            return False
        burst = self._bursts[self._compared]
        return len(burst.cells) == len(burst.episode.frames)

    def jobs(self) -> Iterator[Job]:
        """First looks at every frame that is left, in the order of capture."""
        for at, burst in enumerate(self._bursts):
            episode = burst.episode
            for index, frame in enumerate(episode.frames):
                known = not episode.judged or self._looks.of(frame.sha256) is not None
                yield Job((self.number, at, index), frame.sha256, frame.path, episode.lores_px, known=known)

    def take(self, result: Result) -> None:
        """A look that came back; its boxes are among the looks already."""
        _, at, index = result.job.ticket
        if result.job.place is None:
            self._bursts[at].cells[index] = result.cells
        self._whole = self._whole and not result.fault

    def keep(self) -> None:
        """Put down how far this is and what the scene remembers.

        Behind a file that cannot be read nothing is put down: it may be readable tomorrow, and then the next run judges again
        from there.
        """
        if self._whole and self._judged:
            self._state = self._behind.to_save() or self._state
            self._upto = self._bursts[self._judged - 1].episode.sequence
            self._results.remember(self.who, self._upto, self._state)

    def advance(self) -> list[Job]:
        """Go as far as the looks allow; gives the second looks that are wanted next."""
        wanted: list[Job] = []
        while self._compared < len(self._bursts) and self._compare(self._bursts[self._compared]):
            wanted += self._second_looks(self._compared)
            self._compared += 1
        while self._judged < self._compared and self._judge(self._bursts[self._judged]):
            self._judged += 1
        return wanted

    def _compare(self, burst: _Burst) -> bool:
        """Find what changed in a burst; False while a frame of it is missing."""
        episode = burst.episode
        if len(burst.cells) < len(episode.frames):
            return False
        there = [
            (frame, cells) for index, frame in enumerate(episode.frames) if (cells := burst.cells[index]) is not None
        ]
        first = [self._looks.of(frame.sha256) if episode.judged else () for frame, _ in there]
        if any(found is None for found in first):
            return False  # the same file is being looked at for another burst
        burst.cells.clear()
        burst.frames = tuple(frame for frame, _ in there)
        if there:
            pictures = [cells for _, cells in there]
            burst.seen = compared([found or () for found in first], pictures, self._ahead.quiet(episode.hour))
            self._ahead.learn(episode.hour, burst.seen.still, _moved(burst.seen), ())
        return True

    def _second_looks(self, at: int) -> Iterator[Job]:
        burst = self._bursts[at]
        if burst.seen is None or not burst.episode.judged:
            return
        burst.places = places_to_look(burst.seen, self._card.thresholds, STEPS)
        for index, (frame, place) in enumerate(zip(burst.frames, burst.places, strict=True)):
            if place is not None and self._looks.of(frame.sha256, place) is None:
                yield Job((self.number, at, index), frame.sha256, frame.path, burst.episode.lores_px, place)

    def _judge(self, burst: _Burst) -> bool:
        """Decide on a burst whose looks are all there; False while one is missing."""
        episode, seen = burst.episode, burst.seen
        if seen is not None and episode.judged:
            looks = list(self._again(burst))
            if any(found is None for found in looks):
                return False
            self._decide(burst, seen, [found or () for found in looks])
        elif seen is not None:
            self._behind.learn(episode.hour, seen.still, _moved(seen), ())
        for frame, place in zip(burst.frames, burst.places, strict=False):
            self._looks.forget(frame.sha256, place)
        burst.seen = None
        return True

    def _again(self, burst: _Burst) -> Iterator[Found | None]:
        for frame, place in zip(burst.frames, burst.places, strict=True):
            yield () if place is None else self._looks.of(frame.sha256, place)

    def _decide(self, burst: _Burst, seen: Compared, again: Sequence[Found]) -> None:
        episode, detector = burst.episode, self._card
        looked = weighed_together(seen, again, self._behind, STEPS, detector.thresholds)
        triage = Triage(detector, Deployment(station=Station(), protocol=episode.rules), lambda: 0, scene=self._behind)
        verdict = triage.decide(episode.burst, looked, episode.hour, heartbeat=episode.heartbeat)
        places = sum(place is not None for place in burst.places)
        basis = episode.basis(detector.thresholds)
        kind, score, frames = str(verdict.observation_type), round(verdict.score, 4), len(burst.frames)
        decision = str(verdict.decision)
        judged = Judged(episode.burst, episode.sequence, decision, kind, score, frames, places, basis)
        self._results.judge(self.who, judged)


def _moved(seen: Compared) -> tuple[Region, ...]:
    return tuple(region for frame in seen.regions for region in frame)
