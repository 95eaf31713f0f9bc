"""Results of one detector over an archive: one JSON line a file, keyed by the file's hash; only ever added to."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from trap_tools.rescreen.work import Result
from trap_wire.errors import StorageError

FOLDER = "rescreen"


class Results:
    """Owner of ``FOLDER/rescreen/<model hash>.jsonl``. A line that a power cut tore is dropped and its file done again."""

    def __init__(self, archive: Path, model_sha256: str) -> None:
        self.path = archive / FOLDER / f"{model_sha256[:16]}.jsonl"
        self._done = self._load()

    def __contains__(self, sha256: object) -> bool:
        return sha256 in self._done

    def __len__(self) -> int:
        return len(self._done)

    def get(self, sha256: str) -> Result | None:
        """The result of a file, None when it was not looked at."""
        return self._done.get(sha256)

    def add(self, results: Sequence[Result]) -> None:
        """Add results; they are on the disk when this returns. Faults are not kept: the next run tries those files again."""
        fresh = [result for result in results if result.sha256 not in self._done and not result.fault]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.write("".join(json.dumps(asdict(result), sort_keys=True) + "\n" for result in fresh).encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(f"{self.path}: {error.strerror}") from error
        self._done |= {result.sha256: result for result in fresh}

    def _load(self) -> dict[str, Result]:
        if not self.path.is_file():
            return {}
        raw = self.path.read_bytes()
        if raw and not raw.endswith(b"\n"):
            # Cut the torn tail off, else the next line would be glued to it.
            raw = raw[: raw.rfind(b"\n") + 1]
            with self.path.open("r+b") as file:
                file.truncate(len(raw))
        found = {}
        for line in raw.decode(errors="replace").splitlines():
            try:
                body = json.loads(line)
                found[body["sha256"]] = Result(body["sha256"], tuple(body["boxes"]), body["fault"])
            except (ValueError, KeyError, TypeError):
                continue
        return found
