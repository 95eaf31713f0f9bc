"""Files that are whole or not there: written beside their name, forced to the disk, then renamed.

Every file of ``trap_tools`` gets its name here (a test looks for other renames).
"""

import contextlib
import ctypes
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
        return settle(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):  # the folder itself may be what is wrong
            temporary.unlink()
        raise StorageError(f"{path}: cannot be written ({error.strerror or error})") from error


def settle(temporary: Path, path: Path) -> Path:
    """Give a finished temporary file, or folder of files, its name: what is in it is made durable first, then the name."""
    sync_tree(temporary) if temporary.is_dir() else sync(temporary)
    return rename(temporary, path)


def rename(old: Path, new: Path) -> Path:
    """Another name for what is durable already; the name is when this returns."""
    name(old, new)
    sync_folder(new.parent)
    return new


def name(old: Path, new: Path) -> Path:
    """The same, for one of many files: the caller syncs their folder once, when all have their names."""
    return old.replace(new)


def sync(path: Path) -> None:
    """Make a file's bytes durable."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Make everything below a folder durable; on Linux by one call for its whole file system, since a season has many files."""
    if not _sync_file_system(folder):
        sync_each(folder)


def sync_each(folder: Path) -> None:
    """The same, file by file."""
    for path in folder.rglob("*"):
        sync_folder(path) if path.is_dir() else sync(path)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Windows has no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_file_system(folder: Path) -> bool:
    """Linux's ``syncfs``; False where there is none. Unlike ``sync`` it does not wait for other disks."""
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except (AttributeError, OSError, TypeError):
        return False
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)
    return True
