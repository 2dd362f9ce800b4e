"""Make what lecture 3 keeps: the weights of its finished digit generator.

``python -m tools.make_digit_gan`` trains with the very code that the lecture exports and writes, with its card,
``data/weights/03_digit_gan.safetensors`` (about a quarter of an hour on one thread).
"""

from __future__ import annotations

import argparse

import applied_ds as ads
from tools.kept import FROM_MNIST, half_precision, write_weights

COMMAND = "python -m tools.make_digit_gan"
SEED = 3
STEPS = 8000


def main() -> None:
    """Train the finished generator and write its weights, in half precision."""
    argparse.ArgumentParser(prog=COMMAND).parse_args()
    ads.setup(SEED, torch=True)
    generator = ads.lecture("03").train_digit_gan(ads.data.mnist_5k(), STEPS, SEED)
    write_weights(
        "03_digit_gan",
        half_precision(generator),
        summary="Weights of the finished conditional generator of digits of lecture 3, averaged over its training.",
        units="none; the generator gives images (n, 784) in [-1, 1]",
        origin=f"{STEPS:,} steps of 64 of the 4,000 training digits of mnist_5k, seed {SEED}",
        licence=FROM_MNIST,
        command=COMMAND,
    )


if __name__ == "__main__":
    main()
