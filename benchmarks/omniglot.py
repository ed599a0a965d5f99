"""One-shot classification on Omniglot: a Siamese and a triplet network, under two protocols.

    python benchmarks/omniglot.py [--minutes 9] [--seeds 1] [--write FILE]

Every network is a ``ConvEncoder`` with four blocks of 64 channels and 64 dimensions, trained by
``dmlcourse.training.train`` with Adam on batches of 40 classes with 5 drawings each. Siamese: the
contrastive loss of all pairs, margin 4. Triplet: all triplets, squared distances of unit vectors,
margin 0.2. Both are means over the pairs or triplets whose loss is positive. Drawings have 28 × 28
pixels and are turned, scaled and shifted a little at random in training; every quarter turn of a
character counts as a class. A query gets the class of the nearest support drawing. Twenty classes,
one drawing each: chance is 5 %.

- **Lake's runs, within one alphabet** (Lake, Salakhutdinov and Tenenbaum 2015): the 20 published
  runs of 20 queries, on alphabets of the evaluation set. Training sees the background set alone.
  The characters of one alphabet resemble each other, and support and query have different writers.
- **Vinyals' split, across alphabets, with rotations** (Vinyals et al. 2016): random episodes of 20
  classes of vinyals-test, where every quarter turn is a class of its own and five other drawings of
  each class are asked for. Training sees vinyals-train alone. Settings were chosen on vinyals-val.

The two are different tasks: a number of one is not comparable with a number of the other, and they
are printed in two tables. The interval of a row is 95 % for the runs or episodes (t over 20 runs,
normal over the episodes), for one trained network; what another seed does, other rows show.

``--minutes`` fits the number of epochs to the time of the second one, ``--epochs`` sets it; the
rate falls to zero along a half cosine. Every network leaves a checkpoint in ``--folder`` after each
epoch: a run that was stopped and is called again goes on, and a finished one is only measured.
Omniglot must be in the data folder (``dmlcourse data omniglot`` brings it there).
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Iterator
from datetime import date
from math import cos, pi
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.stats import t as student
from torch import Tensor, nn

from dmlcourse.data import is_here, load, omniglot_runs, with_rotations
from dmlcourse.data.rendering import on_device
from dmlcourse.losses import ContrastiveLoss, TripletLoss
from dmlcourse.networks import ConvEncoder
from dmlcourse.selection import balanced_batches
from dmlcourse.training import Epoch, History, embed, train

WAYS, QUERIES, DRAWINGS = 20, 5, 20
CLASSES, SAMPLES, BATCHES = 40, 5, 50  # of a batch, and batches of an epoch
RATE = 2e-3
TURN, SCALE, SHIFT = 10, 0.15, 0.1  # degrees, a share of the size, a share of half the width
MANY = 500  # embeddings at a time

LOSSES: dict[str, Callable[[], nn.Module]] = {
    "Siamese, contrastive": lambda: ContrastiveLoss(4.0, average="active"),
    "triplet": lambda: TripletLoss(0.2, average="active", normalize=True),
}


class Measured(NamedTuple):
    """A mean accuracy, and half of its 95 % interval."""

    accuracy: float
    half: float

    def __str__(self) -> str:
        return f"{100 * self.accuracy:.1f} ± {100 * self.half:.1f}"


class Row(NamedTuple):
    """A line of a table: who, which accuracy, and how it was come by."""

    who: str
    accuracy: str
    how: str


class Protocol(NamedTuple):
    """Where a network learns, how it is measured, and what others have published."""

    name: str
    part: str
    measure: Callable[[Callable[[np.ndarray], Tensor], argparse.Namespace], Measured]
    published: tuple[Row, ...]
    task: str


# ---------------------------------------------------------------- measuring


def on_runs(embedded: Callable[[np.ndarray], Tensor], options: argparse.Namespace) -> Measured:
    """The mean accuracy over Lake's 20 runs."""
    right = []
    for run in omniglot_runs(download=False):
        support, queries = embedded(run.support), embedded(run.queries)
        answers = torch.cdist(queries, support).argmin(1).cpu().numpy()
        right.append((answers == run.labels).mean())
    return interval(np.array(right), student.ppf(0.975, len(right) - 1))


def on_episodes(embedded: Callable[[np.ndarray], Tensor], options: argparse.Namespace) -> Measured:
    """The mean accuracy over random episodes, the same for everyone."""
    data = with_rotations(load("omniglot", options.test_part, download=False))
    return interval(episode_accuracies(embedded(data.images), data.y, options.episodes), 1.96)


