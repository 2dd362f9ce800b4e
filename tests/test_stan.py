"""Stan from a notebook: what its compiler says, where programs lie, draws that repeat, an output that is kept off the page."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import applied_ds as ads
from applied_ds import stan
from tests.house import command_of

PROGRAM = """
data { int n; vector[n] y; }
parameters { real mu; real<lower=0> sigma; }
model { mu ~ normal(0, 10); sigma ~ normal(0, 5); y ~ normal(mu, sigma); }
"""
MEASURED = np.array([1.0, 2.0, 4.0])


@pytest.fixture(scope="module")
def compiled() -> str:
    """The text of a program that set-up has compiled; without a C++ compiler the test skips."""
    command_of("g++")
    return stan.path("ets_damped").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def model(compiled: str) -> stan.Model:
    return stan.build(compiled, small_data(), random_seed=7)


def small_data() -> dict[str, object]:
    """Eight observations without trend, season or regressor."""
    switches = dict.fromkeys(("use_trend", "damped", "use_k", "prior_only", "replicate"), 0)
    scales = {
        "level_mean": 0.0,
        **dict.fromkeys(("level_sd", "trend_sd", "season_sd", "k_sd", "sigma_sd"), 1.0),
    }
    shapes = {f"{name}_shape": [1.0, 1.0] for name in ("alpha", "beta", "gamma", "theta")}
    y = np.random.default_rng(0).normal(size=8)
    return {
        "n": 8,
        "m": 1,
        "y": y,
        "x": np.zeros(8),
        "h": 2,
        "x_future": np.zeros(2),
        **switches,
        **scales,
        **shapes,
    }


def test_a_right_program_and_a_wrong_one() -> None:
    assert stan.check(PROGRAM) == ""
    complaint = stan.check(PROGRAM.replace("real mu;", "real mu"))
    assert complaint.startswith("Syntax error in 'program.stan', line 3")
    assert "Identifier 'nu' not in scope" in stan.check(PROGRAM.replace("normal(mu", "normal(nu"))
    assert "/" not in complaint.replace("</", "")


def test_what_is_allowed_and_seldom_meant() -> None:
    loose = PROGRAM.replace("mu ~ normal(0, 10);", "")
    assert stan.check(loose) == ""
    assert "no priors" in stan.check(loose, pedantic=True)


def test_a_wrong_program_is_not_compiled() -> None:
    with pytest.raises(stan.StanError, match=r"Syntax error in 'program\.stan'"):
        stan.build(PROGRAM.replace("real mu;", "real mu"))


def test_without_a_compiler_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("APPLIED_DS_CACHE", str(tmp_path))
    with pytest.raises(stan.StanError, match=r"this machine has none: install one .*apt-get install g\+\+"):
        stan.build(PROGRAM, {"n": 3, "y": MEASURED})
    assert stan.main() == 0  # set-up goes on, and says so
    assert "ets_damped.stan: not compiled, for there is no C++ compiler" in capsys.readouterr().out


def test_a_program_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match=r"no Stan program 'ets'; there are: .*ets_damped"):
        stan.path("ets")


def test_programs_of_an_installed_helper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    programs = tmp_path / "_programs"
    programs.mkdir()
    (programs / "small.stan").write_text(PROGRAM)
    monkeypatch.setattr(stan, "checkout", lambda: None)
    monkeypatch.setattr(stan, "PACKAGE", tmp_path)
    assert stan.path("small").read_text() == PROGRAM


def test_same_seed_same_draws_and_nothing_on_the_screen(
    compiled: str, model: stan.Model, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = {"num_chains": 2, "num_warmup": 100, "num_samples": 100}
    first = model.sample(**settings)["alpha"]
    again = stan.build(compiled, small_data(), random_seed=7).sample(**settings)["alpha"]
    other = stan.build(compiled, small_data(), random_seed=8).sample(**settings)["alpha"]
    assert first.shape == (1, 200)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert "Gradient evaluation took" in model.messages
    out, err = capfd.readouterr()
    assert out + err == ""


def test_no_fit_is_kept(model: stan.Model) -> None:
    model.sample(num_chains=1, num_warmup=50, num_samples=50)
    kept = [
        path
        for path in (ads.data.cache_dir() / "stan").rglob("*")
        if "fits" in path.parts or path.suffix == ".gz"
    ]
    assert kept == []


def test_inside_a_running_event_loop(model: stan.Model) -> None:
    async def notebook() -> float:
        return model.log_prob(np.zeros(3))

    assert np.isfinite(asyncio.run(notebook()))


def test_parameters_there_and_back(model: stan.Model) -> None:
    free = np.array(model.unconstrain_pars({"alpha": 0.3, "sigma": 2.0, "level_start": 0.5} | empty(model)))
    assert free.shape == (3,)
    values = model.constrain_pars(free, include_tparams=False, include_gqs=False)
    assert sorted(np.round(values, 9)) == [0.3, 0.5, 2.0]
    assert model.log_prob(free) != model.log_prob(free, adjust_transform=False)
    assert len(model.grad_log_prob(free)) == 3


def empty(model: stan.Model) -> dict[str, list[float]]:
    """The parameters that the switches of the data have turned off."""
    return {name: [] for name, dims in zip(model.param_names, model.dims, strict=True) if list(dims) == [0]}


def test_loading_stan_warns_of_nothing(compiled: str) -> None:
    code = "import sys; from applied_ds import stan; stan.build(stan.path('ets_damped').read_text(), eval(sys.argv[1]))"
    data = repr({name: np.asarray(value).tolist() for name, value in small_data().items()})
    done = subprocess.run([sys.executable, "-c", code, data], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


def test_the_helper_does_not_load_stan_until_it_is_needed() -> None:
    code = "import sys, applied_ds.stan; print('stan' in sys.modules, 'httpstan' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
