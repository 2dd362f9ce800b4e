"""Make what lecture 2 keeps: the weights of its finished VAE, and the tables of recipes and of the weight β.

``python -m tools.make_vae`` trains with the very code that the lecture exports, and the VAE of PyTorch's examples with a loop
like its own. It writes, each with its card, ``data/weights/02_vae.safetensors`` (argument ``weights``, about ten minutes on one
thread), ``data/results/02_digits.json`` (argument ``table``, about five) and ``data/results/02_beta.json`` (argument ``beta``,
about three).
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import applied_ds as ads
from tools.kept import FROM_MNIST, half_precision, write_results, write_weights

COMMAND = "python -m tools.make_vae"
SEEDS = (2, 3, 4)
LIVE_STEPS = 1200
BETA_STEPS = 400
FINISHED_STEPS = 40_000
STRENGTH = 0.7
BETAS = (0.0, 0.1, 0.5, 1.0, 2.0, 4.0, 10.0)


class ExampleVAE(nn.Module):
    """The VAE of PyTorch's examples (784–400–20–400–784, ReLU), with the interface of the lecture's."""

    d = 20

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc21, self.fc22 = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
        self.fc3, self.fc4 = nn.Linear(20, 400), nn.Linear(400, 784)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of the pixels (n, 784), mu and log_var (n, 20)."""
        h = torch.relu(self.fc1(x))
        mu, log_var = self.fc21(h), self.fc22(h)
        z = mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)
        return self.fc4(torch.relu(self.fc3(z))), mu, log_var


def fit_like_the_example(lecture: Any, model: nn.Module, x: Tensor, seed: int, seconds: float) -> int:
    """Adam with its default rate on batches of 128, epoch by epoch, for a processor time; returns the steps."""
    torch.manual_seed(seed)
    optimizer, steps, start = torch.optim.Adam(model.parameters(), lr=1e-3), 0, time.process_time()
    model.train()
    while True:
        for rows in torch.split(torch.randperm(len(x)), 128):
            if time.process_time() - start >= seconds:
                model.eval()
                return steps
            loss = -lecture.elbo(x[rows], *model(x[rows])).value.sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps += 1


def distorted(x: Tensor, strength: float) -> Tensor:
    """Images (n, 784), each turned, scaled, slanted and moved a little, at random."""
    n = len(x)
    turn, slant = 0.12 * strength * torch.randn(2, n)
    zoom = torch.exp(0.08 * strength * torch.randn(n))
    rows = torch.stack(
        [turn.cos() * zoom, -turn.sin() * zoom + slant, turn.sin() * zoom, turn.cos() * zoom], 1
    )
    move = 0.05 * strength * torch.randn(n, 2, 1)
    grid = nn.functional.affine_grid(
        torch.cat([rows.reshape(n, 2, 2), move], dim=2), [n, 1, 28, 28], align_corners=False
    )
    moved = nn.functional.grid_sample(x.reshape(n, 1, 28, 28), grid, align_corners=False)
    return moved.reshape(n, 784).clamp(0, 1)


def load(lecture: Any) -> tuple[Tensor, Tensor]:
    """Training images (4000, 784) and held-out ones (1000, 784), brightness in [0, 1]."""
    digits = ads.data.mnist_5k()
    return lecture.pixels(digits.train_images), lecture.pixels(digits.test_images)


def measured(lecture: Any, model: nn.Module, x: Tensor) -> dict[str, float]:
    """The held-out bound and its two terms, in nats."""
    bound = lecture.held_out(model, x)
    return {name: round(value.item(), 3) for name, value in bound._asdict().items()}


def make_weights(lecture: Any) -> None:
    """Train the finished VAE and write its weights, in half precision."""
    x_train, x_test = load(lecture)
    torch.manual_seed(SEEDS[0])
    vae = lecture.VAE(x_train.mean(0))
    loss = lecture.vae_loss()
    start = time.perf_counter()
    lecture.train(
        vae,
        lambda model, x: loss(model, distorted(x, STRENGTH)),
        x_train,
        FINISHED_STEPS,
        lr=3e-3,
        shift=0,
        seed=SEEDS[0],
    )
    half = half_precision(vae)
    vae.load_state_dict({name: value.float() for name, value in half.items()})
    value = lecture.held_out(vae, x_test).value.item()  # of the weights as they are kept
    print(f"finished: {value:.2f} nats after {FINISHED_STEPS} steps, {time.perf_counter() - start:.0f} s")
    write_weights(
        "02_vae",
        half,
        summary="Weights of the finished variational autoencoder of lecture 2, 20 latent dimensions.",
        units=f"none; the mean bound on the held-out digits is {value:.1f} nats",
        origin=f"{FINISHED_STEPS:,} steps of 128 of the 4,000 training digits of mnist_5k, each turned, scaled, slanted "
        f"and moved a little, seed {SEEDS[0]}",
        licence=FROM_MNIST,
        command=f"{COMMAND} weights",
    )


