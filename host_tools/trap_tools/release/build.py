"""Put a bundle together: every member hashed into the manifest, the manifest signed, the file durable."""

import hashlib
import io
import os
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trap_tools import durable, keys
from trap_tools.sums import sha256_of
from trap_wire import bundle
from trap_wire.bundle import File, Manifest
from trap_wire.errors import BadInputError

_SKIPPED = {"__pycache__", ".mypy_cache", ".ruff_cache"}


@dataclass(slots=True)
class Contents:
    """What goes in: (path in the bundle, role, file) of each member."""

    members: list[tuple[str, str, Path]] = field(default_factory=list)

    def add(self, where: str, role: str, path: Path) -> None:
        """A file, or a folder with everything in it."""
        if path.is_file():
            self.members.append((where, role, path))
        elif path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.is_file() and not _SKIPPED & set(p.parts))
            self.members += [(f"{where}/{p.relative_to(path).as_posix()}", role, p) for p in found]
        if not path.exists() or (path.is_dir() and not any(path.iterdir())):
            raise BadInputError(f"{path}: is not there or empty: a release needs its {role}")


def build(
    contents: Contents,
    target: Path,
    *,
    version: str,
    python: Iterable[str],
    base: Iterable[Path],
    key: Ed25519PrivateKey,
) -> Manifest:
    """Write a signed bundle; the same contents, version, key and ``SOURCE_DATE_EPOCH`` give the same bytes."""
    bundle.version_key(version)
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", datetime.now(UTC).timestamp()))
    files = tuple(_described(*member) for member in contents.members)
    manifest = Manifest(
        name="manul",
        version=version,
        created_at=datetime.fromtimestamp(epoch, UTC).isoformat(timespec="seconds"),
        python=tuple(python),
        files=files,
        images={path.name: sha256_of(path) for path in base},
    )
    raw = bundle.to_json(manifest)
    bundle.parse(raw, str(target))  # what we write must be what we read
    signature = keys.sign(key, raw, bundle.NAMESPACE).encode()
    durable.write(target, _packed(raw, signature, contents, epoch))
    return manifest


def _described(where: str, role: str, path: Path) -> File:
    data = path.read_bytes()
    return File(where, len(data), hashlib.sha256(data).hexdigest(), role)


def _packed(raw: bytes, signature: bytes, contents: Contents, epoch: int) -> bytes:
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in ((bundle.MANIFEST, raw), (bundle.SIGNATURE, signature)):
            _member(tar, name, data, epoch)
        for where, _, path in contents.members:
            _member(tar, where, path.read_bytes(), epoch)
    return memory.getvalue()


def _member(tar: tarfile.TarFile, name: str, data: bytes, epoch: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = len(data), epoch, 0o644
    tar.addfile(info, io.BytesIO(data))
