"""The unit's end of the host cable: SMP requests in, answers out, for as long as the duty cycle lets it and no longer.

Nothing here waits for the host: every wait ends at the deadline, and ``HostPort.write`` gives up on a laptop that stopped
listening. Several requests may lie in the buffer; they are answered in their order, which the host's client relies on.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import cbor2

from trap.link.answers import BUF_SIZE, Body, SmpError, Table
from trap.ports import HostPort
from trap_wire import console
from trap_wire.errors import PartError, StorageError
from trap_wire.smp import HEADER_SIZE, Error, Header, Op

log = logging.getLogger(__name__)
_KNOWN_VERSIONS = (0, 1)
_BACKLOG = 64
_REPEAT_MS = 3_000


@dataclass(slots=True)
class Counters:
    """What came over the cable since the start; ``bad`` counts lines and packets dropped for framing or CRC."""

    answered: int = 0
    refused: int = 0
    defects: int = 0
    bad: int = 0


class Door(Protocol):
    """Who may ask for what."""

    def admit(self, row: tuple[int, int, int]) -> None:
        """Pass, or raise ``SmpError``; ``row`` is group, command and operation, known or not."""


class Server:
    """Owns the port's decoder and the queue of requests. ``clock_ms`` is a real monotonic clock, also in a simulation."""

    def __init__(
        self,
        port: HostPort,
        table: Table,
        door: Door | None = None,
        counters: Counters | None = None,
        clock_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
    ) -> None:
        self._port = port
        self._table = table
        self._clock_ms = clock_ms
        self._decoder = console.Decoder()
        self._waiting: deque[bytes] = deque(maxlen=_BACKLOG)
        self._door = door
        self._written: tuple[bytes, bytes, int] | None = None  # last write, its answer, until when it is a repetition
        self.counters = counters or Counters()
        self.trouble = ""
        self.last_request_ms: int | None = None

    def serve_for(self, milliseconds: int) -> int:
        """Answer what comes in the next milliseconds and give back how many requests that were.

        Returns early only when the cable is gone; ``trouble`` then says so and the next call tries again.
        """
        deadline = self._clock_ms() + milliseconds
        before = self.counters.answered
        try:
            self._serve_until(deadline)
            self.trouble = ""
        except PartError as error:
            self.trouble = str(error)
        return self.counters.answered - before

    def _serve_until(self, deadline: int) -> None:
        while True:
            left = deadline - self._clock_ms()
            if not self._waiting:
                self._waiting.extend(self._decoder.feed(self._port.read(max(left, 0) / 1000)))
                self.counters.bad = self._decoder.bad
            # One request is answered even at the deadline, so that a slice of no time still makes headway.
            if self._waiting and (reply := self._reply_to(self._waiting.popleft())):
                self._port.write(reply)
            if left <= 0:
                return

    def _reply_to(self, packet: bytes) -> bytes | None:
        """The lines that answer a packet; None for what is not a request (a stray reply, a torn header)."""
        try:
            header = Header.unpack(packet)
        except ValueError:
            self.counters.bad += 1
            return None
        if header.op not in (Op.READ, Op.WRITE):
            return None
        self.counters.answered += 1
        self.last_request_ms = self._clock_ms()
        if header.op == Op.READ:
            return _packed(header, self._body(header, packet[HEADER_SIZE:]))
        return self._once(header, packet)

    def _once(self, header: Header, packet: bytes) -> bytes:
        """The answer to a write; one that a host repeats because it took long, or got lost, is not done again."""
        if self._written is None or self._written[0] != packet or self._clock_ms() > self._written[2]:
            reply = _packed(header, self._body(header, packet[HEADER_SIZE:]))
            self._written = (packet, reply, self._clock_ms() + _REPEAT_MS)
        return self._written[1]

    def _body(self, header: Header, payload: bytes) -> Body:
        try:
            return self._handle(header, payload)
        except SmpError as failure:
            self.counters.refused += 1
            return failure.body(header.version)
        except StorageError as error:
            return {"rc": int(Error.UNKNOWN), "rsn": str(error)}
        except Exception:  # a defect in one command must not cost the visit, let alone the next trigger
            self.counters.defects += 1
            log.exception("defect in SMP group %d command %d", header.group, header.command)
            return {"rc": int(Error.UNKNOWN), "rsn": "defect in the unit's firmware"}

    def _handle(self, header: Header, payload: bytes) -> Body:
        if header.version not in _KNOWN_VERSIONS:
            raise SmpError(Error.NOT_SUPPORTED, "SMP version")
        if len(payload) != header.length:
            raise SmpError(Error.INVALID, "length does not match the header")
        row = (header.group, header.command, header.op)
        if self._door is not None:
            self._door.admit(row)
        handler = self._table.get(row)
        if handler is None:
            raise SmpError(Error.NOT_SUPPORTED)
        return handler(_decoded(payload))


def _decoded(payload: bytes) -> Body:
    """The request's map; keys that nobody knows stay in it and are not looked at."""
    if not payload:
        return {}
    try:
        body = cbor2.loads(payload)
    except Exception as error:  # a CBOR tag can raise nearly anything (dates, fractions, patterns)
        raise SmpError(Error.INVALID, "not CBOR") from error
    if not isinstance(body, Mapping):
        raise SmpError(Error.INVALID, "a CBOR map is expected")
    return body


def _packed(request: Header, body: Body) -> bytes:
    payload = cbor2.dumps(body)
    if len(payload) + HEADER_SIZE > BUF_SIZE:
        payload = cbor2.dumps({"rc": int(Error.MESSAGE_TOO_LARGE)})
    header = Header(request.op + 1, request.version, 0, len(payload), request.group, request.sequence, request.command)
    return console.encode(header.pack() + payload)
