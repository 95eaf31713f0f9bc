"""Prepare a stock Raspberry Pi OS image for Manul: no mount, no root, no use of Raspberry Pi's first-boot mechanisms.

The boot partition (FAT) gets the station slot, the bundle and the programme's keys, by mtools. The root partition (ext4) gets
the launcher and the bundle's systemd units, by debugfs; all are ordinary files that ordinary systemd finds. Nothing that
rpi-imager, userconf, firstrun.sh or cloud-init do is touched or needed.
"""

import os
import struct
import subprocess
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from trap_tools import durable
from trap_tools.flash import fat
from trap_tools.flash import image as images
from trap_tools.flash.job import SLOT_NAME
from trap_tools.release import services
from trap_wire import root_folder
from trap_wire.bundle import Bundle
from trap_wire.errors import BadInputError, PartError, StorageError
from trap_wire.slot import SLOT_SIZE

_LINUX = 0x83
_SYSTEM = "/etc/systemd/system"
# What the launcher needs, and no more: everything here is Python's own library.
_LAUNCHER = ("trap_wire/__init__.py", "trap_wire/bundle.py", "trap_wire/entries.py", "trap_wire/errors.py",
             "trap_wire/facts.py", "trap_wire/protocol.py", "trap_wire/root_folder.py", "trap_wire/slot.py",
             "trap_wire/sshsig.py", "trap_wire/station.py", "trap/__init__.py", "trap/cli.py", "trap/deployment.py",
             "trap/launcher.py", "trap/places.py", "trap/drivers/__init__.py", "trap/drivers/card.py",
             "trap/drivers/gadget.py", "trap/drivers/partition.py", "trap/update/__init__.py", "trap/update/boot.py",
             "trap/update/effect.py", "trap/update/install.py", "trap/update/state.py", "trap/update/trust.py",
             "trap/update/units.py", "trap/update/unpack.py")  # fmt: skip
# Its exit code is what systemd sees.
_MAIN = b"import sys\n\nfrom trap.launcher import main\n\nsys.exit(main())\n"
_UNITS = "/usr/lib/systemd/system"  # below /run, where those of a later release come
_PLACES = {".service": _UNITS, ".path": _UNITS, ".timer": _UNITS, ".sysusers": "/usr/lib/sysusers.d",
           ".rules": "/etc/udev/rules.d"}  # fmt: skip


def prepare(stock: Path, bundle: Bundle, keys: Path, target: Path) -> None:
    """Write ``target``, a raw sparse image; it only gets its name when everything in it was checked."""
    part = target.with_name(target.name + ".part")
    try:
        _unpacked(stock, part)
        with tempfile.TemporaryDirectory() as folder:
            _boot_partition(part, bundle, keys, Path(folder))
            _root_partition(part, bundle, keys, Path(folder))
        _checked(part)
        durable.settle(part, target)
    finally:
        part.unlink(missing_ok=True)


def _unpacked(stock: Path, target: Path) -> None:
    found = images.opened(stock)
    try:
        with target.open("wb") as file:
            end = 0
            for piece in found.pieces():
                os.pwrite(file.fileno(), piece.data, piece.offset)
                end = piece.range.end
            file.truncate(found.mapping.size or end)
    except OSError as error:
        raise StorageError(f"{target}: cannot be written: {error.strerror}") from error


def _boot_partition(image: Path, bundle: Bundle, keys: Path, folder: Path) -> None:
    start, size = _partition(image, fat.FAT_TYPES)
    (folder / SLOT_NAME).write_bytes(bytes(SLOT_SIZE))
    for source, name in ((folder / SLOT_NAME, SLOT_NAME), (bundle.path, "manul.bundle"), (keys, "manul.pub")):
        try:
            _run("mtools", ["mcopy", "-o", "-i", f"{image}@@{start}", str(source), f"::{name}"])
        except StorageError as error:
            raise StorageError(
                f"{name} ({source.stat().st_size / 1e6:.1f} MB) did not get onto the image's boot partition of "
                f"{size / 1e6:.0f} MB ({error}): take a stock image with a larger one; Raspberry Pi OS has 512 MB"
            ) from error


def _root_partition(image: Path, bundle: Bundle, keys: Path, folder: Path) -> None:
    """The launcher, ``trapd``, and the bundle's systemd units with the links that enable them."""
    start, _ = _partition(image, {_LINUX})
    placed = _placed(bundle, keys, folder)
    links = {link: path for path, (data, _) in placed.items() for link in _wanted_by(path, data)}
    links[f"{_SYSTEM}/multi-user.target.wants/manul-units@boot.service"] = f"{_UNITS}/manul-units@.service"
    above = sorted({str(parent) for path in (*placed, *links) for parent in PurePosixPath(path).parents} - {"/"})
    orders = [f"mkdir {path}" for path in above]  # one that is there already is left as it is
    for number, (path, (data, mode)) in enumerate(placed.items()):
        (folder / str(number)).write_bytes(data)
        orders += [f"rm {path}", f"write {folder / str(number)} {path}", f"sif {path} mode 0{mode:o}"]
    orders += [f"symlink {link} {path}" for link, path in links.items()]
    (folder / "orders").write_text("\n".join(orders) + "\n")
    _run("e2fsprogs", ["debugfs", "-w", "-f", str(folder / "orders"), f"{image}?offset={start}"])
    for path in (*placed, *links):
        if "Inode:" not in _run("e2fsprogs", ["debugfs", "-R", f"stat {path}", f"{image}?offset={start}"]):
            raise StorageError(
                f"{path} could not be written into the image's root file system: is it full, or not ext4?"
            )