def write_table(name: str, content: dict[str, Any], *, what: str, **card: str) -> None:
    """A table under data/results, with its card."""
    write_results(name, content, licence=FROM_MNIST, command=f"{COMMAND} {what}", **card)


def make_table(lecture: Any) -> None:
    """Ours against PyTorch's example, at equal processor time, and what lies between the two."""
    x_train, x_test = load(lecture)
    mean = x_train.mean(0)
    loss = lecture.vae_loss()
    recipes: list[tuple[str, str, Callable[[], nn.Module], int | None]] = [
        ("live", "this lecture's network and loop", lambda: lecture.VAE(mean), 1),
        ("no shift", "the same without moving the digits", lambda: lecture.VAE(mean), 0),
        ("loop", "the example's network in this lecture's loop", ExampleVAE, 1),
        ("network", "this lecture's network in the example's loop", lambda: lecture.VAE(mean), None),
        ("example", "PyTorch's example, network and loop", ExampleVAE, None),
    ]
    rows: list[dict[str, Any]] = [
        {"id": id, "name": name, "steps": [], "seconds ratio": [], "elbo": [], "reconstruction": [], "kl": []}
        for id, name, _, _ in recipes
    ]
    for seed in SEEDS:
        limit = math.nan
        for row, (id, name, build, shift) in zip(rows, recipes, strict=True):
            torch.manual_seed(seed)
            model = build()
            start = time.process_time()
            if shift is None:
                steps = fit_like_the_example(lecture, model, x_train, seed, limit)
            else:
                steps = LIVE_STEPS
                lecture.train(model, loss, x_train, steps, shift=shift, seed=seed)
            seconds = time.process_time() - start
            if id == "live":
                limit = seconds
            value = measured(lecture, model, x_test)
            print(f"{name}, seed {seed}: {value} after {steps} steps, {seconds:.0f} s", flush=True)
            row["steps"].append(steps)
            row["seconds ratio"].append(round(seconds / limit, 2))
            row["elbo"].append(value["value"])
            row["reconstruction"].append(value["reconstruction"])
            row["kl"].append(value["kl"])
    write_table(
        "02_digits",
        {"unit": "nats", "seeds": list(SEEDS), "rows": rows},
        what="table",
        summary="Held-out bounds of this lecture's VAE and of PyTorch's example at equal processor time, for lecture 2.",
        shape=f"{len(rows)} recipes; for each and each seed: steps, time relative to the first recipe, the bound and its terms",
        units="nats, mean over the 1,000 held-out digits of mnist_5k and ten draws of z; times as ratios",
        origin="trained on its 4,000 training digits by the code that lecture 2 exports, and in the manner of PyTorch's example",
    )


def make_beta(lecture: Any) -> None:
    """What the weight of the divergence does."""
    x_train, x_test = load(lecture)
    judge = lecture.train_judge(x_train, ads.data.mnist_5k().train_labels)
    rows = []
    for beta in BETAS:
        row: dict[str, Any] = {"beta": beta, "reconstruction": [], "kl": [], "active": [], "auc": []}
        for seed in SEEDS:
            vae = lecture.small_vae(x_train, beta, BETA_STEPS, seed)
            value = measured(lecture, vae, x_test)
            row["reconstruction"].append(value["reconstruction"])
            row["kl"].append(value["kl"])
            row["active"].append(lecture.active_units(vae, x_test))
            row["auc"].append(
                round(lecture.two_sample_auc(judge, x_test, lecture.draw_digits(vae, 1000, seed)), 3)
            )
        print(row, flush=True)
        rows.append(row)
    write_table(
        "02_beta",
        {"seeds": list(SEEDS), "steps": BETA_STEPS, "rows": rows},
        what="beta",
        summary="What the weight β of the divergence does to a small VAE of digits, for lecture 2.",
        shape=f"{len(rows)} values of β; for each one number a seed",
        units="reconstruction and divergence in nats on the 1,000 held-out digits of mnist_5k; active units of 20; ROC AUC",
        origin="trained on its 4,000 training digits by the code that lecture 2 exports",
    )


def main() -> None:
    """Make what the command line names."""
    parser = argparse.ArgumentParser(prog=COMMAND)
    parser.add_argument("what", choices=["weights", "table", "beta", "all"], nargs="?", default="all")
    what = parser.parse_args().what
    ads.setup(SEEDS[0], torch=True)
    lecture = ads.lecture("02")
    for name, make in (("weights", make_weights), ("table", make_table), ("beta", make_beta)):
        if what in (name, "all"):
            make(lecture)


if __name__ == "__main__":
    main()
