"""Control conversation with a unit: one request, one checked answer, asked again when the line swallows it."""

import secrets
import time
from datetime import UTC, datetime
from typing import Any, TypeVar

import cbor2
from pydantic import ValidationError
from smp import file_management as fs
from smp import message
from smp import os_management as os_mgmt

from trap_tools.i18n import say
from trap_tools.link import group70
from trap_tools.link.line import Line
from trap_wire.errors import LinkError, NoUnitError, RefusedError
from trap_wire.smp import HEADER_SIZE, Error, Header

Reply = TypeVar("Reply", bound=message.Response)
UNIT_NAME = "Manul"
# A unit in the middle of a burst answers when the burst is done; a dead one is given up after ten seconds.
PATIENT_S = 10.0
HELLO_S = 5.0
HASTY_S = 1.2
_QUIET_S = 0.1  # after a broken answer: nothing more of it comes
_SPEAKING = (Error.UNKNOWN, Error.BAD_STATE, Error.INVALID)  # whose reason says it all
_LIMITS = (128, 32, 8, 2)  # rows of the index in one answer: long answers do not get through a noisy line


class Unit:
    """A unit on an open line."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._sequence = secrets.randbelow(256)  # so that no two visits ask under the same number
        self._brevity = 0

    def ask(self, request: message.Request, reply: type[Reply], patience_s: float = PATIENT_S) -> Reply:
        """Answer to a request, as ``reply``; asked again when nothing or something broken comes.

        ``LinkError`` when nobody answers, ``RefusedError`` when the unit says no, ``NoUnitError`` when what answers
        does not speak this protocol.
        """
        self._sequence = (self._sequence + 1) % 256
        deadline, wait_s = time.monotonic() + patience_s, min(1.0, patience_s / 3)
        while (left := deadline - time.monotonic()) > 0:
            self.line.send(_numbered(request.BYTES, self._sequence))
            if (packet := self._answer(request, min(wait_s, left))) is not None:
                return self._checked(packet, reply)
            wait_s *= 1.5
        raise LinkError(
            say("{port}: no answer. Check the cable and that the unit is awake, then start again", port=self.line.port)
        )

    def hello(self, patience_s: float = HELLO_S) -> str:
        """Name of the unit; ``NoUnitError`` when what is there is not one."""
        request = os_mgmt.OSApplicationInfoReadRequest(format="sn")
        try:
            output = self.ask(request, os_mgmt.OSApplicationInfoReadResponse, patience_s).output
        except (LinkError, RefusedError) as error:
            raise NoUnitError(
                say("{port}: no unit answers there. manul ports shows where one does", port=self.line.port)
            ) from error
        maker, _, name = output.partition(" ")
        if maker != UNIT_NAME or not name:
            raise NoUnitError(f"{self.line.port}: answers SMP, but is not a Manul unit ({output[:40]!r}).")
        return name

    def time(self) -> datetime:
        """The unit's clock, UTC."""
        text = self.ask(os_mgmt.DateTimeReadRequest(), os_mgmt.DateTimeReadResponse).datetime
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    def set_time(self, now: datetime) -> None:
        """Step the unit's clock; it journals the offset first."""
        text = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
        self.ask(os_mgmt.DateTimeWriteRequest(datetime=text), os_mgmt.DateTimeWriteResponse)

    def summary(self) -> dict[str, Any]:
        """One screen's worth of state, as the unit words it."""
        return dict(self.ask(group70.SummaryRequest(), group70.SummaryResponse).model_extra or {})

    def do(self, request: message.WriteRequest, patience_s: float = 60.0) -> dict[str, Any]:
        """Make the unit do something; what comes of it. It may take as long as ``patience_s``."""
        return dict(self.ask(request, group70.WorkResponse, patience_s).model_extra or {})

    def bulk(self) -> dict[str, Any]:
        """Whether the card is shown as a drive, how long still, and why it ended last."""
        return self.ask(group70.BulkReadRequest(), group70.BulkReadResponse).model_dump(
            include={"on", "left_s", "label", "ended"}
        )

    def setting(self, name: str) -> bytes:
        """The value that the unit keeps under a name."""
        from smp import settings_management as settings  # building its models takes 50 ms that a summary need not wait

        return self.ask(settings.ReadSettingRequest(name=name), settings.ReadSettingResponse).val

    def change_settings(self, **values: bytes) -> None:
        """Stage values and commit them together."""
        from smp import settings_management as settings

        self.ask(settings.LoadSettingsRequest(), settings.LoadSettingsResponse)
        for name, value in values.items():
            self.ask(settings.WriteSettingRequest(name=name, val=value), settings.WriteSettingResponse)
        self.ask(settings.CommitSettingsRequest(), settings.CommitSettingsResponse)

    def index(self, cursor: int = 0) -> list[group70.Row]:
        """Every file that the unit offers from a cursor on, in the order of its journal."""
        rows: list[group70.Row] = []
        following: int | None = cursor
        while following is not None:
            answer = self._some_index(following)
            rows += answer.items
            following = answer.next if answer.next is None or answer.next > following else None
        return rows

    def _some_index(self, following: int) -> group70.IndexResponse:
        """One answer's worth of the index; shorter answers from then on when long ones do not get through.

        Silence alone is a unit in the middle of a burst, and says nothing of the line.
        """
        deadline = time.monotonic() + PATIENT_S
        while True:
            request = group70.IndexRequest(cursor=following, limit=_LIMITS[self._brevity])
            broken, last = self.line.bad, self._brevity == len(_LIMITS) - 1
            try:
                return self.ask(request, group70.IndexResponse, PATIENT_S if last else PATIENT_S / 5)
            except LinkError:
                if last or (self.line.bad == broken and time.monotonic() > deadline):
                    raise
                self._brevity += self.line.bad > broken

    def prefix_sha256(self, name: str, length: int) -> bytes:
        """SHA-256 of the first bytes of a file, by the unit."""
        request = fs.FileHashChecksumRequest(name=name, type="sha256", len=length)
        output = self.ask(request, fs.FileHashChecksumResponse).output
        return output if isinstance(output, bytes) else b""

    def _answer(self, request: message.Request, wait_s: float) -> bytes | None:
        """The packet that answers, or None; stray and late answers to something else are passed over."""
        wanted = (request.header.op + 1, request.header.group_id, request.header.command_id, self._sequence)
        deadline, broken = time.monotonic() + wait_s, self.line.bad
        while (left := deadline - time.monotonic()) > 0:
            before = self.line.received
            for packet in self.line.receive(left if self.line.bad == broken else min(left, _QUIET_S)):
                if len(packet) > HEADER_SIZE and _marks(Header.unpack(packet)) == wanted:
                    return packet
            if self.line.received == before and self.line.bad > broken:
                return None
        return None

    def _checked(self, packet: bytes, reply: type[Reply]) -> Reply:
        try:
            body = cbor2.loads(packet[HEADER_SIZE:])
            if complaint := refusal(body):
                raise RefusedError(say("{port}: the unit refused: {words}", port=self.line.port, words=complaint))
            return reply.loads(packet)
        except (cbor2.CBORDecodeError, ValidationError, ValueError, AttributeError, TypeError) as error:
            raise NoUnitError(f"{self.line.port}: what answers there does not speak a unit's protocol.") from error


def _marks(header: Header) -> tuple[int, int, int, int]:
    return header.op, header.group, header.command, header.sequence


def refusal(body: dict[str, Any]) -> str:
    """Why a reply is an error, in words; empty when it is none."""
    if own := body.get("err"):
        return f"group {own.get('group')} error {own.get('rc')}"
    if code := body.get("rc", 0):
        if body.get("rsn") and code in _SPEAKING:
            return str(body["rsn"])
        words = Error(code).name.lower().replace("_", " ") if code in list(Error) else f"error {code}"
        return f"{words}: {body['rsn']}" if body.get("rsn") else words
    return ""


def _numbered(packet: bytes, sequence: int) -> bytes:
    """The same request under our sequence number: pydantic counts for the whole process, a line needs its own."""
    return packet[:6] + bytes([sequence]) + packet[7:]
