"""Drawing that several lectures share, and that teaches nothing by being seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def image_rows(rows: Mapping[str, np.ndarray], title: str) -> Figure:
    """A grid of small grey images with a label in front of each row.

    Args:
        rows: label -> images of shape (n, height, width), grey levels 0 to 255 (ink is dark); the same n in every row.
        title: what the picture shows.

    Raises:
        ValueError: there are no rows, they differ in length, or a row is not (n, height, width).
    """
    import matplotlib.pyplot as plt

    lengths = {len(images) for images in rows.values()}
    if len(lengths) != 1 or any(np.ndim(images) != 3 for images in rows.values()):
        shapes = ", ".join(f"{label}: {np.shape(images)}" for label, images in rows.items()) or "none"
        raise ValueError(
            f"image_rows needs rows of equally many images (n, height, width); it was given {shapes}"
        )
    fig, axes = plt.subplots(len(rows), figsize=(7.2, 0.62 * len(rows) + 0.35))
    for ax, (label, images) in zip(np.atleast_1d(axes), rows.items(), strict=True):
        ax.imshow(np.hstack(list(images)), cmap="gray_r", vmin=0, vmax=255, interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.set_ylabel(label, rotation=0, ha="right", va="center")
        ax.grid(False)
        ax.spines[:].set_visible(False)
    fig.suptitle(title, fontsize=10.5, x=0.01, ha="left")
    return fig
