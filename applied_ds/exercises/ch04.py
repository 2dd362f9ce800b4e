"""Exercises of lecture 4, normalizing flows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from applied_ds.exercises import Exercise, Expectation, Mistake

# ---------------------------------------------------------------------------------------------- 4.1


def logit_normal_log_density(x):
    import numpy as np

    z = np.log(x) - np.log1p(-x)
    log_p_z = -0.5 * z**2 - 0.5 * np.log(2 * np.pi)
    log_det = -np.log(x) - np.log1p(-x)  # dz/dx = 1 / (x (1 - x))
    return log_p_z + log_det


def logit_normal_by_scipy(x):
    from scipy.special import logit
    from scipy.stats import norm

    return norm.logpdf(logit(x)) + np.log(1 / x + 1 / (1 - x))


def unit_interval_cases(rng: np.random.Generator) -> list[tuple[np.ndarray]]:
    return [(np.array([0.25]),), (np.array([0.1, 0.6, 0.9]),), (rng.uniform(0.01, 0.99, (4, 5)),)]


def _log_phi(x):
    return -0.5 * np.log(x / (1 - x)) ** 2 - 0.5 * math.log(2 * math.pi)


_E41 = Exercise(
    id="4.1",
    name="A density on the unit interval",
    function="logit_normal_log_density",
    stub='''def logit_normal_log_density(x):
    """Log density (nats) at x when logit(x) ~ N(0, 1); x is an array with values in (0, 1), the result has its shape."""
    ...''',
    hints=(
        "Which two terms does equation (4.2) add, when every element is a space of its own with $D = 1$?",
        "The derivative of $\\log\\frac{x}{1-x}$ is $\\frac1x + \\frac1{1-x} = \\frac{1}{x(1-x)}$.",
        "Return `-z**2 / 2 - log(2π) / 2 - log(x) - log(1 - x)`, with `z` the logit of `x`.",
    ),
    solution=logit_normal_log_density,
    reasoning="Element by element, (4.2) with $D = 1$: the Gaussian's log density at $z$, plus the logarithm of $|dz/dx| = 1/(x(1-x))$. "
    "`log1p(-x)` keeps its digits where `log(1 - x)` loses them, near 0.",
    alternatives=(logit_normal_by_scipy,),
    cases=unit_interval_cases,
    mistakes=(
        Mistake(
            "no-determinant",
            "the term log|dz/dx| is missing: this is the density of z at f(x), not the density of x",
            lambda x: _log_phi(x),
        ),
        Mistake(
            "determinant-of-inverse",
            "the sign of the second term is wrong: this adds log|dx/dz| where (4.2) needs log|dz/dx|",
            lambda x: _log_phi(x) + np.log(x * (1 - x)),
        ),
        Mistake(
            "no-logarithm",
            "this is the density; the logarithm of it is asked",
            lambda x: np.exp(_log_phi(x)) / (x * (1 - x)),
        ),
        Mistake(
            "no-constant",
            "the Gaussian's constant, half of log(2π), is missing",
            lambda x: _log_phi(x) + 0.5 * math.log(2 * math.pi) - np.log(x * (1 - x)),
        ),
        Mistake(
            "bits",
            "this is in bits; nats are asked, so use the natural logarithm",
            lambda x: (_log_phi(x) - np.log(x * (1 - x))) / math.log(2),
        ),
    ),
    deeper="Its mirror image is at work inside every image flow on logits: the same log-determinant, summed over the pixels, is what "
    "turns a density of logits into a density of images (exercise 4.5).",
)

# ---------------------------------------------------------------------------------------------- 4.2


def invert_shift_then_scale(z, s, t):
    import numpy as np

    x = z * np.exp(-s) - t
    log_det = -s.sum(axis=-1)
    return x, log_det


def invert_by_jacobian(z, s, t):
    diagonal = 1 / np.exp(s)
    jacobians = np.einsum("nk,kl->nkl", diagonal, np.eye(z.shape[1]))
    return z / np.exp(s) - t, np.linalg.slogdet(jacobians)[1]


def coupling_cases(rng: np.random.Generator) -> list[tuple[np.ndarray, ...]]:
    one = (np.array([[3.0]]), np.array([[0.5]]), np.array([[1.0]]))
    return [one, *(tuple(rng.normal(size=(3, n, k))) for n, k in ((2, 3), (5, 2), (4, 4)))]


_E42 = Exercise(
    id="4.2",
    name="Shift first, then scale",
    function="invert_shift_then_scale",
    stub='''def invert_shift_then_scale(z, s, t):
    """Inverse of z = (x + t) * exp(s) and its log-determinant.

    z, s, t: arrays (n, k), the changed part of n points and the network's outputs for them.
    Returns the pair x (n, k) and log|det ∂x/∂z| (n,), in nats.
    """
    ...''',
    hints=(
        "Which of the two steps did the layer do last? Undo that one first.",
        "Undo the scaling with `exp(-s)`, and only then the shift.",
        "$\\partial x / \\partial z$ is diagonal with entries $\\exp(-s_j)$; one logarithm of a determinant for each of the $n$ points.",
    ),
    solution=invert_shift_then_scale,
    reasoning="The last step is undone first: divide by $\\exp(s)$, then take $t$ away. The derivative of each $x_j$ with respect to its $z_j$ is "
    "$\\exp(-s_j)$ and $t$ does not enter, so the log-determinant is $-\\sum_j s_j$, one number a point.",
    alternatives=(invert_by_jacobian,),
    cases=coupling_cases,
    mistakes=(
        Mistake(
            "sign-of-exponent",
            "this is exp(s) where the inverse needs exp(−s)",
            lambda z, s, t: (z * np.exp(s) - t, -s.sum(-1)),
        ),
        Mistake(
            "order",
            "this takes the shift away before it undoes the scaling: right for a layer that scales first, as in (4.4)",
            lambda z, s, t: ((z - t) * np.exp(-s), -s.sum(-1)),
        ),
        Mistake(
            "sign-of-log-det",
            "x is right; the log-determinant is that of ∂z/∂x, and the inverse has the opposite sign",
            lambda z, s, t: (z * np.exp(-s) - t, s.sum(-1)),
        ),
        Mistake(
            "sign-of-shift",
            "the layer adds t, so the inverse must take it away",
            lambda z, s, t: (z * np.exp(-s) + t, -s.sum(-1)),
        ),
        Mistake(
            "mean-of-s",
            "x is right; a determinant multiplies all of its diagonal, so its logarithm is a sum over the coordinates and no mean",
            lambda z, s, t: (z * np.exp(-s) - t, -s.mean(-1)),
        ),
        Mistake(
            "sum-over-points",
            "x is right; the sum runs over the points (axis 0), where it must run over the coordinates of each point (the last axis)",
            lambda z, s, t: (z * np.exp(-s) - t, -s.sum(0)),
        ),
    ),
    deeper="The two orders describe the same family of layers: shifting first by t is scaling first and then shifting by t·exp(s).",
)

# ---------------------------------------------------------------------------------------------- 4.3


def training_step(flow, optimizer, x):
    import math

    z, log_det = flow(x)
    log_p_z = -0.5 * (z**2).sum(-1) - 0.5 * x.shape[-1] * math.log(2 * math.pi)
    loss = -(log_p_z + log_det).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def training_step_by_distribution(flow, optimizer, x):
    import torch

    z, log_det = flow(x)
    base = torch.distributions.MultivariateNormal(
        torch.zeros_like(z[0]), torch.eye(z.shape[1], dtype=z.dtype)
    )
    loss = -(base.log_prob(z).sum() + log_det.sum()) / len(x)
    gradients = torch.autograd.grad(loss, list(flow.parameters()))
    for parameter, gradient in zip(flow.parameters(), gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()
    return float(loss)


def observe_two_steps(attempt: Any, case: dict[str, np.ndarray]) -> dict[str, Any]:
    """Loss and parameters of a small affine flow after each of two steps of plain gradient descent."""
    import torch
    from torch import nn

    class Affine(nn.Module):
        def __init__(self, a: np.ndarray, b: np.ndarray) -> None:
            super().__init__()
            self.a, self.b = nn.Parameter(torch.tensor(a)), nn.Parameter(torch.tensor(b))

        def forward(self, x: Any) -> tuple[Any, Any]:
            return x * torch.exp(self.a) + self.b, self.a.sum().expand(len(x))

    flow = Affine(case["log-scale at the start"], case["shift at the start"])
    optimizer = torch.optim.SGD(flow.parameters(), lr=0.05)
    seen: dict[str, Any] = {}
    for step in (1, 2):
        loss = attempt(flow, optimizer, torch.tensor(case["x"]))
        seen[f"loss {step}"] = loss
        seen[f"log-scale after step {step}"] = flow.a.detach().clone()
        seen[f"shift after step {step}"] = flow.b.detach().clone()
    return seen


def training_cases(rng: np.random.Generator) -> list[dict[str, np.ndarray]]:
    return [
        {
            "log-scale at the start": rng.normal(size=D),
            "shift at the start": rng.normal(size=D),
            "x": rng.normal(1.0, 2.0, size=(n, D)),
        }
        for n, D in ((2, 1), (8, 2), (16, 3))
    ]


def _wrong_step(*, log_det=1.0, sign=-1.0, clear=True, mean=True, constant=True):
    def step(flow, optimizer, x):
        z, total = flow(x)
        log_p = -0.5 * (z**2).sum(-1) + log_det * total
        if constant:
            log_p = log_p - 0.5 * x.shape[-1] * math.log(2 * math.pi)
        loss = sign * (log_p.mean() if mean else log_p.sum())
        if clear:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _clear_after_backward(flow, optimizer, x):
    z, log_det = flow(x)
    loss = (0.5 * (z**2).sum(-1) + 0.5 * x.shape[-1] * math.log(2 * math.pi) - log_det).mean()
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


_E43 = Exercise(
    id="4.3",
    name="One step of maximum likelihood",
    function="training_step",
    stub='''def training_step(flow, optimizer, x):
    """One step of the optimizer on the mean negative log-likelihood of the minibatch x, a tensor (n, D).

    flow(x) returns (z, log|det ∂z/∂x|) of shapes (n, D) and (n,). Returns the loss before the step as a float, in nats.
    """
    ...''',
    hints=(
        "What are the two terms of (4.7) for each point, and which sign stands in front of both?",
        "PyTorch *adds* new gradients to old ones. When must the old ones go?",
        "Loss: minus the mean of `-(z**2).sum(-1)/2 - D/2*log(2π) + log_det`. Then `zero_grad`, `backward`, `step`, in that order.",
    ),
    solution=training_step,
    reasoning="Both terms stand inside the mean and behind the minus, the constant included, so that the loss is a number of nats that can be compared. "
    "The old gradients are cleared before `backward` fills in the new ones.",
    alternatives=(training_step_by_distribution,),
    cases=training_cases,
    observe=observe_two_steps,
    tolerance=1e-7,
    mistakes=(
        Mistake(
            "no-log-det",
            "the log-determinant is missing: the loss only pulls z to zero and the flow collapses",
            _wrong_step(log_det=0.0),
        ),
        Mistake(
            "notes-loss",
            "the log-determinant has the wrong sign: this is the loss of the notes without the brackets",
            _wrong_step(log_det=-1.0),
        ),
        Mistake(
            "ascends",
            "this minimises the log-likelihood itself: the minus in front of (4.7) is missing",
            _wrong_step(sign=1.0),
        ),
        Mistake(
            "keeps-gradients",
            "the first step is right, the second adds to the gradients of the first: clear them",
            _wrong_step(clear=False),
        ),
        Mistake(
            "sum-over-points",
            "this sums over the minibatch where (4.7) takes the mean",
            _wrong_step(mean=False),
        ),
        Mistake(
            "no-constant",
            "the parameters move rightly; the loss lacks the constant D/2 · log(2π)",
            _wrong_step(constant=False),
        ),
        Mistake(
            "clears-too-late",
            "nothing moves: the gradients are cleared after backward and before step",
            _clear_after_backward,
        ),
    ),
    deeper="On this flow the loss is that of fitting a Gaussian with its own mean and variance in each coordinate, so enough steps lead to the sample's mean "
    "and standard deviation.",
)

# ---------------------------------------------------------------------------------------------- 4.4


def fixed_point_inverse(z, conditioner, rounds):
    import numpy as np

    x = np.zeros_like(z)
    for _ in range(rounds):
        mu, s = conditioner(x)
        x = z * np.exp(s) + mu
    return x


def fixed_point_by_recursion(z, conditioner, rounds):
    if rounds == 0:
        return 0 * z
    mu, s = conditioner(fixed_point_by_recursion(z, conditioner, rounds - 1))
    return mu + np.exp(s) * z


class _Conditioner:
    """mu and s of each column from the columns before it."""

    def __init__(self, A: np.ndarray, B: np.ndarray, c: np.ndarray) -> None:
        self.A, self.B, self.c = np.tril(A, -1), np.tril(B, -1), c

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.tanh(x @ self.A.T) + self.c, 0.5 * np.tanh(x @ self.B.T + self.c)

    def __repr__(self) -> str:
        return f"<conditioner of {len(self.c)} columns>"


def autoregressive_cases(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    cases = []
    for n, D, rounds in ((1, 2, 2), (3, 3, 3), (4, 5, 5), (4, 6, 3)):
        conditioner = _Conditioner(
            rng.normal(size=(D, D)), rng.normal(size=(D, D)), rng.normal(0.5, 0.3, size=D)
        )
        cases.append((rng.normal(1.0, 1.0, size=(n, D)), conditioner, rounds))
    return cases


def _iterate(update, extra=0, start=lambda z: np.zeros_like(z)):
    def wrong(z, conditioner, rounds):
        x = start(z)
        for _ in range(rounds + extra):
            x = update(z, *conditioner(x))
        return x

    return wrong


def _latent_conditioner(z, conditioner, rounds):
    mu, s = conditioner(z)
    return z * np.exp(s) + mu


_E44 = Exercise(
    id="4.4",
    name="Inverting MAF without going coordinate by coordinate",
    function="fixed_point_inverse",
    stub='''def fixed_point_inverse(z, conditioner, rounds):
    """x from z for a masked autoregressive flow, by simultaneous updates starting from zeros.

    z: array (n, D). conditioner(x) returns the pair (mu, s), arrays (n, D), where column j depends on the columns before j.
    rounds: how often all coordinates are updated. Returns x, an array (n, D).
    """
    ...''',
    hints=(
        "In each round, at which point must the conditioner be asked: at `z`, or at the `x` of the round before?",
        "Start with zeros of the shape of `z`. One round asks the conditioner once and replaces the whole of `x`.",
        "`x = z * exp(s) + mu` with `mu, s = conditioner(x)`, exactly `rounds` times.",
    ),
    solution=fixed_point_inverse,
    reasoning="Column 1 depends on nothing and is right after one round; column 2 depends on column 1 only and is right after two; and so on. "
    "Each round is one call of the network for all columns, so weak dependence makes this much faster than $D$ calls: stop when $x$ no longer changes.",
    alternatives=(fixed_point_by_recursion,),
    cases=autoregressive_cases,
    mistakes=(
        Mistake(
            "asks-at-z",
            "the conditioner is asked at z: that is the inverse of IAF, equation (4.10); MAF asks at x",
            _latent_conditioner,
        ),
        Mistake(
            "sign-of-exponent",
            "this is exp(−s) where the inverse needs exp(s), equation (4.9)",
            _iterate(lambda z, mu, s: z * np.exp(-s) + mu),
        ),
        Mistake(
            "sign-of-shift",
            "mu is taken away; the inverse adds it",
            _iterate(lambda z, mu, s: z * np.exp(s) - mu),
        ),
        Mistake(
            "shift-first",
            "this shifts before it scales, (z + mu)·exp(s); equation (4.9) scales z first",
            _iterate(lambda z, mu, s: (z + mu) * np.exp(s)),
        ),
        Mistake(
            "one-round-short", "one round is missing", _iterate(lambda z, mu, s: z * np.exp(s) + mu, extra=-1)
        ),
        Mistake(
            "starts-at-z",
            "the iteration starts at z instead of zeros, which shows when fewer rounds than columns are asked",
            _iterate(lambda z, mu, s: z * np.exp(s) + mu, start=lambda z: z),
        ),
    ),
    deeper="This is Jacobi's iteration for a triangular system of equations, and the reason why slow sampling of autoregressive models can be run in parallel.",
)

# ---------------------------------------------------------------------------------------------- 4.5


def bits_from_logit_density(log_p_y, x, alpha):
    import numpy as np

    v = alpha + (1 - 2 * alpha) * x
    log_det = np.log(1 - 2 * alpha) - np.log(v) - np.log(1 - v)  # dy/dx for each pixel
    log_p_x = log_p_y + log_det.sum(axis=-1)
    return -log_p_x / (x.shape[-1] * np.log(2)) + 8


def bits_pixel_by_pixel(log_p_y, x, alpha):
    D = x.shape[1]
    slope = (1 - 2 * alpha) / ((alpha + (1 - 2 * alpha) * x) * (1 - alpha - (1 - 2 * alpha) * x))
    return np.log2(256 / slope).mean(1) - log_p_y / np.log(2.0) / D


def logit_cases(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    cases: list[tuple[Any, ...]] = [(np.array([-1.5]), np.array([[0.2]]), 0.05)]
    for n, D, alpha in ((1, 3, 0.05), (4, 6, 0.01), (3, 9, 0.1)):
        cases.append((rng.normal(-2.0 * D, 1.0, size=n), rng.uniform(0.05, 0.9, size=(n, D)), alpha))
    return cases


_LOG_2 = math.log(2)


def _wrong_bits(*, det=1.0, levels=8.0, base=_LOG_2, slope=True, squeezed=True, per_pixel=True, sign=-1.0):
    def wrong(log_p_y, x, alpha):
        D = x.shape[1]
        v = alpha + (1 - 2 * alpha) * x if squeezed else x
        log_det = (math.log(1 - 2 * alpha) if slope else 0.0) - np.log(v) - np.log(1 - v)
        total = sign * (log_p_y + det * log_det.sum(1)) / base
        return (total / D if per_pixel else total) + levels

    return wrong


_E45 = Exercise(
    id="4.5",
    name="Whose bits are these?",
    function="bits_from_logit_density",
    stub='''def bits_from_logit_density(log_p_y, x, alpha):
    """Bits per dimension of images with 256 levels from the log density of their logits.

    log_p_y: (n,) log density in nats of y = logit(alpha + (1 - 2 alpha) x). x: (n, D) in (0, 1). alpha: a small number.
    Returns an array (n,), in bits per dimension.
    """
    ...''',
    hints=(
        "Equation (4.12) needs the log density of $x$. What turns the log density of $y$ into that of $x$?",
        "With $v = \\alpha + (1 - 2\\alpha)x$: $\\frac{dy}{dx} = \\frac{1 - 2\\alpha}{v(1 - v)}$ for each pixel; add its logarithm, summed over the pixels.",
        "Then divide by $-D\\log 2$ and add $\\log_2 256 = 8$.",
    ),
    solution=bits_from_logit_density,
    reasoning="The logit is one more layer with a diagonal Jacobian matrix, so (4.1) adds its log-determinant, the factor $1 - 2\\alpha$ included. "
    "Only then is the density one of $x$, and (4.12) applies.",
    alternatives=(bits_pixel_by_pixel,),
    cases=logit_cases,
    mistakes=(
        Mistake(
            "no-determinant",
            "the log-determinant of the logit is missing: these are the bits of y",
            _wrong_bits(det=0.0),
        ),
        Mistake(
            "determinant-of-inverse",
            "the log-determinant has the wrong sign: log|dx/dy| instead of log|dy/dx|",
            _wrong_bits(det=-1.0),
        ),
        Mistake(
            "no-levels",
            "log₂ 256 = 8 is missing: x lies in (0, 1), the image has 256 levels",
            _wrong_bits(levels=0.0),
        ),
        Mistake(
            "nats",
            "the logarithm's base: this divides by D, and bits need a division by D · log 2",
            _wrong_bits(base=1.0),
        ),
        Mistake(
            "no-squeeze",
            "the derivative is taken at x; it must be taken at v = alpha + (1 − 2 alpha) x",
            _wrong_bits(squeezed=False),
        ),
        Mistake("no-slope", "the factor 1 − 2 alpha of the derivative is missing", _wrong_bits(slope=False)),
        Mistake(
            "whole-image",
            "these are the bits of a whole image plus 8: divide by D first",
            _wrong_bits(per_pixel=False),
        ),
        Mistake("sign", "the sign: bits are *minus* the log density", _wrong_bits(sign=1.0)),
    ),
    deeper="Papers differ in alpha (1e-6, 0.05) and in whether they report logit space or images, so their tables can be compared only after this step.",
)

# ---------------------------------------------------------------------------------------------- 4.6


def median_bits_of_faded_digits():
    import numpy as np
    import torch

    import applied_ds as ads

    lecture, digits = ads.lecture("04"), ads.data.mnist_5k()
    flow = lecture.finished_flow(torch.tensor(digits.train_images.reshape(-1, 784)))
    images = torch.tensor(digits.test_images)
    return {
        str(c): float(np.median(lecture.strangeness(flow, (images * c).floor())))
        for c in (1, 0.75, 0.5, 0.25, 0)
    }


def median_bits_of_half_of_them():
    import statistics

    import torch

    import applied_ds as ads

    lecture, digits = ads.lecture("04"), ads.data.mnist_5k()
    flow = lecture.finished_flow(torch.tensor(digits.train_images.reshape(-1, 784)))
    measured = {}
    for name, quarters in (("1", 4), ("0.75", 3), ("0.5", 2), ("0.25", 1), ("0", 0)):
        faded = torch.tensor(digits.test_images[:500]).long() * quarters // 4
        measured[name] = statistics.median(lecture.strangeness(flow, faded).tolist())
    return measured


_MEDIANS = {"1": 1.449, "0.75": 1.914, "0.5": 1.964, "0.25": 1.895, "0": 0.177}

_E46 = Exercise(
    id="4.6",
    name="Fading digits (open)",
    function="median_bits",
    kind="measurement",
    stub='median_bits = {"1": ..., "0.75": ..., "0.5": ..., "0.25": ..., "0": ...}',
    hints=(
        "A paler digit looks *simpler*. Before you measure: do you expect more bits or fewer at $c = 0.75$?",
        "`faded = (images * c).floor()` keeps grey levels from 0 to 255; `strangeness(finished, faded)` gives bits per dimension, one number an image.",
        "To explain the first step, look at a histogram of `test_images[test_images > 0]`: which grey levels does ink have, and which after fading?",
    ),
    solution=median_bits_of_faded_digits,
    alternatives=(median_bits_of_half_of_them,),
    reasoning="""The bits go *up* by about half a bit when the digits fade to three quarters, stay there, and collapse to under 0.2 when nothing is left.

