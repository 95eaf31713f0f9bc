"""A small amd64 tree of SUITE: its Python compiles the unit's byte code, its cross compiler the test's kernel modules."""

from pathlib import Path

from tools.image.host import SUITE, cached, digest, run, sources

TREE = (
    "python3",
    "gcc-aarch64-linux-gnu",
    "libc6-dev-arm64-cross",
    "make",
    "binutils",
    "coreutils",
    "dash",
    "sed",
    "grep",
    "gawk",
)


def toolchain(kernel_base: str) -> Path:
    """Folder with ``tree/``, in which ``chroot`` works; kernel headers' common half and kbuild of the kernel included."""
    wanted = (*TREE, f"linux-kbuild-{kernel_base}", f"linux-headers-{kernel_base}-common")
    return cached("toolchain", digest(SUITE, *wanted, Path(__file__)), lambda to: _extract(to, wanted))


def _extract(to: Path, wanted: tuple[str, ...]) -> None:
    (to / "apt.list").write_text(sources())
    run(
        "mmdebstrap", "--quiet", "--variant=extract", "--architectures=amd64", f"--include={','.join(wanted)}",
        '--aptopt=APT::Install-Recommends "false"', "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*", SUITE, to / "tree.tar", to / "apt.list",
    )  # fmt: skip
    tree = to / "tree"
    tree.mkdir()
    run("tar", "-xf", to / "tree.tar", "-C", tree)
    (to / "tree.tar").unlink()
    for name in ("bin", "sbin", "lib", "lib64"):  # base-files' links, which only its maintainer script makes
        if not (tree / name).exists():
            (tree / name).symlink_to(f"usr/{name}")
    if not (tree / "usr/bin/awk").exists():
        (tree / "usr/bin/awk").symlink_to("gawk")


def compile_python(tree: Path, root: Path, folders: tuple[str, ...]) -> None:
    """Byte code of ``folders`` inside ``root``, never checked against the sources: the image cannot change."""
    inside = tree / "mnt" / "root"
    inside.mkdir(parents=True, exist_ok=True)
    run("mount", "--bind", root, inside)
    try:
        # Some packages carry templates that are no valid Python; compileall says so by its exit code, harmlessly.
        done = (
            "python3 -m compileall -q -j2 -s /mnt/root -p / --invalidation-mode unchecked-hash "
            + " ".join(f"/mnt/root{folder}" for folder in folders)
            + " >/dev/null 2>&1 || true"
        )
        run("chroot", tree, "sh", "-c", done)
    finally:
        run("umount", inside)
