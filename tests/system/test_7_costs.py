"""What a trigger costs an ARM processor, in instructions, and what trapd costs a machine of 512 MB, in memory."""

import os
import re
import shutil
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from tests.system import bench as benches
from tests.system.frames import draw
from tests.system.unit import DETECTOR, burst, head
from tools.image import root as rootfs

HERE = Path(__file__).parent
GROWTH = 1.05
PEAK_MB = 160  # DESIGN.md, section 8
SITES = "/usr/local/lib/python3.13/dist-packages:/usr/lib/python3/dist-packages"
CORE = "processor\t: {n}\nFeatures\t: fp asimd evtstrm crc32 cpuid\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd03\nCPU revision\t: 4\n\n"


@pytest.fixture(scope="module")
def marks(image, tmp_path_factory):
    """Instructions (millions) of one look and of one whole trigger."""
    folder = tmp_path_factory.mktemp("costs")
    plugin = folder / "marks.so"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", plugin, HERE / "insn_marks.c"], check=True)
    draw(folder / "frames")
    sysroot = _sysroot(folder)
    look, first, trigger = _steps(sysroot, plugin, "costs.py", DETECTOR, folder / "frames" / "animal")
    (start,) = _steps(sysroot, plugin, "start.py")
    # No byte code anywhere, as on a read-only root that was not prepared: Python compiles all of it at every start.
    (untuned,) = _steps(sysroot, plugin, "start.py", variables={"PYTHONPYCACHEPREFIX": "/nonexistent"})
    found = {"look": look, "first": first, "trigger": trigger, "start": start, "untuned": untuned}
    benches.note("costs", found)
    return found


def _steps(sysroot, plugin, script, *words, variables=None):
    """Millions of instructions between the marks of a script."""
    shown = {"PYTHONPATH": f"{HERE / 'guest/site'}:{SITES}", **(variables or {})}
    line = ["nice", "-n", "15", "setarch", "-R", "qemu-aarch64", "-cpu", "cortex-a53", "-plugin", plugin, "-L", sysroot]
    line += [word for name, value in shown.items() for word in ("-E", f"{name}={value}")]
    line += [sysroot / "usr/bin/python3.13", "-B", HERE / "guest/bin" / script, *words]
    done = subprocess.run(
        line, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONHASHSEED": "0"}, timeout=900
    )
    counts = [int(count) for _, count in re.findall(r"^MARK (\d) (\d+)$", done.stdout + done.stderr, re.MULTILINE)]
    assert done.returncode == 0 and counts, (done.stdout + done.stderr)[-2000:]
    return [(after - before) / 1e6 for before, after in pairwise(counts)]


def _sysroot(folder):
    """The image's root with the processor's description of a Zero 2 W: LiteRT reads it, and the host's is another's."""
    if shutil.which("qemu-aarch64") is None:
        pytest.skip("qemu-aarch64 is not installed: apt-get install qemu-user")
    root = rootfs.built() / "root"
    sysroot = folder / "root"
    cpus = sysroot / "sys/devices/system/cpu"
    cpus.mkdir(parents=True)
    for name in ("usr", "lib", "bin", "etc", "var"):
        (sysroot / name).symlink_to(root / name)
    (sysroot / "proc").mkdir()
    (sysroot / "proc/cpuinfo").write_text("".join(CORE.format(n=n) for n in range(4)))
    for name in ("present", "possible"):
        (cpus / name).write_text("0-3\n")
    return sysroot


def test_a_look_does_not_grow_unseen(marks):
    known = tomllib.loads((HERE / "costs.toml").read_text())["look"]
    model = tomllib.loads((DETECTOR / "model.toml").read_text())["model"]
    name = f"{model['name']}@{model['version']}"
    if name not in known:
        pytest.skip(f'{name} has no figure yet: add "{name}" = {marks["look"]:.1f} to tests/system/costs.toml')
    assert marks["look"] <= known[name] * GROWTH


def test_what_a_trigger_costs_around_the_detector_does_not_grow_unseen(marks):
    known = tomllib.loads((HERE / "costs.toml").read_text())["trigger"]["around_the_detector"]
    assert marks["trigger"] - 3 * marks["look"] <= known * GROWTH


def test_start_costs_at_most_two_fifths_of_the_untuned(marks):
    assert marks["start"] <= 0.4 * marks["untuned"]


def test_trapd_with_its_model_fits_a_machine_of_512_mb(armed):
    burst(armed, head(armed))
    found = armed.run(
        "cat /proc/$(systemctl show -P MainPID trapd)/smaps_rollup /proc/$(systemctl show -P MainPID trapd)/status"
    )
    memory = {key: int(kb) // 1024 for key, kb in re.findall(r"^(Rss|Pss|VmHWM):\s+(\d+) kB", found, re.MULTILINE)}
    benches.note("memory_mb", memory)
    assert memory["VmHWM"] <= PEAK_MB
