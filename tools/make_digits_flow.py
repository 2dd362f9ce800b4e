"""Make what lecture 4 keeps: the weights of its finished digit flow and the table of bits per dimension.

``python -m tools.make_digits_flow`` trains with the very code that the lecture exports, and two flows of the library zuko on
logits, as many people would. It writes, each with its card, ``data/weights/04_digit_flow.safetensors`` (argument ``weights``,
about ten minutes on one thread) and ``data/results/04_digits.json`` (argument ``table``, about five).
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from typing import Any

import torch
import zuko
from torch import Tensor, nn

import applied_ds as ads
from tools.kept import FROM_MNIST, half_precision, write_results, write_weights

COMMAND = "python -m tools.make_digits_flow"
SEEDS = (4, 5, 6)
LIVE_STEPS = 240
FINISHED_STEPS = 4000
ALPHA = 1e-6


def logits(x: Tensor) -> tuple[Tensor, Tensor]:
    """The usual logit of pixels x (n, D) in (0, 1), and its log-determinant (n,)."""
    v = ALPHA + (1 - 2 * ALPHA) * x
    log_det = math.log(1 - 2 * ALPHA) - torch.log(v) - torch.log1p(-v)
    return torch.log(v) - torch.log1p(-v), log_det.sum(-1)


class OnLogits(nn.Module):
    """A zuko flow behind the usual logit of pixels in (0, 1), with the interface of the lecture."""

    def __init__(self, flow: zuko.flows.Flow) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map x (n, D) in (0, 1) to z (n, D) and log|det ∂z/∂x| (n,)."""
        y, log_det = logits(x)
        z, more = self.flow().transform.call_and_ladj(y)
        return z, log_det + more


def shifted(images: Tensor, seed: int) -> Tensor:
    """Nine copies of the images (n, 784), moved by -1, 0 or 1 pixel in each direction, in random order."""
    square = images.reshape(-1, 28, 28)
    padded = nn.functional.pad(square, (1, 1, 1, 1))
    moved = [padded[:, i : i + 28, j : j + 28] for i in range(3) for j in range(3)]
    everything = torch.cat(moved).reshape(-1, 784)
    return everything[torch.randperm(len(everything), generator=torch.Generator().manual_seed(seed))]


@torch.no_grad()
def held_out_bits(lecture: Any, flow: nn.Module, x: Tensor) -> float:
    """Mean bits per dimension of the held-out digits."""
    return lecture.bits_per_dimension(lecture.flow_log_prob(flow, x), 784).mean().item()


