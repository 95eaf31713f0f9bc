"""A bus with chips that are nothing but registers, as smbus2 shows them: width of a register, pointer, and their faults."""

import errno


class Chip:
    """``width`` bytes a register; ``answers_after`` transfers are refused first; ``error`` is what a dead chip gives."""

    def __init__(self, width: int, registers: dict[int, bytes] | None = None) -> None:
        self.width = width
        self.memory = bytearray(512)
        self.absent = False
        self.refuse = 0
        self.read_only = False
        for register, data in (registers or {}).items():
            self.put(register, data)

    def put(self, register: int, data: bytes) -> None:
        at = register * self.width
        self.memory[at : at + len(data)] = data

    def get(self, register: int, length: int) -> bytes:
        at = register * self.width
        return bytes(self.memory[at : at + length])


class FakeSMBus:
    """The calls of ``smbus2.SMBus`` that the drivers use."""

    def __init__(self, **chips: Chip) -> None:
        self.chips = {int(name.removeprefix("at"), 16): chip for name, chip in chips.items()}
        self.transfers = 0
        self.hangs = False
        self.closed = False

    def read_i2c_block_data(self, address: int, register: int, length: int) -> list[int]:
        return list(self._chip(address).get(register, length))

    def write_i2c_block_data(self, address: int, register: int, data: list[int]) -> None:
        chip = self._chip(address)
        if not chip.read_only:
            chip.put(register, bytes(data))

    def close(self) -> None:
        self.closed = True

    def _chip(self, address: int) -> Chip:
        self.transfers += 1
        if self.hangs:
            raise OSError(errno.ETIMEDOUT, "Connection timed out")
        chip = self.chips.get(address)
        if chip is None or chip.absent:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        if chip.refuse:
            chip.refuse -= 1
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        return chip


def ina226(millivolts: int = 7_200, shunt_uv: int = -1_600) -> Chip:
    raw_shunt = shunt_uv * 1000 // 2_500 & 0xFFFF
    return Chip(2, {
        0x00: b"\x41\x27", 0x01: raw_shunt.to_bytes(2, "big"), 0x02: (millivolts * 1000 // 1_250).to_bytes(2, "big"),
        0xFE: b"\x54\x49", 0xFF: b"\x22\x60",
    })  # fmt: skip


def ina219(millivolts: int = 7_200, shunt_uv: int = 1_600) -> Chip:
    return Chip(2, {
        0x00: b"\x39\x9f", 0x01: (shunt_uv // 10 & 0xFFFF).to_bytes(2, "big"), 0x02: (millivolts // 4 << 3 | 2).to_bytes(2, "big"),
    })  # fmt: skip


def ds3231(raw_time: str = "30 59 23 04 25 11 26", status: int = 0x00, temperature: bytes = b"\xf3\x40") -> Chip:
    return Chip(1, {0x00: bytes.fromhex(raw_time), 0x0F: bytes([status]), 0x11: temperature})
