"""Exercises of lecture 13, Bayesian forecasting with Stan."""

from __future__ import annotations

from typing import Any

import numpy as np

from applied_ds.exercises import Exercise, Expectation, Mistake

# ---------------------------------------------------------------------------------------------- 13.1


def total_growth(m, kappa, a, b, h, level):
    import numpy as np
    from scipy import stats

    scale = np.sqrt(b / a * (h + h**2 / kappa))  # h separate noises, and one mean counted h times
    return stats.t.interval(level, 2 * a, h * m, scale)


def total_growth_by_blocks(m, kappa, a, b, h, level):
    from scipy.stats import t

    # Given sigma: the mean of h years is mu, whose variance is sigma²/kappa, plus noise of variance sigma²/h.
    half = t.ppf((1 + level) / 2, df=2 * a) * (b / a * (1 / kappa + 1 / h)) ** 0.5
    return h * (m - half), h * (m + half)


def growths(rng: np.random.Generator) -> list[tuple[float, float, float, float, int, float]]:
    cases: list[tuple[float, float, float, float, int, float]] = [
        (0.1, 4.0, 2.5, 0.02, 2, 0.95),
        (0.05, 11.0, 7.0, 0.03, 5, 0.8),
    ]
    for h, level in ((3, 0.5), (12, 0.9)):
        kappa, a, b = (round(rng.uniform(*ends), 2) for ends in ((2, 20), (1.5, 6), (0.01, 0.5)))
        cases.append((round(rng.normal(0, 0.1), 3), kappa, a, b, h, level))
    return cases


def _wrong_growth(
    *,
    width=lambda h, kappa: h + h**2 / kappa,
    law="t",
    df=lambda a: 2 * a,
    variance=lambda a, b: b / a,
    quantile=lambda level: (1 + level) / 2,
    centre=lambda h, m: h * m,
    root=0.5,
):
    def wrong(m, kappa, a, b, h, level):
        from scipy.stats import norm, t

        at = quantile(level)
        z = norm.ppf(at) if law == "normal" else t.ppf(at, df(a))
        half = z * (variance(a, b) * width(h, kappa)) ** root
        return centre(h, m) - half, centre(h, m) + half

    return wrong


_E131 = Exercise(
    id="13.1",
    name="Five years at once",
    function="total_growth",
    stub='''def total_growth(m, kappa, a, b, h, level):
    """The predictive interval of the total growth of the next h years.

    m, kappa, a, b: the normal-inverse-gamma posterior: sigma² is inverse gamma with
    shape a and scale b, and mu given sigma² is N(m, sigma²/kappa).
    Yearly growths are independent N(mu, sigma²). level: such as 0.95, equal tails.
    Returns (lower, upper).
    """
    ...''',
    hints=(
        "Write the total as h·μ plus a sum of h noises. Which of the two parts is the same in all h years?",
        "Given σ², the total is normal. What is the variance of h·μ, and what that of the sum of the noises?",
        "Given σ², the variance is σ²(h + h²/κ). Averaging over σ² turns the normal distribution into Student's t with 2a degrees of freedom, and σ² into b/a: centre h·m, scale √(b/a · (h + h²/κ)).",
    ),
    solution=total_growth,
    reasoning="The noise of each year is new: its variances add up to $h\\sigma^2$. The mean $\\mu$ is one number, unknown and the same in all years: its error is multiplied by $h$, and its variance by $h^2$. So over a long horizon the doubt about the *parameter* wins, however small it is for a single year, and an interval that leaves it out becomes worse the further it looks. "
    "With $\\sigma^2$ unknown as well, the normal distribution becomes Student's t with $2a$ degrees of freedom.",
    alternatives=(total_growth_by_blocks,),
    cases=growths,
    mistakes=(
        Mistake(
            "noise-only",
            "only the noise of the years is counted: μ is taken for known",
            _wrong_growth(width=lambda h, kappa: h),
        ),
        Mistake(
            "mean-only",
            "only the doubt about μ is counted: each year brings noise of its own as well",
            _wrong_growth(width=lambda h, kappa: h**2 / kappa),
        ),
        Mistake(
            "new-mean-every-year",
            "the variance of one year was multiplied by h, as if μ were drawn anew every year; it is the same in all of them, so its part grows with h²",
            _wrong_growth(width=lambda h, kappa: h * (1 + 1 / kappa)),
        ),
        Mistake(
            "same-noise-every-year",
            "the interval of one year was stretched by h, as if the same noise came every year; noises are independent, so their part grows with h",
            _wrong_growth(width=lambda h, kappa: h**2 * (1 + 1 / kappa)),
        ),
        Mistake(
            "one-year",
            "the width is that of a single year; the centre is right",
            _wrong_growth(width=lambda h, kappa: 1 + 1 / kappa),
        ),
        Mistake(
            "mean-growth",
            "this is the interval of the *mean* growth of the h years; their total is asked",
            _wrong_growth(width=lambda h, kappa: 1 / h + 1 / kappa, centre=lambda h, m: m),
        ),
        Mistake(
            "normal",
            "the quantile is that of a normal distribution: σ² is unknown, too, which makes it Student's t",
            _wrong_growth(law="normal"),
        ),
        Mistake(
            "degrees-of-freedom",
            "Student's t has 2a degrees of freedom here, not a",
            _wrong_growth(df=lambda a: a),
        ),
        Mistake(
            "mean-of-the-variance",
            "the scale holds b/(a − 1), the mean of σ²; the scale of Student's t takes b/a",
            _wrong_growth(variance=lambda a, b: b / (a - 1)),
        ),
        Mistake(
            "one-sided",
            "the quantile is that of `level` itself; an interval with equal tails needs that of (1 + level) / 2",
            _wrong_growth(quantile=lambda level: level),
        ),
        Mistake("no-root", "the root is missing: this is a squared scale", _wrong_growth(root=1.0)),
    ),
    deeper="The two parts are equal at h = κ: after ten years of data and a prior worth one, the doubt about the mean outweighs the noise from the twelfth year on.",
)

