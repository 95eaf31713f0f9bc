"""Every deployment of an archive through one detector: looks come back in any order and are judged in that of capture."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from trap_tools.archive.whole import Whole
from trap_tools.rescreen.episodes import episodes
from trap_tools.rescreen.replay import Card, Looks, Replay
from trap_tools.rescreen.run import Piece, Workers, pieces
from trap_tools.rescreen.store import Results
from trap_tools.rescreen.work import Job, Result
from trap_wire.protocol import Protocol


@dataclass(frozen=True, slots=True)
class Step:
    """What came back at once: first looks that are done, and words for every file that could not be read."""

    looks: int
    faults: tuple[str, ...]


class Screening:
    """Owner of a run over an archive. ``total`` are its first looks, known ones of which only the cells are wanted included."""

    def __init__(self, read: Sequence[Whole], rules: Mapping[str, Protocol], card: Card, results: Results) -> None:
        self._looks, self._results = Looks(results), results
        self._replays = [
            Replay(number, (one.log.unit, one.log.deployment), episodes(one, rules), card, self._looks)
            for number, one in enumerate(read)
        ]
        # Each content is looked at once, however often it lies in the archive.
        asked: set[str] = set()
        self._left = deque(pieces([_once(job, asked) for replay in self._replays for job in replay.jobs()]))
        self.total = sum(map(len, self._left))

    def steps(self, workers: Workers) -> Iterator[Step]:
        """Do it all; what is done is kept as it comes, and everything when this ends, however it ends."""
        try:
            self._fill(workers)
            while results := workers.take():
                yield self._take(results, workers)
                self._fill(workers)
                if self._results.is_due():
                    self._keep()
            stuck = [replay for replay in self._replays if not replay.is_finished]
            assert not stuck, f"deployments without an end: {[replay.who for replay in stuck]}"  # noqa: S101
        finally:
            self._keep()

    def _fill(self, workers: Workers) -> None:
        while self._left and workers.has_room():
            workers.give(self._left.popleft())

    def _take(self, results: Sequence[Result], workers: Workers) -> Step:
        for result in results:
            self._looks.take(result)
            self._replays[result.job.ticket[0]].take(result)
        for again in self._wanted(results):
            workers.give(again)
        first = sum(result.job.place is None for result in results)
        return Step(first, tuple(f"{result.job.path}: {result.fault}" for result in results if result.fault))

    def _wanted(self, results: Sequence[Result]) -> Iterator[Piece]:
        """Second looks that these results lead to."""
        concerned = {result.job.ticket[0] for result in results}
        for number in sorted(concerned | self._waiting()):
            yield from pieces(self._replays[number].advance())

    def _waiting(self) -> set[int]:
        """Deployments that wait for a look at a file that another one asked for."""
        return {replay.number for replay in self._replays if replay.is_waiting}

    def _keep(self) -> None:
        for replay in self._replays:
            replay.keep()
        self._results.commit()


def _once(job: Job, asked: set[str]) -> Job:
    if job.known or job.sha256 in asked:
        return replace(job, known=True)
    asked.add(job.sha256)
    return job
