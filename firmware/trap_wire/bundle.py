"""A release as one signed file: a tar whose first two members are the manifest and its signature.

``manifest.json`` names every other member with its size and SHA-256, so one signature covers all. Read the same way on
the host and on the unit; standard library only, the signature's arithmetic is passed in (see ``sshsig``).
"""

import hashlib
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from trap_wire import sshsig
from trap_wire.errors import BadInputError, IntegrityError

FORMAT = "manul-bundle/1"
NAMESPACE = "manul-bundle"
MANIFEST, SIGNATURE = "manifest.json", "manifest.json.sig"
MANIFEST_MAX = 4 * 1024 * 1024
ROLES = ("wheel", "supervisor", "model", "protocol", "systemd", "hook")
_VERSION = re.compile(r"\d+(\.\d+){1,3}(rc\d+)?")


@dataclass(frozen=True, slots=True)
class File:
    """A member of the bundle. ``path`` is relative, POSIX; its first folder says what it is for."""

    path: str
    size: int
    sha256: str
    role: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a release is. ``images`` maps the name of a base image to the SHA-256 of its file."""

    name: str
    version: str
    created_at: str
    python: tuple[str, ...]
    files: tuple[File, ...]
    images: Mapping[str, str] = field(default_factory=dict)

    def of_role(self, role: str) -> list[File]:
        """Files of one role, in the manifest's order."""
        return [file for file in self.files if file.role == role]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose manifest's signature was checked; the members are checked as they are read."""

    path: Path
    manifest: Manifest
    signer: bytes
    sha256: str

    def contents(self, only: Iterable[str] | None = None) -> Iterator[tuple[File, bytes]]:
        """Members with their bytes, each proved; ``IntegrityError`` for one that is missing, changed or not named."""
        wanted = {file.path: file for file in self.manifest.files}
        if only is not None:
            wanted = {path: wanted[path] for path in only}
        with _opened(self.path) as tar:
            for member in tar:
                if member.name in (MANIFEST, SIGNATURE) or (only is not None and member.name not in wanted):
                    continue
                file = wanted.pop(member.name, None)
                if file is None:
                    raise IntegrityError(
                        f"{self.path}: {member.name} is not in the signed manifest, or twice in the file"
                    )
                yield file, _proved(self.path, file, _bytes(tar, member, file.size))
        if wanted:
            raise IntegrityError(f"{self.path}: {min(wanted)} is missing: the copy is not whole, get it again")


def opened(path: Path, allowed: Iterable[bytes], check: sshsig.Check) -> Bundle:
    """Read and check a bundle's manifest; ``IntegrityError`` when it is not signed by one of ``allowed``."""
    raw, signature = signed_manifest(path)
    try:
        signer = sshsig.verify(raw, signature.decode("ascii", "replace"), NAMESPACE, allowed, check)
    except IntegrityError as error:
        raise IntegrityError(f"{path}: {error}") from error
    return Bundle(path, parse(raw, str(path)), signer, hashlib.sha256(raw).hexdigest())


def signed_manifest(path: Path) -> tuple[bytes, bytes]:
    """The manifest and its signature, as they lie in the file; nothing is proved by this."""
    with _opened(path) as tar:
        return _first(path, tar, MANIFEST), _first(path, tar, SIGNATURE)


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, "r:") as tar:
            yield tar
    except OSError as error:
        raise BadInputError(
            f"{path}: {error.strerror or error}: give the bundle that 'manul release build' made"
        ) from error
    except tarfile.TarError as error:
        raise IntegrityError(f"{path}: not a whole bundle ({error}): get it again") from error


def _first(path: Path, tar: tarfile.TarFile, name: str) -> bytes:
    member = tar.next()
    if member is None or member.name != name:
        raise IntegrityError(f"{path}: has no {name} at its start: it is not a bundle of Manul")
    return _bytes(tar, member, MANIFEST_MAX)


def _bytes(tar: tarfile.TarFile, member: tarfile.TarInfo, most: int) -> bytes:
    file = tar.extractfile(member) if member.isreg() and member.size <= most else None
    if file is None:
        raise IntegrityError(f"{member.name} in the bundle is too large or no plain file")
    return file.read()


def _proved(path: Path, file: File, data: bytes) -> bytes:
    if len(data) != file.size or hashlib.sha256(data).hexdigest() != file.sha256:
        raise IntegrityError(
            f"{path}: {file.path} is not what the manifest says: it was changed or cut short, get it again"
        )
    return data


def parse(raw: bytes, source: str) -> Manifest:
    """Manifest from its JSON; ``BadInputError`` names the first field that is wrong."""
    try:
        table = json.loads(raw)
        if table["format"] != FORMAT:
            raise BadInputError(f"{source}: is a {table['format']!r}, this software reads {FORMAT}: update it first")
        manifest = Manifest(
            name=str(table["name"]),
            version=str(table["version"]),
            created_at=str(table["created_at"]),
            python=tuple(table["python"]),
            files=tuple(_file(entry) for entry in table["files"]),
            images=dict(table.get("images", {})),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, BadInputError):
            raise
        raise BadInputError(f"{source}: its manifest cannot be read ({type(error).__name__}: {error})") from error
    version_key(manifest.version)
    _check_paths(source, [file.path for file in manifest.files])
    return manifest


def _file(entry: Mapping[str, Any]) -> File:
    file = File(str(entry["path"]), int(entry["size"]), str(entry["sha256"]), str(entry["role"]))
    if file.role not in ROLES:
        raise ValueError(f"unknown role {file.role!r} of {file.path}")
    return file


def _check_paths(source: str, paths: list[str]) -> None:
    for path in paths:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or str(PurePosixPath(path)) != path or "\\" in path:
            raise BadInputError(f"{source}: path {path!r} would leave its folder")
    if len(set(paths)) != len(paths):
        raise BadInputError(f"{source}: names a file twice")


def version_key(version: str) -> tuple[tuple[int, ...], int]:
    """Versions in order: ``1.10 > 1.9 > 1.9rc2``."""
    if not _VERSION.fullmatch(version):
        raise BadInputError(f"version {version!r}: must be like 1.4 or 1.4.2 or 1.5rc1")
    numbers, _, candidate = version.partition("rc")
    parts = [int(part) for part in numbers.split(".")]
    return (tuple(parts + [0] * (4 - len(parts))), int(candidate) if candidate else 1_000_000)


def to_json(manifest: Manifest) -> bytes:
    """The bytes that are signed."""
    table = {
        "format": FORMAT,
        "name": manifest.name,
        "version": manifest.version,
        "created_at": manifest.created_at,
        "python": list(manifest.python),
        "files": [{"path": f.path, "size": f.size, "sha256": f.sha256, "role": f.role} for f in manifest.files],
        "images": dict(manifest.images),
    }
    return json.dumps(table, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
