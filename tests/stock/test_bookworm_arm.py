"""A release as it is built for units, run on ARM by Debian 12's own Python 3.11, with Debian's packages beside it.

In qemu's user mode: ARM instructions and system calls, this computer's kernel. Trixie's Python 3.13 runs in ``tests/system``.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.signing import KEY, pem
from tests.stock import bed
from tools.image.host import cached, digest
from trap.drivers.card import FolderCard
from trap.triage import model_folder
from trap.update import install
from trap_tools import keys
from trap_tools.release import wheels
from trap_tools.release.build import Contents, build
from trap_wire import bundle
from trap_wire.errors import BadInputError

TOOLS = ("mmdebstrap", "qemu-aarch64")
MISSING = [tool for tool in TOOLS if not shutil.which(tool)]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not on this machine: {', '.join(MISSING)} (qemu-user)")
# bottleneck: a module of Debian's that is compiled for its NumPy, as Raspberry Pi's simplejpeg is, which picamera2 imports.
PACKAGES = (
    "python3",
    "libpython3.11-stdlib",
    "libc6",
    "libgcc-s1",
    "libstdc++6",
    "zlib1g",
    "libexpat1",
    "python3-bottleneck",
)
CPU = """processor\t: {n}
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd03
CPU revision\t: 4

"""
MODEL = bed.ROOT / "models" / "manul-s"
SAYS = """
import json, platform, sys
from pathlib import Path
folder, system = map(Path, sys.argv[1:])
sys.path.append(str(system / "usr/lib/python3/dist-packages"))  # behind the release, as on a unit
import ai_edge_litert, cbor2, cryptography, gpiod, numpy, pyrage, serial, smbus2
from PIL import Image
from trap import assembly, cable, doctor, life, offering, releases, selftest
from trap.drivers import detector
import bottleneck
found = detector.load(folder / "model/manul-s")
seen = found.look(numpy.asarray(Image.open(folder / "model/manul-s/known_answer.png").convert("RGB")))
best = {one.label.value: one.score for one in reversed(seen)}
print(json.dumps({"machine": platform.machine(), "python": platform.python_version(), "numpy": numpy.__version__,
                  "best": best, "mean": float(bottleneck.nanmean([1.0, 2.0]))}))
"""


@pytest.fixture(scope="module")
def system():
    """Debian 12 for arm64, unpacked only, and what a Zero 2 W says of its processor (LiteRT asks /proc and /sys)."""
    return cached("bookworm-arm64", digest(" ".join(PACKAGES), CPU), _unpacked) / "root"


def _unpacked(to):
    order = [
        "mmdebstrap",
        "--quiet",
        "--variant=extract",
        "--arch=arm64",
        f"--include={','.join(PACKAGES)}",
        "bookworm",
        to / "root",
    ]
    subprocess.run([str(word) for word in order], check=True, stdout=subprocess.DEVNULL)
    cpus = to / "root/sys/devices/system/cpu"
    for folder in (cpus, to / "root/proc"):
        folder.mkdir(parents=True, exist_ok=True)
    (to / "root/proc/cpuinfo").write_text("".join(CPU.format(n=n) for n in range(4)))
    for name in ("possible", "present"):
        (cpus / name).write_text("0-3\n")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The release's folder, as a unit with Python 3.11 unpacks it."""
    desk = tmp_path_factory.mktemp("arm")
    (desk / "key").write_bytes(pem(KEY))
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", desk / "dist", bed.ROOT], check=True)
    contents = Contents()
    try:
        for where, path in wheels.gathered(
            next((desk / "dist").glob("*.whl")), "pi", desk / "wheels", pythons=["3.11"]
        ):
            contents.add(where, "wheel", path)
    except BadInputError as error:
        pytest.skip(f"no index to take wheels from: {error}")
    contents.add("model/manul-s", "model", MODEL)
    build(contents, desk / "b.manul", version="1.0", python=["3.11"], base=[], key=KEY)
    card = FolderCard(desk / "data")
    card.root.mkdir()
    name = install.prepare(card, bundle.opened(desk / "b.manul", [keys.public_of(KEY)], keys.check), "3.11")
    return card.root / "update" / name


def on_arm(system: Path, *words: object) -> str:
    order = ["qemu-aarch64", "-cpu", "cortex-a53", "-L", system, system / "usr/bin/python3.11", "-B", *words]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(words[1]) + "/site" if len(words) > 1 else ""}
    done = subprocess.run(
        [str(word) for word in order], capture_output=True, text=True, check=False, env=env, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_release_runs_on_arm_with_bookworms_python_and_gives_the_known_answer(system, installed, tmp_path):
    script = tmp_path / "says.py"
    script.write_text(SAYS)
    said = json.loads(on_arm(system, script, installed, system).splitlines()[-1])
    assert (said["machine"], said["python"][:5], said["numpy"][:2]) == ("aarch64", "3.11.", "1.")
    assert said["mean"] == 1.5
    answer = model_folder.load(MODEL).known_answer
    for label, score in answer.scores.items():
        assert said["best"].get(label, 0.0) == pytest.approx(score, abs=answer.tolerance_steps / 256)