def episode_accuracies(Z: Tensor, y: np.ndarray, episodes: int) -> np.ndarray:
    """The share of queries that are nearest to the support of their class, for each episode."""
    table = np.argsort(y, kind="stable").reshape(-1, DRAWINGS)  # drawings of each class
    rng = np.random.default_rng(0)
    truth = torch.arange(WAYS, device=Z.device).repeat_interleave(QUERIES)
    right = np.empty(episodes)
    for k in range(episodes):
        chosen = rng.permuted(table[rng.choice(len(table), WAYS, replace=False)], axis=1)
        support = Z[torch.from_numpy(chosen[:, 0]).to(Z.device)]
        queries = Z[torch.from_numpy(chosen[:, 1 : 1 + QUERIES].ravel()).to(Z.device)]
        right[k] = (torch.cdist(queries, support).argmin(1) == truth).double().mean()
    return right


def interval(right: np.ndarray, quantile: float) -> Measured:
    return Measured(right.mean(), quantile * right.std(ddof=1) / len(right) ** 0.5)


def pixels(images: np.ndarray) -> Tensor:
    """The baseline: an image is its own embedding."""
    return torch.from_numpy(images.reshape(len(images), -1))


# ---------------------------------------------------------------- training


def train_network(
    kind: str, data: tuple[Tensor, Tensor], name: str, seed: int, options: argparse.Namespace
) -> tuple[nn.Module, History]:
    """A network after all its epochs, from its checkpoint where there is one."""
    network, loss = ConvEncoder(random_state=seed), LOSSES[kind]()
    drawn = balanced_batches(*data, CLASSES, SAMPLES, BATCHES)
    optimizer = torch.optim.Adam([*network.parameters(), *loss.parameters()], lr=RATE)
    settings: dict[str, Any] = {
        "optimizer": optimizer,
        "checkpoint": options.folder / f"{name}-{budget(options)}-seed-{seed}.pt",
        "device": options.device,
        "random_state": seed,
        "progress": sys.stderr.isatty(),
    }

    def batches(rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        return ((moved(x, rng), y) for x, y in drawn(rng))

    epochs = options.epochs or epochs_in(options.minutes, network, loss, batches, settings)

    def lower(line: Epoch, network: nn.Module) -> None:
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 + cos(pi * line.epoch / epochs)) / 2

    return network, train(network, loss, batches, epochs=epochs, on_epoch=lower, **settings)


def epochs_in(
    minutes: float, network: nn.Module, loss: nn.Module, batches: Any, settings: dict[str, Any]
) -> int:
    """How many epochs there is time for: the first two are trained, and the second is timed.

    What was trained lies in the checkpoint, from which training goes on.
    """
    seconds = seconds_in(settings["checkpoint"])
    if len(seconds) < 2:
        seconds = train(network, loss, batches, epochs=2, **settings).seconds
    return max(2, round(60 * minutes / seconds[1]))


def seconds_in(checkpoint: Path) -> list[float]:
    """The seconds of the epochs that are there already."""
    if not checkpoint.exists():
        return []
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    return [Epoch(*line).seconds for line in state["history"]]


