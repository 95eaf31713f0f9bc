"""The media files of a holding against its journal: there, whole, and nothing that nobody wrote down."""

import os
import stat
from collections.abc import Iterator

from trap_tools.archive.facts import Log, Medium
from trap_tools.archive.faults import Fault, What
from trap_tools.archive.layout import Holding
from trap_tools.sums import sha256_of

FOLDERS = ("media", "thumbnails")


def missing(holding: Holding, log: Log) -> Iterator[Fault]:
    """Journalled files that are not in the folder or have another size. No byte of them is read."""
    root = f"{holding.root}/"
    for medium in log.present:
        size = _size(root + medium.path)
        if size is None:
            words = "journalled, but not in the folder; pull again, or copy it from the card"
            yield Fault(What.MISSING_FILE, medium.path, words)
        elif size != medium.size:
            yield Fault(
                What.CHANGED_FILE, medium.path, f"{size} bytes long, the journal says {medium.size}; pull again"
            )


def _size(path: str) -> int | None:
    """Size of a regular file, None for anything else. Plain strings: a season asks this hundreds of thousands of times."""
    try:
        told = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return told.st_size if stat.S_ISREG(told.st_mode) else None


def changed(holding: Holding, medium: Medium) -> Fault | None:
    """A fault when the bytes of a file are not what its hash says. A file that is not there is no matter of this check."""
    try:
        if sha256_of(f"{holding.root}/{medium.path}") == medium.sha256:
            return None
    except FileNotFoundError:
        return None
    except OSError as error:
        return Fault(What.UNREADABLE, medium.path, f"cannot be read ({error.strerror}); is the disk failing?")
    return Fault(What.CHANGED_FILE, medium.path, "its bytes are not what the journal's SHA-256 says; pull it again")


def unnamed(holding: Holding, log: Log) -> Iterator[Fault]:
    """Files that no entry of the journal names: copied by hand, or left from another unit."""
    for folder in FOLDERS:
        for path in sorted((holding.root / folder).rglob("*")):
            name = path.relative_to(holding.root).as_posix()
            if path.is_file() and path.suffix != ".part" and not (name in log.media or name in log.elsewhere):
                yield Fault(What.EXTRA_FILE, name, "no entry of the journal names this file; it is left alone")
