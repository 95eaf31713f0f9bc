"""The unit's root file system: packages, wheels, Manul, and what their maintainer scripts would have done."""

import hashlib
import json
import shutil
import sys
from pathlib import Path

from tools.image import base, toolchain
from tools.image.host import ROOT, cached, digest, run

sys.path.insert(0, str(ROOT / "firmware"))
from trap.update import state
from trap_wire import __version__

DETECTOR = ROOT / "models" / "manul-s"  # the project's own; others in models/ are for comparison
OVERLAY = Path(__file__).parent / "overlay"
UNITS = ROOT / "firmware" / "systemd"
PLACES = {
    ".service": "usr/lib/systemd/system",
    ".path": "usr/lib/systemd/system",
    ".rules": "usr/lib/udev/rules.d",
    ".sysusers": "usr/lib/sysusers.d",
}
# Services that a sealed unit has no use for; each costs boot time (docs/image.md has the table).
MASKED = (
    "systemd-hwdb-update.service", "ldconfig.service", "systemd-journal-catalog-update.service",
    "systemd-update-done.service", "systemd-pstore.service", "systemd-timesyncd.service",
    "systemd-networkd-wait-online.service", "systemd-binfmt.service", "systemd-firstboot.service",
    "systemd-tpm2-setup.service", "systemd-tpm2-setup-early.service", "systemd-pcrphase.service",
    "dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-tracing.mount", "sys-fs-fuse-connections.mount",
    "systemd-journal-flush.service", "systemd-random-seed.service", "getty@tty1.service", "getty-static.service",
    "systemd-logind.service", "systemd-user-sessions.service", "modprobe@drm.service", "modprobe@fuse.service",
    "modprobe@loop.service", "modprobe@dm_mod.service", "systemd-remount-fs.service", "kmod-static-nodes.service",
    "systemd-tmpfiles-setup-dev-early.service", "systemd-tmpfiles-setup-dev.service", "systemd-udev-load-credentials.service",
    "systemd-modules-load.service", "sys-kernel-debug.mount", "run-lock.mount",
    "proc-sys-fs-binfmt_misc.automount",
)  # fmt: skip
# fsck.fat needs up to three passes for a folder that a power cut left half made, and between two of them that folder is the
# root directory once more. systemd runs one pass; here it goes on until there is nothing left to mend.
FSCK = r"systemd-fsck@dev-disk-by\x2dlabel-MANUL\x2dMEDIA.service.d"
UNTIL_CLEAN = """[Service]
ExecStart=
ExecStart=/bin/sh -c 'for n in 1 2 3 4 5 6; do /usr/sbin/fsck.fat -a %f && exit 0; [ $$? -eq 1 ] || exit 0; done'
"""
# The image's own release starts at once; the launcher is for a card that holds another, and finds out which is due.
TRAPD = f"""#!/usr/bin/python3
import os
import sys

if os.path.exists("/var/lib/manul/{state.PATH}"):
    from trap.launcher import main
else:
    from trap.cli import main

sys.exit(main())
"""
ENABLED = {
    "multi-user.target.wants": ("trapd.service", "manul-sleep.path", "manul-gadget.service", "manul-media.service"),
}


def built(*, tuned: bool = True) -> Path:
    """Folder with ``root/``. ``tuned`` False leaves Debian's services and lazy byte code in place, for the boot table."""
    sources = (ROOT / "firmware", DETECTOR, ROOT / "pyproject.toml", OVERLAY, Path(__file__))
    below = base.base(compiled=tuned)
    key = digest(*sources, below.name)
    return cached("root" if tuned else "untuned", key, lambda to: _build(to / "root", below / "root", tuned=tuned))


def _build(root: Path, below: Path, *, tuned: bool) -> None:
    run("cp", "-a", "--reflink=auto", below, root)
    _manul(root)
    run("cp", "-rT", OVERLAY, root)
    own = root / "var/lib/manul" / state.folder(state.BUILT_IN)
    (own / "systemd").mkdir()
    for unit in UNITS.iterdir():
        if place := PLACES.get(unit.suffix):
            shutil.copy(unit, root / place / unit.name.replace(".sysusers", ".conf"))
        shutil.copy(unit, own / "systemd")  # what the next release's are compared with
    _accounts(root)
    _services(root, tuned=tuned)
    if tuned:
        folders = tuple(f"/{base.SITE}/{package}" for package in ("trap", "trap_wire"))
        toolchain.compile_python(toolchain.toolchain(base.kernel_base()) / "tree", root, folders)


def _manul(root: Path) -> None:
    wheel = root / "tmp" / "wheel"
    run(ROOT / ".venv/bin/python", "-m", "pip", "wheel", "-q", "--no-deps", "-w", wheel, ROOT)
    for file in wheel.glob("*.whl"):
        run("python3", "-m", "zipfile", "-e", file, root / base.SITE)
    shutil.rmtree(wheel)
    (root / "usr/share/manul").mkdir()
    run("cp", "-rT", DETECTOR, root / "usr/share/manul/detector")
    trapd = root / "usr/local/bin/trapd"
    trapd.write_text(TRAPD)
    trapd.chmod(0o755)
    mark = root / "var/lib/manul" / state.mark_path(state.BUILT_IN)
    mark.parent.mkdir(parents=True)
    mark.write_text(json.dumps({"version": __version__, "sha256": _contents(root / base.SITE)}))


def _contents(site: Path) -> str:
    """One hash over the installed program: by it the image's release is told from others of the same version."""
    total = hashlib.sha256()
    for file in sorted(path for name in ("trap", "trap_wire") for path in (site / name).rglob("*.py")):
        total.update(file.relative_to(site).as_posix().encode() + b"\0" + file.read_bytes())
    return total.hexdigest()


def _accounts(root: Path) -> None:
    for name in ("passwd", "group"):
        shutil.copy(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)
    run("systemd-sysusers", f"--root={root}")


def _services(root: Path, *, tuned: bool) -> None:
    system = root / "etc/systemd/system"
    system.mkdir(parents=True, exist_ok=True)
    (system / "default.target").symlink_to("/usr/lib/systemd/system/multi-user.target")
    for unit in MASKED if tuned else ():
        (system / unit).unlink(missing_ok=True)
        (system / unit).symlink_to("/dev/null")
    for target, units in ENABLED.items():
        (system / target).mkdir(exist_ok=True)
        for unit in units:
            (system / target / unit).symlink_to(f"/usr/lib/systemd/system/{unit}")
    (system / FSCK).mkdir()
    (system / FSCK / "until-clean.conf").write_text(UNTIL_CLEAN)
    (root / "etc/machine-id").write_text("")  # systemd makes a transient one on a read-only root
    for path in ("etc/.updated", "var/.updated"):
        (root / path).touch()
