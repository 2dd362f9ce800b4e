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
    return [
        (np.array([0.25]),),
        (np.array([0.1, 0.6, 0.9]),),
        (rng.uniform(0.01, 0.99, (4, 5)),),
        (np.repeat([1e-9, 1e-4, 0.999], 7),),
    ]


def _log_phi(x):
    return -0.5 * np.log(x / (1 - x)) ** 2 - 0.5 * math.log(2 * math.pi)


_E41 = Exercise(
    id="4.1",
    name="A density on the unit interval",
    function="logit_normal_log_density",
    stub='''def logit_normal_log_density(x):
    """Log density (nats) at x when logit(x) ~ N(0, 1).

    x: array of any shape, values in (0, 1). Returns an array of the same shape.
    """
    ...''',
    hints=(
        "Which two terms does equation (4.2) add, when every element is a space of its own with $D = 1$?",
        "The derivative of $\\log\\frac{x}{1-x}$ is $\\frac1x + \\frac1{1-x} = \\frac{1}{x(1-x)}$.",
        "Two terms, and the second is $-\\log x - \\log(1 - x)$. The first is the log density of $N(0, 1)$ at the logit of $x$, its constant included.",
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
    deeper="Every image flow on logits needs this term, summed over the pixels: without it the density would be one of logits, not of images.",
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
    one = (
        np.array([[3.0, 1.0], [2.0, 4.0]]),
        np.array([[0.5, -1.0], [0.0, 2.0]]),
        np.array([[1.0, 2.0], [3.0, 4.0]]),
    )
    return [one, *(tuple(rng.normal(size=(3, n, k))) for n, k in ((2, 3), (5, 2), (4, 4)))]


_E42 = Exercise(
    id="4.2",
    name="Shift first, then scale",
    function="invert_shift_then_scale",
    stub='''def invert_shift_then_scale(z, s, t):
    """Inverse of z = (x + t) * exp(s) and its log-determinant.

    z, s, t: arrays (n, k), the changed part of n points and the network's outputs.
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
            "the first part is right; the log-determinant is that of ∂z/∂x, and the inverse has the opposite sign",
            lambda z, s, t: (z * np.exp(-s) - t, s.sum(-1)),
        ),
        Mistake(
            "sign-of-shift",
            "the layer adds t, so the inverse must take it away",
            lambda z, s, t: (z * np.exp(-s) + t, -s.sum(-1)),
        ),
        Mistake(
            "mean-of-s",
            "the first part is right; a determinant multiplies all of its diagonal, so its logarithm is a sum over the coordinates and no mean",
            lambda z, s, t: (z * np.exp(-s) - t, -s.mean(-1)),
        ),
        Mistake(
            "not-summed",
            "the first part is right; −s is the logarithm of each diagonal entry, and the determinant needs their sum for each point",
            lambda z, s, t: (z * np.exp(-s) - t, -s),
        ),
        Mistake(
            "sum-over-points",
            "the first part is right; the sum runs over the points (axis 0), where it must run over the coordinates of each point (the last axis)",
            lambda z, s, t: (z * np.exp(-s) - t, -s.sum(0)),
        ),
    ),
    deeper="The two orders describe the same family of layers: shifting first by t is scaling first and then shifting by t·exp(s).",
)

# ---------------------------------------------------------------------------------------------- 4.3


def step_in_chunks(flow, optimizer, chunks):
    import math

    n = sum(len(x) for x in chunks)
    optimizer.zero_grad()
    total = 0.0
    for x in chunks:
        z, log_det = flow(x)
        log_p = -0.5 * (z**2).sum(-1) - 0.5 * x.shape[-1] * math.log(2 * math.pi) + log_det
        loss = -log_p.sum() / n
        loss.backward()  # adds to the gradients of the chunks before
        total += loss.item()
    optimizer.step()
    return total


def step_in_chunks_by_autograd(flow, optimizer, chunks):
    import torch

    parameters = list(flow.parameters())
    sums = [torch.zeros_like(parameter) for parameter in parameters]
    loss, n = 0.0, 0
    for x in chunks:
        z, log_det = flow(x)
        base = torch.distributions.Independent(torch.distributions.Normal(torch.zeros_like(z), 1.0), 1)
        nll = -(base.log_prob(z) + log_det).sum()
        sums = [total + g for total, g in zip(sums, torch.autograd.grad(nll, parameters), strict=True)]
        loss, n = loss + float(nll), n + len(x)
    for parameter, total in zip(parameters, sums, strict=True):
        parameter.grad = total / n
    optimizer.step()
    return loss / n


def observe_two_steps(attempt: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Loss and parameters of a small affine flow after each of two steps with momentum, and the most points at once."""
    import torch
    from torch import nn

    class Affine(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.s = nn.Parameter(torch.tensor(case["s at the start"]))
            self.t = nn.Parameter(torch.tensor(case["t at the start"]))
            self.most = 0

        def forward(self, x: Any) -> tuple[Any, Any]:
            self.most = max(self.most, len(x))
            return x * torch.exp(self.s) + self.t, self.s.sum().expand(len(x))

    flow = Affine()
    optimizer = torch.optim.SGD(flow.parameters(), lr=0.05, momentum=0.9)
    seen: dict[str, Any] = {}
    for step in (1, 2):
        seen[f"loss of step {step}"] = attempt(flow, optimizer, [torch.tensor(x) for x in case["chunks"]])
        seen[f"s after step {step}"] = flow.s.detach().clone()
        seen[f"t after step {step}"] = flow.t.detach().clone()
    seen["most points at once"] = flow.most
    return seen


def chunk_cases(rng: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {
            "s at the start": rng.normal(size=D),
            "t at the start": rng.normal(size=D),
            "chunks": [rng.normal(1.0, 2.0, size=(n, D)) for n in sizes],
        }
        for sizes, D in (((1, 2), 1), ((5, 2, 4), 2), ((3, 8, 2, 6), 3))
    ]


def _wrong_step(
    *, log_det=1.0, sign=1.0, clear="once", divide="all", constant=True, step="once", returns="all", move=True
):
    def wrong(flow, optimizer, chunks):
        n, losses, total = sum(map(len, chunks)), [], 0.0
        if clear == "once":
            optimizer.zero_grad()
        for x in chunks:
            if clear == "each":
                optimizer.zero_grad()
            z, det = flow(x)
            nll = sign * (0.5 * (z**2).sum(-1) - log_det * det)
            if constant:
                nll = nll + sign * 0.5 * x.shape[-1] * math.log(2 * math.pi)
            loss = nll.sum() / {"all": n, "chunk": len(x) * len(chunks), "nothing": 1}[divide]
            loss.backward()
            losses.append(loss.item())
            total += loss.item()
            if step == "each":
                optimizer.step()
                optimizer.zero_grad()
        if step == "once" and move:
            optimizer.step()
        return losses[-1] if returns == "last" else total

    return wrong


def _all_at_once(flow, optimizer, chunks):
    import torch

    return step_in_chunks(flow, optimizer, [torch.cat(chunks)])


_E43 = Exercise(
    id="4.3",
    name="A minibatch that does not fit into memory",
    function="step_in_chunks",
    stub='''def step_in_chunks(flow, optimizer, chunks):
    """One step of the optimizer on the mean negative log-likelihood of all points.

    flow(x) returns (z, log|det ∂z/∂x|) of shapes (m, D) and (m,).
    chunks: list of tensors (m_k, D), the minibatch in pieces of different sizes.
    Returns the loss before the step over all points, as a float, in nats.
    """
    ...''',
    hints=(
        "The loss is a mean over *all* points. What must each chunk contribute, when chunks differ in size?",
        "PyTorch *adds* new gradients to old ones. Here that helps: when must the old ones go, and when must they stay?",
        "Count the points of all chunks first. Each chunk contributes the *sum* of its negative log-likelihoods divided by that number.",
    ),
    solution=step_in_chunks,
    reasoning="A mean over all points is a sum over chunks, each chunk's sum divided by the number of all points. Gradients are linear, so the gradients of these parts add up "
    "to the gradient of the whole, and `backward` adds them by itself: cleared once before the first chunk, used once after the last.",
    alternatives=(step_in_chunks_by_autograd,),
    cases=chunk_cases,
    observe=observe_two_steps,
    mistakes=(
        Mistake(
            "mean-of-means",
            "this averages the means of the chunks; they differ in size, so a point of a small chunk counts for more than one of a large chunk",
            _wrong_step(divide="chunk"),
        ),
        Mistake(
            "clears-in-the-loop",
            "the gradients are cleared for each chunk, so only the last one counts",
            _wrong_step(clear="each"),
        ),
        Mistake(
            "steps-in-the-loop",
            "the optimizer moves after each chunk; one step for all of them is asked",
            _wrong_step(step="each"),
        ),
        Mistake(
            "sum-over-points",
            "this sums over the points where (4.7) takes the mean",
            _wrong_step(divide="nothing"),
        ),
        Mistake(
            "keeps-gradients",
            "the first step is right, the second adds to the gradients of the first: clear them",
            _wrong_step(clear="never"),
        ),
        Mistake(
            "all-at-once",
            "the numbers are right, but the flow was given all points at once, which is what does not fit",
            _all_at_once,
        ),
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
            _wrong_step(sign=-1.0),
        ),
        Mistake(
            "no-constant",
            "the parameters move rightly; the loss lacks the constant D/2 · log(2π)",
            _wrong_step(constant=False),
        ),
        Mistake(
            "last-loss",
            "the parameters move rightly; the value returned is that of the last chunk",
            _wrong_step(returns="last"),
        ),
        Mistake(
            "nothing-moves",
            "the parameters do not move: is `optimizer.step()` missing, does it come before `backward`, or are the gradients cleared between the two?",
            _wrong_step(move=False),
        ),
    ),
    deeper="This is gradient accumulation, and how models are trained whose minibatches are far larger than the memory of one machine.",
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
        rounded = {name: np.round(getattr(self, name), 3).tolist() for name in "ABc"}
        return f"x -> (tanh(x @ A.T) + c, tanh(x @ B.T + c) / 2) with {rounded}"


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
    """x from z for a masked autoregressive flow, by simultaneous updates from zeros.

    z: array (n, D). conditioner(x) returns the pair (mu, s), two arrays (n, D), in which
    column j depends on the columns of x before j only.
    rounds: how often all coordinates are updated. Returns x, an array (n, D).
    """
    ...''',
    hints=(
        "In each round, at which point must the conditioner be asked: at `z`, or at the `x` of the round before?",
        "Start with zeros of the shape of `z`. How often is the conditioner asked in one round, and how much of `x` is replaced?",
        "One round asks the conditioner once, at the whole of `x`, and then replaces the whole of `x` by the right-hand side of (4.9).",
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
            "`mu` is taken away; the inverse adds it",
            _iterate(lambda z, mu, s: z * np.exp(s) - mu),
        ),
        Mistake(
            "shift-first",
            "this shifts before it scales, (z + mu)·exp(s); equation (4.9) scales z first",
            _iterate(lambda z, mu, s: (z + mu) * np.exp(s)),
        ),
        Mistake(
            "one-round-short",
            "one round is missing: does the loop run `rounds` times?",
            _iterate(lambda z, mu, s: z * np.exp(s) + mu, extra=-1),
        ),
        Mistake(
            "one-round-more",
            "there is one round too many, which shows when fewer rounds than columns are asked",
            _iterate(lambda z, mu, s: z * np.exp(s) + mu, extra=1),
        ),
        Mistake(
            "exact-inverse",
            "this is the exact inverse; it ignores `rounds`, which may be fewer than the columns",
            lambda z, conditioner, rounds: fixed_point_inverse(z, conditioner, z.shape[1]),
        ),
        Mistake(
            "forward",
            "this applies (4.8), from x to z; the way back is (4.9)",
            _iterate(lambda z, mu, s: (z - mu) * np.exp(-s)),
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


def tighter_bits(log_p, D):
    import numpy as np

    highest = log_p.max(axis=0)
    log_mean = highest + np.log(np.exp(log_p - highest).mean(axis=0))
    return -log_mean / (D * np.log(2)) + 8


def tighter_bits_by_logaddexp(log_p, D):
    return np.log2(256) - (np.logaddexp.reduce(log_p, axis=0) - math.log(len(log_p))) / math.log(2) / D


def noisy_copies(rng: np.random.Generator) -> list[tuple[np.ndarray, int]]:
    cases = [(np.array([[-1.0, 2.0], [1.0, 0.0], [3.0, -2.0]]), 2)]
    for K, n, D, centre in ((5, 2, 5, 0.0), (4, 3, 20, -1500.0), (3, 5, 20, 4000.0)):
        cases.append((centre + rng.normal(0.0, 3.0, size=(K, n)), D))
    return cases


_LOG_2 = math.log(2)


def _wrong_bits(*, average="densities", levels=8.0, base=_LOG_2, divide=True, sign=-1.0):
    def wrong(log_p, D):
        if average == "logs":
            log_mean = log_p.mean(0)
        elif average == "best":
            log_mean = log_p.max(0)
        else:
            log_mean = np.logaddexp.reduce(log_p, axis=0) - (
                0.0 if average == "sum" else math.log(len(log_p))
            )
        bits = sign * log_mean / base
        return (bits / D if divide else bits) + levels

    return wrong


def _direct(log_p, D):
    return -np.log(np.exp(log_p).mean(0)) / (D * math.log(2)) + 8


def _wrong_axis(log_p, D):
    return 8 - (np.logaddexp.reduce(log_p, axis=1) - math.log(log_p.shape[1])) / (D * math.log(2))


_E45 = Exercise(
    id="4.5",
    name="A tighter bound",
    function="tighter_bits",
    stub='''def tighter_bits(log_p, D):
    """Bits per dimension of images with 256 levels from K noisy copies of each.

    log_p: array (K, n), log density in nats of copy k of image i, as a point in (0, 1)^D.
    D: number of pixels. Returns an array (n,), in bits per dimension.
    """
    ...''',
    hints=(
        "Which axis holds the copies of one image? The result has one number an image.",
        "What does NumPy give for `np.exp(-1500)`, and for the logarithm of that?",
        "Subtract the largest log density of each image before `exp`, and add it again after `log`. Then (4.12).",
    ),
    solution=tighter_bits,
    reasoning="The mean of densities is taken for each image over its copies. With $m$ the largest of its log densities, $\\log \\frac1K\\sum_k e^{a_k} = m + \\log\\frac1K\\sum_k e^{a_k - m}$, "
    "and no term under- or overflows in a way that matters. The rest is (4.12).",
    alternatives=(tighter_bits_by_logaddexp,),
    cases=noisy_copies,
    mistakes=(
        Mistake(
            "mean-of-logs",
            "this averages the log densities, which is the bound (4.11) again; the densities are to be averaged",
            _wrong_bits(average="logs"),
        ),
        Mistake(
            "no-K",
            "this sums the densities: the division by K, in logarithms −log K, is missing",
            _wrong_bits(average="sum"),
        ),
        Mistake(
            "best-copy",
            "this takes the best copy of each image; the mean of the densities is asked",
            _wrong_bits(average="best"),
        ),
        Mistake(
            "underflow", "right for small numbers, but `exp` under- or overflows for large ones", _direct
        ),
        Mistake(
            "wrong-axis",
            "this averages over the images (axis 1); the copies of one image lie along axis 0",
            _wrong_axis,
        ),
        Mistake(
            "no-levels",
            "the 8 bits of 256 levels are missing: the points lie in (0, 1), the image has 256 levels",
            _wrong_bits(levels=0.0),
        ),
        Mistake("nats", "these are nats per dimension plus 8: divide by D · log 2", _wrong_bits(base=1.0)),
        Mistake(
            "whole-image",
            "these are the bits of a whole image plus 8: divide by D first",
            _wrong_bits(divide=False),
        ),
        Mistake("sign", "the sign: bits are *minus* the log density", _wrong_bits(sign=1.0)),
    ),
    deeper="The same trick tightens the bound of a variational autoencoder (Burda and others 2016), and a table that mixes numbers with one draw and with many compares nothing.",
)

# ---------------------------------------------------------------------------------------------- 4.6


def mean_bits_of_faded_digits():
    import torch

    import applied_ds as ads

    lecture, digits = ads.lecture("04"), ads.data.mnist_5k()
    flow = lecture.finished_flow(torch.tensor(digits.train_images.reshape(-1, 784)))
    images = torch.tensor(digits.test_images)
    return {
        str(c): float(lecture.strangeness(flow, (images * c).floor()).mean()) for c in (1, 0.75, 0.5, 0.25, 0)
    }


def mean_bits_of_half_of_them():
    import statistics

    import torch

    import applied_ds as ads

    lecture, digits = ads.lecture("04"), ads.data.mnist_5k()
    flow = lecture.finished_flow(torch.tensor(digits.train_images.reshape(-1, 784)))
    measured = {}
    for name, quarters in (("1", 4), ("0.75", 3), ("0.5", 2), ("0.25", 1), ("0", 0)):
        faded = torch.tensor(digits.test_images[:500]).long() * quarters // 4
        measured[name] = statistics.fmean(lecture.strangeness(flow, faded).tolist())
    return measured


_MEANS = {"1": 1.428, "0.75": 1.926, "0.5": 1.974, "0.25": 1.905, "0": 0.178}

_E46 = Exercise(
    id="4.6",
    name="Fading digits (open)",
    function="mean_bits_faded",
    kind="measurement",
    stub='mean_bits_faded = {"1": ..., "0.75": ..., "0.5": ..., "0.25": ..., "0": ...}',
    hints=(
        "A paler digit looks *simpler*. Before you measure: do you expect more bits or fewer at $c = 0.75$?",
        "`faded = (images * c).floor()` keeps grey levels from 0 to 255; `strangeness(finished, faded)` gives bits per dimension, one number an image.",
        "To explain the first step, look at a histogram of `test_images[test_images > 0]`: which grey levels does ink have, and which after fading?",
    ),
    solution=mean_bits_of_faded_digits,
    alternatives=(mean_bits_of_half_of_them,),
    reasoning="""The bits go *up* by about half a bit when the digits fade to three quarters, stay there, and collapse to under 0.2 when nothing is left.

*The first step.* Ink in MNIST is mostly saturated: a stroke has grey levels near 253, and levels near 190 are rare. The marginal flow has counted this. Fading moves the
ink from levels that are common to levels that are hardly ever seen, and every pixel of ink pays for it. The shapes are the same; what has become strange is the paint.

*The last step.* Down to $c = 0.25$ each digit still says which pixels are ink, in an unusual grey. At $c = 0$ that information is gone, and with it almost all cost: what is left
is background, which the model predicts nearly for free. So a density does not order images by how much they look like digits. It orders them by how well each pixel could be predicted.""",
    mistakes=(
        Mistake(
            "nats",
            "these are nats per dimension; divide by log 2 for bits (and check where the 8 bits of 256 levels went)",
            {key: round(value * math.log(2), 3) for key, value in _MEANS.items()},
        ),
        Mistake(
            "log-density",
            "these are log densities of whole images; `strangeness` gives bits per dimension",
            {key: round((8 - value) * 784 * math.log(2), 1) for key, value in _MEANS.items()},
            when=lambda numbers: abs(numbers["1"]) > 100,
        ),
        Mistake(
            "grey-levels-from-0-to-1",
            "every image came out empty: grey levels must run from 0 to 255 before rounding down",
            dict.fromkeys(_MEANS, 0.178),
            when=lambda numbers: 0.1 < min(numbers.values()) <= max(numbers.values()) < 0.3,
        ),
        Mistake(
            "reversed",
            "the order is reversed: c = 1 is the untouched digit, c = 0 the empty image",
            dict(zip(_MEANS, reversed(_MEANS.values()), strict=True)),
            when=lambda numbers: numbers["1"] < 0.3 and numbers["0"] > 1,
        ),
        Mistake(
            "live-flow",
            "this is the flow that was trained on this page; use `finished`",
            {"1": 1.519, "0.75": 2.007, "0.5": 2.043, "0.25": 1.964, "0": 0.199},
        ),
        Mistake(
            "training-digits",
            "these are digits that the flow was trained on: they cost less than held-out ones as long as they are not faded",
            {"1": 1.339, "0.75": 1.920, "0.5": 1.966, "0.25": 1.900, "0": 0.178},
        ),
    ),
    expect=(
        Expectation(
            lambda numbers: 1.38 < numbers["1"] < 1.50,
            "the untouched digits must cost between 1.38 and 1.50 bits, as section 5 found",
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
    deeper="Nalisnick and others (2019 (a)) found the last step on photographs: flows trained on pictures of objects give a higher density to house numbers, which vary less.",
)

EXERCISES = [_E41, _E42, _E43, _E44, _E45, _E46]
