"""Make what lecture 1 keeps: the weights of its six finished networks, on crops of thirteen bundled photos.

``python -m tools.make_photo_nets`` trains with the very code that the lecture exports and writes
``data/weights/01_NAME.safetensors``, each with its card; an argument names one of them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

import applied_ds as ads
from tools.kept import half_precision, write_weights

COMMAND = "python -m tools.make_photo_nets"
SEED = 1
LICENCE = (
    "CC BY 4.0 (made for this course); trained on photos of scikit-image and scikit-learn that are in the public domain, "
    "CC0, CC BY 2.0 or without known restrictions, and on features of SqueezeNet (BSD-2-Clause)"
)


@dataclass(frozen=True)
class Recipe:
    """How one network is trained."""

    what: str
    build: Callable[[Any], nn.Module]
    objective: Callable[[Any], Callable[[nn.Module, torch.Tensor], torch.Tensor]]
    side: int
    batch: int
    steps: int
    lr: float


def style(lecture: Any) -> Callable[[nn.Module, torch.Tensor], torch.Tensor]:
    """The perceptual loss against the stained glass, as an objective of the network's weights."""
    picture = lecture.to_tensor(lecture.stained_glass(160)).to(ads.device())
    loss = lecture.PerceptualLoss(lecture.SqueezeNet(), picture)
    return lambda net, x: loss(x, net(x))


RECIPES = {
    "transform": Recipe(
        "the transform network for the stained glass", lambda m: m.TransformNet(), style, 96, 2, 6000, 2e-3
    ),
    "srcnn_pixel": Recipe(
        "SRCNN on mean squared error", lambda m: m.SRCNN(), lambda m: m.pixel_objective, 64, 4, 2500, 2e-3
    ),
    "residual_pixel": Recipe(
        "the residual network on mean squared error",
        lambda m: m.ResidualSR(),
        lambda m: m.pixel_objective,
        64,
        8,
        1200,
        2e-3,
    ),
    "srcnn_feature": Recipe(
        "SRCNN on a perceptual loss",
        lambda m: m.SRCNN(),
        lambda m: m.feature_objective(m.SqueezeNet()),
        64,
        4,
        2500,
        2e-3,
    ),
    "residual_feature": Recipe(
        "the residual network on a perceptual loss",
        lambda m: m.ResidualSR(),
        lambda m: m.feature_objective(m.SqueezeNet()),
        64,
        8,
        1200,
        2e-3,
    ),
    "inpainting": Recipe(
        "the inpainting network",
        lambda m: m.InpaintingNet(),
        lambda m: m.hole_objective(),
        64,
        8,
        1500,
        1e-3,
    ),
}


def make(name: str, lecture: Any) -> None:
    """Train one network and write its weights, in half precision."""
    recipe = RECIPES[name]
    torch.manual_seed(SEED)
    net = recipe.build(lecture)
    start = time.perf_counter()
    losses = lecture.train(
        net,
        recipe.objective(lecture),
        lecture.crops(recipe.side, recipe.batch, SEED),
        recipe.steps,
        recipe.lr,
    )
    first, last = losses[:20].mean(), losses[-200:].mean()
    print(f"{name}: loss {first:.4f} -> {last:.4f}, {time.perf_counter() - start:.0f} s", flush=True)
    write_weights(
        f"01_{name}",
        half_precision(net),
        summary=f"Weights of {recipe.what}, for lecture 1.",
        units="none; photos go in and come out with values from 0 to 1",
        origin=f"{recipe.steps:,} steps of {recipe.batch} crops ({recipe.side} × {recipe.side}) of {len(lecture.TRAINING_PHOTOS)} "
        f"photos of skimage.data and sklearn.datasets; {' and '.join(lecture.HELD_OUT)} were held out; seed {SEED}",
        licence=LICENCE,
        command=f"{COMMAND} {name}",
    )


def main() -> None:
    """Make what the command line names."""
    parser = argparse.ArgumentParser(prog=COMMAND)
    parser.add_argument("what", choices=[*RECIPES, "all"], nargs="?", default="all")
    what = parser.parse_args().what
    ads.setup(SEED, torch=True)
    lecture = ads.lecture("01")
    for name in RECIPES if what == "all" else (what,):
        make(name, lecture)


if __name__ == "__main__":
    main()
