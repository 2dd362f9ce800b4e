"""Players for sounds in a notebook. The site's build puts each sound into a file of its own."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np


class Players:
    """Labelled players, side by side where there is room; what a cell shows of it is HTML that holds the sounds as FLAC."""

    def __init__(self, sounds: list[tuple[str, str, np.ndarray]], rate: int) -> None:
        self.sounds, self.rate = sounds, rate

    def _repr_html_(self) -> str:
        players = "".join(
            f'<figure style="margin:0"><figcaption><strong>{escape(label)}</strong>{escape(note and f": {note}")}</figcaption>'
            f'<audio controls preload="none" aria-label="{escape(label)}" src="data:audio/flac;base64,{self._flac(x)}"></audio>'
            "</figure>\n"
            for label, note, x in self.sounds
        )
        grid = "display:grid;grid-template-columns:repeat(auto-fill,minmax(min(17rem,100%),1fr));gap:.3rem 1.2rem"
        return f'<div class="sounds" style="{grid}">\n{players}</div>'

    def __repr__(self) -> str:
        lines = (
            f"{label}{note and f': {note}'} ({len(x) / self.rate:.1f} s of sound)"
            for label, note, x in self.sounds
        )
        return "\n".join(lines)

    def _flac(self, x: np.ndarray) -> str:
        import soundfile

        file = io.BytesIO()
        soundfile.write(
            file, np.round(x * 32767).astype(np.int16), self.rate, format="FLAC", subtype="PCM_16"
        )
        return base64.b64encode(file.getvalue()).decode()


def _samples(label: str, x: Any) -> np.ndarray:
    """The samples of a sound as float64, refused where a player could not give them back."""
    if hasattr(x, "detach"):
        x = x.detach().cpu().numpy()
    samples = np.asarray(x, dtype=np.float64)
    if samples.ndim != 1 or not len(samples):
        raise ValueError(f"{label}: a sound is one row of samples (n,), this has shape {samples.shape}")
    if not np.isfinite(samples).all():
        raise ValueError(f"{label}: {np.sum(~np.isfinite(samples)):,} samples are not finite numbers")
    if np.abs(samples).max() > 1:
        raise ValueError(
            f"{label}: samples reach {np.abs(samples).max():.3g}, a player takes −1 to 1: scale or clip the sound first, and "
            "say so beside it"
        )
    return samples


def sound(x: Any, rate: int, label: str, note: str = "") -> Players:
    """One labelled player, shown when it is the last line of a cell.

    Args:
        x: samples of shape (n,) in [−1, 1], array or tensor; they are stored with 16 bits.
        rate: samples a second (Hz), 8,000 to 48,000 so that every browser plays it.
        label: what one hears.
        note: what to say after the label, such as a signal-to-noise ratio.

    Raises:
        ValueError: the samples are not one row of finite numbers in [−1, 1], or no browser plays that rate.
    """
    return sounds({label: x}, rate, {label: note})


def sounds(named: Mapping[str, Any], rate: int, note: Mapping[str, str] | None = None) -> Players:
    """Several labelled players, shown when they are the last line of a cell.

    Args:
        named: label -> samples of shape (n,) in [−1, 1], array or tensor; they are stored with 16 bits.
        rate: samples a second (Hz) of all of them, 8,000 to 48,000.
        note: label -> what to say after it, such as a signal-to-noise ratio.

    Raises:
        ValueError: there is no sound, one is not a row of finite numbers in [−1, 1], a note has no sound, or no browser plays
            that rate.
    """
    notes = dict(note or {})
    if not named or set(notes) - set(named):
        raise ValueError(
            f"notes without a sound: {sorted(set(notes) - set(named))}"
            if named
            else "there is no sound to play"
        )
    if not 8_000 <= rate <= 48_000:
        raise ValueError(
            f"browsers play 8,000 to 48,000 samples a second, not {rate:,}: resample the sound first"
        )
    rows = [(label, notes.get(label, ""), _samples(label, x)) for label, x in named.items()]
    return Players(rows, int(rate))
