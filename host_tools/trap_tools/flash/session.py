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
        while any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(timeout=0.1)
    except KeyboardInterrupt:
        stop.set()
        for thread in threads:
            thread.join()
    return [thread.outcome for thread in threads]


def _feed(image: Image, threads: list[CardThread]) -> None:
    end: Exception | None = None
    try:
        for piece in image.pieces():
            for thread in threads:
                thread.feed(piece)
            if not any(thread.is_alive() for thread in threads):
                return
    except (TrapError, OSError) as error:
        end = error if isinstance(error, TrapError) else TrapError(f"{image.path}: {error.strerror}")
    for thread in threads:
        thread.feed(end)
