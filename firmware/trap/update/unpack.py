"""From a bundle's members to files of a folder. A wheel is a zip of packages: unpacked, it is installed (PEP 427)."""

import io
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from trap_wire.bundle import Bundle, File
from trap_wire.errors import BadInputError, IntegrityError

SITE = "site"
# `manul-1.0.data/purelib/x` belongs at the top; scripts, headers and data have no place on a unit.
_DATA = re.compile(r"[^/]+\.data/(?P<kind>[^/]+)/(?P<path>.+)")


def python() -> str:
    """This interpreter as bundles name it, like 3.11."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def wanted(bundle: Bundle, python: str) -> list[File]:
    """Members that a unit with this Python (``3.11``) needs."""
    if python not in bundle.manifest.python:
        made_for = ", ".join(bundle.manifest.python)
        raise BadInputError(f"release {bundle.manifest.version} is for Python {made_for}, this unit has {python}")
    tag = "cp" + python.replace(".", "")
    return [f for f in bundle.manifest.files if f.role != "wheel" or f.path.split("/")[1] in ("any", tag)]


def files(bundle: Bundle, python: str) -> Iterator[tuple[str, bytes]]:
    """Paths below the folder with their bytes, each proved against the manifest."""
    for file, data in bundle.contents([file.path for file in wanted(bundle, python)]):
        if file.role == "wheel":
            yield from _wheel(file.path, data)
        else:
            yield file.path, data


def size(bundle: Bundle, python: str) -> int:
    """Bytes that the unpacked release takes, wheels counted unpacked."""
    return sum(len(data) for _, data in files(bundle, python))


def _wheel(path: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as wheel:
            for entry in wheel.infolist():
                if not entry.is_dir() and (place := _place(path, entry.filename)):
                    yield f"{SITE}/{place}", wheel.read(entry)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise IntegrityError(f"{path} in the bundle is not a whole wheel ({error}): build the release again") from error


def _place(path: str, name: str) -> str:
    if name.startswith("/") or ".." in PurePosixPath(name).parts:
        raise IntegrityError(f"{path} in the bundle names {name}, outside its folder: build the release again")
    found = _DATA.fullmatch(name)
    if found is None:
        return name
    return found["path"] if found["kind"] in ("purelib", "platlib") else ""
