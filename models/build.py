"""``python -m models.build``: data to released folder in one run. ``make model`` calls it.

Steps, each with its result under ``--to`` so that a later one can be run again by itself: ``tune`` (weights), ``release``
(int8 file, thresholds, card, figures, curves).
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from models import dataset, nanodet, quantise, release, yolox
from models.opinion import Yolox
from models.samples import Batches
from models.train import Plan, blend, fine_tune

NAME, VERSION = "manul-s", "0.2.0"
WIDTH, HEIGHT = 320, 256


@dataclass(frozen=True)
class Kind:
    """A network to start from.

    ``share`` of the tuned weights in the blend; ``soft`` divides the logits in the file; ``tolerance`` see ``Recipe``.
    """

    make: Callable[[], Any]
    released: Callable[[Path], Any]
    share: float
    soft: float
    tolerance: int


KINDS = {
    # SiLU is two operators, each rounded; two runtimes' roundings of ties end up to seven steps apart.
    # Its logit is a mean of two already, and low scores, where the thresholds are, have steps of their own.
    "yolox-nano": Kind(yolox.YoloxNano, lambda start: yolox.released(start / "yolox_nano.onnx"), 0.8, 1.0, 8),
    "nanodet-m": Kind(nanodet.NanoDet, nanodet.released, 0.6, 2.0, 2),
}


def note(words: str) -> None:
    """Say what is happening."""
    print(words, file=sys.stderr, flush=True)


def tune(kind: Kind, data: Path, start: Path, to: Path, plan: Plan) -> Path:
    """Fine-tune on ``data`` from the released weights in ``start``; the file with the tuned weights."""
    to.mkdir(parents=True, exist_ok=True)
    chosen = dataset.photographs(data)
    note(f"{len(chosen.train)} photographs to train on, {len(chosen.held_out)} held out")
    opinion = dataset.remembered(Yolox(start / "yolox_nano.onnx"), to / "opinions.json")
    batches = Batches(dataset.mix(data, chosen, opinion, note), plan.seed, plan.batch)

    def keep(network: Any) -> str:
        torch.save(network.state_dict(), to / "tuned.pt")
        return ""

    keep(fine_tune(kind.released(start), batches, plan, note, keep))
    return to / "tuned.pt"


def finish(
    kind: Kind, recipe: release.Recipe, *, data: Path, models: Path, to: Path, tuned: Path, share: float, seed: int
) -> Path:
    """Blend, quantise, measure and write the folder ``to/name``."""
    chosen = dataset.photographs(data)
    start = models / "start"
    opinion = dataset.remembered(Yolox(start / "yolox_nano.onnx"), to / "opinions.json")
    mix = dataset.mix(data, chosen, opinion, note)
    network = kind.make()
    network.load_state_dict(torch.load(tuned))
    network = quantise.soften(blend(kind.released(start), network, share), kind.soft)
    file = quantise.int8(network, mix, (recipe.height, recipe.width), seed=seed)
    figures = release.write(to / recipe.name, recipe, file, data=data, held_out=chosen.held_out, models=models)
    note(f"{recipe.name}: AUC {figures['all_dates']}, {figures['cost']}")
    return to / recipe.name


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m models.build", description=__doc__)
    parser.add_argument("step", choices=("tune", "release", "all"))
    parser.add_argument("--data", type=Path, default=Path("../shared/photos"))
    parser.add_argument("--models", type=Path, default=Path("../shared/models"))
    parser.add_argument("--to", type=Path, default=Path("build/model"))
    parser.add_argument("--steps", type=int, default=Plan.steps)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--threads", type=int, default=Plan.threads)
    parser.add_argument("--network", choices=KINDS, default="yolox-nano")
    parser.add_argument("--share", type=float, help="of the tuned weights in the blend")
    parser.add_argument("--name", default=NAME)
    parser.add_argument("--width", type=int, default=WIDTH)
    parser.add_argument("--height", type=int, default=HEIGHT)
    return parser


def main() -> int:
    """Run a step, or all of them."""
    given = arguments().parse_args()
    kind, tuned = KINDS[given.network], given.to / "tuned.pt"
    if given.step in ("tune", "all"):
        tune(
            kind,
            given.data,
            given.models / "start",
            given.to,
            Plan(steps=given.steps, seed=given.seed, threads=given.threads),
        )
    if given.step in ("release", "all"):
        recipe = release.Recipe(given.name, VERSION, given.width, given.height, kind.make().boxes, kind.tolerance)
        share = kind.share if given.share is None else given.share
        where = {"data": given.data, "models": given.models, "to": given.to, "tuned": tuned}
        finish(kind, recipe, **where, share=share, seed=given.seed)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
