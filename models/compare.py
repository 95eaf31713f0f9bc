"""``python -m models.compare``: every candidate on the same held-out camera, one table in Markdown. Losers keep their rows."""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models import candidates, evaluate, nanodet, release
from models.candidates import Scorer

HEAD = (
    "network | AUC, all dates | AUC, reporting dates | bursts | small | day | flash night | squashed | recall, reporting"
    " | blanks discarded | quiet runs discarded | bytes | M MAC | time / peer | peak MB"
)
ALONE = """
import sys
from pathlib import Path
import numpy as np
from ai_edge_litert.interpreter import Interpreter
network = Interpreter(model_path=sys.argv[1], num_threads=1)
network.allocate_tensors()
given = network.get_input_details()[0]
network.set_tensor(given["index"], np.zeros(given["shape"], given["dtype"]))
network.invoke()
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(peak.split()[1])  # getrusage would count the parent's memory from before exec
"""


def networks(models: Path, folders: list[Path], only_folders: bool) -> Iterator[tuple[str, Scorer, Path | None]]:
    """Name, scorer, and the TFLite file when there is one."""
    if not only_folders:
        yield from untrained(models)
    for folder in folders:
        yield folder.name, candidates.from_folder(folder), folder / "detector.tflite"


def untrained(models: Path) -> Iterator[tuple[str, Scorer, Path | None]]:
    """What the project could start from, and its peer."""
    start, ssd = models / "start", models / release.PEER
    yield "NanoDet-m, float, 320 x 320", candidates.from_torch(nanodet.released(start), 320, 320), None
    yield "YOLOX-nano, float, 416 x 416", candidates.yolox(start / "yolox_nano.onnx"), None
    yield "FastestDet, float, 352 x 352", candidates.fastest_det(start / "FastestDet.onnx"), None
    yield "SSD MobileNetV1, uint8, 300 x 300", candidates.ssd(ssd), ssd


def row(name: str, figures: dict[str, Any]) -> str:
    """One line of the table; the operating point is 95 % of bursts on the choosing dates."""
    at, cost = figures["operating"]["0.95"], figures.get("cost", {})
    parts = [f"{figures[key]['auc']:.3f}" for key in ("bursts", "small", "day", "flash_night", "squashed")]
    whole = [
        f"{figures[key]['auc']:.3f} [{figures[key]['low']:.3f}, {figures[key]['high']:.3f}]"
        for key in ("all_dates", "reporting_dates")
    ]
    money = [""] * 4
    if cost:
        money = [
            f"{cost['bytes']:,}",
            f"{cost['multiplications'] / 1e6:.0f}",
            f"{cost['ratio']:.2f}",
            f"{cost['peak']:.0f}",
        ]
    shares = [f"{at['recall']:.3f}", f"{at['discarded']:.2f}", f"{at['quiet_runs_discarded']:.2f}"]
    return " | ".join([name, *whole, *parts, *shares, *money])


def cost_of(file: Path, peer: bytes) -> dict[str, float]:
    """Bytes, multiplications, time beside the peer's, and the peak of a process with the runtime and the network alone, MB."""
    network = file.read_bytes()
    ours, theirs = candidates.milliseconds(network, peer)
    said = subprocess.run([sys.executable, "-c", ALONE, str(file)], check=True, capture_output=True, text=True)
    work = candidates.multiplications(network)
    return {"bytes": len(network), "multiplications": work, "ratio": ours / theirs, "peak": int(said.stdout) / 1024}


def main() -> int:
    """Print the table; write the figures and the common curves."""
    parser = argparse.ArgumentParser(prog="python -m models.compare", description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/photos"))
    parser.add_argument("--models", type=Path, default=Path("../shared/models"))
    parser.add_argument("--only-folders", action="store_true", help="leave out the networks of --models")
    parser.add_argument("--to", type=Path, default=Path("build/model"))
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    everything, seen = {}, {}
    peer = (given.models / release.PEER).read_bytes()
    print(HEAD, flush=True)
    for name, scorer, file in networks(given.models, given.folders, given.only_folders):
        seen[name], everything[name] = evaluate.held_out_camera(scorer, given.data)
        if file:
            everything[name]["cost"] = cost_of(file, peer)
        print(row(name, everything[name]), flush=True)
    (given.to / "compare.json").write_text(json.dumps(everything, indent=1))
    release.draw(given.to, "candidates", seen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
