"""Where the work is done: in this process, in processes of this machine, or in the workers of a Dask scheduler.

All three are given pieces of work and give results back as they are ready; no more is under way than keeps everybody busy, so
that an archive of any size needs the memory of a few hundred frames.
"""

import os
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, Protocol

from trap_tools.rescreen.work import Job, Result, work
from trap_wire.errors import BadInputError, LinkError, TrapError

# Large enough that handing over costs little beside 6 ms a picture, small enough that a kill costs little.
CHUNK = 16
# Pieces under way for every worker: one in work, the next ones ready when results wait for the disk.
AHEAD = 4
# A worker killed by the system is replaced this often before we believe that the work itself kills it.
RETRIES = 3
ASK_S = 5.0  # how often a scheduler is asked for the size of its cluster
Piece = tuple[Job, ...]


class Workers(Protocol):
    """Somebody who does pieces of work. ``under_way`` counts those that were given and have not come back."""

    def has_room(self) -> bool:
        """Whether another piece keeps somebody busy."""

    def give(self, piece: Piece) -> None:
        """Another piece of work."""

    def take(self) -> list[Result]:
        """Results of the next piece that is ready; nothing when nothing is under way."""


@contextmanager
def workers(folder: Path, processes: int, scheduler: str | None) -> Iterator[Workers]:
    """The workers that were asked for. ``LinkError`` when they die or cannot be reached."""
    if scheduler:
        yield from _on_dask(scheduler, folder)
    elif processes == 1:
        yield Alone(folder)
    else:
        with Processes(folder, processes) as pool:
            yield pool


class Alone:
    """This very process: nothing to start, nothing to hand over."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._waiting = str(folder), deque[Piece]()

    def has_room(self) -> bool:
        """One piece at a time."""
        return not self._waiting

    def give(self, piece: Piece) -> None:
        """Keep it until somebody takes its results."""
        self._waiting.append(piece)

    def take(self) -> list[Result]:
        """Do the oldest piece."""
        return work(self._folder, self._waiting.popleft()) if self._waiting else []


class Processes:
    """Processes of this machine; one that dies is replaced, and what it had in hand is done again."""

    def __init__(self, folder: Path, processes: int) -> None:
        self._folder, self._processes, self._deaths = str(folder), processes, 0
        self._under_way: dict[Future[list[Result]], Piece] = {}
        self._pool = self._started()

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def has_room(self) -> bool:
        """Whether fewer than AHEAD pieces for each process are under way."""
        return len(self._under_way) < AHEAD * self._processes

    def give(self, piece: Piece) -> None:
        """Another piece; a pool that has just died gets it when it is started anew."""
        try:
            self._under_way[self._pool.submit(work, self._folder, piece)] = piece
        except BrokenProcessPool:
            self._start_anew(piece)

    def take(self) -> list[Result]:
        """Results of a piece, in whatever order they become ready."""
        while self._under_way:
            ready, _ = wait(self._under_way, return_when=FIRST_COMPLETED)
            future = ready.pop()
            try:
                results = future.result()
            except BrokenProcessPool:
                self._start_anew()
                continue
            del self._under_way[future]
            return results
        return []

    def _start_anew(self, *pieces: Piece) -> None:
        self._deaths += 1
        if self._deaths > RETRIES:
            raise LinkError(f"a worker process died {self._deaths} times; what is done is kept, start again to go on")
        # Some results may have arrived before the pool broke; only the rest is given again.
        left = [piece for future, piece in self._under_way.items() if _is_lost(future)]
        kept = {future: piece for future, piece in self._under_way.items() if not _is_lost(future)}
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool, self._under_way = self._started(), kept
        for piece in (*left, *pieces):
            self.give(piece)

    def _started(self) -> ProcessPoolExecutor:
        # Each process is one thread; the libraries would start one for every processor in each of them.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        return ProcessPoolExecutor(self._processes, mp_context=_context())


def _is_lost(future: "Future[list[Result]]") -> bool:
    return not future.done() or future.cancelled() or future.exception() is not None


def _context() -> BaseContext:
    """Not forked from here, where threads run (progress bar), but where it can be from a server that has only read the code."""
    if sys.platform != "linux":
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([work.__module__])
    return context


class _Dask:
    """Workers of a Dask cluster, which see archive and detector under the same paths. What a killed one had goes to another."""

    def __init__(self, client: Any, folder: Path) -> None:
        from distributed import as_completed

        self._client, self._folder = client, str(folder)
        self._ready, self._under_way = as_completed(), 0  # type: ignore[no-untyped-call]
        self._threads, self._asked = 0, 0.0

    def has_room(self) -> bool:
        """Whether fewer than AHEAD pieces for each thread of the cluster are under way; workers may come and go."""
        if time.monotonic() - self._asked > ASK_S:
            self._threads, self._asked = sum(self._client.nthreads().values()), time.monotonic()
        return self._under_way < AHEAD * max(1, self._threads)

    def give(self, piece: Piece) -> None:
        """Another piece."""
        self._under_way += 1
        self._ready.add(  # type: ignore[no-untyped-call]
            self._client.submit(work, self._folder, piece, retries=RETRIES, pure=False)
        )

    def take(self) -> list[Result]:
        """Results of the next piece; ``LinkError`` when the cluster gives it up."""
        if not self._under_way:
            return []
        future = next(self._ready)
        self._under_way -= 1
        try:
            results: list[Result] = future.result()
        except TrapError:
            raise
        except Exception as error:
            raise LinkError(f"a worker failed ({type(error).__name__}: {error}); what is done is kept") from error
        return results


def _on_dask(scheduler: str, folder: Path) -> Iterator[_Dask]:
    try:
        from distributed import Client
    except ImportError as error:
        raise BadInputError("--scheduler needs Dask: pip install 'manul[science]'") from error
    try:
        client = Client(scheduler, timeout="5s")  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise LinkError(f"{scheduler}: no Dask scheduler answers ({error})") from error
    with client:
        yield _Dask(client, folder)


def pieces(jobs: Sequence[Job]) -> Iterator[Piece]:
    """Jobs in pieces."""
    for at in range(0, len(jobs), CHUNK):
        yield tuple(jobs[at : at + CHUNK])
