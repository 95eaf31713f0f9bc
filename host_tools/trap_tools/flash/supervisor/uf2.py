"""A whole firmware (UF2) through ``picotool``, which compares what it wrote with what it should have written."""

import struct
import subprocess
from pathlib import Path

from trap_wire.errors import BadInputError, IntegrityError, NoUnitError, PartError

# UF2 block: two magic words, flags, address, length, number, count, family; 512 bytes in all (github.com/microsoft/uf2).
_HEAD = struct.Struct("<8I")
_MAGIC = (0x0A324655, 0x9E5D5157)
RP2040 = 0xE48BFF56


def check(path: Path) -> int:
    """Number of blocks of a whole UF2 for the RP2040; ``BadInputError`` or ``IntegrityError`` when it is not one."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}") from error
    if len(raw) < 512 or _HEAD.unpack_from(raw)[:2] != _MAGIC:
        raise BadInputError(f"{path}: is not a UF2 file")
    heads = [_HEAD.unpack_from(raw, at) for at in range(0, len(raw) - 511, 512)]
    if len(raw) % 512 or len(heads) != heads[0][6] or [head[5] for head in heads] != list(range(len(heads))):
        raise IntegrityError(f"{path}: has {len(heads)} of {heads[0][6]} blocks: it is not whole, get it again")
    if heads[0][7] != RP2040:
        raise BadInputError(f"{path}: is for another chip (family {heads[0][7]:#010x}), the supervisor is an RP2040")
    return len(heads)


def flash(path: Path, tool: str = "picotool") -> None:
    """Put the chip into its boot loader, load, compare on the chip, start."""
    check(path)
    for words in (("reboot", "-f", "-u"), ("load", "-v", str(path)), ("verify", str(path)), ("reboot",)):
        _run(tool, *words)


def _run(tool: str, *words: str) -> None:
    try:
        answer = subprocess.run([tool, *words], capture_output=True, text=True, check=False, timeout=120)
    except FileNotFoundError as error:
        why = "is not installed: apt install picotool (Raspberry Pi OS, Debian 13), or flash the files (--files, --bundle)"
        raise PartError(tool, why) from error
    except subprocess.TimeoutExpired as error:
        raise PartError(
            tool, "no answer in 120 s: hold BOOTSEL while plugging the Pico in, then start again"
        ) from error
    said = (answer.stdout + answer.stderr).strip()
    if "No accessible" in said:
        if words[0] == "reboot":
            return  # already in the boot loader, or not there: the next step tells
        raise NoUnitError("no Pico answers: hold BOOTSEL while plugging it in, then start again")
    if answer.returncode:
        kind = IntegrityError if words[0] == "verify" or "verif" in said.lower() else PartError
        message = f"{said.splitlines()[-1] if said else 'failed'}: start again; if it stays, change the Pico"
        raise kind(message) if kind is IntegrityError else PartError("supervisor", message)