class StandardisedLogits(nn.Module):
    """Logits of pixels in (0, 1), shifted and scaled to mean 0 and standard deviation 1, with the lecture's interface."""

    mean: Tensor
    std: Tensor

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        y, _ = logits(x)
        self.register_buffer("mean", y.mean(0))
        self.register_buffer("std", y.std(0))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map x (n, D) in (0, 1) to (n, D) and log|det| (n,)."""
        y, log_det = logits(x)
        return (y - self.mean) / self.std, log_det - torch.log(self.std).sum()


def load(lecture: Any) -> tuple[Tensor, Tensor]:
    """Training images (4000, 784) of grey levels, and the dequantised held-out ones."""
    digits = ads.data.mnist_5k()
    train = torch.tensor(digits.train_images.reshape(-1, 784))
    test = torch.tensor(digits.test_images.reshape(-1, 784))
    return train, lecture.dequantise(test, torch.Generator().manual_seed(2))


def fit(lecture: Any, flow: nn.Module, images: Tensor, seed: int, steps: int) -> None:
    """The one training loop of every row."""
    lecture.train_flow(flow, lecture.digit_batches(images, 200, seed), steps, lr=2e-3, weight_decay=0.01)


def make_weights(lecture: Any) -> None:
    """Train the finished flow and write its weights, in half precision."""
    train, test = load(lecture)
    torch.manual_seed(SEEDS[0])
    flow = lecture.digit_flow(train, **lecture.FINISHED)
    fit(lecture, flow, shifted(train, SEEDS[0]), SEEDS[0], FINISHED_STEPS)
    half = half_precision(flow)
    flow.load_state_dict({name: value.float() for name, value in half.items()})
    bits = held_out_bits(lecture, flow, test)  # of the weights as they are kept
    write_weights(
        "04_digit_flow",
        half,
        summary="Weights of the finished digit flow of lecture 4: ten affine couplings behind the marginal flow.",
        units=f"none; the model has {bits:.2f} bits per dimension on the held-out digits",
        origin=f"{FINISHED_STEPS:,} steps of 200 of the 4,000 training digits of mnist_5k, moved by up to one pixel, "
        f"seed {SEEDS[0]}",
        licence=FROM_MNIST,
        command=COMMAND,
    )


def make_table(lecture: Any) -> None:
    """Train the other flows and write the table; the finished flow is the one that is kept."""
    train, test = load(lecture)
    x_train = lecture.dequantise(train, torch.Generator().manual_seed(1))
    live = {"layers": 6, "hidden": (256, 256), "dropout": 0.1}
    recipes: list[tuple[str, str, int, tuple[int, ...], Callable[[], nn.Module]]] = [
        (
            "maf",
            "zuko, 3 × MAF(256, 256) on logits",
            600,
            SEEDS[:1],
            lambda: OnLogits(zuko.flows.MAF(784, transforms=3, hidden_features=(256, 256))),
        ),
        (
            "couplings",
            "zuko, 6 couplings (256, 256) on logits",
            900,
            SEEDS[:1],
            lambda: OnLogits(zuko.flows.RealNVP(784, transforms=6, hidden_features=(256, 256))),
        ),
        (
            "logits",
            "the live couplings on standardised logits",
            LIVE_STEPS,
            SEEDS,
            lambda: lecture.Flow(
                [StandardisedLogits(x_train), *lecture.digit_flow(train, **live).layers[1:]]
            ),
        ),
        (
            "counting",
            "right marginals alone, by counting",
            0,
            SEEDS[:1],
            lambda: lecture.digit_flow(train, **live).layers[0],
        ),
        (
            "live",
            "right marginals, 6 couplings, live",
            LIVE_STEPS,
            SEEDS,
            lambda: lecture.digit_flow(train, **live),
        ),
        (
            "finished",
            "right marginals, 10 couplings, finished",
            0,
            SEEDS[:1],
            lambda: lecture.finished_flow(train),
        ),
    ]
    rows = []
    for id, name, steps, seeds, build in recipes:
        bits = []
        for seed in seeds:
            torch.manual_seed(seed)
            flow = build()
            start = time.perf_counter()
            if steps:
                fit(lecture, flow, train, seed, steps)
            bits.append(round(held_out_bits(lecture, flow, test), 4))
            print(
                f"{name}, seed {seed}: {bits[-1]} after {steps} steps, {time.perf_counter() - start:.0f} s",
                flush=True,
            )
        steps = FINISHED_STEPS if id == "finished" else steps
        rows.append({"id": id, "name": name, "steps": steps, "seeds": list(seeds), "bits": bits})
    write_results(
        "04_digits",
        {"unit": "bits per dimension", "rows": rows},
        summary=f"Bits per dimension of {len(rows)} density models on the held-out digits, for lecture 4.",
        shape=f"{len(rows)} models; for each the training steps, the seeds, and one number for each seed",
        units="bits per dimension on the 1,000 held-out digits of mnist_5k",
        origin="trained on its 4,000 training digits by the code that lecture 4 exports; two flows come from the library zuko",
        licence=FROM_MNIST,
        command=COMMAND,
    )


def main() -> None:
    """Make what the command line names."""
    parser = argparse.ArgumentParser(prog=COMMAND)
    parser.add_argument("what", choices=["weights", "table", "all"], nargs="?", default="all")
    what = parser.parse_args().what
    ads.setup(SEEDS[0], torch=True)
    lecture = ads.lecture("04")
    if what in ("weights", "all"):
        make_weights(lecture)
    if what in ("table", "all"):
        make_table(lecture)


if __name__ == "__main__":
    main()
