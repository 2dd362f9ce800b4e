"""Make what lecture 4 keeps: the weights of its finished digit flow and the table of bits per dimension.

Run ``python -m tools.make_digits_flow`` (about half an hour on one thread). It trains with the very code that the lecture
exports, and two flows of the library zuko on logits, as many people would. It writes, each with its card,
``data/weights/04_digit_flow.safetensors`` and ``data/results/04_digits.json``.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import zuko
from safetensors.torch import save_file
from torch import Tensor, nn

import applied_ds as ads
from applied_ds.data import sha256

DATA = Path(__file__).resolve().parent.parent / "data"
COMMAND = "python -m tools.make_digits_flow"
SEEDS = (4, 5, 6)
LIVE_STEPS = 240
FINISHED_STEPS = 4000
PEER_STEPS = {"couplings": 900, "maf": 600}  # about a minute each on one thread
ALPHA = 1e-6


class OnLogits(nn.Module):
    """A zuko flow behind the usual logit of pixels in (0, 1), with the interface of the lecture."""

    def __init__(self, flow: zuko.flows.Flow) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map x (n, D) in (0, 1) to z (n, D) and log|det ∂z/∂x| (n,)."""
        v = ALPHA + (1 - 2 * ALPHA) * x
        y = torch.log(v) - torch.log1p(-v)
        log_det = (math.log(1 - 2 * ALPHA) - torch.log(v) - torch.log1p(-v)).sum(-1)
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


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    os.replace(file.name, path)


def write_card(path: Path, summary: str, shape: str, units: str, origin: str) -> None:
    """The card beside a file that this command made."""
    fields = {
        "summary": summary,
        "shape": shape,
        "units": units,
        "origin": origin,
        "licence": "CC BY 4.0 (made for this course); trained on MNIST, which is in the public domain in the United States",
        "sha256": sha256(path),
        "command": COMMAND,
    }
    text = "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in fields.items())
    write_whole(path.with_name(path.name + ".card.toml"), text.encode())


def main() -> None:
    """Train everything and write it."""
    ads.setup(SEEDS[0], torch=True)
    lecture = ads.lecture("04")
    digits = ads.data.mnist_5k()
    train = torch.tensor(digits.train_images.reshape(-1, 784))
    test = lecture.dequantise(
        torch.tensor(digits.test_images.reshape(-1, 784)), torch.Generator().manual_seed(2)
    )
    rows: list[dict[str, Any]] = []

    def measure(
        id: str, name: str, steps: int, build: Any, fit: Any, seeds: tuple[int, ...] = SEEDS
    ) -> nn.Module:
        bits, seconds = [], 0.0
        for seed in seeds:
            torch.manual_seed(seed)
            flow = build()
            start = time.perf_counter()
            fit(flow, seed)
            seconds = time.perf_counter() - start
            bits.append(round(held_out_bits(lecture, flow, test), 4))
            print(
                f"{name}, seed {seed}: {bits[-1]:.4f} bits per dimension after {steps} steps, {seconds:.0f} s",
                flush=True,
            )
        rows.append(
            {
                "id": id,
                "name": name,
                "steps": steps,
                "seeds": list(seeds),
                "bits": bits,
                "minutes": round(seconds / 60, 1),
            }
        )
        return flow

    def fit_digits(flow: nn.Module, seed: int, steps: int, images: Tensor = train) -> None:
        lecture.train_flow(flow, lecture.digit_batches(images, 200, seed), steps, lr=2e-3, weight_decay=0.01)

    peers = {
        "maf": (
            "zuko, 3 × MAF(256, 256) on logits",
            lambda: zuko.flows.MAF(784, transforms=3, hidden_features=(256, 256)),
        ),
        "couplings": (
            "zuko, 6 affine couplings (256, 256) on logits",
            lambda: zuko.flows.RealNVP(784, transforms=6, hidden_features=(256, 256)),
        ),
    }
    for id, (name, build) in peers.items():
        steps = PEER_STEPS[id]

        def fit_peer(flow: nn.Module, seed: int, steps: int = steps) -> None:
            lecture.train_flow(flow, lecture.digit_batches(train, 200, seed), steps, lr=2e-3)

        measure(id, name, steps, lambda build=build: OnLogits(build()), fit_peer, seeds=SEEDS[:1])

    counting = lecture.MarginalFlow(lecture.pixel_probabilities(train))
    bits = round(held_out_bits(lecture, counting, test), 4)
    rows.append(
        {
            "id": "counting",
            "name": "right marginals alone, by counting",
            "steps": 0,
            "seeds": [],
            "bits": [bits],
            "minutes": 0,
        }
    )
    live = {"layers": 6, "hidden": (256, 256), "dropout": 0.1}
    measure(
        "live",
        "right marginals, 6 affine couplings (256, 256), live",
        LIVE_STEPS,
        lambda: lecture.digit_flow(train, **live),
        lambda flow, seed: fit_digits(flow, seed, LIVE_STEPS),
    )
    finished = measure(
        "finished",
        "right marginals, 10 affine couplings, finished",
        FINISHED_STEPS,
        lambda: lecture.digit_flow(train, **lecture.FINISHED),
        lambda flow, seed: fit_digits(flow, seed, FINISHED_STEPS, shifted(train, seed)),
        seeds=SEEDS[:1],
    )
    half = {name: value.half().contiguous() for name, value in finished.state_dict().items()}
    finished.load_state_dict({name: value.float() for name, value in half.items()})
    rows[-1]["bits"] = [round(held_out_bits(lecture, finished, test), 4)]  # of the weights as they are kept

    weights = DATA / "weights" / "04_digit_flow.safetensors"
    weights.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=weights.parent) as folder:
        save_file(half, Path(folder) / "new")
        os.replace(Path(folder) / "new", weights)
    parameters = sum(value.numel() for value in half.values())
    write_card(
        weights,
        "Weights of the finished digit flow of lecture 4: ten affine couplings behind the marginal flow.",
        f"{parameters:,} parameters in half precision, by parameter name",
        f"none; the model has {rows[-1]['bits'][0]:.2f} bits per dimension on the held-out digits",
        f"{FINISHED_STEPS} steps of 200 of the 4,000 training digits of mnist_5k, moved by up to one pixel, seed {SEEDS[0]}",
    )
    table = DATA / "results" / "04_digits.json"
    write_whole(
        table,
        (
            json.dumps({"unit": "bits per dimension", "rows": rows}, indent=1, ensure_ascii=False) + "\n"
        ).encode(),
    )
    write_card(
        table,
        "Bits per dimension of six density models on the held-out digits, for lecture 4.",
        f"{len(rows)} models; for each the steps, the seeds and a number a seed",
        "bits per dimension on the 1,000 held-out digits; minutes of training on one thread of two shared cores",
        "trained on the 4,000 training digits of mnist_5k by the code that lecture 4 exports, and by zuko 1.6",
    )


if __name__ == "__main__":
    main()
