"""The unit's systemd files, read by systemd itself where it is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[3] / "firmware" / "systemd"
FILES = ("trapd.service", "manul-gadget.service", "manul-sleep.path", "manul-sleep.service")
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def analyze(*words):
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False, timeout=60)


@needs_systemd
def test_systemd_has_nothing_to_say_against_the_unit_files(tmp_path):
    for name in FILES:
        # trapd is not installed on the machine that tests; everything else is taken as it stands.
        (tmp_path / name).write_text((UNITS / name).read_text().replace("/usr/local/bin/trapd", "/bin/true"))
    said = analyze("verify", "--man=no", *(str(tmp_path / name) for name in FILES))
    words = [line for line in said.stderr.splitlines() if str(tmp_path) in line or any(name in line for name in FILES)]
    assert not words


@needs_systemd
def test_trapd_is_exposed_to_little():
    said = analyze("security", "--offline=yes", "--no-pager", "--threshold=40", str(UNITS / "trapd.service"))
    assert said.returncode == 0, said.stdout.splitlines()[-1:]


def test_service_is_supervised_unprivileged_and_started_again():
    text = (UNITS / "trapd.service").read_text()
    for line in (
        "Type=notify",
        "User=manul",
        "Restart=on-failure",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "WatchdogSec=90s",
    ):
        assert line in text.splitlines(), line
