"""Build hook of the wheel: takes along what the notebooks need beside them.

``data/`` becomes ``applied_ds/_data/``, the Stan programs of the lectures ``applied_ds/_programs/``, and the cells tagged
``export`` of each notebook become ``applied_ds/_exports/NN.json``, so that ``applied_ds.lecture("NN")`` works where there is
no repository (Colab).
An editable install reads both from the repository, and gets neither.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def exports(notebook: Path) -> dict[str, Any] | None:
    """The lecture number and export cells of a notebook, or None if it is not a lecture."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    lecture = content["metadata"].get("applied_ds", {}).get("lecture")
    if lecture is None:
        return None
    cells = [
        "".join(cell["source"])
        for cell in content["cells"]
        if cell["cell_type"] == "code" and "export" in cell["metadata"].get("tags", [])
    ]
    return {"lecture": lecture, "cells": cells}


class ContentHook(BuildHookInterface[Any]):
    """Adds data and exported definitions to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it writes the wheel."""
        if version == "editable":
            return
        root = Path(self.root)
        self.scratch = tempfile.TemporaryDirectory()
        include: dict[str, str] = build_data["force_include"]
        for notebook in sorted((root / "notebooks").glob("*.ipynb")):
            lecture = exports(notebook)
            if lecture is None:
                continue
            target = f"applied_ds/_exports/{lecture['lecture']}.json"
            if target in include.values():
                raise ValueError(
                    f"{notebook.name}: a second notebook says it is lecture {lecture['lecture']}"
                )
            source = Path(self.scratch.name, f"{lecture['lecture']}.json")
            source.write_text(json.dumps(lecture, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
            include[str(source)] = target
        for program in sorted((root / "notebooks").glob("*.stan")):
            include[str(program)] = f"applied_ds/_programs/{program.name}"
        include[str(root / "data")] = "applied_ds/_data"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called by hatchling after it has written the wheel."""
        if version != "editable":
            self.scratch.cleanup()