def moved(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Each image turned, scaled and shifted by a little of its own."""
    n = len(x)
    turn = np.radians(rng.uniform(-TURN, TURN, n))
    scale = 1 + rng.uniform(-SCALE, SCALE, (n, 2))
    maps = np.empty((n, 2, 3), np.float32)
    maps[:, 0, 0], maps[:, 0, 1] = scale[:, 0] * np.cos(turn), -np.sin(turn)
    maps[:, 1, 0], maps[:, 1, 1] = np.sin(turn), scale[:, 1] * np.cos(turn)
    maps[:, :, 2] = rng.uniform(-SHIFT, SHIFT, (n, 2))
    grid = nn.functional.affine_grid(
        torch.from_numpy(maps).to(x.device), list(x.shape), align_corners=False
    )
    return nn.functional.grid_sample(x, grid, align_corners=False)


def training_data(part: str, device: str) -> tuple[Tensor, Tensor]:
    """Images (n, 1, 28, 28) and labels of a part with its rotations, on the device."""
    data = with_rotations(load("omniglot", part, download=False))
    return torch.from_numpy(data.images)[:, None].to(on_device(device)), torch.from_numpy(data.y)


# ---------------------------------------------------------------- the report

SECONDARY = "as listed in the README of github.com/oscarknagg/few-shot, a secondary source"
PROTOCOLS = {
    "lake": Protocol(
        "Lake's runs, within one alphabet",
        "background",
        on_runs,
        (
            Row(
                "published: modified Hausdorff distance",
                "61.2",
                "Lake et al. 2015: no learning, ink on 105 × 105 pixels; an error of 38.8 %, "
                "recomputed for this course",
            ),
        ),
        "20 published runs, 20-way, one shot; trained on the background set.",
    ),
    "vinyals": Protocol(
        "Vinyals' split, across alphabets, with rotations",
        "vinyals-train",
        on_episodes,
        (
            Row("published: prototypical networks", "96.0", f"Snell et al. 2017, {SECONDARY}"),
            Row("published: MAML", "95.8", f"Finn et al. 2017, {SECONDARY}"),
            Row("published: matching networks", "93.8", f"Vinyals et al. 2016, {SECONDARY}"),
        ),
        "Random 20-way one-shot episodes of {part}; trained on vinyals-train.",
    ),
}


def rows(key: str, options: argparse.Namespace) -> Iterator[Row]:
    """The lines of one table: pixels, then every loss and seed, then what others have published."""
    protocol = PROTOCOLS[key]
    measured = protocol.measure(pixels, options)
    yield Row("raw pixels, nearest neighbour", str(measured), "no learning")
    data = training_data(protocol.part, options.device)
    for kind in LOSSES:
        for seed in range(options.seeds):
            name = f"{key}-{kind.split(',')[0].lower()}"
            network, history = train_network(kind, data, name, seed, options)

            def embedded(images: np.ndarray, network: nn.Module = network) -> Tensor:
                return torch.from_numpy(embed(network, images[:, None], MANY))

            measured = protocol.measure(embedded, options)
            minutes = sum(history.seconds) / 60
            steps = f"{len(history) * BATCHES:,} batches in {minutes:.1f} minutes"
            yield Row(f"{kind}, seed {seed}", str(measured), steps)
    if key == "lake" or options.test_part == "vinyals-test":
        yield from protocol.published


def report(options: argparse.Namespace) -> Iterator[str]:
    """The tables as Markdown, line by line."""
    yield f"{date.today()}, {device_name(options.device)}, torch {torch.__version__}."
    for key in options.protocols:
        protocol = PROTOCOLS[key]
        yield f"\n### {protocol.name}\n"
        yield f"{protocol.task.format(part=options.test_part)}\n"
        yield "| who | accuracy in % | how |"
        yield "|---|---|---|"
        for row in rows(key, options):
            yield f"| {' | '.join(row)} |"


def device_name(device: str) -> str:
    if on_device(device).type == "cuda":
        return torch.cuda.get_device_name(on_device(device))
    return f"{platform.system()} {platform.machine()}, CPU, {torch.get_num_threads()} threads"


def budget(options: argparse.Namespace) -> str:
    return f"{options.epochs}-epochs" if options.epochs else f"{options.minutes:g}-minutes"


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="One-shot classification on Omniglot.")
    parser.add_argument("--minutes", type=float, default=9, help="of training for a network (9)")
    parser.add_argument("--epochs", type=int, help=f"of {BATCHES} batches, in place of --minutes")
    parser.add_argument("--seeds", type=int, default=1, help="networks of each kind (1)")
    parser.add_argument(
        "--protocols", nargs="+", choices=PROTOCOLS, default=list(PROTOCOLS), help="(both)"
    )
    parser.add_argument("--episodes", type=int, default=1000, help="of Vinyals' protocol (1000)")
    parser.add_argument(
        "--test-part",
        choices=("vinyals-test", "vinyals-val"),
        default="vinyals-test",
        help="where the episodes come from; vinyals-val is there to choose settings on",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--folder", type=Path, default=Path("build/omniglot"), help="checkpoints")
    parser.add_argument("--write", type=Path, metavar="FILE", help="Markdown, as it is printed")
    return parser.parse_args()


def main() -> int:
    options = parsed()
    if not is_here("omniglot"):
        print("Omniglot is not here. Bring it with: dmlcourse data omniglot", file=sys.stderr)
        return 2
    options.folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for line in report(options):
        print(line, flush=True)
        lines.append(line)
    if options.write:
        options.write.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
