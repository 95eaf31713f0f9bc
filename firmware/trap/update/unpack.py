"""From a bundle's members to files of a folder. A wheel is a zip of packages: unpacked, it is installed (PEP 427).

Byte code is made here, once, and written, synced and proved like every other file: a unit compiles nothing when it starts,
which would take three times as long (docs/image.md), and a torn file of byte code would keep it from starting at all.
"""

import importlib.util
import io
import marshal
import re
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from trap_wire.bundle import Bundle, File
from trap_wire.errors import BadInputError, IntegrityError

SITE = "site"
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
UNCHECKED = 0b01  # PEP 552: by hash, and not compared with the source
# `manul-1.0.data/purelib/x` belongs at the top; scripts, headers and data have no place on a unit.
_DATA = re.compile(r"[^/]+\.data/(?P<kind>[^/]+)/(?P<path>.+)")


def python() -> str:
    """This interpreter as bundles name it, like 3.11."""
    return HERE


def wanted(bundle: Bundle, python: str) -> list[File]:
    """Members that a unit with this Python (``3.11``) needs."""
    if python not in bundle.manifest.python:
        made_for = ", ".join(bundle.manifest.python)
        raise BadInputError(f"release {bundle.manifest.version} is for Python {made_for}, this unit has {python}")
    tag = "cp" + python.replace(".", "")
    return [f for f in bundle.manifest.files if f.role != "wheel" or f.path.split("/")[1] in ("any", tag)]


def files(bundle: Bundle, python: str) -> Iterator[tuple[str, bytes]]:
    """Paths below the folder with their bytes, each proved against the manifest; behind a module its byte code."""
    for path, data in _unpacked(bundle, python):
        yield path, data
        if python == HERE and (made := byte_code(path, data)):
            yield made


def size(bundle: Bundle, python: str) -> int:
    """Bytes that the unpacked release takes, wheels counted unpacked; byte code is about as large as its source."""
    found = (_lengths(file, data) for file, data in bundle.contents([file.path for file in wanted(bundle, python)]))
    return sum(length * (2 if compiles(path) else 1) for lengths in found for path, length in lengths)


def _lengths(file: File, data: bytes) -> list[tuple[str, int]]:
    """What a wheel's table of contents says, which the manifest's signature covers; nothing is unpacked for it."""
    if file.role != "wheel":
        return [(file.path, file.size)]
    with _opened(file.path, data) as wheel:
        places = ((_place(file.path, entry.filename), entry.file_size) for entry in wheel.infolist())
        return [(f"{SITE}/{place}", length) for place, length in places if place]


def _unpacked(bundle: Bundle, python: str) -> Iterator[tuple[str, bytes]]:
    for file, data in bundle.contents([file.path for file in wanted(bundle, python)]):
        if file.role == "wheel":
            yield from _wheel(file.path, data)
        else:
            yield file.path, data


def compiles(path: str) -> bool:
    """Whether a unit may import this file; libraries bring their tests along, which it never does."""
    parts = PurePosixPath(path).parts
    return parts[0] == SITE and path.endswith(".py") and "tests" not in parts


def byte_code(path: str, source: bytes) -> tuple[str, bytes] | None:
    """Path and bytes of a module's byte code, which Python takes unchecked (PEP 552); None for what nobody imports."""
    if not compiles(path):
        return None
    try:
        code = compile(source, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):  # a template, or for another Python: whoever imports it will be told
        return None
    head = importlib.util.MAGIC_NUMBER + UNCHECKED.to_bytes(4, "little") + importlib.util.source_hash(source)
    return importlib.util.cache_from_source(path), head + marshal.dumps(code)


def _wheel(path: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    with _opened(path, data) as wheel:
        for entry in wheel.infolist():
            if not entry.is_dir() and (place := _place(path, entry.filename)):
                yield f"{SITE}/{place}", wheel.read(entry)


@contextmanager
def _opened(path: str, data: bytes) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as wheel:
            yield wheel
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise IntegrityError(f"{path} in the bundle is not a whole wheel ({error}): build the release again") from error


def _place(path: str, name: str) -> str:
    if name.startswith("/") or ".." in PurePosixPath(name).parts:
        raise IntegrityError(f"{path} in the bundle names {name}, outside its folder: build the release again")
    found = _DATA.fullmatch(name)
    if found is None:
        return name
    return found["path"] if found["kind"] in ("purelib", "platlib") else ""
