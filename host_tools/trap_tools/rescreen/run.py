"""Where the work is done: processes of this machine, or the workers of a Dask scheduler. Results come as they are ready."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from trap_tools.rescreen.work import Job, Result, look
from trap_wire.errors import BadInputError, LinkError

# Large enough that the cost of handing over is small beside 40 ms a picture, small enough that a kill costs little.
CHUNK = 16
# A worker killed by the system is replaced this often before we believe that the work itself kills it.
RETRIES = 3


def on_processes(folder: Path, jobs: Sequence[Job], processes: int) -> Iterator[list[Result]]:
    """Results of chunks from this machine's processes; a process that dies is replaced and its chunk done again."""
    left = _chunks(jobs)
    for _ in range(RETRIES + 1):
        done: set[int] = set()
        try:
            # Not forked: the parent has threads (progress bar), and LiteRT's pools do not survive a fork.
            with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_alone) as pool:
                numbers = {pool.submit(look, str(folder), chunk): number for number, chunk in enumerate(left)}
                for future in as_completed(numbers):
                    yield future.result()
                    done.add(numbers[future])
        except BrokenProcessPool:
            left = [chunk for number, chunk in enumerate(left) if number not in done]
            continue
        return
    raise LinkError(f"a worker process died {RETRIES + 1} times; what is done is kept, start again to go on")


def _alone() -> None:
    """One thread a process, whatever the libraries would like."""
    os.environ["OMP_NUM_THREADS"] = "1"


def on_dask(scheduler: str, folder: Path, jobs: Sequence[Job]) -> Iterator[list[Result]]:
    """Results of chunks from a Dask cluster; work of a worker that is killed goes to another one.

    Workers see the archive and the detector under the same paths, as on a shared disk.
    """
    try:
        from distributed import Client
        from distributed import as_completed as finished
    except ImportError as error:
        raise BadInputError("--scheduler needs Dask: pip install 'manul[science]'") from error
    try:
        client = Client(scheduler, timeout="5s")  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise LinkError(f"{scheduler}: no Dask scheduler answers ({error})") from error
    with client:
        # Pure: the same chunk has the same key, so a chunk that is running already is not sent twice.
        chunks = _chunks(jobs)
        futures = client.map(look, [str(folder)] * len(chunks), chunks, retries=RETRIES, pure=True)
        for future in finished(futures):  # type: ignore[no-untyped-call]
            try:
                yield future.result()
            except Exception as error:
                raise LinkError(f"a worker failed ({type(error).__name__}: {error}); what is done is kept") from error


def _chunks(jobs: Sequence[Job]) -> list[tuple[Job, ...]]:
    return [tuple(jobs[at : at + CHUNK]) for at in range(0, len(jobs), CHUNK)]
