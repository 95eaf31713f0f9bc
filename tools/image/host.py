"""What the build needs of this machine: commands, a cache keyed by what goes in, and Debian packages of another release."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CACHE = ROOT / ".cache" / "image"
SUITE = "trixie"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# Command -> Debian packages that bring it, for `make image` and `make test-system` alike.
TOOLS = {
    "mmdebstrap": "mmdebstrap", "depmod": "kmod", "cpio": "cpio", "zstd": "zstd", "mke2fs": "e2fsprogs",
    "genimage": "genimage", "mkdosfs": "dosfstools", "mcopy": "mtools", "systemd-sysusers": "systemd",
}  # fmt: skip
VM_TOOLS = {
    "qemu-system-aarch64": "qemu-system-arm", "qemu-img": "qemu-utils", "qemu-aarch64": "qemu-user", "setarch": "util-linux",
    "gcc": "gcc libc6-dev", "debugfs": "e2fsprogs", "fsck.fat": "dosfstools",
}  # fmt: skip


def say(words: str) -> None:
    """A line of progress with the time since the start."""
    sys.stderr.write(f"[{time.monotonic() - _STARTED:6.1f} s] {words}\n")


_STARTED = time.monotonic()


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a command at low priority; its standard output. Ends the build with its last words when it fails."""
    line = ["nice", "-n", "15", *map(str, command)]
    done = subprocess.run(line, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(line)}: exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def require(tools: dict[str, str]) -> None:
    """Install the packages of missing commands, as root; otherwise say which command installs them."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    wanted = [packages for command, packages in tools.items() if not shutil.which(command, path=path)]
    missing = sorted({package for packages in wanted for package in packages.split()})
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"missing: run 'sudo apt-get install --no-install-recommends {' '.join(missing)}' and start again")
    say(f"installing {' '.join(missing)}")
    run("apt-get", "-qq", "update")
    run(
        "apt-get",
        "-qq",
        "-o",
        "DPkg::Lock::Timeout=600",  # two lanes of tests may both lack something
        "install",
        "-y",
        "--no-install-recommends",
        *missing,
        env={"DEBIAN_FRONTEND": "noninteractive"},
    )


def digest(*inputs: str | bytes | Path) -> str:
    """Short hash over texts and files (folders: every file below them, with its name)."""
    total = hashlib.sha256()
    for item in inputs:
        if isinstance(item, Path):
            files = sorted(p for p in item.rglob("*") if p.is_file() and "__pycache__" not in p.parts) or [item]
            for file in files:
                total.update(str(file.relative_to(item.parent)).encode() + b"\0" + file.read_bytes())
        else:
            total.update(item.encode() if isinstance(item, str) else item)
        total.update(b"\n")
    return total.hexdigest()[:16]


def cached(name: str, key: str, make: Callable[[Path], None]) -> Path:
    """Folder ``name-key`` in the cache, made by ``make`` when it is not there; older ones of the name are removed."""
    folder = CACHE / f"{name}-{key}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:  # two builds at once would remove each other's work
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".done").exists():
            _make_anew(name, folder, make)
    return folder


def _make_anew(name: str, folder: Path, make: Callable[[Path], None]) -> None:
    for old in CACHE.glob(f"{name}-" + "[0-9a-f]" * 16):  # "root" must not take "root-of-another" with it
        shutil.rmtree(old)
    folder.mkdir()
    say(f"{name}: building")
    make(folder)
    (folder / ".done").touch()
    say(f"{name}: done")


def sources() -> str:
    """APT lines for SUITE on this machine's own mirrors, or those of DEBIAN_MIRROR and DEBIAN_SECURITY_MIRROR."""
    shown = ""
    if shutil.which("apt-get"):
        targets = ("$(LABEL) $(REPO_URI)", "Created-By: Packages")
        shown = subprocess.run(
            ["apt-get", "indextargets", "--format", *targets], capture_output=True, text=True, check=False
        ).stdout
    mirrors = dict(re.findall(r"^(Debian|Debian-Security) (\S+)$", shown, re.MULTILINE))
    main = os.environ.get("DEBIAN_MIRROR", mirrors.get("Debian", ""))
    security = os.environ.get("DEBIAN_SECURITY_MIRROR", mirrors.get("Debian-Security", ""))
    if not (main and security):
        raise SystemExit("apt names no Debian mirror here: set DEBIAN_MIRROR and DEBIAN_SECURITY_MIRROR to two")
    option = f"[signed-by={KEYRING}]" if Path(KEYRING).exists() else ""
    places = ((main, SUITE), (main, f"{SUITE}-updates"), (security, f"{SUITE}-security"))
    return "".join(f"deb {option} {uri} {suite} main\n" for uri, suite in places)


class Apt:
    """An apt of our own in a folder: asks for versions and downloads single packages; the machine's own is untouched."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for part in ("lists/partial", "cache/archives/partial", "sources.d"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "sources.d" / "suite.list").write_text(sources())
        (folder / "apt.conf").write_text(
            f'Dir::Etc::SourceList "/dev/null"; Dir::Etc::SourceParts "{folder}/sources.d"; Dir::State "{folder}";\n'
            f'Dir::State::status "{folder}/status"; Dir::State::lists "{folder}/lists"; Dir::Cache "{folder}/cache";\n'
            'APT::Architecture "amd64"; APT::Architectures { "amd64"; "arm64"; }; APT::Sandbox::User "root";\n'
        )
        self._env = {"APT_CONFIG": str(folder / "apt.conf")}
        run("apt-get", "-qq", "update", env=self._env)

    def field(self, package: str, name: str) -> str:
        """One field of a package's newest version."""
        shown = run("apt-cache", "show", "--no-all-versions", package, env=self._env)
        found = re.search(rf"^{name}: (.*)$", shown, re.MULTILINE)
        return found[1] if found else sys.exit(f"package {package} has no field {name} in {SUITE}")

    def extract(self, packages: Iterable[str], to: Path) -> None:
        """Download packages and unpack them into a folder."""
        to.mkdir(parents=True, exist_ok=True)
        run("apt-get", "-qq", "download", *packages, cwd=to, env=self._env)
        for deb in sorted(to.glob("*.deb")):
            run("dpkg-deb", "-x", deb, to)
            deb.unlink()

    def source(self, package: str, to: Path) -> None:
        """Download a source package as it is, its description (``.dsc``) beside its archives."""
        to.mkdir(parents=True, exist_ok=True)
        lines = (self._folder / "sources.d" / "suite.list").read_text()
        (self._folder / "sources.d" / "source.list").write_text(re.sub("^deb ", "deb-src ", lines, flags=re.MULTILINE))
        run("apt-get", "-qq", "update", env=self._env)
        run("apt-get", "-qq", "source", "--download-only", package, cwd=to, env=self._env)
