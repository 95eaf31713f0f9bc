"""``python -m tools.image [--to FILE]``: build the card image. Needs root (chroot, owners in the file system)."""

import argparse
import os
import sys
from pathlib import Path

from tools.image.card import card
from tools.image.host import ROOT, TOOLS, require, run, say


def main() -> None:
    """Build, and put the image where it was asked for."""
    parser = argparse.ArgumentParser(prog="tools.image", description=__doc__)
    parser.add_argument(
        "--to", type=Path, default=ROOT / "build" / "manul.img", help="the image (default: %(default)s)"
    )
    parser.add_argument("--media", default="512M", help="size of the media partition (default: %(default)s)")
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("building the image needs root (chroot, file owners): sudo make image")
    require(TOOLS)
    made = card(media=args.media) / "manul.img"
    args.to.parent.mkdir(parents=True, exist_ok=True)
    # Its holes stay holes, for `manul flash` to pass over; what is zero on purpose (an empty FAT) stays written.
    run("cp", "--sparse=auto", made, args.to)
    say(f"{args.to}")


if __name__ == "__main__":
    main()
