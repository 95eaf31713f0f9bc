"""The kernel's clock; the RTC behind it is set through the supervisor, which owns it."""

import time
from datetime import UTC, datetime

from trap_wire.errors import PartError


class SystemClock:
    """``trap.ports.Clock`` over the kernel's clocks. Setting needs CAP_SYS_TIME, which the service has and a shell has not."""

    def now(self) -> datetime:
        """UTC."""
        return datetime.now(UTC)

    def monotonic_ms(self) -> int:
        """CLOCK_MONOTONIC in milliseconds."""
        return time.monotonic_ns() // 1_000_000

    def set(self, now: datetime) -> None:
        """Step the kernel's clock."""
        try:
            time.clock_settime(time.CLOCK_REALTIME, now.timestamp())
        except OSError as error:
            raise PartError("clock", f"not set ({error.strerror}): trapd needs CAP_SYS_TIME") from error
