"""SMP group 1 (img) over the two folders: what a host sends, asks and decides about releases, as plain handlers.

Names and fields are Zephyr's (``img_mgmt``), so any SMP client can read the state and send a bundle: slot 0 is what runs,
slot 1 what is ready. An upload that a cut cable stopped goes on where it was, over restarts too.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trap.update import boot, install, trust
from trap.update import state as states
from trap_wire import bundle, sshsig
from trap_wire.errors import TrapError
from trap_wire.smp import Error

if TYPE_CHECKING:
    from trap.ports import Card

Body = Mapping[str, Any]
MOST = 1024**3
Run = Callable[[Callable[[], None]], None]


def in_background(work: Callable[[], None]) -> None:
    """Installing takes a minute on a slow card; the cable is answered meanwhile."""
    threading.Thread(target=work, name="update", daemon=True).start()


class Images:
    """Owns the upload and the installing; ``said`` is what happened last, in words, for the summary and the journal."""

    def __init__(
        self,
        card: "Card",
        inbox: Path,
        allowed: Callable[[], Iterable[bytes]],
        python: str,
        *,
        check: sshsig.Check = trust.check,
        run: Run = in_background,
        home: Path | None = None,
    ) -> None:
        """``inbox`` is a folder for what arrives; ``allowed`` gives the programme's public keys; ``python`` like ``3.11``.

        ``home``: root's folder on a card that takes systemd units with a release.
        """
        self._card, self._inbox, self._allowed, self._python = card, inbox, allowed, python
        self._check, self._run, self._home = check, run, home
        self._lock = threading.Lock()
        self._length, self._sha, self._finished = 0, b"", 0
        self._busy, self._trouble = False, ""

    @property
    def said(self) -> str:
        """Why the last bundle was not taken, or what the state file says."""
        return self._trouble or states.load(self._card).said

    # --- img state --------------------------------------------------------------------------------------------
    def state(self, _body: Body) -> Body:
        """What runs and what is ready."""
        state = states.load(self._card)
        names = [state.active, state.idle] if state.active else [state.trial or state.idle]
        return {
            "images": [row for slot, name in enumerate(names) if (row := _row(state, slot, name))],
            "splitStatus": 0,
        }

    def set_state(self, body: Body) -> Body:
        """``confirm`` what runs, or have the release with ``hash`` tried at the next start."""
        if body.get("confirm"):
            boot.confirm(self._card)
            return self.state({})
        state, digest = states.load(self._card), body.get("hash")
        if self._busy:
            return refused(Error.BUSY, "the bundle is being installed: ask again")
        ready = state.release(state.idle)
        if not isinstance(digest, bytes) or ready is None or ready.sha256 != digest.hex():
            return refused(Error.NO_ENTRY, self._trouble or "no release with that hash is ready: send the bundle first")
        return _told(lambda: self._arm(state.idle))

    def _arm(self, name: str) -> Body:
        install.arm(self._card, name)
        return self.state({})

    # --- img upload -------------------------------------------------------------------------------------------
    def upload(self, body: Body) -> Body:
        """Take a piece; the answer's ``off`` is where to go on, also when the piece was not the one awaited."""
        return _told(lambda: self._take(body))

    def _take(self, body: Body) -> Body:
        offset, data = body.get("off"), body.get("data", b"")
        if not isinstance(offset, int) or not isinstance(data, bytes) or offset < 0:
            return refused(Error.INVALID, "off and data expected")
        if data and offset + len(data) == self._finished and not self._length:
            return {"off": self._finished, "match": True}  # asked again because our last answer was lost
        if self._busy:
            return refused(Error.BUSY, "the bundle before is being installed: ask again")
        if offset == 0 and (answer := self._begin(body)):
            return answer
        if not self._length:
            return refused(Error.BAD_STATE, "begin at offset 0 with len and sha")
        return self._append(offset, data)

    def erase(self, _body: Body) -> Body:
        """Forget a half-sent bundle."""
        return _told(self._erase)

    def _erase(self) -> Body:
        self._drop()
        return {}

    def _begin(self, body: Body) -> Body | None:
        length, sha = body.get("len"), body.get("sha")
        if not isinstance(length, int) or not 0 < length <= MOST or not isinstance(sha, bytes) or len(sha) != 32:
            return refused(Error.INVALID, f"len up to {MOST} and sha (SHA-256 of the whole bundle) expected")
        if reason := self._unready(length):
            return reason
        if (length, sha) != (self._length, self._sha):
            self._length, self._sha, self._finished, self._trouble = length, sha, 0, ""
        self._inbox.mkdir(parents=True, exist_ok=True)
        for path in self._inbox.glob("*.part"):
            if path != self._part:
                path.unlink()
        return {"off": self._arrived()} if self._arrived() else None

    def _unready(self, length: int) -> Body | None:
        """Why a bundle of this size would be sent for nothing."""
        if length + install.RESERVE > self._card.free_bytes():
            return refused(Error.NO_MEMORY, "the card is too full for the bundle: pull the photographs first")
        if not list(self._allowed()):
            how = "give it one first (manul keys add FILE.pub --port P)"
            return refused(Error.BAD_STATE, f"the unit has no programme's key to prove a release by: {how}")
        return None

    @property
    def _part(self) -> Path:
        return self._inbox / f"{self._sha.hex()}-{self._length}.part"

    def _arrived(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _append(self, offset: int, data: bytes) -> Body:
        with self._lock:
            arrived = self._arrived()
            if offset == arrived < self._length:
                with self._part.open("ab") as file:
                    file.write(data[: self._length - arrived])
                arrived = self._arrived()
                if arrived == self._length:
                    return self._complete()
            return {"off": arrived}

    def _complete(self) -> Body:
        with self._part.open("rb+") as file:
            os.fsync(file.fileno())
            good = hashlib.file_digest(file, "sha256").digest() == self._sha
        if not good:
            self._drop()
            return refused(Error.CORRUPT, "the bundle did not arrive whole: send it again")
        path, self._finished, self._busy, self._trouble = self._part, self._length, True, ""
        self._length, self._sha = 0, b""
        self._run(lambda: self._install(path))
        return {"off": self._finished, "match": True}

    def _install(self, path: Path) -> None:
        """Check the signature, write the release beside the running one; whatever happens, the running one stays."""
        try:
            found = bundle.opened(path, self._allowed(), self._check)
            install.prepare(self._card, found, self._python, self._home)
        except TrapError as error:
            self._trouble = str(error).replace(str(path), "the bundle")
        except Exception as error:  # noqa: BLE001  # a defect here must not end trapd: the unit goes on photographing
            self._trouble = f"the bundle could not be installed: {type(error).__name__}: {error}"
        finally:
            path.unlink(missing_ok=True)
            self._busy = False

    def _drop(self) -> None:
        if self._length:
            self._part.unlink(missing_ok=True)
        self._length, self._sha = 0, b""


def _row(state: states.State, slot: int, name: str) -> Body:
    release = state.release(name)
    if release is None:
        return {}
    row = {
        "image": 0,
        "slot": slot,
        "version": release.version,
        "hash": bytes.fromhex(release.sha256),
        "bootable": True,
    }
    return {
        **row,
        "pending": state.trial == name,
        "confirmed": state.active == name,
        "active": slot == 0,
        "permanent": False,
    }


def _told(work: Callable[[], Body]) -> Body:
    """A card that takes nothing is the host's to know, in words."""
    try:
        return work()
    except OSError as error:
        why = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        reason = f"the unit cannot keep a release ({why}): is its card full, or failing and read-only?"
        return refused(Error.NO_MEMORY, reason)


def refused(error: Error, reason: str) -> Body:
    """An SMP error with its words."""
    return {"rc": int(error), "rsn": reason}
