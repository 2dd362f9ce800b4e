"""The helper package: import, setup, profile, lecture, agree, progress, plot."""

from __future__ import annotations

import base64
import io
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import soundfile
import torch

import applied_ds as ads
from applied_ds import _lecture, _progress, _setup

HEAVY = ("torch", "scipy", "sklearn", "matplotlib", "nbformat", "tqdm", "IPython")


def run(code: str, **environment: str) -> str:
    """Standard output of a fresh interpreter that runs the code."""
    clean = {k: v for k, v in os.environ.items() if k != "APPLIED_DS_PROFILE"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**clean, **environment}
    )
    return done.stdout


def test_import_loads_nothing_heavy() -> None:
    code = f"import sys, applied_ds; applied_ds.data, applied_ds.plot; print([m for m in {HEAVY} if m in sys.modules])"
    assert run(code).strip() == "[]"


def test_every_public_name_resolves_and_is_documented() -> None:
    for name in ads.__all__:
        assert getattr(ads, name).__doc__, name
    assert set(ads.__all__) <= set(dir(ads))


def test_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(AttributeError, match="agree"):
        ads.agre  # noqa: B018


def test_setup_makes_two_runs_equal(capsys: pytest.CaptureFixture[str]) -> None:
    draws = []
    for _ in range(2):
        ads.setup(7, torch=True)
        draws.append((random.random(), np.random.random(), torch.rand(1).item()))
    assert draws[0] == draws[1]
    assert capsys.readouterr().out.splitlines() == ["Ready: seed 7, profile cpu, one thread, device cpu."] * 2
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()


def test_another_seed_gives_other_draws(capsys: pytest.CaptureFixture[str]) -> None:
    values = set()
    for seed in (1, 2):
        ads.setup(seed)
        values.add((random.random(), np.random.random()))
    assert len(values) == 2


def test_setup_without_torch_does_not_import_it() -> None:
    out = run("import sys, applied_ds as ads; ads.setup(1); print('torch' in sys.modules)")
    assert out.splitlines() == ["Ready: seed 1, profile cpu, one thread.", "False"]


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "4", True])
def test_setup_refuses_a_bad_seed(seed: object) -> None:
    with pytest.raises(ValueError, match="seed"):
        ads.setup(seed)  # type: ignore[arg-type]


def test_scale_and_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APPLIED_DS_PROFILE", raising=False)
    assert ads.scale(cpu=1, full=2) == 1
    monkeypatch.setenv("APPLIED_DS_PROFILE", "full")
    assert ads.scale(cpu=1, full=2) == 2
    monkeypatch.setenv("APPLIED_DS_PROFILE", "huge")
    with pytest.raises(ValueError, match="'cpu' or 'full'"):
        ads.scale(cpu=1, full=2)


def test_device_of_the_cpu_profile_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIED_DS_PROFILE", "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert ads.device() == torch.device("cpu")
    monkeypatch.setenv("APPLIED_DS_PROFILE", "full")
    assert ads.device() == torch.device("cuda")


def test_style_file_is_valid_and_keeps_pictures_stable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import matplotlib.pyplot as plt

    ads.setup(1)
    files = []
    for name in ("a.png", "b.png"):
        fig, ax = plt.subplots()
        ax.plot([1, 2, 3])
        fig.savefig(tmp_path / name, metadata={"Software": None})
        plt.close(fig)
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]
    assert plt.rcParams["figure.facecolor"] == "white"


# ------------------------------------------------------------------------------------------ lecture