*The first step.* Ink in MNIST is mostly saturated: a stroke has grey levels near 253, and levels near 190 are rare. The marginal flow has counted this. Fading moves the
ink from levels that are common to levels that are hardly ever seen, and every pixel of ink pays for it. The shapes are the same; what has become strange is the paint.

*The last step.* Down to $c = 0.25$ each digit still says which pixels are ink, in an unusual grey. At $c = 0$ that information is gone, and with it almost all cost: what is left
is background, which the model predicts nearly for free. So a density does not order images by how much they look like digits. It orders them by how well each pixel could be predicted.""",
    mistakes=(
        Mistake(
            "nats",
            "these are nats per dimension; divide by log 2 for bits (and check where the 8 bits of 256 levels went)",
            {key: round(value * math.log(2), 3) for key, value in _MEDIANS.items()},
        ),
        Mistake(
            "log-density",
            "these are log densities of whole images; `strangeness` gives bits per dimension",
            {key: round((8 - value) * 784 * math.log(2), 1) for key, value in _MEDIANS.items()},
            when=lambda numbers: abs(numbers["1"]) > 100,
        ),
        Mistake(
            "grey-levels-from-0-to-1",
            "every image came out empty: grey levels must run from 0 to 255 before rounding down",
            dict.fromkeys(_MEDIANS, 0.177),
            when=lambda numbers: max(numbers.values()) < 0.3,
        ),
        Mistake(
            "reversed",
            "the order is reversed: c = 1 is the untouched digit, c = 0 the empty image",
            dict(zip(_MEDIANS, reversed(_MEDIANS.values()), strict=True)),
            when=lambda numbers: numbers["1"] < 0.3 and numbers["0"] > 1,
        ),
        Mistake(
            "live-flow",
            "this is a flow that was trained for a quarter of a minute; use `finished`",
            {"1": 1.544, "0.75": 1.997, "0.5": 2.031, "0.25": 1.955, "0": 0.199},
            when=lambda numbers: 1.49 < numbers["1"] < 1.62,
        ),
    ),
    expect=(
        Expectation(
            lambda numbers: 1.40 < numbers["1"] < 1.48,
            "the untouched digits must cost what section 5 found, 1.4 to 1.5 bits",
        ),
        Expectation(
            lambda numbers: numbers["0.75"] > numbers["1"] + 0.3,
            "fading to three quarters must cost at least 0.3 bits more",
        ),
        Expectation(
            lambda numbers: all(1.8 < numbers[c] < 2.05 for c in ("0.75", "0.5", "0.25")),
            "the three faded sets must lie close together, between 1.8 and 2.05 bits",
        ),
        Expectation(
            lambda numbers: 0.1 < numbers["0"] < 0.3, "the empty image must cost between 0.1 and 0.3 bits"
        ),
    ),
    deeper="Now compare your explanation with the model answer; and with Nalisnick et al. (2019), who found that flows trained on photographs of objects give a "
    "higher density to house numbers, because these vary less.",
)

EXERCISES = [_E41, _E42, _E43, _E44, _E45, _E46]
