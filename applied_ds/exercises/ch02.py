"""Exercises of lecture 2, variational autoencoders."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from applied_ds.exercises import Exercise, Expectation, Mistake

# ---------------------------------------------------------------------------------------------- 2.1


def kl_between_gaussians(mu_q, log_var_q, mu_p, log_var_p):
    import numpy as np

    difference = log_var_q - log_var_p
    terms = np.exp(difference) + (mu_q - mu_p) ** 2 / np.exp(log_var_p) - difference - 1
    return 0.5 * terms.sum(axis=-1)


def kl_by_torch(mu_q, log_var_q, mu_p, log_var_p):
    import torch
    from torch.distributions import Normal, kl_divergence

    mu_q, log_var_q, mu_p, log_var_p = map(torch.as_tensor, (mu_q, log_var_q, mu_p, log_var_p))
    q, p = Normal(mu_q, torch.exp(0.5 * log_var_q)), Normal(mu_p, torch.exp(0.5 * log_var_p))
    return kl_divergence(q, p).sum(-1)


def gaussian_pairs(rng: np.random.Generator) -> list[tuple[np.ndarray, ...]]:
    one = (
        np.array([[1.0, 0.0]]),
        np.array([[0.5, -1.0]]),
        np.array([[0.0, 2.0]]),
        np.array([[-0.5, 1.0]]),
    )
    return [one, *(tuple(rng.normal(size=(4, n, d))) for n, d in ((3, 2), (2, 5), (6, 4)))]


def _kl(mq, lq, mp, lp, half=0.5, one=1.0, sign=1.0, var=np.exp):
    return half * (sign * (var(lq) / var(lp) + (mq - mp) ** 2 / var(lp) - one - np.log(var(lq) / var(lp))))


def _kl_of_log_variances(mq, lq, mp, lp):
    with np.errstate(all="ignore"):  # the logarithm of a negative number is NaN
        return _kl(mq, lq, mp, lp, var=lambda v: v).sum(-1)


_E21 = Exercise(
    id="2.1",
    name="Any two Gaussians",
    function="kl_between_gaussians",
    stub='''def kl_between_gaussians(mu_q, log_var_q, mu_p, log_var_p):
    """KL(q || p) of diagonal Gaussians, in nats.

    Four arrays (n, d): means and logarithms of the variances. Returns an array (n,).
    """
    ...''',
    hints=(
        "What must come out for $p = N(0, I)$? And for $q = p$?",
        "Write $\\log q(z) - \\log p(z)$ for one dimension and take the mean under $q$: $\\mathbb{E}_q[(z - \\mu_q)^2] = \\sigma_q^2$, and $\\mathbb{E}_q[(z - \\mu_p)^2] = \\sigma_q^2 + (\\mu_q - \\mu_p)^2$.",
        "One dimension gives $\\frac12\\left[\\frac{\\sigma_q^2 + (\\mu_q - \\mu_p)^2}{\\sigma_p^2} - \\log\\frac{\\sigma_q^2}{\\sigma_p^2} - 1\\right]$; the dimensions of a row add up.",
    ),
    solution=kl_between_gaussians,
    reasoning="Both log densities are quadratic, and their means under $q$ need only the mean and the variance of $q$. The constants $\\frac12\\log 2\\pi$ cancel. With $\\mu_p = 0$ and $\\log\\sigma_p^2 = 0$ it is (2.6).",
    alternatives=(kl_by_torch,),
    cases=gaussian_pairs,
    mistakes=(
        Mistake(
            "reversed",
            "this is KL(p || q): the divergence is not symmetric, and the mean is taken under the first of the two",
            lambda mq, lq, mp, lp: _kl(mp, lp, mq, lq).sum(-1),
        ),
        Mistake(
            "log-variance-as-variance",
            "the logarithms of the variances are used as if they were the variances: take exp first",
            _kl_of_log_variances,
        ),
        Mistake(
            "log-variance-as-log-sigma",
            "the log-variance is taken for log σ: exp(log_var) is already the variance, and is squared once too often",
            lambda mq, lq, mp, lp: _kl(mq, lq, mp, lp, var=lambda v: np.exp(2 * v)).sum(-1),
        ),
        Mistake(
            "variance-as-sigma",
            "exp(log_var / 2) is the standard deviation; the formula needs the variance",
            lambda mq, lq, mp, lp: _kl(mq, lq, mp, lp, var=lambda v: np.exp(v / 2)).sum(-1),
        ),
        Mistake(
            "no-half",
            "the factor ½ is missing",
            lambda mq, lq, mp, lp: _kl(mq, lq, mp, lp, half=1.0).sum(-1),
        ),
        Mistake(
            "sign",
            "the sign is wrong: a divergence is never negative",
            lambda mq, lq, mp, lp: _kl(mq, lq, mp, lp, sign=-1.0).sum(-1),
        ),
        Mistake(
            "no-minus-one",
            "the −1 in each dimension is missing: for q = p this is not zero",
            lambda mq, lq, mp, lp: _kl(mq, lq, mp, lp, one=0.0).sum(-1),
        ),
        Mistake(
            "mean-over-dimensions",
            "the dimensions are averaged where they must be summed",
            lambda mq, lq, mp, lp: _kl(mq, lq, mp, lp).mean(-1),
        ),
        Mistake(
            "prior-ignored",
            "this is the divergence from N(0, I); the second Gaussian is not used",
            lambda mq, lq, mp, lp: _kl(mq, lq, 0 * mp, 0 * lp).sum(-1),
        ),
        Mistake(
            "not-summed",
            "these are the divergences of the single dimensions; one number for each row is asked, their sum",
            lambda mq, lq, mp, lp: _kl(mq, lq, mp, lp),
        ),
        Mistake(
            "sum-over-rows",
            "this sums over the rows; one number for each row is asked, the sum over its dimensions (the last axis)",
            lambda mq, lq, mp, lp: _kl(mq, lq, mp, lp).sum(0),
        ),
        Mistake(
            "sum-over-everything",
            "this sums over the rows as well; one number for each row is asked",
            lambda mq, lq, mp, lp: _kl(mq, lq, mp, lp).sum(),
        ),
    ),
    deeper="Hierarchical VAEs and diffusion models are trained on sums of exactly this term, with a mean that a network predicts.",
)

# ---------------------------------------------------------------------------------------------- 2.2


def draw_correlated(mu, L, K):
    import torch

    noise = torch.randn(K, *mu.shape, dtype=mu.dtype)
    return mu + torch.einsum("nij,knj->kni", L, noise)


def draw_by_distributions(mu, L, K):
    import torch

    return torch.distributions.MultivariateNormal(mu, scale_tril=L).rsample((K,))


def observe_draws(attempt: Any, case: dict[str, Any]) -> dict[str, Any]:
    """What the draws show, rounded so that chance does not: shape, noise behind the draws, and gradients."""
    import torch

    torch.manual_seed(case["seed"])
    mu = torch.tensor(case["mu"], dtype=torch.float32, requires_grad=True)
    L = torch.tensor(case["L"], dtype=torch.float32, requires_grad=True)
    K, (n, d) = case["K"], mu.shape
    z = attempt(mu, L, K)
    if z is None:
        return {}
    # the shape is compared as the shape of an array of zeros: then the message names both shapes
    shape = {"draws (shape only)": np.zeros(np.shape(z.detach() if isinstance(z, torch.Tensor) else z))}
    seen: dict[str, Any] = {"is a tensor": float(isinstance(z, torch.Tensor))}
    if not isinstance(z, torch.Tensor) or tuple(z.shape) != (K, n, d):
        unseen = {
            "mean of the noise behind the draws, to a half": (n, d),
            "its covariance, to a half": (n, d, d),
            "its largest correlation between two images, to a half": (),
            "largest noise reaches 3": (),
            "gradient of mu in units of the right one": (),
            "gradient of L in units of the right one": (),
        }
        return seen | {name: np.full(of, np.nan) for name, of in unseen.items()} | shape
    # the noise that would give these draws, in truth independent N(0, 1)
    noise = torch.linalg.solve(L.detach(), (z.detach() - mu.detach())[..., None])[..., 0]
    covariance = torch.stack([torch.cov(noise[:, i].T.reshape(d, K)).reshape(d, d) for i in range(n)])
    seen["mean of the noise behind the draws, to a half"] = (2 * noise.mean(0)).round() / 2
    seen["its covariance, to a half"] = (2 * covariance).round() / 2
    seen["its largest correlation between two images, to a half"] = (
        2 * _most(noise.reshape(K, n, d), 1)
    ).round() / 2
    seen["largest noise reaches 3"] = float(noise.abs().max() > 3)
    weight = torch.tensor(case["weight"], dtype=torch.float32)
    loss = (weight * z).sum(-1).mean()
    gradients = torch.autograd.grad(loss, (mu, L), allow_unused=True) if z.requires_grad else (None, None)
    right_mu = weight.expand(n, d) / n
    right_L = torch.einsum("i,knj->nij", weight, noise) / (K * n)
    for name, got, right in (("mu", gradients[0], right_mu), ("L", gradients[1], right_L)):
        got = torch.zeros_like(right) if got is None else got
        lower = torch.tril(torch.ones(d, d)) if name == "L" else torch.ones(n, d)
        seen[f"gradient of {name} in units of the right one"] = (
            (got * right * lower).sum() / (right * right * lower).sum()
        ).round(decimals=1)
    return seen | shape


def _most(noise: Any, axis: int) -> Any:
    """Largest absolute correlation of the noise of different images (or draws) in one dimension."""
    import torch

    n = noise.shape[axis]
    worst = torch.zeros(())
    for j in range(noise.shape[2]):
        matrix = torch.corrcoef(noise[:, :, j].T) - torch.eye(n)
        worst = torch.maximum(worst, matrix.nan_to_num(1.0).abs().max().float())
    return worst


def draw_cases(rng: np.random.Generator) -> list[dict[str, Any]]:
    cases = []
    for n, d in ((2, 2), (4, 2), (3, 3)):
        lower = np.tril(rng.uniform(0.8, 1.2, size=(n, d, d)) * rng.choice([-1, 1], size=(n, d, d)))
        diagonal = np.arange(d)
        lower[:, diagonal, diagonal] = rng.uniform(1.6, 2.0, size=(n, d))
        cases.append(
            {
                "mu": rng.normal(size=(n, d)),
                "L": lower,
                "K": 4000,
                "weight": rng.uniform(1.0, 2.0, size=d),
                "seed": int(rng.integers(1000)),
            }
        )
    return cases


def _draw(mu, L, K, noise=None, factor=None):
    import torch

    noise = torch.randn(K, *mu.shape, dtype=mu.dtype) if noise is None else noise
    return mu + torch.einsum("nij,knj->kni", L if factor is None else factor, noise)


def _draw_transposed(mu, L, K):
    return _draw(mu, L, K, factor=L.transpose(1, 2))


def _draw_with_covariance(mu, L, K):
    return _draw(mu, L, K, factor=L @ L.transpose(1, 2))


def _draw_diagonal(mu, L, K):
    return _draw(mu, L, K, factor=L.diagonal(dim1=1, dim2=2).diag_embed())


def _draw_one_noise_for_images(mu, L, K):
    import torch

    n, d = mu.shape
    return _draw(mu, L, K, noise=torch.randn(K, 1, d, dtype=mu.dtype).expand(K, n, d))


def _draw_one_noise_for_draws(mu, L, K):
    import torch

    n, d = mu.shape
    return _draw(mu, L, K, noise=torch.randn(1, n, d, dtype=mu.dtype).expand(K, n, d))


def _draw_one_number(mu, L, K):
    import torch

    n, d = mu.shape
    return _draw(mu, L, K, noise=torch.randn(K, n, 1, dtype=mu.dtype).expand(K, n, d))


def _draw_uniform(mu, L, K):
    import torch

    return _draw(mu, L, K, noise=torch.rand(K, *mu.shape, dtype=mu.dtype))


def _draw_without_gradient(mu, L, K):
    import torch

    return torch.distributions.MultivariateNormal(mu, scale_tril=L).sample((K,))


def _draw_mean_only(mu, L, K):
    return _draw(mu, L.detach(), K)


def _draw_images_first(mu, L, K):
    return _draw(mu, L, K).transpose(0, 1)


_E22 = Exercise(
    id="2.2",
    name="A posterior with correlations",
    function="draw_correlated",
    stub='''def draw_correlated(mu, L, K):
    """K draws of N(mu, L Lᵀ) for each image, differentiable.

    mu: tensor (n, d); L: tensor (n, d, d), lower triangular. Returns a tensor (K, n, d).
    """
    ...''',
    hints=(
        "If $\\varepsilon \\sim N(0, I)$, what is the covariance of $L\\varepsilon$?",
        "How many independent numbers are needed? For each draw, each image and each dimension one.",
        "Draw `noise` of shape (K, n, d) and multiply each image's $L$ with each of its noise vectors: `torch.einsum`, or `L @ noise[..., None]`.",
    ),
    solution=draw_correlated,
    reasoning="The covariance of $L\\varepsilon$ is $L\\,\\mathbb{E}[\\varepsilon\\varepsilon^\\top]\\,L^\\top = LL^\\top$. As in (2.7) the noise has no parameters, so autograd differentiates the sum and the product.",
    alternatives=(draw_by_distributions,),
    cases=draw_cases,
    observe=observe_draws,
    mistakes=(
        Mistake(
            "transposed",
            "this multiplies by Lᵀ: the covariance is LᵀL, not LLᵀ. In an einsum the noise must meet the last index of L",
            _draw_transposed,
        ),
        Mistake(
            "covariance-as-factor",
            "this multiplies by LLᵀ, the covariance, where its factor L is needed (in one dimension: the variance for σ)",
            _draw_with_covariance,
        ),
        Mistake(
            "only-the-diagonal",
            "only the diagonal of L is used, so the correlations are lost",
            _draw_diagonal,
        ),
        Mistake(
            "one-noise-for-all-images",
            "all images get the same noise: they must be independent",
            _draw_one_noise_for_images,
        ),
        Mistake(
            "one-noise-for-all-draws",
            "all K draws of an image are the same",
            _draw_one_noise_for_draws,
        ),
        Mistake(
            "one-number-for-all-dimensions",
            "ε is a vector: every latent dimension needs a number of its own",
            _draw_one_number,
        ),
        Mistake(
            "uniform-noise",
            "`rand` is uniform on (0, 1); standard normal noise is `randn`",
            _draw_uniform,
        ),
        Mistake(
            "no-gradient",
            "the draws are right and no gradient reaches mu and L: the graph is cut (`sample`, `detach`, `no_grad`, or a way through NumPy)",
            _draw_without_gradient,
        ),
        Mistake(
            "gradient-of-mu-only",
            "the draws are right and the gradient reaches mu, but not L",
            _draw_mean_only,
        ),
        Mistake(
            "not-a-tensor",
            "this is a NumPy array, through which no gradient can pass: stay in PyTorch",
            lambda mu, L, K: _draw(mu, L, K).detach().numpy(),
        ),
        Mistake(
            "mu-forgotten",
            "the draws lie around zero: mu must be added",
            lambda mu, L, K: _draw(0 * mu.detach(), L, K),
        ),
        Mistake(
            "one-draw",
            "this is one draw for each image; K are asked",
            lambda mu, L, K: _draw(mu, L, 1)[0],
        ),
        Mistake(
            "images-first",
            "the draws come first: the shape is (K, n, d)",
            _draw_images_first,
        ),
    ),
    deeper="Such a posterior costs d² numbers an image; flows (lecture 4) are the way to posteriors that are no Gaussians at all.",
)

# ---------------------------------------------------------------------------------------------- 2.3


def gaussian_elbo(x, x_hat, mu, log_var, sigma_x):
    import numpy as np

    D = x.shape[-1]
    squares = ((x - x_hat) ** 2).sum(axis=-1)
    reconstruction = -squares / (2 * sigma_x**2) - D * np.log(sigma_x) - 0.5 * D * np.log(2 * np.pi)
    kl = 0.5 * (mu**2 + np.exp(log_var) - log_var - 1).sum(axis=-1)
    return reconstruction - kl


def gaussian_elbo_by_torch(x, x_hat, mu, log_var, sigma_x):
    import torch
    from torch.distributions import Independent, Normal, kl_divergence

    x, x_hat, mu, log_var = map(torch.as_tensor, (x, x_hat, mu, log_var))
    q = Independent(Normal(mu, (log_var / 2).exp()), 1)
    prior = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    return Normal(x_hat, float(sigma_x)).log_prob(x).sum(-1) - kl_divergence(q, prior)


def elbo_cases(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    one = (
        np.array([[1.0, 2.0, 0.0]]),
        np.array([[0.5, 2.5, 1.0]]),
        np.array([[1.0, -0.5]]),
        np.array([[-1.0, 0.4]]),
        0.5,
    )
    more = [
        (*rng.normal(size=(2, n, D)), *rng.normal(size=(2, n, d)), s)
        for n, D, d, s in ((3, 4, 2, 0.3), (2, 6, 3, 2.0), (5, 5, 2, 0.7))
    ]
    return [one, *more]


def _wrong_elbo(
    *,
    sign=-1.0,
    mean=False,
    constant=1.0,
    log_sigma=1.0,
    half=0.5,
    kl_half=0.5,
    power=2,
    kl=None,
    total=1.0,
    weight=True,
):
    def wrong(x, x_hat, mu, log_var, sigma_x):
        D = x.shape[-1]
        pixels = -half * (x - x_hat) ** 2 / (sigma_x**power if weight else 1)
        pixels = pixels - log_sigma * np.log(sigma_x) - constant * 0.5 * np.log(2 * np.pi)
        reconstruction = pixels.sum(-1) / (D if mean else 1)
        terms = kl(mu, log_var) if kl else mu**2 + np.exp(log_var) - log_var - 1
        return total * (reconstruction + sign * kl_half * terms.sum(-1))

    return wrong


def _constants_once(x, x_hat, mu, log_var, sigma_x):
    bare = _wrong_elbo(constant=0.0, log_sigma=0.0)(x, x_hat, mu, log_var, sigma_x)
    return bare - np.log(sigma_x) - 0.5 * np.log(2 * np.pi)


_E23 = Exercise(
    id="2.3",
    name="A decoder of real numbers",
    function="gaussian_elbo",
    stub='''def gaussian_elbo(x, x_hat, mu, log_var, sigma_x):
    """ELBO in nats with decoder N(x_hat, sigma_x² I) and encoder N(mu, diag(exp(log_var))).

    x, x_hat: arrays (n, D); mu, log_var: arrays (n, d); sigma_x: a positive number, the
    standard deviation. Returns an array (n,), the bound itself (not a loss).
    """
    ...''',
    hints=(
        "Which of the two terms of (2.5) changes when the decoder gives Gaussians, and which does not?",
        "The log density of one component is $-\\frac{(x_j - \\hat x_j)^2}{2\\sigma_x^2} - \\log\\sigma_x - \\frac12\\log 2\\pi$.",
        "Sum it over all $D$ components, and take away the divergence (2.6), summed over all $d$ dimensions.",
    ),
    solution=gaussian_elbo,
    reasoning="The components are independent given $z$, so their log densities add up; the divergence is that of (2.6). Both terms are *sums*: their balance is what $\\beta = 1$ means.",
    alternatives=(gaussian_elbo_by_torch,),
    cases=elbo_cases,
    mistakes=(
        Mistake(
            "sign-of-kl",
            "the divergence is added; the bound subtracts it",
            _wrong_elbo(sign=1.0),
        ),
        Mistake(
            "mean-over-pixels",
            "the reconstruction is averaged over the components while the divergence is summed: this is β = D in disguise, and the code will collapse",
            _wrong_elbo(mean=True),
        ),
        Mistake(
            "mean-squared-error",
            "the squared error is not divided by 2σ²: the noise of the decoder sets the price of an error",
            _wrong_elbo(half=1.0, weight=False),
        ),
        Mistake(
            "squared-error-alone",
            "the reconstruction is the bare squared error: divide by 2σ², and add the constants of the density",
            _wrong_elbo(half=1.0, weight=False, constant=0.0, log_sigma=0.0),
        ),
        Mistake(
            "constants-once",
            "the constants, log σ and half of log(2π), are taken once for a row; each of the D components has them",
            _constants_once,
        ),
        Mistake(
            "no-divergence",
            "this is the reconstruction alone; the bound subtracts the divergence",
            _wrong_elbo(sign=0.0),
        ),
        Mistake(
            "mean-over-latent-dimensions",
            "the divergence is averaged over the latent dimensions where it must be summed",
            _wrong_elbo(kl=lambda mu, lv: (mu**2 + np.exp(lv) - lv - 1) / mu.shape[-1]),
        ),
        Mistake(
            "mean-over-rows",
            "the bounds of the rows are averaged; one number for each row is asked",
            lambda *arguments: gaussian_elbo(*arguments).mean(),
        ),
        Mistake(
            "no-half-in-the-error",
            "the ½ in front of the squared error is missing",
            _wrong_elbo(half=1.0),
        ),
        Mistake(
            "sigma-not-squared",
            "the squared error is divided by σ where the density has σ²",
            _wrong_elbo(power=1),
        ),
        Mistake(
            "no-constants",
            "the constants of the density, log σ and half of log(2π) for each component, are missing",
            _wrong_elbo(constant=0.0, log_sigma=0.0),
        ),
        Mistake(
            "no-log-sigma",
            "the term −log σ of each component is missing: without it a large σ costs nothing",
            _wrong_elbo(log_sigma=0.0),
        ),
        Mistake(
            "no-two-pi",
            "the constant half of log(2π) for each component is missing",
            _wrong_elbo(constant=0.0),
        ),
        Mistake(
            "no-half-in-the-kl",
            "the ½ in front of the divergence is missing",
            _wrong_elbo(kl_half=1.0),
        ),
        Mistake(
            "log-variance-as-log-sigma",
            "in the divergence the log-variance is taken for log σ",
            _wrong_elbo(kl=lambda mu, lv: mu**2 + np.exp(2 * lv) - 2 * lv - 1),
        ),
        Mistake(
            "log-variance-as-variance",
            "in the divergence the log-variance is taken for the variance: take exp of it first",
            _wrong_elbo(kl=lambda mu, lv: mu**2 + lv - np.log(np.abs(lv)) - 1),
        ),
        Mistake(
            "loss",
            "this is the loss; the bound is asked, which is minus that",
            _wrong_elbo(total=-1.0),
        ),
    ),
    deeper="With σ fixed, maximising this is least squares with a price on the code, and σ² plays the part of β: a VAE trained on squared errors without σ has chosen σ² = ½ without saying so.",
)

# ---------------------------------------------------------------------------------------------- 2.4


def bounds_by_groups(log_w, sizes):
    import numpy as np

    rows = []
    for K in sizes:
        groups = len(log_w) // K
        part = log_w[: groups * K].reshape(groups, K, -1)
        highest = part.max(axis=1)  # of each group and image: (groups, n)
        of_groups = highest + np.log(np.exp(part - highest[:, None]).mean(axis=1))
        rows.append(of_groups.mean(axis=0))
    return np.array(rows)


def bounds_by_scipy(log_w, sizes):
    from scipy.special import logsumexp

    rows = []
    for K in sizes:
        starts = range(0, len(log_w) - K + 1, K)
        rows.append(sum(logsumexp(log_w[s : s + K], axis=0) - math.log(K) for s in starts) / len(starts))
    return np.stack(rows)


def weight_cases(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    one = (np.log(np.array([[1.0], [4.0], [1.0], [3.0], [16.0]])), [1, 2, 5])
    more = [
        (base + rng.normal(scale=3.0, size=(draws, n)), sizes)
        for base, draws, n, sizes in (
            (-90.0, 14, 3, [1, 3, 4]),
            (-5000.0, 21, 2, [2, 5, 21]),
            (-300.0, 17, 4, [8, 5, 17]),
        )
    ]
    apart = rng.normal(scale=3.0, size=(9, 2)) + np.array([-80.0, -2000.0])  # one image far less likely
    return [one, (apart, [2, 3]), *more]


def _groups(log_w, sizes, of_group, combine=lambda values: values.mean(0)):
    rows = []
    for K in sizes:
        groups = len(log_w) // K
        rows.append(
            combine(np.stack([of_group(part, K) for part in log_w[: groups * K].reshape(groups, K, -1)]))
        )
    return np.array(rows)


def _bound(part, K):
    return np.logaddexp.reduce(part, axis=0) - math.log(K)


def _of_all_groups_together(log_w, sizes):
    return _groups(
        log_w, sizes, _bound, lambda values: np.logaddexp.reduce(values, axis=0) - math.log(len(values))
    )


def _without_subtracting(log_w, sizes):
    with np.errstate(divide="ignore"):
        return _groups(log_w, sizes, lambda part, K: np.log(np.exp(part).mean(0)))


def _one_maximum_for_all(log_w, sizes):
    highest = log_w.max()
    with np.errstate(all="ignore"):
        return highest + _groups(log_w, sizes, lambda part, K: np.log(np.exp(part - highest).mean(0)))


def _with_the_rest(log_w, sizes):
    rows = []
    for K in sizes:
        parts = [log_w[start : start + K] for start in range(0, len(log_w), K)]
        rows.append(np.mean([_bound(part, len(part)) for part in parts], axis=0))
    return np.array(rows)


def _interleaved(log_w, sizes):
    rows = []
    for K in sizes:
        groups = len(log_w) // K
        part = log_w[: groups * K].reshape(K, groups, -1)
        rows.append((np.logaddexp.reduce(part, axis=0) - math.log(K)).mean(0))
    return np.array(rows)


_E24 = Exercise(
    id="2.4",
    name="All bounds from one set of draws",
    function="bounds_by_groups",
    stub='''def bounds_by_groups(log_w, sizes):
    """Importance-weighted bounds of each image for several K from the same draws.

    log_w: array (draws, n), log weights in nats. sizes: list of integers K <= draws.
    Returns an array (len(sizes), n).
    """
    ...''',
    hints=(
        "Two means are taken, one over the draws of a group and one over the groups. Which of them stands inside the logarithm?",
        "`log_w[: groups * K].reshape(groups, K, -1)` has groups, draws and images as its axes.",
        "For each group: subtract the largest log weight, `exp`, mean over the draws, `log`, add it again. Then the mean over the groups.",
    ),
    solution=bounds_by_groups,
    reasoning="Inside a group the *weights* are averaged and then the logarithm is taken, with the largest taken out first, because $e^{-5000}$ is zero in any floating-point format in use. The bounds of the groups are independent estimates of the same expectation in (2.11), so *they* are averaged as they are.",
    alternatives=(bounds_by_scipy,),
    cases=weight_cases,
    mistakes=(
        Mistake(
            "mean-of-logarithms",
            "this averages the log weights themselves: that is the ELBO, whatever K is",
            lambda log_w, sizes: _groups(log_w, sizes, lambda part, K: part.mean(0)),
        ),
        Mistake(
            "sum-of-weights",
            "the weights of a group are summed and not averaged: log K is missing, and the result bounds nothing",
            lambda log_w, sizes: _groups(log_w, sizes, lambda part, K: np.logaddexp.reduce(part, axis=0)),
        ),
        Mistake(
            "log-k-added",
            "log K has the wrong sign: a mean is a sum divided by K",
            lambda log_w, sizes: _groups(log_w, sizes, lambda part, K: _bound(part, K) + 2 * math.log(K)),
        ),
        Mistake(
            "first-group-only",
            "only the first group is used; the mean over all groups is asked",
            lambda log_w, sizes: np.array([_bound(log_w[:K], K) for K in sizes]),
        ),
        Mistake(
            "largest-weight",
            "this is the largest log weight of each group; the mean of the weights is asked",
            lambda log_w, sizes: _groups(log_w, sizes, lambda part, K: part.max(0)),
        ),
        Mistake(
            "groups-inside-the-logarithm",
            "the groups are averaged inside the logarithm as well: then K no longer matters, all draws make one large group",
            _of_all_groups_together,
        ),
        Mistake(
            "every-nth-draw",
            "the groups are not consecutive: after `reshape(groups, K, -1)` the draws of a group lie along axis 1",
            _interleaved,
        ),
        Mistake(
            "incomplete-group",
            "the draws that do not fill the last group are to be left out; a smaller group gives a looser bound",
            _with_the_rest,
        ),
        Mistake(
            "images-first",
            "the rows are the values of K and the columns the images; this is transposed",
            lambda log_w, sizes: np.asarray(bounds_by_groups(log_w, sizes)).T,
        ),
        Mistake(
            "one-maximum-for-all",
            "one largest weight is taken out for all images: where images differ much, the weights of the less likely ones still underflow. Each group and image needs its own",
            _one_maximum_for_all,
        ),
        Mistake(
            "underflow",
            "the weights underflow: exp(−5000) is 0, and its logarithm is −inf. Take the largest out first",
            _without_subtracting,
        ),
    ),
    deeper="Every estimate uses each draw once, so all K cost the decoding of one set; how the bound grows with K says how loose the ELBO is.",
)

# ---------------------------------------------------------------------------------------------- 2.5


def bounds_of_muted_codes():
    import numpy as np
    import torch

    import applied_ds as ads

    lecture = ads.lecture("02")
    vae, x = lecture.finished_vae(), lecture.pixels(ads.data.mnist_5k().test_images)
    order = lecture.kl_of_units(vae, x).argsort()  # least first
    torch.manual_seed(2)
    bounds = {}
    for m in (0, 3, 5, 10, 20):
        with torch.no_grad():
            mu, log_var = vae.encode(x)
            mu[:, order[:m]], log_var[:, order[:m]] = 0.0, 0.0
            draws = [vae.decode(lecture.reparametrize(mu, log_var)) for _ in range(3)]
        values = [lecture.elbo(x, logits, mu, log_var).value.mean().item() for logits in draws]
        bounds[str(m)] = float(np.mean(values))
    return bounds


def bounds_of_muted_codes_one_draw():
    import torch

    import applied_ds as ads

    lecture = ads.lecture("02")
    vae, x = lecture.finished_vae(), lecture.pixels(ads.data.mnist_5k().test_images)
    kl = lecture.kl_of_units(vae, x)
    torch.manual_seed(5)
    measured = {}
    with torch.no_grad():
        for m in (0, 3, 5, 10, 20):
            keep = torch.ones(20)
            keep[torch.topk(kl, m, largest=False).indices] = 0
            mu, log_var = (keep * part for part in vae.encode(x))
            z = mu + (0.5 * log_var).exp() * torch.randn(len(x), 20)
            reconstruction = -lecture.cross_entropy(x, vae.decode(z))
            divergence = lecture.kl_to_standard_normal(mu, log_var)
            measured[str(m)] = (reconstruction - divergence).mean().item()
    return measured


_MUTED = {"0": -101.8, "3": -101.8, "5": -103.6, "10": -132.4, "20": -466.0}

_E25 = Exercise(
    id="2.5",
    name="Is every dimension worth its price? (open)",
    function="elbo_muted",
    kind="measurement",
    stub='elbo_muted = {"0": ..., "3": ..., "5": ..., "10": ..., "20": ...}',
    hints=(
        "Before you measure: a muted dimension has no divergence, so that term gets better. Which term gets worse?",
        "`order = kl_of_units(finished, x_test).argsort()`; after `mu, log_var = finished.encode(x_test)` set the columns `order[:m]` of *both* to zero, then `reparametrize`, `decode`, `elbo`.",
        "To explain the end, look at some images decoded from `torch.randn(12, 20)`: what does a muted code say about $x$?",
    ),
    solution=bounds_of_muted_codes,
    alternatives=(bounds_of_muted_codes_one_draw,),
    reasoning="""Three dimensions cost nothing to mute: they had collapsed to the prior in training, and the decoder ignores them. Five muted dimensions cost about 2 nats, ten cost 30, and with all twenty muted the bound falls below −450.