@pytest.fixture
def made_up_lectures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout that holds lecture 77, whose exported cells define more than they run, and lecture 78 without any."""
    (tmp_path / "notebooks").mkdir()
    cells = [
        nbformat.v4.new_code_cell(
            "import math\n\n\ndef twice(x):\n    return 2 * x", metadata={"tags": ["export"]}
        ),
        nbformat.v4.new_code_cell("raise RuntimeError('not exported')"),
        nbformat.v4.new_code_cell(
            "class Shape:\n    sides = twice(2)", metadata={"tags": ["export", "other"]}
        ),
        nbformat.v4.new_markdown_cell("def no(): pass", metadata={"tags": ["export"]}),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "77_made_up.ipynb")
    nbformat.write(nbformat.v4.new_notebook(cells=cells[1:2]), tmp_path / "notebooks" / "78_empty.ipynb")
    monkeypatch.setattr(_lecture, "checkout", lambda: tmp_path)
    _lecture.lecture.cache_clear()
    yield tmp_path
    _lecture.lecture.cache_clear()


def test_lecture_runs_exactly_the_exported_cells(made_up_lectures: Path) -> None:
    import inspect

    module = ads.lecture("77")
    assert module.Shape.sides == module.twice(2) == 4
    assert inspect.getsource(module.twice) == "def twice(x):\n    return 2 * x\n"
    assert inspect.getsource(module.Shape) == "class Shape:\n    sides = twice(2)\n"
    assert ads.lecture("77") is module


def test_lecture_unknown_or_empty(made_up_lectures: Path) -> None:
    with pytest.raises(ValueError, match="no lecture '79'; written so far: 77, 78"):
        ads.lecture("79")
    with pytest.raises(ValueError, match="marks no cell"):
        ads.lecture("78")


def test_lecture_from_an_installed_wheel(
    made_up_lectures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = tmp_path / "package" / "_exports"
    exports.mkdir(parents=True)
    (exports / "77.json").write_text(
        json.dumps({"lecture": "77", "cells": ["answer = 42"]}), encoding="utf-8"
    )
    monkeypatch.setattr(_lecture, "checkout", lambda: None)
    monkeypatch.setattr(_lecture, "PACKAGE", tmp_path / "package")
    assert ads.lecture("77").answer == 42
    with pytest.raises(ValueError, match="written so far: 77"):
        ads.lecture("04")


def test_lecture_that_fails_leaves_nothing_behind(made_up_lectures: Path) -> None:
    cell = nbformat.v4.new_code_cell("1 / 0", metadata={"tags": ["export"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), made_up_lectures / "notebooks" / "80_fails.ipynb")
    with pytest.raises(ZeroDivisionError):
        ads.lecture("80")
    assert "applied_ds.lectures.l80" not in sys.modules


# -------------------------------------------------------------------------------------------- agree


def test_agree_prints_the_digits_that_the_tolerance_carries(capsys: pytest.CaptureFixture[str]) -> None:
    ads.agree("a number", 1.2345678, 1.2345679, 1e-4)
    ads.agree("a tensor", torch.ones(2, 3, requires_grad=True), np.ones((2, 3)), 1e-6)
    ads.agree("a count", 7, 7, 0)
    ads.agree("counts", [2, -5], [2, -5], 0)
    ads.agree("small", -1e-9, 0.0, 1e-3)
    assert capsys.readouterr().out.splitlines() == [
        "✓ a number: equal within 1e-4 (value 1.23)",
        "✓ a tensor: equal within 1e-6 (2 × 3 values, largest magnitude 1.00000)",
        "✓ a count: equal exactly (value 7)",
        "✓ counts: equal exactly (2 values, largest magnitude 5)",
        "✓ small: equal within 1e-3 (value 0.00)",
    ]


def test_agree_line_does_not_show_what_differs_within_the_tolerance(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        reference = rng.normal(size=4) * 10.0 ** rng.integers(-3, 4)
        lines = set()
        for noise in (0.0, 1e-13):
            ads.agree("x", reference, reference * (1 + noise), 1e-6)
            lines.add(capsys.readouterr().out)
        assert len(lines) == 1


@pytest.mark.parametrize(
    ("ours", "reference", "says"),
    [
        (1.0, 1.1, "differs by 0.1"),
        ([1.0, 2.0], [1.0, 2.5], r"at \(1,\)"),
        ([1.0], [1.0, 1.0], "shapes differ"),
        (float("nan"), 1.0, "ours holds 1 values that are not finite"),
        (1.0, float("inf"), "reference holds 1 values"),
    ],
)
def test_agree_raises(ours: object, reference: object, says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        ads.agree("x", ours, reference, 1e-3)


@pytest.mark.parametrize("tolerance", [-1.0, float("nan"), float("inf")])
def test_agree_refuses_a_tolerance_that_proves_nothing(tolerance: float) -> None:
    with pytest.raises(ValueError, match="tolerance"):
        ads.agree("x", 1.0, 1.0, tolerance)


def test_agree_refuses_nothing_and_no_numbers() -> None:
    with pytest.raises(ValueError, match="nothing to compare"):
        ads.agree("x", [], [], 1e-3)
    with pytest.raises(TypeError, match="numbers"):
        ads.agree("x", ["a"], ["a"], 1e-3)


# ----------------------------------------------------------------------------------- progress, plot


def test_progress_is_silent_in_a_test_and_loses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(ads.progress(range(5), "counting")) == [0, 1, 2, 3, 4]
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_progress_shows_a_bar_when_it_is_watched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("APPLIED_DS_PROGRESS", "1")
    assert _progress.watched()
    assert list(ads.progress(iter("ab"), "reading", total=2)) == ["a", "b"]
    assert "reading" in capsys.readouterr().err
    monkeypatch.setenv("APPLIED_DS_PROGRESS", "0")
    assert not _progress.watched()


def test_image_rows() -> None:
    import matplotlib.pyplot as plt

    fig = ads.plot.image_rows({"real": np.zeros((3, 4, 4)), "drawn": np.zeros((3, 4, 4))}, "title")
    assert [ax.get_ylabel() for ax in fig.axes] == ["real", "drawn"]
    plt.close(fig)
    with pytest.raises(ValueError, match="equally many"):
        ads.plot.image_rows({"a": np.zeros((3, 4, 4)), "b": np.zeros((2, 4, 4))}, "title")
    with pytest.raises(ValueError, match="none"):
        ads.plot.image_rows({}, "title")


def test_players_hold_the_sound_itself() -> None:
    x = np.sin(np.arange(4_000) / 5) / 2
    shown = ads.sounds({"a <tone>": x, "silence": torch.zeros(100)}, 8_000, {"a <tone>": "SNR 3 dB"})
    html = shown._repr_html_()
    assert "<strong>a &lt;tone&gt;</strong>: SNR 3 dB" in html
    assert repr(shown).splitlines() == ["a <tone>: SNR 3 dB (0.5 s of sound)", "silence (0.0 s of sound)"]
    first, second = re.findall(r'src="data:audio/flac;base64,([^"]+)"', html)
    heard, rate = soundfile.read(io.BytesIO(base64.b64decode(first)))
    assert rate == 8_000
    assert np.abs(heard - x).max() < 1e-4
    assert len(soundfile.read(io.BytesIO(base64.b64decode(second)))[0]) == 100
    alone = ads.sound(x, 8_000, "a <tone>", "SNR 3 dB")._repr_html_()
    assert html.startswith(alone.removesuffix("</div>"))


@pytest.mark.parametrize(
    ("x", "rate", "says"),
    [
        (np.zeros((2, 5)), 8_000, "one row of samples"),
        (np.zeros(0), 8_000, "one row of samples"),
        (np.array([0.0, np.nan]), 8_000, "1 samples are not finite"),
        (np.array([0.0, 1.5]), 8_000, "scale or clip"),
        (np.zeros(5), 4_000, "resample"),
    ],
)
def test_players_refuse_what_cannot_be_heard(x: np.ndarray, rate: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ads.sound(x, rate, "a sound")


def test_players_refuse_nothing_and_notes_of_nothing() -> None:
    with pytest.raises(ValueError, match="no sound"):
        ads.sounds({}, 8_000)
    with pytest.raises(ValueError, match=r"notes without a sound: \['b'\]"):
        ads.sounds({"a": np.zeros(5)}, 8_000, {"b": "loud"})


def luminance(colour: str) -> float:
    """Relative luminance of a colour, 0 black to 1 white (WCAG 2.2)."""
    from matplotlib.colors import to_rgb

    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def test_style_is_readable_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    """White ground, dark text, and lines that differ in more than their colour, for print and colour-blind readers."""
    import matplotlib.pyplot as plt

    assert Path(_setup._style_file()).is_file()
    ads.setup(1)
    assert luminance(plt.rcParams["figure.facecolor"]) == luminance(plt.rcParams["savefig.facecolor"]) == 1
    for part in ("axes.labelcolor", "xtick.color", "ytick.color"):
        assert 1.05 / (luminance(plt.rcParams[part]) + 0.05) > 7, part
    lines = plt.rcParams["axes.prop_cycle"].by_key()
    okabe_ito = {"0072B2", "D55E00", "009E73", "CC79A7", "E69F00", "56B4E9", "000000"}
    assert {colour.strip("#").upper() for colour in lines["color"]} == okabe_ito
    assert len(set(lines["linestyle"][:4])) == 4
