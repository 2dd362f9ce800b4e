"""Stan from a notebook: what its compiler says, where programs lie, draws that repeat, an output that is kept off the page."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from applied_ds import stan
from tests.house import command_of

PROGRAM = """
data { int n; vector[n] y; }
parameters { real mu; real<lower=0> sigma; }
model { mu ~ normal(0, 10); sigma ~ normal(0, 5); y ~ normal(mu, sigma); }
"""
MEASURED = np.array([1.0, 2.0, 4.0])


# Everything that samples runs in a process of its own: Stan's worker processes inherit what is open in the one that starts them,
# and would hold the pipe of a browser that other tests have opened there.
MEASUREMENTS = """
import asyncio, json
import applied_ds as ads
import numpy as np
from applied_ds import stan

program = stan.path("ets_damped").read_text(encoding="utf-8")
switches = dict.fromkeys(("use_trend", "damped", "use_k", "prior_only", "replicate"), 0)
scales = dict.fromkeys(("level_sd", "trend_sd", "season_sd", "k_sd", "sigma_sd"), 1.0)
shapes = {f"{name}_shape": [1.0, 1.0] for name in ("alpha", "beta", "gamma", "theta")}
y = np.random.default_rng(0).normal(size=8)
data = {"n": 8, "m": 1, "y": y, "x": np.zeros(8), "h": 2, "x_future": np.zeros(2), "level_mean": 0.0}
data |= switches | scales | shapes


def draws(seed):
    model = stan.build(program, data, random_seed=seed)
    return model.sample(num_chains=2, num_warmup=100, num_samples=100)["alpha"], model


async def inside_a_loop():
    return model.log_prob(np.zeros(3))


first, model = draws(7)
off = {name: [] for name, dims in zip(model.param_names, model.dims) if list(dims) == [0]}
said = model.messages
free = model.unconstrain_pars({"alpha": 0.3, "sigma": 2.0, "level_start": 0.5} | off)
values = model.constrain_pars(free, include_tparams=False, include_gqs=False)
cache = ads.data.cache_dir() / "stan"
print(json.dumps({
    "shape": first.shape,
    "again": bool(np.array_equal(first, draws(7)[0])),
    "other seed": bool(np.array_equal(first, draws(8)[0])),
    "said": said,
    "fits": [str(path) for path in cache.rglob("*") if "fits" in path.parts or path.suffix == ".gz"],
    "in a loop": asyncio.run(inside_a_loop()),
    "free": len(free),
    "values": sorted(round(value, 9) for value in values),
    "jacobian": model.log_prob(free) - model.log_prob(free, adjust_transform=False),
    "gradient": len(model.grad_log_prob(free)),
}))
"""


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """What sampling a program showed that set-up has compiled; without a C++ compiler the test skips."""
    command_of("g++")
    done = subprocess.run([sys.executable, "-c", MEASUREMENTS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()  # nothing else is on the screen
    return json.loads(line)


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


def test_same_seed_same_draws(measured: dict[str, Any]) -> None:
    assert measured["shape"] == [1, 200]
    assert measured["again"]
    assert not measured["other seed"]


def test_what_stan_says_is_kept_off_the_screen(measured: dict[str, Any]) -> None:
    assert "Gradient evaluation took" in measured["said"]


def test_no_fit_is_kept(measured: dict[str, Any]) -> None:
    assert measured["fits"] == []


def test_inside_a_running_event_loop(measured: dict[str, Any]) -> None:
    assert np.isfinite(measured["in a loop"])


def test_parameters_there_and_back(measured: dict[str, Any]) -> None:
    assert measured["free"] == measured["gradient"] == 3
    assert measured["values"] == [0.3, 0.5, 2.0]
    # log of alpha (1 - alpha), sigma and the multiplier of the level, which is 1
    assert measured["jacobian"] == pytest.approx(np.log(0.3 * 0.7 * 2.0))


def test_the_helper_does_not_load_stan_until_it_is_needed() -> None:
    code = "import sys, applied_ds.stan; print('stan' in sys.modules, 'httpstan' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
