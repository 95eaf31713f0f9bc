"""The pretend Pico's flash: the supervisor's own rules for files (``trap_supervisor.files``) over a few kilobytes of memory."""

import json
from pathlib import Path

from trap_supervisor.files import Files


class Flash(Files):
    """Owner of the files. Each write is whole and durable at once; a flash that is cut in mid-write has tests of its own."""

    def __init__(self, content: dict[str, bytes] | None = None) -> None:
        self._content = dict(content or {})

    @classmethod
    def load(cls, path: Path) -> "Flash":
        """As ``save`` left it; empty when there is nothing."""
        if not path.exists():
            return cls()
        return cls({name: bytes.fromhex(data) for name, data in json.loads(path.read_text()).items()})

    def save(self, path: Path) -> None:
        """Keep it for the next run."""
        path.write_text(json.dumps({name: data.hex() for name, data in sorted(self._content.items())}))

    def read(self, name: str, at: int = 0, length: int = -1) -> bytes:
        """A file's bytes; nothing when it is not there."""
        data = self._content.get(name, b"")[at:]
        return data if length < 0 else data[:length]

    def append(self, name: str, data: bytes) -> None:
        """Add to the end of a file."""
        self._content[name] = self._content.get(name, b"") + data

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        self._content.pop(name, None)

    def _list(self) -> list[str]:
        return list(self._content)

    def _put(self, name: str, data: bytes) -> None:
        self._content[name] = data

    def _rename(self, name: str, to: str) -> None:
        self._content[to] = self._content.pop(name)
