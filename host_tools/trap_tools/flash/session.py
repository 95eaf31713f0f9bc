"""Several cards at once: the image is read, unpacked and hashed once and handed to every card's own thread."""

import threading
from collections.abc import Sequence

from trap_tools.flash.image import Image
from trap_tools.flash.job import CardThread, Job, Report
from trap_tools.flash.outcome import Outcome
from trap_wire.errors import TrapError


def flash(image: Image, jobs: Sequence[Job], report: Report, stop: threading.Event) -> list[Outcome]:
    """Write every card; an outcome each, in the order of ``jobs``. Ctrl-C stops all of them cleanly."""
    threads = [CardThread(job, image, report, stop) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        _feed(image, threads)
        _wait(threads)
    except KeyboardInterrupt:
        _stopped(threads, stop)
    return [thread.outcome for thread in threads]


def _wait(threads: list[CardThread]) -> None:
    """Not by ``join``: CPython 3.11's, once interrupted, takes a thread that goes on for one that has ended (bpo-45274)."""
    for thread in threads:
        thread.ended.wait()


def _stopped(threads: list[CardThread], stop: threading.Event) -> None:
    """However often Ctrl-C is pressed: a card's own thread ends it cleanly, at its next piece."""
    stop.set()
    while True:
        try:
            return _wait(threads)
        except KeyboardInterrupt:
            continue


def _feed(image: Image, threads: list[CardThread]) -> None:
    end: Exception | None = None
    try:
        for piece in image.pieces():
            for thread in threads:
                thread.feed(piece)
            if all(thread.ended.is_set() for thread in threads):
                return
    except (TrapError, OSError) as error:
        end = error if isinstance(error, TrapError) else TrapError(f"{image.path}: {error.strerror}")
    for thread in threads:
        thread.feed(end)