def _placed(bundle: Bundle, keys: Path, folder: Path) -> dict[str, tuple[bytes, int]]:
    """Path -> bytes and mode. Root's own folder: the launcher, the keys, and what later releases' units are compared with."""
    made = {
        f"{root_folder.HOME}/{root_folder.LAUNCHER}": _hook(bundle, folder),
        f"{root_folder.HOME}/{root_folder.KEYS}": keys.read_bytes(),
        f"{root_folder.HOME}/{root_folder.VERSION}": bundle.manifest.version.encode() + b"\n",
        f"{_UNITS}/manul-first.service": services.FIRST.encode(),
        f"{_UNITS}/manul-units@.service": services.UNITS.encode(),
        f"{_UNITS}/manul-units.path": services.AGAIN.encode(),
        f"{_SYSTEM}/boot-firmware.mount.d/manul.conf": services.BOOT.encode(),
        **_systemd(bundle),
    }
    trapd = ("/usr/local/bin/trapd", (services.TRAPD.encode(), 0o100755))
    return dict([trapd, *((path, (data, 0o100644)) for path, data in made.items())])


def _systemd(bundle: Bundle) -> dict[str, bytes]:
    """Where the bundle's systemd files go; a file of another kind is refused rather than forgotten."""
    found = {}
    for file, data in bundle.contents([file.path for file in bundle.manifest.of_role("systemd")]):
        name = PurePosixPath(file.path)
        if name.suffix not in _PLACES:
            raise BadInputError(f"{file.path} in the bundle: a systemd folder holds {', '.join(_PLACES)}")
        placed = name.stem + ".conf" if name.suffix == ".sysusers" else name.name
        found[f"{_PLACES[name.suffix]}/{placed}"] = data
        found[f"{root_folder.HOME}/{root_folder.UNITS}/{name.name}"] = data
    return found


def _wanted_by(path: str, data: bytes) -> list[str]:
    """The links that ``systemctl enable`` would make."""
    if not path.startswith(_UNITS) or "@" in path:
        return []
    targets = [word for line in data.decode().splitlines() if line.startswith("WantedBy=") for word in line[9:].split()]
    return [f"{_SYSTEM}/{target}.wants/{PurePosixPath(path).name}" for target in targets]


def _hook(bundle: Bundle, folder: Path) -> bytes:
    """The launcher that the bundle brought and signed; this computer's own for a bundle of before it did."""
    for file, data in bundle.contents([file.path for file in bundle.manifest.of_role("hook")]):
        if PurePosixPath(file.path).name == root_folder.LAUNCHER:
            return data
    return launcher(folder / "boot.pyz").read_bytes()


def launcher(target: Path) -> Path:
    """Write ``manul-boot.pyz`` out of the installed packages; the same packages give the same bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (("__main__.py", _MAIN), *((name, _source(name)) for name in _LAUNCHER)):
            archive.writestr(zipfile.ZipInfo(name), data)  # with the date 1980-01-01
    return target


def _source(name: str) -> bytes:
    package, _, rest = name.partition("/")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise BadInputError(f"package {package} is not installed beside this command")
    return (Path(spec.origin).parent / rest).read_bytes()


def _partition(image: Path, kinds: set[int]) -> tuple[int, int]:
    """Start and size in bytes of the first partition of some kind."""
    with image.open("rb") as file:
        mbr = file.read(512)
    for at in range(446, 510, 16):
        start, count = struct.unpack_from("<II", mbr, at + 8)
        if mbr[at + 4] in kinds and start:
            return start * fat.SECTOR, count * fat.SECTOR
    raise BadInputError(
        f"{image}: has no {'boot' if _LINUX not in kinds else 'Linux'} partition: give an image of Raspberry Pi OS"
    )


def _checked(image: Path) -> None:
    with image.open("rb") as file:
        place = fat.locate(lambda offset, length: os.pread(file.fileno(), length, offset), SLOT_NAME)
    if place.size != SLOT_SIZE:
        raise StorageError(f"{SLOT_NAME} did not get its {SLOT_SIZE} bytes: the boot partition is full")
    start, size = _partition(image, {_LINUX})
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        _run("coreutils", ["dd", f"if={image}", f"of={root}", "bs=1M", "iflag=skip_bytes,count_bytes",
                           f"skip={start}", f"count={size}", "conv=sparse", "status=none"])  # fmt: skip
        _run("e2fsprogs", ["e2fsck", "-fn", str(root)])


def _run(package: str, order: list[str]) -> str:
    """Run a tool; ``PartError`` names the Debian package that it is missing from, or says what it said."""
    env = {
        **os.environ,
        "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin",
        "MTOOLS_SKIP_CHECK": "1",
        "LC_ALL": "C",
    }
    try:
        answer = subprocess.run(order, capture_output=True, text=True, check=False, env=env)
    except FileNotFoundError as error:
        raise PartError(order[0], f"is not installed: apt install {package}") from error
    if answer.returncode:
        raise StorageError(f"{order[0]}: {(answer.stderr or answer.stdout).strip().splitlines()[-1]}")
    return answer.stdout
