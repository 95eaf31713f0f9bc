"""Build ``manul-supervisor.uf2``: MicroPython, pico-sdk and tinyusb as Debian packages them, the supervisor frozen in.

The sources come through an apt of our own (``tools.image.host.Apt``) from the mirror that this machine uses; nothing of them is
kept in the repository. What was built is cached under the hash of all that goes in. Needs no root where the compiler is there.
"""

import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.image.host import ROOT, SUITE, Apt, cached, digest, require, run

TOOLS = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi", "arm-none-eabi-g++": "libstdc++-arm-none-eabi-newlib", "cmake": "cmake",
    "ninja": "ninja-build", "dpkg-source": "dpkg-dev", "gcc": "gcc", "make": "make",
}  # fmt: skip
SOURCES = ("pico-sdk-source", "tinyusb-source")
FIRMWARE = ROOT / "firmware"
FLASH = 0x1000_0000  # where the RP2040 maps its flash
_UF2 = 0x0A324655, 0x9E5D5157, 0x0AB16F30  # start, start, end of a block
_FAMILY = 0xE48BFF56  # RP2040
_PAGE = 256


def firmware() -> Path:
    """Folder with ``manul-supervisor.uf2``, ``.bin`` and ``.elf``."""
    key = digest(_sources().name, Path(__file__), *_frozen())
    return cached("supervisor-firmware", key, _build)


def compiler() -> Path:
    """Folder with ``tree/``, MicroPython's sources with what they need beside them and an ``mpy-cross``; for ``firmware``."""
    return _sources()


def _frozen() -> list[Path]:
    wire = [FIRMWARE / "trap_wire" / f"{name}.py" for name in ("__init__", "codes", "crc16", "frames", "pins")]
    return [*wire, FIRMWARE / "trap_supervisor", FIRMWARE / "pico"]


def _sources() -> Path:
    return cached("supervisor-sources", digest(SUITE, *SOURCES, Path(__file__)), _fetch)


def _fetch(to: Path) -> None:
    require(TOOLS)
    apt = Apt(to / "apt")
    apt.source("micropython", to / "download")
    apt.extract(SOURCES, to / "debs")
    (description,) = (to / "download").glob("*.dsc")
    run("dpkg-source", "--no-check", "-x", description, to / "tree")  # apt has checked it against the signed index
    for name in ("pico-sdk", "tinyusb"):
        (to / "tree/lib" / name).rmdir()
        (to / "tree/lib" / name).symlink_to(to / "debs/usr/src" / name)
    (to / "tree/lib/micropython-lib").mkdir(exist_ok=True)
    (to / "tree/lib/micropython-lib/README.md").touch()
    _without_tls(to / "tree/ports/rp2")
    run("make", "-C", to / "tree/mpy-cross", "-j2")


def _without_tls(port: Path) -> None:
    """Debian takes mbedTLS out of the source. A supervisor needs none of it: SHA-256 has code of its own in MicroPython."""
    lists, config = port / "CMakeLists.txt", port / "mpconfigport.h"
    lists.write_text(re.sub(r"(?m)^.*(SSL_MBEDTLS ON|mbedtls_port\.c|GIT_SUBMODULES lib/mbedtls|micropy_lib_mbedtls).*\n", "",
                            lists.read_text()))  # fmt: skip
    config.write_text(
        re.sub(
            r"(?m)^(#define MICROPY_(?:SSL_MBEDTLS|PY_SSL|PY_HASHLIB_MD5|PY_HASHLIB_SHA1|PY_CRYPTOLIB)\s+)\(.*\)",
            r"\1(0)",
            config.read_text(),
        )
    )


def _build(to: Path) -> None:
    port = _sources() / "tree/ports/rp2"
    run(
        "cmake", "-S", port, "-B", to / "build", "-G", "Ninja", "-DMICROPY_BOARD=RPI_PICO", "-DPICO_BUILD_DOCS=0",
        "-DPICO_NO_PICOTOOL=1", f"-DMICROPY_BOARD_DIR={port / 'boards/RPI_PICO'}",
        f"-DPICO_SDK_PATH={port.parent.parent / 'lib/pico-sdk'}",
        f"-DMICROPY_FROZEN_MANIFEST={FIRMWARE / 'pico/frozen.py'}",
    )  # fmt: skip
    run("ninja", "-C", to / "build")
    for suffix in ("bin", "elf"):
        (to / f"manul-supervisor.{suffix}").write_bytes((to / f"build/firmware.{suffix}").read_bytes())
    image = (to / "manul-supervisor.bin").read_bytes()
    (to / "manul-supervisor.uf2").write_bytes(b"".join(blocks(image)))
    run("rm", "-rf", to / "build")


def blocks(image: bytes) -> Iterator[bytes]:
    """UF2 of a flash image, 512 bytes a block (github.com/microsoft/uf2): what a Pico takes as a file on its drive."""
    pages = [image[at : at + _PAGE].ljust(_PAGE, b"\xff") for at in range(0, len(image), _PAGE)]
    for number, page in enumerate(pages):
        head = struct.pack(
            "<8I", _UF2[0], _UF2[1], 0x2000, FLASH + number * _PAGE, _PAGE, number, len(pages), _FAMILY
        )  # fmt: skip
        yield head + page.ljust(476, b"\0") + struct.pack("<I", _UF2[2])


if __name__ == "__main__":
    sys.stdout.write(f"{firmware() / 'manul-supervisor.uf2'}\n")