# ---------------------------------------------------------------------------------------------- 13.2


def positive_chain(shape, rate, start, step, z, u):
    import numpy as np

    def log_density(s):
        return (shape - 1) * np.log(s) - rate * s

    chain, s = [], start
    for jump, coin in zip(z, u, strict=True):
        proposal = s * np.exp(step * jump)
        ratio = log_density(proposal) - log_density(s) + np.log(proposal) - np.log(s)
        if np.log(coin) < ratio:
            s = proposal
        chain.append(s)
    return np.array(chain)


def positive_chain_in_logarithms(shape, rate, start, step, z, u):
    v = np.log(start)
    visited = np.empty(len(z))
    for i in range(len(z)):
        new = v + step * z[i]  # a symmetric walk in v = log s, whose density is shape·v - rate·exp(v)
        if u[i] < np.exp(min(0.0, shape * (new - v) - rate * (np.exp(new) - np.exp(v)))):
            v = new
        visited[i] = v
    return np.exp(visited)


def positive_targets(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    cases = [(2.0, 1.0, 1.0, 1.0, np.array([0.5, -1.2, 2.0]), np.array([0.9, 0.2, 0.6]))]
    for n, step in ((8, 1.5), (40, 0.8), (200, 1.2)):
        shape, rate = round(rng.uniform(0.6, 4), 2), round(rng.uniform(0.3, 3), 2)
        start = round(rng.uniform(0.2, 3), 2)
        cases.append((shape, rate, start, step, rng.normal(size=n), rng.uniform(size=n)))
    return cases


def _wrong_chain(
    *,
    correction=1.0,
    proposal="times",
    rejected="repeat",
    compare="log",
    origin="current",
    first=False,
    shown="state",
):
    def wrong(shape, rate, start, step, z, u):
        def log_density(s):
            return (shape - 1) * np.log(s) - rate * s if s > 0 else -np.inf

        s, chain = start, [start] if first else []
        for jump, coin in zip(z, u, strict=True):
            base = start if origin == "start" else s
            new = base * np.exp(step * jump)
            if proposal == "plus":
                new = s + step * jump
            elif proposal == "share":
                new = s * (1 + step * jump)
            ratio = log_density(new) - log_density(s)
            if correction and new > 0:
                ratio += correction * np.log(new / s)
            accept = {
                "log": np.log(coin) < ratio,
                "mixed": coin < ratio,
                "reversed": np.log(coin) > ratio,
                "greedy": ratio > 0,
            }[compare]
            if shown == "proposal":
                chain.append(new)
            if accept:
                s = new
            if shown == "state" and (accept or rejected == "repeat"):
                chain.append(s)
        return np.array(chain)

    return wrong


_E132 = Exercise(
    id="13.2",
    name="A walk that stays positive",
    function="positive_chain",
    stub='''def positive_chain(shape, rate, start, step, z, u):
    """Metropolis–Hastings for s > 0 with density ∝ s^(shape - 1) e^(-rate s).

    start: the first state, not part of the result.
    Step i proposes s·exp(step·z[i]), z from N(0, 1), and accepts if u[i] in (0, 1)
    is below the acceptance probability. z, u: (n,).
    Returns the states after each step, (n,).
    """
    ...''',
    hints=(
        "Is it as likely to propose 2 from 1 as to propose 1 from 2? Compare the *densities* of the two proposals, not the z that lead there.",
        "The proposal from s has the density q(s′ | s) = φ(log(s′/s)/step) / (step·s′). What is left of q(s | s′) / q(s′ | s)?",
        "Everything cancels but s′/s. Accept if log u < log p(s′) − log p(s) + log s′ − log s; otherwise the old state counts once more.",
    ),
    solution=positive_chain,
    reasoning="A symmetric proposal cancels from the acceptance ratio; this one is symmetric in $\\log s$, not in $s$. Steps upward are spread over a wider range than the steps back, so that $q(s \\mid s')/q(s' \\mid s) = s'/s$, and the logarithm of that belongs in the ratio. The second way to see it: walk in $v = \\log s$, whose density is $p(e^v)\\,e^v$, because $ds = e^v dv$. "
    "The correction *is* this Jacobian, and Stan adds it for every parameter that is declared with a bound.",
    alternatives=(positive_chain_in_logarithms,),
    cases=positive_targets,
    mistakes=(
        Mistake(
            "no-correction",
            "the proposal is not symmetric in s: without log s′ − log s the chain samples from p(s)/s",
            _wrong_chain(correction=0.0),
        ),
        Mistake(
            "correction-reversed",
            "the correction has the wrong sign: it is + log s′ − log s",
            _wrong_chain(correction=-1.0),
        ),
        Mistake(
            "rejected-left-out",
            "after a rejection the old state must be counted once more; without it the chain forgets how much it likes a place",
            _wrong_chain(rejected="skip"),
        ),
        Mistake(
            "proposals-returned",
            "these are the proposals; the *states* after each step are asked",
            _wrong_chain(shown="proposal"),
        ),
        Mistake(
            "additive-step",
            "the step is added to s; it must multiply s by exp(step·z), so that s stays positive",
            _wrong_chain(proposal="plus", correction=0.0),
        ),
        Mistake(
            "share",
            "s is multiplied by 1 + step·z, which may be negative; the factor is exp(step·z)",
            _wrong_chain(proposal="share"),
        ),
        Mistake(
            "u-against-the-logarithm",
            "u is compared with the *logarithm* of the ratio; compare log u with it",
            _wrong_chain(compare="mixed"),
        ),
        Mistake(
            "acceptance-reversed",
            "the comparison is the wrong way round: good proposals are rejected",
            _wrong_chain(compare="reversed"),
        ),
        Mistake(
            "climbs-only",
            "only steps to a larger density are accepted: this is a search for the maximum, and u is not used",
            _wrong_chain(compare="greedy"),
        ),
        Mistake(
            "always-from-the-start",
            "every proposal is made from `start`; it must be made from the current state",
            _wrong_chain(origin="start"),
        ),
        Mistake(
            "start-included",
            "the first entry is `start`, which is not part of the result",
            _wrong_chain(first=True),
        ),
    ),
    deeper="With the same z and u the walk in log s with its Jacobian gives this very chain, step for step: Hastings' ratio and the derivative are one thing, seen from two sides.",
)

# ---------------------------------------------------------------------------------------------- 13.3


def tail_probability(draws, c, batch):
    import numpy as np

    C, N = draws.shape
    whole = N // batch
    above = draws[:, : whole * batch] > c
    means = above.reshape(C * whole, batch).mean(axis=1)  # consecutive draws of one chain
    return means.mean(), means.std(ddof=1) / np.sqrt(C * whole)


def tail_probability_by_loop(draws, c, batch):
    import statistics

    shares = []
    for chain in draws.tolist():
        while len(chain) >= batch:
            now, chain = chain[:batch], chain[batch:]
            shares.append(sum(value > c for value in now) / batch)
    return statistics.fmean(shares), (statistics.variance(shares) / len(shares)) ** 0.5


def sticky_chains(rng: np.random.Generator) -> list[tuple[np.ndarray, float, int]]:
    """Autocorrelated draws on a grid of 0.5, so that some equal c; a rest of each chain fills no batch."""
    cases: list[tuple[np.ndarray, float, int]] = [
        (np.array([[0.0, 0.5, 1.0, 1.0, 0.0], [1.0, 1.5, 2.0, 1.0, 1.5]]), 0.5, 2)
    ]
    for C, N, batch, c in ((2, 23, 5, 0.0), (4, 61, 8, 0.5), (4, 205, 20, -0.5)):
        x = rng.normal(size=(C, N))
        for t in range(1, N):
            x[:, t] = 0.8 * x[:, t - 1] + 0.6 * x[:, t]
        x += np.linspace(-0.4, 0.4, C)[:, None]
        cases.append((np.round(x * 2) / 2, c, batch))
    return cases


def _wrong_tail(
    *,
    compare="above",
    cut="consecutive",
    spread="batches",
    ddof=1,
    root=True,
    rest="left out",
    count="batches",
    centre="all",
):
    def wrong(draws, c, batch):
        C, N = draws.shape
        whole = N // batch
        hit = {"above": draws > c, "at least": draws >= c, "below": draws <= c, "value": draws}[compare]
        hit = hit.astype(float)
        kept = hit[:, : whole * batch]
        if cut == "consecutive":
            blocks = kept.reshape(C, whole, batch).mean(axis=2)
        elif cut == "interleaved":
            blocks = kept.reshape(C, batch, whole).mean(axis=1)
        elif cut == "across chains":  # the chains laid end to end, then cut
            flat = hit.ravel()
            blocks = flat[: len(flat) // batch * batch].reshape(1, -1, batch).mean(axis=2)
            kept = flat[: len(flat) // batch * batch]
        elif cut == "from the end":
            kept = hit[:, N - whole * batch :]
            blocks = kept.reshape(C, whole, batch).mean(axis=2)
        else:  # across the chains at one time
            blocks = kept.mean(axis=0, keepdims=True)
        p = hit.mean() if rest == "kept" else kept.mean()
        if spread == "draws":
            return p, np.sqrt(p * (1 - p) / kept.size)
        if spread == "chains":
            return p, kept.mean(axis=1).std(ddof=1) / np.sqrt(C)
        if centre == "own chain":
            blocks = blocks - blocks.mean(axis=1, keepdims=True)
        number = {"batches": blocks.size, "draws": kept.size, "per chain": whole}[count]
        return p, blocks.std(ddof=ddof) / (np.sqrt(number) if root else 1.0)

    return wrong


_E133 = Exercise(
    id="13.3",
    name="How many digits of a probability",
    function="tail_probability",
    stub='''def tail_probability(draws, c, batch):
    """The probability that a quantity exceeds c, and its Monte Carlo standard error.

    draws: (C, N), a chain in each row, in order. Each chain is cut into batches of
    `batch` consecutive draws; what is left at its end is left out of both results.
    The error is that of the mean of all batch means, taken as independent (n - 1).
    Returns (probability, error); at least two batches.
    """
    ...''',
    hints=(
        "Which array of zeros and ones has the probability as its mean?",
        "Neighbouring draws are alike, so the draws may not be counted as independent. Means of long batches nearly are. How do you get all batch means with one `reshape`, without a batch that mixes two chains?",
        "`above[:, : whole * batch].reshape(C * whole, batch).mean(axis=1)`; the error is their standard deviation with `ddof=1`, divided by the root of their number.",
    ),
    solution=tail_probability,
    reasoning="A probability is the mean of an indicator, so its error is the error of a mean. The formula $\\sqrt{p(1-p)/n}$ would hold for independent draws; consecutive draws of a chain are alike, and it is then too small. Batches longer than the memory of the chain have means that are nearly independent, and their spread contains whatever the dependence does. "
    "All batches of all chains go into one standard deviation: if the chains disagree, that makes the error larger, as it should.",
    alternatives=(tail_probability_by_loop,),
    cases=sticky_chains,
    mistakes=(
        Mistake(
            "independent-draws",
            "this is √(p(1 − p)/n), the error of independent draws; neighbouring draws of a chain are alike",
            _wrong_tail(spread="draws"),
        ),
        Mistake(
            "no-root-of-the-number",
            "this is how much one *batch* varies; the mean of all of them varies less, by the root of their number",
            _wrong_tail(root=False),
        ),
        Mistake(
            "divided-by-the-draws",
            "the spread of the batch means is divided by the root of the number of draws; there are fewer batches",
            _wrong_tail(count="draws"),
        ),
        Mistake(
            "divided-by-the-batches-of-a-chain",
            "the spread of the batch means is divided by the root of the number of batches in *one* chain; all chains count",
            _wrong_tail(count="per chain"),
        ),
        Mistake(
            "interleaved",
            "the batches take every so-many-th draw; they must be *consecutive*, or neighbours, which are alike, end up in different batches",
            _wrong_tail(cut="interleaved"),
        ),
        Mistake(
            "batches-across-chains",
            "the chains were laid end to end before they were cut: some batches mix two chains",
            _wrong_tail(cut="across chains"),
        ),
        Mistake(
            "mean-over-the-chains",
            "the mean was taken over the chains at each time; the batches lie along a chain",
            _wrong_tail(cut="at one time"),
        ),
        Mistake(
            "rest-at-the-beginning",
            "the draws left out are the first ones of each chain; those left at its end are",
            _wrong_tail(cut="from the end"),
        ),
        Mistake(
            "rest-kept",
            "the error is right; the probability counts the draws at the end that fill no batch",
            _wrong_tail(rest="kept"),
        ),
        Mistake(
            "chains-only",
            "the error uses the means of the chains alone; with so few of them it is hardly known",
            _wrong_tail(spread="chains"),
        ),
        Mistake(
            "own-means",
            "each batch is compared with the mean of its own chain: chains that disagree would go unnoticed",
            _wrong_tail(centre="own chain"),
        ),
        Mistake("ddof", "the standard deviation divides by n; n − 1 is asked", _wrong_tail(ddof=0)),
        Mistake(
            "at-least",
            "draws equal to c were counted; those above it are asked",
            _wrong_tail(compare="at least"),
        ),
        Mistake(
            "other-side",
            "the error is right; the probability is that of staying at or below c",
            _wrong_tail(compare="below"),
        ),
        Mistake(
            "mean-of-the-draws",
            "these are mean and error of the quantity itself; the share of draws above c is asked",
            _wrong_tail(compare="value"),
        ),
    ),
    deeper="Print no digit that two errors can change: with 4,000 draws worth 1,000, a probability near one half has an error of 1.6 points.",
)

# ---------------------------------------------------------------------------------------------- 13.4


def posterior_of_k(y, x, alpha, level, sigma, tau):
    import numpy as np

    def errors(series, state):
        found = []
        for value in series:
            found.append(value - state)
            state = state + alpha * found[-1]
        return np.array(found)

    e, d = errors(y, level), errors(x, 0.0)  # the errors for k are e - k d
    precision = d @ d / sigma**2 + 1 / tau**2
    return (d @ e / sigma**2) / precision, 1 / np.sqrt(precision)


def posterior_of_k_by_whitening(y, x, alpha, level, sigma, tau):
    T = len(y)
    lag = np.subtract.outer(np.arange(T), np.arange(T))
    passed = np.where(lag > 0, alpha, 0.0) + np.eye(T)  # y - level - k x = passed @ errors
    covariance = sigma**2 * passed @ passed.T + tau**2 * np.outer(x, x)  # of y, with k integrated out
    gain = tau**2 * np.linalg.solve(covariance, x)
    return gain @ (y - level), np.sqrt(tau**2 - tau**2 * gain @ x)


def switches(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    cases: list[tuple[Any, ...]] = [
        (np.array([1.0, 2.0, 5.0]), np.array([0.0, 0.0, 1.0]), 0.5, 1.0, 1.0, 2.0),
        (np.array([3.0, 2.0, 6.0, 7.0, 5.0]), np.array([0.0, 1.0, 1.0, 1.0, 0.0]), 0.4, 2.0, 0.7, 1.5),
    ]
    for T, on in ((20, 8), (60, 24)):
        x = (np.arange(T) >= on).astype(float) if T == 20 else np.round(rng.normal(size=T), 1)
        alpha, sigma = round(rng.uniform(0.2, 0.6), 2), round(rng.uniform(0.3, 0.8), 2)
        e = sigma * rng.normal(size=T)
        level = round(rng.uniform(3, 6), 1)
        y = level + alpha * (np.cumsum(e) - e) + 1.3 * x + e
        cases.append((np.round(y, 2), x, alpha, level, sigma, round(rng.uniform(0.4, 0.9), 2)))
    return cases


def _wrong_k(
    *,
    design="filtered",
    response="filtered",
    prior=True,
    data=True,
    sign=1.0,
    sd=0.5,
    use_sigma=True,
    tau_power=2,
    start="level",
):
    def wrong(y, x, alpha, level, sigma, tau):
        def errors(series, state, moves=alpha):
            found = []
            for value in series:
                found.append(value - state)
                state = state + moves * found[-1]
            return np.array(found)

        e = errors(y, level) if response == "filtered" else y - level
        d = x
        if design == "filtered":
            d = errors(x, level if start == "the same" else 0.0)
        elif design == "in the level":  # y = level + k x + error, and the level keeps k x
            d, state = [], 0.0
            for value in x:
                d.append(value + state)
                state = state + value - alpha * d[-1]
            d = np.array(d)
        elif design == "first difference":
            d = np.diff(x, prepend=0.0)
        variance = sigma**2 if use_sigma else 1.0
        precision = d @ d / variance + (1 / tau**tau_power if prior else 0.0)
        return sign * (d @ e / variance) / precision, precision ** (-sd)

    return wrong


_E134 = Exercise(
    id="13.4",
    name="The regressor in closed form",
    function="posterior_of_k",
    stub='''def posterior_of_k(y, x, alpha, level, sigma, tau):
    """Posterior mean and standard deviation of k, everything else known.

    y[t] = level + k x[t] + error, level <- level + alpha error, errors N(0, sigma²),
    `level` is the state before y[0], and k is N(0, tau²) before the data.
    y, x: (T,). Returns (mean, sd).
    """
    ...''',
    hints=(
        "How do the one-step errors of the filter depend on k? Run it in your head for k = 0 and for k = 1.",
        "The errors are e − k·d: e are those of y with k = 0, and d are those that the *same* filter gives for the series x, starting from level 0.",
        "This is a regression of e on d with known σ and prior N(0, τ²): precision d·d/σ² + 1/τ², mean (d·e/σ²) / precision.",
    ),
    solution=posterior_of_k,
    reasoning="The filter is linear, so the errors are $e_t - k d_t$, where $d$ is the filter's answer to $x$ alone. With these the likelihood is that of a regression of $e$ on $d$, and the normal prior is conjugate. The regression is *not* one on $x$: for an $x$ that switches on in one month and stays on, $d$ is $1, (1-\\alpha), (1-\\alpha)^2, \\dots$ from that month on. "
    "The level soon explains the step as its own, and only about $1/(2\\alpha)$ months speak about $k$, however long the series is.",
    alternatives=(posterior_of_k_by_whitening,),
    cases=switches,
    mistakes=(
        Mistake(
            "raw-regressor",
            "the errors are regressed on x itself; the filter has answered to x as well, so regress them on its errors for the series x",
            _wrong_k(design="raw"),
        ),
        Mistake(
            "level-held-fixed",
            "this is a regression of y − level on x, as if the level never moved: α is not used",
            _wrong_k(design="raw", response="raw"),
        ),
        Mistake(
            "regressor-in-the-level",
            "here k·x stays in the level, as in the notes: then a switch is a slope; the regressor stands outside",
            _wrong_k(design="in the level"),
        ),
        Mistake(
            "first-difference",
            "this uses the changes of x: only the month of the switch would count, which is right for α = 1 alone",
            _wrong_k(design="first difference"),
        ),
        Mistake(
            "x-from-the-level",
            "the filter of x starts from the level of y; what k adds starts from 0",
            _wrong_k(start="the same"),
        ),
        Mistake(
            "no-prior",
            "this is least squares: the prior N(0, τ²) is not used",
            _wrong_k(prior=False),
        ),
        Mistake(
            "tau-as-variance",
            "τ is the standard deviation of the prior; its precision is 1/τ²",
            _wrong_k(tau_power=1),
        ),
        Mistake(
            "no-sigma",
            "σ is not used: the data speak with precision d·d/σ²",
            _wrong_k(use_sigma=False),
        ),
        Mistake("variance", "the second result is the variance; its root is asked", _wrong_k(sd=1.0)),
        Mistake("sign", "the sign of the mean: the errors are e − k·d", _wrong_k(sign=-1.0)),
    ),
    deeper="With τ → ∞ a switch has sd ≈ σ√(α(2 − α)): more data after the switch do not help, because a level that wanders forgets.",
)

# ---------------------------------------------------------------------------------------------- 13.5


def coverage_of_bayes():
    import numpy as np
    from scipy import stats

    tries, T, h, n = np.arange(1, 100) / 100, 20, 8, 4000

    def covered(alpha):
        """Shares covered by the posterior predictive interval and by the plug-in one."""
        rng = np.random.default_rng(0)
        alpha = rng.choice(tries, n) if alpha is None else alpha
        noise = rng.normal(size=(T + h, n))
        y = noise + alpha * (np.cumsum(noise, axis=0) - noise)
        level, d, ee, ed, dd = np.zeros((n, 99)), np.ones(99), 0.0, 0.0, 0.0
        for now in y[:T]:
            e = now[:, None] - level
            level = level + tries * e
            ee, ed, dd, d = ee + e**2, ed + e * d, dd + d**2, d * (1 - tries)
        S, mean = ee - ed**2 / dd, level + d * ed / dd  # (n, 99): a column for each α
        log_weight = -(T - 1) / 2 * np.log(S) - np.log(dd) / 2
        weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        ahead = 1 + (h - 1) * tries**2
        off = y[-1][:, None] - mean
        below = (weight * stats.t.cdf(off / np.sqrt(S / (T - 1) * (ahead + d**2 / dd)), T - 1)).sum(axis=1)
        best = np.arange(n), S.argmin(axis=1)
        plug_in = np.abs(off[best]) < 1.96 * np.sqrt(S / T * ahead)[best]
        return np.mean((below > 0.025) & (below < 0.975)), plug_in.mean()

    bayes, plug_in = covered(None)
    return {name: covered(float(name))[0] for name in ("0.1", "0.5", "0.9")} | {
        "prior": bayes,
        "plug-in": plug_in,
    }


def coverage_by_draws():
    from scipy.signal import lfilter
    from scipy.stats import norm

    rng = np.random.default_rng(1)
    grid, T, h, n, many = np.linspace(0.01, 0.99, 99), 20, 8, 2000, 1000

    def covered(alpha):
        alpha = rng.choice(grid, n) if alpha is None else np.full(n, alpha)
        e = rng.normal(size=(n, T))
        level = alpha[:, None] * np.cumsum(e, axis=1)
        y = e + np.concatenate([np.zeros((n, 1)), level[:, :-1]], axis=1)
        truth = norm(level[:, -1], np.sqrt(1 + (h - 1) * alpha**2))  # of the eighth step ahead, given all
        decay = (1 - grid[:, None]) ** np.arange(T)
        size = (decay**2).sum(axis=1)
        S, end = np.empty((n, 99)), np.empty((n, 99))
        for j, a in enumerate(grid):
            r = lfilter([1.0, -1.0], [1.0, a - 1.0], y)
            r = r - np.outer(r @ decay[j] / size[j], decay[j])
            S[:, j], end[:, j] = (r**2).sum(axis=1), y[:, -1] - (1 - a) * r[:, -1]
        marginal = S ** (-(T - 1) / 2) / np.sqrt(size)
        j = np.array([rng.choice(99, many, p=w / w.sum()) for w in marginal])  # draws of α
        sigma = np.sqrt(np.take_along_axis(S, j, 1) / rng.chisquare(T - 1, (n, many)))
        doubt = np.hypot((1 - grid[j]) ** T / np.sqrt(size[j]), np.sqrt(1 + (h - 1) * grid[j] ** 2))
        future = np.take_along_axis(end, j, 1) + sigma * doubt * rng.normal(size=(n, many))
        low, high = np.quantile(future, [0.025, 0.975], axis=1)
        i = np.arange(n), S.argmin(axis=1)
        half = 1.96 * np.sqrt(S[i] / T * (1 + (h - 1) * grid[i[1]] ** 2))
        edges = ((low, high), (end[i] - half, end[i] + half))
        return [(truth.cdf(b) - truth.cdf(a)).mean() for a, b in edges]

    measured = {name: covered(float(name))[0] for name in ("0.1", "0.5", "0.9")}
    measured["prior"], measured["plug-in"] = covered(None)
    return measured


_KEYS = ("0.1", "0.5", "0.9", "prior", "plug-in")


def _covers(*values: float) -> dict[str, float]:
    return dict(zip(_KEYS, values, strict=True))


_E135 = Exercise(
    id="13.5",
    name="Calibrated for whom? (open)",
    function="calibration",
    kind="measurement",
    stub="""calibration = {"0.1": ..., "0.5": ..., "0.9": ..., "prior": ..., "plug-in": ...}""",
    hints=(
        "Before you measure: for which of the three α do you expect more than 95%, and for which fewer?",
        "Whether the interval holds y_{T+8} can be read from one number: the predictive distribution function at y_{T+8}, a weighted mean over α of Student's t. The interval holds it if that number lies between 0.025 and 0.975.",
        "To explain the result, draw the mean posterior weights of α for series with a true α of 0.1 and of 0.9. Which values of α are mixed in, and do they make the interval wider or narrower?",
    ),
    solution=coverage_of_bayes,
    alternatives=(coverage_by_draws,),
    tolerance=0.004,
    reasoning="""Averaged over the prior the interval covers 95%, as promised, where the plug-in interval, made as in exercise 12.5, covers 87%. For single values of α it does not: about 99% at α = 0.1, 95% at 0.5, and only 90 to 91% at 0.9.

*Why the average is exact.* If α comes from the prior, then α, past and future are drawn from the very joint distribution that the posterior takes apart again. Given the past, the future *has* the predictive distribution; so the interval holds it with 95% given every past, and on average. (ℓ₀ and σ were fixed, with improper priors: shifting or stretching a series shifts or stretches its interval, so that their values do not matter.)

*Why single values differ.* Twenty observations say little about α, and the posterior stays wide. Where the true α is 0.9, smaller ones are mixed in, which believe in a calmer level: the interval is too narrow. Where it is 0.1, larger ones are mixed in, and the interval is too wide. Doubt cannot be right at both ends; it is right on average.

*What calibration means.* Simulation-based calibration draws the true values from the prior, so it sees the average, and it would pass. It proves that the sampler answers the question that was put. Whether the prior fits the series that you will meet is another question: if they all behave like random walks, α near 1, a uniform prior makes intervals that are too narrow, and the prior should say what you know.""",
    mistakes=(
        Mistake(
            "plug-in-everywhere",
            "all of these are coverages of the plug-in interval; the first four ask for the posterior predictive one",
            _covers(0.9129, 0.8412, 0.8586, 0.8672, 0.8672),
            when=lambda numbers: numbers["0.1"] < 0.935 and 0.82 < numbers["0.5"] < 0.865,
        ),
        Mistake(
            "one-step",
            "these are intervals of the next observation; the eighth one after the end is asked",
            _covers(0.9540, 0.9496, 0.9469, 0.9485, 0.9039),
            when=lambda numbers: (
                0.94 < numbers["0.1"] < 0.969 and numbers["0.9"] > 0.93 and 0.89 < numbers["plug-in"] < 0.92
            ),
        ),
        Mistake(
            "best-alpha-only",
            "the doubt about σ and ℓ₀ is counted, that about α is not: mix all 99 values, each with its weight",
            _covers(0.9500, 0.9014, 0.8993, 0.9150, 0.8672),
            when=lambda numbers: 0.935 < numbers["0.1"] < 0.97 and 0.88 < numbers["0.5"] < 0.92,
        ),
        Mistake(
            "normal-for-t",
            "σ̂ is plugged in for each α: with σ unknown the predictive distribution is Student's t, with S/(T − 1)",
            _covers(0.9787, 0.9340, 0.8778, 0.9315, 0.8672),
            when=lambda numbers: numbers["0.1"] > 0.96 and numbers["0.9"] < 0.887 and numbers["0.5"] < 0.95,
        ),
        Mistake(
            "prior-weights",
            "all α have the same weight here: that is the prior; the posterior weighs each by how well it fits",
            _covers(0.9995, 0.9782, 0.8824, 0.9582, 0.8672),
            when=lambda numbers: numbers["0.5"] > 0.967 and 0.86 < numbers["0.9"] < 0.9,
        ),
        Mistake(
            "misses",
            "these are shares of intervals that *miss*; the share that covers is asked",
            _covers(0.013, 0.049, 0.094, 0.050, 0.133),
            when=lambda numbers: max(numbers.values()) < 0.3,
        ),
        Mistake(
            "per-cent",
            "these are per cent; numbers from 0 to 1 are asked",
            _covers(98.7, 95.1, 90.6, 95.0, 86.7),
            when=lambda numbers: min(numbers.values()) > 1,
        ),
    ),
    expect=(
        Expectation(
            lambda numbers: 0.971 < numbers["0.1"] < 1.0,
            "at α = 0.1 the posterior predictive interval must cover between 97 and 100%",
        ),
        Expectation(
            lambda numbers: 0.935 < numbers["0.5"] < 0.967,
            "at α = 0.5 it must cover between 93.5 and 96.5%",
        ),
        Expectation(
            lambda numbers: 0.888 < numbers["0.9"] < 0.924,
            "at α = 0.9 it must cover between 89 and 92.5%",
        ),
        Expectation(
            lambda numbers: 0.936 < numbers["prior"] < 0.964,
            "with α from the prior it must cover between 93.5 and 96.5%",
        ),
        Expectation(
            lambda numbers: 0.848 < numbers["plug-in"] < 0.886,
            "with α from the prior the plug-in interval must cover between 85 and 88.5%",
        ),
    ),
    deeper="A Bayesian interval keeps its promise on average over the prior; one that keeps it for every single α would have to be wider for some.",
)

EXERCISES = [_E131, _E132, _E133, _E134, _E135]
