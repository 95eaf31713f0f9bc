"""``python -m models.compare``: every candidate on the same held-out camera, one table in Markdown. Losers keep their rows."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models import candidates, evaluate, nanodet, release
from models.candidates import Scorer

HEAD = (
    "network | AUC, all dates | AUC, reporting dates | bursts | small | day | flash night | recall, reporting"
    " | blanks discarded | quiet runs discarded | bytes | M MAC | ms / peer"
)


def networks(start: Path, peers: Path, folders: list[Path]) -> Iterator[tuple[str, Scorer, Path | None]]:
    """Name, scorer, and the TFLite file when there is one."""
    yield "NanoDet-m, float, 320 x 320", candidates.from_torch(nanodet.released(start), 320, 320), None
    yield "YOLOX-nano, float, 416 x 416", candidates.yolox(start / "yolox_nano.onnx"), None
    yield "FastestDet, float, 352 x 352", candidates.fastest_det(start / "FastestDet.onnx"), None
    ssd = peers / Path(release.PEER).name
    yield "SSD MobileNetV1, uint8, 300 x 300", candidates.ssd(ssd), ssd
    for folder in folders:
        yield folder.name, candidates.from_folder(folder), folder / "detector.tflite"


def row(name: str, figures: dict[str, Any]) -> str:
    """One line of the table; the operating point is 95 % of bursts on the choosing dates."""
    at, cost = figures["operating"]["0.95"], figures.get("cost", {})
    parts = [f"{figures[key]['auc']:.3f}" for key in ("bursts", "small", "day", "flash_night")]
    whole = [
        f"{figures[key]['auc']:.3f} [{figures[key]['low']:.3f}, {figures[key]['high']:.3f}]"
        for key in ("all_dates", "reporting_dates")
    ]
    money = (
        [f"{cost['bytes']:,}", f"{cost['multiplications'] / 1e6:.0f}", f"{cost['ratio']:.2f}"] if cost else ["", "", ""]
    )
    shares = [f"{at['recall']:.3f}", f"{at['discarded']:.2f}", f"{at['quiet_runs_discarded']:.2f}"]
    return " | ".join([name, *whole, *parts, *shares, *money])


def main() -> int:
    """Print the table; write the figures and the common curves."""
    parser = argparse.ArgumentParser(prog="python -m models.compare", description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/photos"))
    parser.add_argument("--models", type=Path, default=Path("../shared/models"))
    parser.add_argument("--to", type=Path, default=Path("build/model"))
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    everything, seen = {}, {}
    peer = (given.models / release.PEER).read_bytes()
    print(HEAD, flush=True)
    for name, scorer, file in networks(given.models / "start", given.models / "peers", given.folders):
        seen[name], everything[name] = evaluate.held_out_camera(scorer, given.data)
        if file:
            network = file.read_bytes()
            ours, theirs = candidates.milliseconds(network, peer)
            size, work = len(network), candidates.multiplications(network)
            everything[name]["cost"] = {"bytes": size, "multiplications": work, "ratio": ours / theirs}
        print(row(name, everything[name]), flush=True)
    (given.to / "compare.json").write_text(json.dumps(everything, indent=1))
    release.draw(given.to, "candidates", seen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
