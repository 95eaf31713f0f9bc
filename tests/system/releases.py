"""Releases as a programme makes them: signed bundles with wheels for the machine's Python and processor."""

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.signing import KEY, pem, public_line
from tests.system.unit import DETECTOR, manul
from tools.image.host import ROOT
from trap_tools.release.build import Contents, build


def desk(folder: Path) -> Path:
    """The programme's key, and two releases: 1.0 as ``manul release build`` makes it, and 1.1, which falls over when it starts."""
    (folder / "key").write_bytes(pem(KEY))
    (folder / "key.pub").write_text(public_line(KEY) + "\n")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT], check=True)
    (app,) = folder.glob("manul-*.whl")
    manul(
        "release", "build", "--version", "1.0", "--key", str(folder / "key"), "--app", str(app), "--python", "3.13",
        "--model", str(DETECTOR), "--protocol", "pallas-cat", "--systemd", str(ROOT / "firmware/systemd"),
        "--to", str(folder / "1.0.manul"), timeout_s=600,
    )  # fmt: skip
    contents = Contents()
    contents.add(f"wheels/any/{app.name}", "wheel", _falls_over(app, folder / "broken"))
    build(contents, folder / "1.1.manul", version="1.1", python=["3.13"], base=[], key=KEY)
    return folder


def _falls_over(app: Path, folder: Path) -> Path:
    """The application with a fault on its first line."""
    folder.mkdir()
    with zipfile.ZipFile(app) as good, zipfile.ZipFile(folder / app.name, "w", zipfile.ZIP_DEFLATED) as bad:
        for entry in good.infolist():
            broken = entry.filename == "trap/cli.py"
            bad.writestr(entry, b"raise RuntimeError('a release with a fault')\n" if broken else good.read(entry))
    return folder / app.name