*Why it never rises.* Muting a dimension is a choice that the encoder had: it could have given $\\mu_j = 0$, $\\sigma_j = 1$ for every image. Training maximised the bound, so each nat of divergence that it pays must bring back at least a
nat of reconstruction. The dimensions that carry least bring little more than they cost; those that carry most save many times their price.

*What happens at $m = 20$.* The divergence is zero and the code is a draw from the prior: the decoder draws a digit that has nothing to do with $x$, confidently. That is far worse than the mean image, which is what a decoder
*trained* without a code would give: a wrong digit costs more than no digit.""",
    mistakes=(
        Mistake(
            "loss",
            "these are losses; the bound is minus that, a negative number of nats",
            {key: -value for key, value in _MUTED.items()},
            when=lambda numbers: min(numbers.values()) > 50,
        ),
        Mistake(
            "reconstruction-only",
            "this is the reconstruction term alone; the bound subtracts the divergence",
            {"0": -80.4, "3": -80.4, "5": -82.6, "10": -116.1, "20": -461.0},
            when=lambda numbers: -84 < numbers["0"] < -77,
        ),
        Mistake(
            "divergence-not-muted",
            "the divergence is that of the whole code; a muted dimension has none",
            {"0": -101.8, "3": -101.8, "5": -104.3, "10": -136.8, "20": -478.0},
        ),
        Mistake(
            "only-the-mean-muted",
            "only the mean is set to zero; a muted dimension has the prior's spread as well, log σ² = 0",
            {"0": -101.8, "3": -101.8, "5": -102.9, "10": -119.6, "20": -366.0},
        ),
        Mistake(
            "most-first",
            "the dimensions that carry *most* were muted first: `argsort` without `descending` gives the least first",
            {"0": -101.8, "3": -300.0, "5": -394.6, "10": -447.1, "20": -466.0},
            when=lambda numbers: numbers["0"] > -110 and numbers["3"] < -200 and numbers["5"] < -300,
        ),
        Mistake(
            "sum-over-images",
            "these are sums over the images; the mean is asked",
            {key: 1000 * value for key, value in _MUTED.items()},
            when=lambda numbers: max(numbers.values()) < -10_000,
        ),
        Mistake(
            "no-spread",
            "the muted dimensions have hardly any spread; the prior's is σ = 1, so log σ² = 0",
            {"0": -101.8, "3": -145.5, "5": -174.7, "10": -259.7, "20": -640.7},
            when=lambda numbers: numbers["0"] > -110 and numbers["20"] < -500 and numbers["3"] < -103,
        ),
        Mistake(
            "only-the-spread-muted",
            "only log σ² is set to zero; the mean must be the prior's as well, μ = 0",
            {"0": -101.8, "3": -101.9, "5": -102.0, "10": -113.2, "20": -290.3},
        ),
        Mistake(
            "training-digits",
            "these are digits that the model was trained on: they are likelier than held-out ones",
            {"0": -96.3, "3": -96.3, "5": -98.1, "10": -127.5, "20": -459.3},
            when=lambda numbers: -98 < numbers["0"] < -94.5,
        ),
    ),
    expect=(
        Expectation(
            lambda numbers: -103.5 < numbers["0"] < -100,
            "the untouched model must reach between −103.5 and −100 nats, as section 6 found",
        ),
        Expectation(
            lambda numbers: abs(numbers["3"] - numbers["0"]) < 0.6,
            "the first three dimensions carry nothing: muting them must change less than 0.6 nats",
        ),
        Expectation(
            lambda numbers: -106 < numbers["5"] < -101.5, "five muted must give between −106 and −101.5"
        ),
        Expectation(lambda numbers: -135 < numbers["10"] < -129, "ten muted must give between −135 and −129"),
        Expectation(
            lambda numbers: numbers["20"] < -440, "with all twenty muted the bound must fall below −440"
        ),
    ),
    deeper="Muting dimensions one by one is how one finds out how many of them a model uses.",
)

EXERCISES = [_E21, _E22, _E23, _E24, _E25]
