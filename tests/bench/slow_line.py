"""A serial line of a given rate and latency between a unit's pty and another one."""

import os
import select
import threading
import time
import tty
from collections import deque


class SlowLine:
    """Carries bytes both ways at ``baud`` (ten bits a byte), each ``latency_s`` after it was sent."""

    def __init__(self, unit_path: str, baud: int, latency_s: float) -> None:
        unit = os.open(unit_path, os.O_RDWR | os.O_NOCTTY)
        host, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self._slave = slave
        for source, target in ((unit, host), (host, unit)):
            threading.Thread(target=self._carry, args=(source, target, baud / 10, latency_s), daemon=True).start()

    @staticmethod
    def _carry(source: int, target: int, bytes_per_s: float, latency_s: float) -> None:
        """Sent bytes leave the source at the line's rate, and arrive later; the pty's own buffer stands for the UART's."""
        under_way: deque[tuple[float, bytes]] = deque()
        arrived = threading.Condition()

        def deliver() -> None:
            while True:
                with arrived:
                    while not under_way:
                        arrived.wait()
                    at, data = under_way.popleft()
                time.sleep(max(0.0, at - time.monotonic()))
                os.write(target, data)

        threading.Thread(target=deliver, daemon=True).start()
        free_at = time.monotonic()
        while True:
            # A busy line goes on where it was, however late this thread is woken; an idle one begins now.
            if not select.select([source], [], [], 0)[0]:
                select.select([source], [], [])
                free_at = max(free_at, time.monotonic())
            data = os.read(source, 64)
            free_at += len(data) / bytes_per_s
            time.sleep(max(0.0, free_at - time.monotonic()))
            with arrived:
                under_way.append((free_at + latency_s, data))
                arrived.notify()
