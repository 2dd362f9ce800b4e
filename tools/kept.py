"""What the commands ``python -m tools.make_…`` share: files that appear whole or not at all, each with its card."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from applied_ds.data import sha256

DATA = Path(__file__).resolve().parent.parent / "data"
FROM_MNIST = (
    "CC BY 4.0 (made for this course); trained on MNIST, which is in the public domain in the United States"
)


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
