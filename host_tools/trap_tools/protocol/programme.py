"""What the programme runs now, as this laptop last saw it in a signed release: release, protocol and detector.

Kept beside the keys when ``manul release verify`` or ``manul update`` has proved a bundle; what a unit says is held to it.
"""

import json
import tomllib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from trap_tools import durable
from trap_tools.keys import keystore
from trap_tools.protocol import files
from trap_wire.bundle import Bundle, version_key
from trap_wire.errors import BadInputError

_PROTOCOL, _CARD = "protocol/protocol.toml", "model.toml"


@dataclass(frozen=True, slots=True)
class Programme:
    """The newest release that was proved here. An empty field: that release says nothing about it."""

    release: str
    protocol: str = ""
    protocol_hash: str = ""
    model: str = ""  # name@version+hash, as observations carry it


def named_in(bundle: Bundle) -> Programme:
    """What a release brings; reads and proves the two files that say so."""
    paths = [file.path for file in bundle.manifest.files]
    wanted = [path for path in paths if path == _PROTOCOL or Path(path).name == _CARD]
    texts = {file.path: data.decode() for file, data in bundle.contents(only=wanted)}
    found = Programme(bundle.manifest.version)
    for path, text in texts.items():
        if path == _PROTOCOL:
            rules = files.parse(text, f"{bundle.path}: {path}").protocol
            found = replace(found, protocol=f"{rules.name}@{rules.version}", protocol_hash=rules.digest)
        else:
            found = replace(found, model=_identity(text))
    return found


def remember(bundle: Bundle) -> Programme:
    """Keep what a proved release brings, unless a newer one is known; the newest."""
    found, before = named_in(bundle), known()
    if before is not None and version_key(before.release) > version_key(found.release):
        return before
    durable.write(_path(), json.dumps(asdict(found), indent=1).encode())
    return found


def known() -> Programme | None:
    """What is remembered here; None before any release was proved."""
    path = _path()
    if not path.is_file():
        return None
    try:
        return Programme(**json.loads(path.read_bytes()))
    except (ValueError, TypeError) as error:
        raise BadInputError(f"{path}: {error}: delete it, then 'manul release verify' your release again") from error


def _identity(card: str) -> str:
    """As observations carry it; nothing for a card that cannot be read: 'manul model check' says why, not this."""
    try:
        model = tomllib.loads(card)["model"]
        return f"{model['name']}@{model['version']}+{model['sha256'][:12]}"
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        return ""


def _path() -> Path:
    return keystore.home() / "programme.json"
