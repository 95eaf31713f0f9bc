"""Wheels for a unit: aarch64, for the Python of each Raspberry Pi OS that we run on, dependencies included.

pip is asked only here, when a release is made; a unit installs from the bundle alone.
"""

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from trap_wire.errors import BadInputError, IntegrityError

PYTHONS = ("3.11", "3.13")  # Bookworm, Trixie
# glibc 2.36 (Bookworm) runs every manylinux up to 2_36; these are the ones that packages are built for.
PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_17_aarch64", "manylinux_2_27_aarch64", "manylinux_2_28_aarch64",
             "manylinux_2_31_aarch64", "manylinux_2_34_aarch64", "linux_aarch64")  # fmt: skip
# A release's NumPy comes before the system's, and what picamera2 imports there (simplejpeg) is compiled for NumPy 1.24 on
# Bookworm, 2.2 on Trixie. Modules compiled for 1 do not load with 2.
CONSTRAINTS = {"3.11": "numpy<2\n"}
_NAME = re.compile(r"[A-Za-z0-9_.]+-[^-]+(-\d[^-]*)?-(?P<python>[^-]+)-(?P<abi>[^-]+)-(?P<platform>[^-]+)\.whl")


def gathered(
    application: Path,
    extras: str,
    folder: Path,
    offline: Path | None = None,
    pythons: Sequence[str] = PYTHONS,
) -> list[tuple[str, Path]]:
    """Download what the application's wheel needs; (path in the bundle, file) pairs, each wheel once.

    ``offline`` is a folder of wheels to take instead of an index. ``PartError`` never: pip's own words in ``BadInputError``.
    """
    found: dict[str, dict[str, Path]] = {}
    for python in pythons:
        target = folder / _tag(python)
        target.mkdir(parents=True, exist_ok=True)
        _pip(_order(application, extras, python, target, offline), python)
        for wheel in sorted(target.glob("*.whl")):
            check(wheel, python)
            found.setdefault(wheel.name, {})[_tag(python)] = wheel
    return [pair for name, by_tag in sorted(found.items()) for pair in _placed(name, by_tag, len(pythons))]


def _placed(name: str, by_tag: dict[str, Path], all_of_them: int) -> Iterable[tuple[str, Path]]:
    if len(by_tag) == all_of_them and (all_of_them > 1 or name.endswith("-any.whl")):
        return [(f"wheels/any/{name}", next(iter(by_tag.values())))]
    return [(f"wheels/{tag}/{name}", path) for tag, path in by_tag.items()]


def _tag(python: str) -> str:
    return "cp" + python.replace(".", "")


def _order(application: Path, extras: str, python: str, target: Path, offline: Path | None) -> list[str]:
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    abis = [word for abi in (_tag(python), "abi3", "none") for word in ("--abi", abi)]
    source = ["--no-index", "--find-links", str(offline)] if offline else []
    return [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:",
            "--implementation", "cp", "--python-version", python, *platforms, *abis, *source,
            *_constraint(python, target), "--dest", str(target),
            str(application) + (f"[{extras}]" if extras else "")]  # fmt: skip


def _constraint(python: str, target: Path) -> list[str]:
    if python not in CONSTRAINTS:
        return []
    path = target / "constraints.txt"
    path.write_text(CONSTRAINTS[python])
    return ["--constraint", str(path)]


def _pip(order: Sequence[str], python: str) -> None:
    answer = subprocess.run(order, capture_output=True, text=True, check=False)
    if answer.returncode:
        lines = [line for line in answer.stderr.splitlines() if line.startswith("ERROR")] or answer.stderr.splitlines()[
            -3:
        ]
        raise BadInputError(f"wheels for CPython {python} on aarch64 cannot be gathered: {' '.join(lines)}")


def check(wheel: Path, python: str) -> None:
    """Refuse a wheel that a unit cannot run, or that is not whole."""
    found = _NAME.fullmatch(wheel.name)
    if found is None:
        raise BadInputError(f"{wheel.name}: not the name of a wheel")
    if found["platform"] != "any" and "aarch64" not in found["platform"]:
        raise BadInputError(f"{wheel.name}: is for {found['platform']}, a unit is aarch64")
    tags = found["python"].split(".")
    if not any(
        tag in (_tag(python), "py3", "py2.py3") or (tag.startswith("cp3") and found["abi"] == "abi3") for tag in tags
    ):
        raise BadInputError(f"{wheel.name}: is for {found['python']}, not for CPython {python}")
    if not zipfile.is_zipfile(wheel):
        raise IntegrityError(f"{wheel.name}: is not a whole wheel: download it again")
