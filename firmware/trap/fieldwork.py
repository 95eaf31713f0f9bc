"""What the unit does for people at the cable: a test shot, a self test, a walk test, the start and end of a deployment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trap.deployment import Deployment
from trap.duty import Trap
from trap.infrared import effect, paired_shots
from trap.ports import Shot, Supervised
from trap.selftest import measures, one_shot, self_test
from trap.store.media import SEALED, Picture
from trap_wire.entries import Kind
from trap_wire.errors import PartError, RefusedError
from trap_wire.vocabulary import Role


@dataclass(slots=True)
class Walk:
    """A walk test that runs: the journal's head when it began, and its setup picture once one was taken."""

    since: int
    picture: str = ""


@dataclass(slots=True)
class UnitWork:
    """``trap.link.work_group.Fieldwork`` on a unit. ``bench`` says whether it has no keys; ``station`` what is set now."""

    trap: Trap
    bench: Callable[[], bool]
    station: Callable[[], Deployment]
    _walk: Walk | None = None

    def acknowledge(self, sequence: int) -> Mapping[str, Any]:
        """A mark in the journal, no more: what is safe elsewhere may be the first to go when the card is full."""
        upto = min(sequence, self.trap.journal.head)
        self._journal(Kind.VISIT, {"what": "acknowledged", "upto": upto})
        return {"upto": upto}

    def test_shot(self, *, flash: bool = False, position: str = "") -> Mapping[str, Any]:
        """One picture, kept among the photographs as a setup picture, and what the detector sees in it.

        ``flash``: by the infrared flash whatever the light, told with what it ``adds``; ``position``: of a walk test.
        """
        if self.trap.bulk is not None and self.trap.bulk.on:
            raise RefusedError(
                "a laptop has the card as a drive, so no picture is taken: manul bulk off, then try again"
            )
        shot, told = self._by_flash() if flash else (one_shot(self.trap), {})
        detector = self.trap.triage.detector
        told = {**told, "blank_at": round(detector.thresholds.blank_at, 3)} if detector else told
        return {**self._kept(shot, position), **told, "boxes": self._boxes(shot), "infrared": shot.infrared,
                **measures(shot.lores)}  # fmt: skip

    def _by_flash(self) -> tuple[Shot, Mapping[str, Any]]:
        shots = paired_shots(self.trap.camera, self.trap.clock.monotonic_ms)
        if len(shots) < 3:
            raise PartError("camera", "no picture to tell the flash by")
        seen = effect(*shots)
        return shots[1], {"adds": seen.adds, "flash": seen.why}

    def _kept(self, shot: Shot, position: str) -> Mapping[str, Any]:
        at = self.trap.clock.now()
        name = f"media/setup-{self.trap.journal.head + 1:08d}.jpg"
        facts = {"setup": True, **({"position": position} if position else {})}
        body = self.trap.store.save(Picture(name, shot.jpeg, Role.PHOTOGRAPH, facts), at)
        self._journal(Kind.MEDIA, body)
        if position and self._walk is not None:
            self._walk.picture = body["path"]
        if sealed := body.get("sealed"):  # what can be fetched is the sealed file
            return {**sealed, "path": body["path"] + SEALED}
        return {key: body[key] for key in ("path", "size", "sha256")}

    def self_test(self) -> Mapping[str, Any]:
        """Every part that can be tried from here."""
        rows = self_test(self.trap)
        self._journal(Kind.SELF_TEST, {"results": rows})
        return {"results": rows}

    def walk_test(self, action: str, position: str, seconds: int = 0) -> Mapping[str, Any]:
        """Count the triggers since ``start`` at a position; ``stop`` journals them. ``led``: the supervisor's own test."""
        if action.startswith("led"):
            return self._led(action, seconds)
        if action == "start":
            self._walk = Walk(self.trap.journal.head)
            return {"position": position, "triggers": 0}
        if self._walk is None:
            raise RefusedError("no walk test runs: start one first")
        told: dict[str, Any] = {"position": position, "triggers": self._triggers(self._walk.since)}
        if action == "stop":
            told |= {"picture": self._walk.picture} if self._walk.picture else {}
            self._walk = None
            self._journal(Kind.WALK_TEST, told)
        return told

    def _led(self, action: str, seconds: int) -> Mapping[str, Any]:
        """The LED follows the PIR, with or without the Pi; its count comes into the journal with the supervisor's log."""
        supervisor = self.trap.supervisor
        if not isinstance(supervisor, Supervised):
            raise RefusedError("this unit has no supervisor, and so no LED that follows the PIR: use manul aim --walk")
        asked = {"led": seconds, "led_read": None, "led_stop": 0}[action]
        return {"pulses": supervisor.walk_test(asked), "seconds": seconds}

    def deploy(self, action: str, note: str) -> Mapping[str, Any]:
        """Journal the start or the end of a deployment; a unit that anybody can open is not left on a mountain."""
        now = self.station()
        if now.trouble:
            raise RefusedError(f"the station settings are not good: {now.trouble}")
        if action == "start" and self.bench() and not now.protocol.open_units:
            raise RefusedError(
                "bench: this unit has no programme key, so anybody could open it. Give it one "
                "(manul keys add --port …), or choose a protocol with open_units = true"
            )
        body = {
            "action": action,
            "unit": now.station.unit,
            "deployment": now.station.deployment,
            "protocol": f"{now.protocol.name}@{now.protocol.version}",
            "protocol_hash": now.protocol.digest,
            "note": note,
        }
        self._journal(Kind.DEPLOYMENT, body)
        if action == "start" and isinstance(self.trap.supervisor, Supervised):
            self.trap.supervisor.fresh_cells()
        return {**body, "from_next_start": now != self.trap.deployment}

    def _boxes(self, shot: Shot) -> list[list[Any]]:
        detector = self.trap.triage.detector
        seen = detector.look(shot.lores) if detector else ()
        boxes = [(one, one.box) for one in seen if one.score >= 0.1]
        return [[str(one.label), round(one.score, 3), box.x, box.y, box.width, box.height] for one, box in boxes[:20]]

    def _triggers(self, since: int) -> int:
        wakes = self.trap.journal.entries(since + 1, kind=Kind.WAKE)
        return sum(1 for entry in wakes if entry.body.get("reason") == "pir")

    def _journal(self, kind: Kind, body: Mapping[str, Any]) -> None:
        self.trap.journal.append(kind, self.trap.clock.now(), body)
