"""The root file system's Debian packages, extracted without running a line of ARM code, and the wheels beside them."""

from pathlib import Path

from tools.image.host import ROOT, SUITE, cached, digest, run, sources

# What a unit runs on; Raspberry Pi OS has all of these too.
UNIT = (
    "systemd-sysv", "udev", "kmod", "util-linux", "mount", "e2fsprogs", "dosfstools", "coreutils", "bash", "dash",
    "sed", "grep", "base-files", "base-passwd", "python3", "python3-numpy", "python3-libcamera", "libcamera-ipa",
    "python3-prctl", "linux-image-arm64",
)  # fmt: skip
LEFT_OUT = (
    "/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/share/bug/*",
    "/usr/lib/python3/dist-packages/numpy/*/tests/*", "/usr/lib/python3/dist-packages/numpy/tests/*",
    "/usr/share/icons/*", "/usr/share/bash-completion/*", "/usr/share/perl/*", "/usr/lib/aarch64-linux-gnu/perl/*",
)  # fmt: skip
# Wheels that the `pi` extra and picamera2 need; versions come from requirements.lock where it names them.
WHEELS = (
    "ai-edge-litert", "cbor2", "cryptography", "cffi", "pycparser", "gpiod", "smbus2", "pyserial", "pillow",
    "picamera2", "pyrage", "simplejpeg", "piexif", "videodev2", "jsonschema", "jsonschema-specifications", "referencing",
    "rpds-py", "attrs", "tqdm", "flatbuffers", "backports-strenum", "typing-extensions",
)  # fmt: skip
PICAMERA2 = "picamera2==0.3.38"
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64", "any")


def extracted() -> Path:
    """Folder with ``root/``: the packages' files, owners kept."""
    return cached("packages", digest(SUITE, *UNIT, *LEFT_OUT), _extract)


def _extract(to: Path) -> None:
    (to / "apt.list").write_text(sources())
    run(
        "mmdebstrap", "--quiet", "--variant=extract", "--architectures=arm64", f"--include={','.join(UNIT)}",
        '--aptopt=APT::Install-Recommends "false"', '--aptopt=Acquire::Languages "none"',
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT), SUITE, to / "root.tar", to / "apt.list",
    )  # fmt: skip
    (to / "root").mkdir()
    run("tar", "-xf", to / "root.tar", "-C", to / "root")
    (to / "root.tar").unlink()


def wheels() -> Path:
    """Folder with the unpacked wheels of a unit, for CPython 3.13 on aarch64."""
    return unpacked("wheels", WHEELS)


def unpacked(name: str, wheels: tuple[str, ...]) -> Path:
    """Folder ``name-key`` with ``wheels/`` and, unpacked, ``site/``."""
    key = digest("\n".join(_pins(wheels)), *wheels, PICAMERA2, *PLATFORMS)
    return cached(name, key, lambda to: _unpack(to, wheels))


def _unpack(to: Path, wheels: tuple[str, ...]) -> None:
    python = ROOT / ".venv" / "bin" / "python"
    (to / "pins.txt").write_text("\n".join(_pins(wheels)) + "\n")
    wanted = [PICAMERA2 if name == "picamera2" else name for name in wheels]
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    run(
        python, "-m", "pip", "download", "-q", "--no-deps", *platforms, "--python-version", "313",
        "--implementation", "cp", "--abi", "cp313", "--abi", "abi3", "--abi", "none", "--only-binary=:all:",
        "-c", to / "pins.txt", "-d", to / "wheels", *wanted,
    )  # fmt: skip
    for wheel in sorted((to / "wheels").glob("*.whl")):
        run(python, "-m", "zipfile", "-e", wheel, to / "site")


def _pins(wheels: tuple[str, ...]) -> list[str]:
    """The lock's lines for wheels that hold for every Python; the others are for the build machine's."""
    lines = (
        line.split()[0]
        for line in (ROOT / "requirements.lock").read_text().splitlines()
        if "==" in line and ";" not in line
    )
    return [line for line in lines if line.partition("==")[0] in wheels]
