"""How well pixels verify procedural signatures, by the skill of the forgers; and a contact sheet.

Run ``python benchmarks/signatures.py [--picture sheet.png]`` (under a minute, no data needed).

Four seeds, 100 writers each, 8 genuine signatures and 8 forgeries of each by four forgers, 32 × 64
pixels. The equal error rate (EER): a threshold on a distance that refuses as many genuine ones as
it accepts forgeries. "two": the Euclidean distance of two images, all pairs of a writer. "of four":
the least distance to four genuine ones, for the other four and for forgeries. "blurred" is after a
Gaussian blur of 1.5 pixels. ± is the standard error from the four seeds.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import process_time

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from sklearn.metrics import roc_curve

from dmlcourse.data import Signatures, signature_pairs, signatures

SEEDS, WRITERS, EACH, REFERENCES, BLUR = 4, 100, 8, 4, 1.5
SKILLS = (0.0, 0.25, 0.5, 0.75, 1.0)
RANDOM = "random"
# Of the contact sheet.
ROWS = 16
COLUMNS = ("two, pixels", "two, blurred", "of four, blurred")
ROW = "{:<16}{:>18}{:>18}{:>18}"


def generated(seed: int, skill: float) -> Signatures:
    return signatures(WRITERS, EACH, EACH, skill=skill, random_state=seed, device="cpu")


def equal_error_rate(distances: np.ndarray, same: np.ndarray) -> float:
    """Where the share of others accepted is that of genuine ones refused."""
    accepted_others, accepted_same, _ = roc_curve(same, -distances)
    return float(np.interp(0, accepted_others + accepted_same - 1, accepted_others))


def blurred(images: np.ndarray) -> np.ndarray:
    return ndimage.gaussian_filter(images, (0, BLUR, BLUR))


def of_two(data: Signatures, images: np.ndarray, kind: dict[str, int | None]) -> float:
    """EER of the distance between two images."""
    pairs, same = signature_pairs(data, **kind)
    i, j = pairs.numpy().T
    flat = images.reshape(len(images), -1)
    return equal_error_rate(np.linalg.norm(flat[i] - flat[j], axis=1), same.numpy())


def of_four(images: np.ndarray, others: np.ndarray) -> float:
    """EER of the least distance to the references; others (writers, EACH, …) are the questioned."""
    flat = torch.from_numpy(images.reshape(WRITERS, 2 * EACH, -1))
    references, genuine = flat[:, :REFERENCES], flat[:, REFERENCES:EACH]
    near, far = (
        torch.cdist(questioned, references).amin(2).numpy().ravel()
        for questioned in (genuine, torch.from_numpy(others))
    )
    same = np.arange(near.size + far.size) < near.size
    return equal_error_rate(np.concatenate([near, far]), same)


def measured(seed: int, skill: float | str) -> list[float]:
    """The three rates for one seed: against forgeries of a skill, or other writers' signatures."""
    data = generated(seed, 0.5 if isinstance(skill, str) else skill)
    random = skill == RANDOM
    kind = {"skilled": 0, "random": 200} if random else {"skilled": None, "random": 0}
    sharp = data.images.numpy()
    soft = blurred(sharp)
    all_of = soft.reshape(WRITERS, 2 * EACH, -1)
    others = np.roll(all_of[:, :EACH], 1, 0) if random else all_of[:, EACH:]
    return [of_two(data, sharp, kind), of_two(data, soft, kind), of_four(soft, others)]


def identified(seed: int) -> float:
    """How often the nearest genuine signature, blurred, is by the same writer."""
    data = generated(seed, 0.5)
    images = blurred(data[data.genuine].images.numpy()).reshape(WRITERS * EACH, -1)
    gaps = torch.cdist(*2 * [torch.from_numpy(images)]).fill_diagonal_(np.inf)
    writer = np.repeat(np.arange(WRITERS), EACH)
    return float((writer[gaps.argmin(1).numpy()] == writer).mean())


def spread(values: list[float]) -> str:
    return f"{np.mean(values):.1%} ± {np.std(values, ddof=1) / np.sqrt(len(values)):.1%}"


def speed() -> float:
    """Signatures in a second of one core, each of them with a forger to plan once in two."""
    signatures(1, device="cpu")
    start = process_time()
    return len(signatures(60, 24, 24, device="cpu")) / (process_time() - start)


def framed(block: np.ndarray) -> np.ndarray:
    """Images (rows, columns, 32, 64) as one, with lines between them and a gap on the right."""
    cells = np.pad(block, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=0.3)
    sheet = cells.transpose(0, 2, 1, 3).reshape(34 * len(block), -1)
    return np.pad(sheet, ((0, 0), (0, 12)))


def contact_sheet(path: Path) -> None:
    """Rows are writers: four genuine ones, then the first four forgeries at each skill."""
    drawn = [generated(0, skill).images.numpy().reshape(WRITERS, -1, 32, 64) for skill in SKILLS]
    blocks = [drawn[0][:ROWS, :4], *(images[:ROWS, EACH : EACH + 4] for images in drawn)]
    sheet = np.concatenate([framed(block) for block in blocks], 1)
    Image.fromarray((255 * (1 - sheet)).astype(np.uint8)).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description="Pixels against procedural forgeries.")
    parser.add_argument("--picture", type=Path, help="where to write the contact sheet (PNG)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(ROW.format("EER, forgeries", *COLUMNS))
    for skill in (RANDOM, *SKILLS):
        rates = zip(*(measured(seed, skill) for seed in range(SEEDS)), strict=True)
        name = skill if isinstance(skill, str) else f"skill {skill:.2f}"
        print(ROW.format(name, *(spread(list(values)) for values in rates)), flush=True)
    print(
        f"\nNearest signature by the same writer: {spread([identified(s) for s in range(SEEDS)])}."
    )
    ink = [generated(seed, 0.5).images.mean().item() for seed in range(SEEDS)]
    print(f"Mean ink {np.mean(ink):.3f}. {speed():,.0f} signatures in a second of one core.")
    if options.picture:
        contact_sheet(options.picture)


if __name__ == "__main__":
    main()
