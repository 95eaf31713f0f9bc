"""Files that are whole or not there: written beside their name, forced to the disk, then renamed."""

import contextlib
import os
from pathlib import Path

from trap_wire.errors import StorageError


def write(path: Path, data: bytes) -> Path:
    """Replace a file so that a power cut leaves the old one or the new one; folders are made. ``StorageError`` if not."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return settle(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):  # the folder itself may be what is wrong
            temporary.unlink()
        raise StorageError(f"{path}: cannot be written ({error.strerror or error})") from error


def settle(temporary: Path, path: Path) -> Path:
    """Give a finished and synced temporary file its name, durably."""
    temporary.replace(path)
    sync_folder(path.parent)
    return path


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Windows has no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
