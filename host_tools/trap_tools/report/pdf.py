"""The page on paper, printed by a browser that the machine has: nobody lays out a page better."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from trap_tools import durable
from trap_wire.errors import BadInputError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
FLAGS = (
    "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-quic", "--no-pdf-header-footer",
)  # fmt: skip
LIMIT_S = 180


def print_to_pdf(page: Path) -> Path:
    """Print an HTML file beside itself; ``BadInputError`` when there is no browser or it fails."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise BadInputError("--pdf: no Chromium, Chrome or Edge here; open the page in any browser and print it")
    target = page.with_suffix(".pdf").resolve()
    temporary = target.with_name(f".{target.name}.tmp")
    with tempfile.TemporaryDirectory() as profile:
        # The page has no script and asks for nothing, so a browser without its sandbox (root in a container) risks nothing.
        command = [
            browser,
            *FLAGS,
            "--no-sandbox",
            f"--user-data-dir={profile}",
            f"--print-to-pdf={temporary}",
            page.resolve().as_uri(),
        ]
        try:
            done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise BadInputError(f"--pdf: {browser} did not finish in {LIMIT_S} s") from error
    if done.returncode or not temporary.is_file():
        raise BadInputError(f"--pdf: {browser} failed: {done.stderr.decode(errors='replace').strip()[-200:]}")
    return durable.settle(temporary, target)
