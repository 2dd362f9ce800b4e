"""Exercises of lecture 12, exponential smoothing and ETS."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from applied_ds.exercises import Exercise, Expectation, Mistake

# ---------------------------------------------------------------------------------------------- 12.1


def forecast_weights(T, alpha, beta, theta, h):
    import numpy as np

    F = np.array([[1.0, theta], [0.0, theta]])  # the states (level, trend) without an error
    w, g = np.array([1.0, theta]), np.array([alpha, beta])  # forecast w·state; state moves by g·error
    D = F - np.outer(g, w)  # because the error itself is y - w·state
    read = w @ np.linalg.matrix_power(F, h - 1)
    return np.array([read @ np.linalg.matrix_power(D, T - t) @ g for t in range(1, T + 1)])


def forecast_weights_by_impulses(T, alpha, beta, theta, h):
    y = np.eye(T)  # row i is a series with a single 1, at time i
    level, trend = np.zeros(T), np.zeros(T)
    for now in y.T:
        surprise = now - (level + theta * trend)
        level, trend = level + theta * trend + alpha * surprise, theta * trend + beta * surprise
    return level + trend * sum(theta**i for i in range(1, h + 1))


def smoothing_cases(rng: np.random.Generator) -> list[tuple[int, float, float, float, int]]:
    cases: list[tuple[int, float, float, float, int]] = [
        (3, 0.5, 0.2, 1.0, 1),
        (4, 0.5, 0.25, 0.8, 2),
        (6, 0.3, 0.1, 1.0, 3),
    ]
    for T, h in ((12, 6), (30, 12)):
        alpha = round(rng.uniform(0.3, 0.9), 2)
        beta, theta = round(alpha * rng.uniform(0.2, 0.7), 3), round(rng.uniform(0.8, 0.98), 2)
        cases.append((T, alpha, beta, theta, h))
    return cases


def _wrong_weights(
    *,
    feedback=True,
    steps=0,
    star=False,
    damped="both",
    order="past first",
    share=False,
    trend=True,
    powers="all",
    one_by_one=False,
):
    def wrong(T, alpha, beta, theta, h):
        slope = alpha * beta if star else beta
        inside = 1.0 if damped in ("forecast", "neither") else theta
        ahead = 1.0 if damped in ("filter", "neither") else theta
        if not trend:
            slope = inside = ahead = 0.0
        w, g = np.array([1.0, inside]), np.array([alpha, slope])
        F = np.array([[1.0, inside], [0.0, inside]])
        if one_by_one:  # the trend first, then the level with the new trend
            F[0, 1], g[0] = inside**2, alpha + inside * slope
        D = F - (np.outer(g, w) if feedback else 0)
        h = h if steps is None else max(h + steps, 1)
        first, last = {"all": (1, h), "last": (h, h), "from zero": (0, h - 1)}[powers]
        read = np.array([1.0, sum(ahead**i for i in range(first, (1 if steps is None else last) + 1))])
        found = np.array([read @ np.linalg.matrix_power(D, T - t) @ g for t in range(1, T + 1)])
        found = found[::-1] if order == "latest first" else found
        return found / found.sum() if share else found

    return wrong


_E121 = Exercise(
    id="12.1",
    name="What a forecast remembers",
    function="forecast_weights",
    stub='''def forecast_weights(T, alpha, beta, theta, h):
    """The weight of each observation in the forecast of y_{T+h} made at time T.

    Damped trend, no season; level and trend before y_1 are held fixed.
    Returns an array (T,): the weight of y_1 first, that of y_T last.
    """
    ...''',
    hints=(
        "The forecast is a linear function of the observations. What comes out if all of them are 0 but one, which is 1, and both starting states are 0?",
        "In matrices: the state (ℓ, b) moves to F·state + g·ε with g = (α, β), and ε = y − w·state with w = (1, θ). Put the second into the first: which matrix carries the past from one month to the next?",
        "That matrix is D = F − g wᵀ. The observation y_t enters through g, then T − t months pass, and the forecast reads the state with w·F^(h−1). So the weight is w·F^(h−1)·D^(T−t)·g.",
    ),
    solution=forecast_weights,
    reasoning="Write the state equations with matrices and replace the error by $y_t - w^\\top z_{t-1}$, where $z_t = (\\ell_t, b_t)$: $z_t = D z_{t-1} + g\\,y_t$ with $D = F - g w^\\top$. The powers of $D$ are the memory of the filter, those of $F$ carry the forecast ahead. For simple smoothing $F = w = 1$, $g = \\alpha$ and $D = 1 - \\alpha$: the weights $\\alpha(1-\\alpha)^{T-t}$. "
    "With a trend the weights of older observations turn *negative* (with $\\alpha = 0.3$ and $\\beta = 0.1$ they then swing around zero, ever more weakly): to draw a line through the recent past and extend it, one must subtract what lies further back.",
    alternatives=(forecast_weights_by_impulses,),
    cases=smoothing_cases,
    mistakes=(
        Mistake(
            "latest-first",
            "the weights are right and stand in reverse: that of the oldest observation comes first",
            _wrong_weights(order="latest first"),
        ),
        Mistake(
            "no-feedback",
            "an observation moves the states for good here: the filter also *subtracts* its own forecast from every later observation, so the past must decay",
            _wrong_weights(feedback=False),
        ),
        Mistake(
            "level-only",
            "these are the weights of simple smoothing, α(1 − α)^(T−t): the trend is forgotten",
            _wrong_weights(trend=False),
        ),
        Mistake(
            "one-step",
            "these are the weights of the forecast for T + 1, whatever h is",
            _wrong_weights(steps=None),
        ),
        Mistake(
            "one-step-too-far",
            "this forecast reaches one month too far: at h = 1 the trend is added once",
            _wrong_weights(steps=1),
        ),
        Mistake(
            "beta-star",
            "the trend moves by αβε here; in this lecture β is the β of the state equations, and the trend moves by βε",
            _wrong_weights(star=True),
        ),
        Mistake(
            "damped-in-the-filter-only",
            "the filter is damped, the forecast is not: h steps ahead add θ + θ² + … + θ^h times the trend, not h times",
            _wrong_weights(damped="filter"),
        ),
        Mistake(
            "damped-in-the-forecast-only",
            "the forecast is damped, the filter is not: θ multiplies the trend in both state equations",
            _wrong_weights(damped="forecast"),
        ),
        Mistake("not-damped", "θ is not used", _wrong_weights(damped="neither")),
        Mistake(
            "last-power-only",
            "the forecast adds θ^h times the trend; the growth of every month on the way counts: θ + θ² + … + θ^h",
            _wrong_weights(powers="last"),
        ),
        Mistake(
            "powers-from-zero",
            "the forecast adds 1 + θ + … + θ^(h−1) times the trend; the first month is damped already, so the sum starts at θ",
            _wrong_weights(powers="from zero"),
        ),
        Mistake(
            "new-trend-in-the-level",
            "the trend was updated first, and the level moved by the *new* trend; both move from the old states",
            _wrong_weights(one_by_one=True),
        ),
        Mistake(
            "shares",
            "the weights were divided by their sum; they need not add up to 1, because the starting states have weights as well",
            _wrong_weights(share=True),
        ),
    ),
    deeper="The weights fade exactly if the eigenvalues of D lie inside the unit circle: this is what makes parameters admissible, and the region is larger than 0 < β < α < 1.",
)

# ---------------------------------------------------------------------------------------------- 12.2


def mam_filter(y, alpha, beta, gamma, level, trend, seasonal):
    import numpy as np

    season = list(seasonal)  # season[t] is the factor that applies to y[t]
    errors, fitted = np.empty(len(y)), np.empty(len(y))
    for t in range(len(y)):
        line = level + trend
        fitted[t] = line * season[t]
        errors[t] = y[t] / fitted[t] - 1
        level = line * (1 + alpha * errors[t])
        trend = trend + beta * line * errors[t]
        season.append(season[t] * (1 + gamma * errors[t]))
    variance = np.mean(errors**2)
    jacobian = np.log(np.abs(fitted)).sum()  # y = fitted (1 + error), so dy = fitted · d error
    return errors, -len(y) / 2 * (np.log(2 * np.pi * variance) + 1) - jacobian


def mam_filter_by_averages(y, alpha, beta, gamma, level, trend, seasonal):
    from collections import deque

    from scipy.stats import norm

    factors, predicted = deque(seasonal), []
    for value in y:
        s, before = factors.popleft(), level + trend
        predicted.append(before * s)
        old, level = level, alpha * value / s + (1 - alpha) * before
        trend = trend + beta / alpha * (level - old - trend)
        factors.append(gamma * value / before + (1 - gamma) * s)
    centre = np.array(predicted)
    errors = (y - centre) / centre
    return errors, norm.logpdf(y, centre, centre * np.sqrt((errors**2).mean())).sum()


def seasonal_cases(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    cases = []
    for T, m in ((4, 2), (9, 3), (20, 4), (40, 12)):
        s = 1 + rng.permutation(np.linspace(-0.4, 0.4, m))
        line = 50 + 4 * np.arange(T) + rng.normal(size=T).cumsum()
        y = np.round(line * s[np.arange(T) % m] * np.exp(rng.normal(size=T) * 0.12), 1)
        alpha = round(rng.uniform(0.4, 0.7), 2)
        start = (round(46 + rng.uniform(0, 4), 1), round(rng.uniform(2, 6), 1))
        cases.append(
            (y, alpha, round(alpha * rng.uniform(0.3, 0.6), 2), round((1 - alpha) * 0.6, 2), *start, s)
        )
    return cases


def _wrong_mam(
    *,
    over="forecast",
    jacobian="forecast",
    sign=-1.0,
    level_scale=True,
    trend_scale="old",
    season="factor",
    order="chronological",
    index="own",
    ddof=0,
    constant=1.0,
    power=1.0,
    additive=False,
    shares=False,
):
    def wrong(y, alpha, beta, gamma, level, trend, seasonal):
        beta = alpha * beta if shares else beta
        T, m = len(y), len(seasonal)
        s = list(seasonal[::-1] if order == "latest first" else seasonal)
        errors, fitted = np.empty(T), np.empty(T)
        for t in range(T):
            line = level + trend
            now = s[t] if index == "own" else s[t % m]
            fitted[t] = line * now
            e = (y[t] - fitted[t]) / (y[t] if over == "observation" else fitted[t])
            if over == "logarithm":
                e = np.log(y[t] / fitted[t])
            errors[t] = e
            step = y[t] - fitted[t] if additive else e
            level = line * (1 + alpha * e) if level_scale and not additive else line + alpha * step
            scale = {"old": line, "new": level, "none": 1.0}[trend_scale]
            trend = trend + beta * (step if additive else scale * e)
            star = gamma / (1 - alpha)
            s.append(
                {
                    "factor": now * (1 + gamma * e),
                    "plus": now + gamma * e,
                    "new level": star * y[t] / level + (1 - star) * now,
                    "fixed": now,
                }[season]
            )
        variance = (errors**2).sum() / (T - ddof)
        log_of = {"forecast": np.log(np.abs(fitted)), "observation": np.log(y), "none": np.zeros(T)}[jacobian]
        value = -T / 2 * (np.log(2 * np.pi * variance) + constant) + sign * power * log_of.sum()
        return errors, value

    return wrong


_E122 = Exercise(
    id="12.2",
    name="Errors in per cent",
    function="mam_filter",
    stub='''def mam_filter(y, alpha, beta, gamma, level, trend, seasonal):
    """Relative one-step errors of ETS(M,A,M), and its concentrated log-likelihood.

    y: (T,) positive. level, trend: the states before y_1.
    seasonal: (m,) factors before y_1, oldest first; the first applies to y_1.
    Returns (errors, value): an array (T,) and a number, in nats, with σ² = mean ε².
    """
    ...''',
    hints=(
        "What is the forecast of y_t, and what multiplies it? Solve the first equation for ε_t.",
        "All three states are updated from the *old* ones: keep ℓ + b in a variable of its own before you touch either. The factor for y_t is the one that was updated m months ago.",
        "The likelihood is a density of y, not of ε: y_t = ŷ_t (1 + ε_t) stretches ε by |ŷ_t|, so its density is that of ε_t divided by |ŷ_t|. In logarithms: subtract the sum of log |ŷ_t|.",
    ),
    solution=mam_filter,
    reasoning="Given the past, $y_t$ is normal with mean $\\hat y_t$ and standard deviation $\\sigma |\\hat y_t|$: the spread grows with the level, as that of the airline series does. The density of $y_t$ is therefore that of $\\varepsilon_t$ divided by $|\\hat y_t|$. Without this term a model of relative errors would win every comparison with a model of absolute ones, because errors of a few per cent are small numbers. "
    "With $\\hat\\sigma^2 = \\overline{\\varepsilon^2}$ put in, $\\log L = -\\tfrac T2 (\\log 2\\pi\\hat\\sigma^2 + 1) - \\sum_t \\log |\\hat y_t|$.",
    alternatives=(mam_filter_by_averages,),
    cases=seasonal_cases,
    tolerance=1e-7,
    mistakes=(
        Mistake(
            "no-jacobian",
            "the errors are right; the likelihood is that of the *errors*: for that of the observations the sum of log |ŷ| is missing",
            _wrong_mam(jacobian="none"),
        ),
        Mistake(
            "jacobian-of-the-observations",
            "the errors are right; the density is divided by |y|, where it must be divided by the forecast |ŷ|",
            _wrong_mam(jacobian="observation"),
        ),
        Mistake(
            "jacobian-added",
            "the errors are right; the sum of log |ŷ| is added, and must be subtracted: what is stretched becomes less dense",
            _wrong_mam(sign=1.0),
        ),
        Mistake(
            "jacobian-squared",
            "the errors are right; the sum of log |ŷ| is counted twice: |ŷ| scales the standard deviation, not the variance",
            _wrong_mam(power=2.0),
        ),
        Mistake(
            "no-minus-half-T",
            "the errors are right; the term −T/2 is missing: with σ² = mean ε² the squared errors over 2σ² add up to T/2",
            _wrong_mam(constant=0.0),
        ),
        Mistake(
            "sigma-with-T-minus-1",
            "the errors are right; σ² is divided by T − 1: maximum likelihood divides by T, and does not subtract a mean",
            _wrong_mam(ddof=1),
        ),
        Mistake(
            "error-over-observation",
            "the error is divided by y; it is relative to the forecast ŷ",
            _wrong_mam(over="observation"),
        ),
        Mistake(
            "logarithmic-error",
            "this is log(y / ŷ), the error of a model on logs; here y = ŷ (1 + ε)",
            _wrong_mam(over="logarithm"),
        ),
        Mistake(
            "additive-level",
            "the level moves by αε; it must move by α (ℓ + b) ε, because ε is a share",
            _wrong_mam(level_scale=False),
        ),
        Mistake(
            "additive-trend",
            "the trend moves by βε; it must move by β (ℓ + b) ε, because ε is a share",
            _wrong_mam(trend_scale="none"),
        ),
        Mistake(
            "additive-season",
            "the factor moves by γε; it must be multiplied by 1 + γε",
            _wrong_mam(season="plus"),
        ),
        Mistake(
            "additive-model",
            "level and trend are updated with y − ŷ, as in the additive model; only the relative error may enter",
            _wrong_mam(additive=True),
        ),
        Mistake(
            "new-level-in-the-trend",
            "the trend is updated with the *new* level; every state moves from the old ones",
            _wrong_mam(trend_scale="new"),
        ),
        Mistake(
            "beta-star",
            "the trend moves by αβ (ℓ + b) ε here; in this lecture β is the β of the state equations",
            _wrong_mam(shares=True),
        ),
        Mistake(
            "season-from-the-new-level",
            "the factor is updated with y / ℓ_t, the *new* level, as `statsmodels` does; that agrees with 1 + γε to first order only",
            _wrong_mam(season="new level"),
        ),
        Mistake(
            "season-never-updated", "the factors never change: γ is not used", _wrong_mam(season="fixed")
        ),
        Mistake(
            "seasonal-backwards",
            "the factors are read from the end; they stand in chronological order, and the first applies to y_1",
            _wrong_mam(order="latest first"),
        ),
    ),
    deeper="Now the likelihood may be compared with that of ETS(A,A,A) on the same series; for a model on logs the term is the sum of log y. `statsmodels` updates the factor with the new level, so its numbers agree to first order only.",
)

# ---------------------------------------------------------------------------------------------- 12.3


def total_interval(mean, sigma, alpha, beta, gamma, theta, m, level):
    import numpy as np
    import scipy.stats

    j = np.arange(1, len(mean))
    c = alpha + beta * np.cumsum(theta**j) + gamma * (j % m == 0)  # what an error does j months later
    passed_on = 1 + np.concatenate([[0.0], np.cumsum(c)])  # what it adds to the total, the latest first
    spread = sigma * np.sqrt((passed_on**2).sum())
    z = scipy.stats.norm.ppf((1 + level) / 2)
    return mean.sum() - z * spread, mean.sum() + z * spread


def total_interval_by_errors(mean, sigma, alpha, beta, gamma, theta, m, level):
    from scipy.stats import norm

    h = len(mean)
    one_error = np.eye(h)  # row i: the only error is a 1 in month i
    ell, b, s, total = np.zeros(h), np.zeros(h), [np.zeros(h)] * m, np.zeros(h)
    for t in range(h):
        total = total + ell + theta * b + s[t] + one_error[:, t]
        ell, b = ell + theta * b + alpha * one_error[:, t], theta * b + beta * one_error[:, t]
        s.append(s[t] + gamma * one_error[:, t])
    low, high = norm.interval(level, mean.sum(), sigma * np.linalg.norm(total))
    return low, high


def totals(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    cases: list[tuple[Any, ...]] = [
        (np.array([10.0, 12.0]), 1.0, 0.5, 0.2, 0.3, 1.0, 4, 0.95),
        (np.array([5.0, 7.0, 6.0, 8.0]), 2.0, 0.4, 0.1, 0.3, 0.9, 2, 0.8),
    ]
    for h, m in ((9, 4), (24, 12)):
        alpha = round(rng.uniform(0.3, 0.6), 2)
        cases.append(
            (
                np.round(rng.normal(100, 10, h), 1),
                round(rng.uniform(2, 5), 1),
                alpha,
                round(0.3 * alpha, 3),
                round(0.7 * (1 - alpha), 2),
                0.9,
                m,
                0.9,
            )
        )
    return cases


def _wrong_total(
    *,
    joint="right",
    season=True,
    damped=True,
    trend=True,
    own=True,
    z="two-sided",
    centre="sum",
    power=1,
    sigma_power=1,
    every_month=False,
    powers="all",
):

    def wrong(mean, sigma, alpha, beta, gamma, theta, m, level):
        from scipy.stats import norm

        h = len(mean)
        j = np.arange(1, h)
        turned = (theta if damped else 1.0) ** j
        c = alpha + beta * trend * (np.cumsum(turned) if powers == "all" else turned)
        c = c + gamma * season * ((j % m == 0) | every_month)
        each = np.sqrt(1 + np.concatenate([[0.0], np.cumsum(c**2)]))  # of the single months
        passed_on = float(own) + np.concatenate([[0.0], np.cumsum(c)])
        spread = {
            "right": np.sqrt((passed_on**2).sum()),
            "independent": np.sqrt((each**2).sum()),
            "added": each.sum(),
            "last": h * each[-1],
            "white": np.sqrt(h),
        }[joint]
        spread = sigma**sigma_power * spread**power
        quantile = norm.ppf({"two-sided": (1 + level) / 2, "one-sided": level}.get(z, 0.5))
        quantile = 1.0 if z == "none" else quantile
        middle = mean.sum() if centre == "sum" else mean.mean()
        if centre == "mean of both":
            spread = spread / h
        return middle - quantile * spread, middle + quantile * spread

    return wrong


_E123 = Exercise(
    id="12.3",
    name="The whole year",
    function="total_interval",
    stub='''def total_interval(mean, sigma, alpha, beta, gamma, theta, m, level):
    """The interval of the total of the next h months under ETS(A,Ad,A).

    mean: (h,) forecasts of the months; sigma: standard deviation of an error.
    level: probability of the interval, equal on both sides, such as 0.95.
    Returns (lower, upper) of y_{T+1} + … + y_{T+h}; the parameters count as known.
    """
    ...''',
    hints=(
        "The errors of two future months are not independent: which ε occur in both?",
        "Follow one error. An error in a month adds 1 to that month, c_1 to the next one, c_2 to the one after, up to the end of the total. How much does it add to the total?",
        "An error with i months left after it adds 1 + c_1 + … + c_i. These errors *are* independent, so the variance of the total is σ² times the sum over i = 0 … h − 1 of the squares of these numbers.",
    ),
    solution=total_interval,
    reasoning="The months share their errors, so one must not add their variances. The *errors* are independent: collect what each of them adds to the total, square, and add. With $c_j = \\alpha + \\beta(\\theta + \\dots + \\theta^j) + \\gamma\\,[m \\mid j]$ the variance is $\\sigma^2 \\sum_{i=0}^{h-1} (1 + c_1 + \\dots + c_i)^2$. "
    "Adding variances gives an interval that is too narrow, adding the ends of the monthly intervals one that is too wide: it would be right if the months moved as one.",
    alternatives=(total_interval_by_errors,),
    cases=totals,
    mistakes=(
        Mistake(
            "independent-months",
            "the variances of the months were added, as if they were independent; an early error is in all later months, so this is too narrow",
            _wrong_total(joint="independent"),
        ),
        Mistake(
            "ends-added",
            "the ends of the monthly intervals were added, as if all months were wrong together; this is too wide",
            _wrong_total(joint="added"),
        ),
        Mistake(
            "last-month",
            "this is h times the spread of the last month, the most uncertain one",
            _wrong_total(joint="last"),
        ),
        Mistake(
            "states-do-not-move",
            "this is √h·σ: the errors move level, trend and season as well, and so the later months",
            _wrong_total(joint="white"),
        ),
        Mistake(
            "own-month-forgotten",
            "an error adds 1 to its own month, besides what it does to the later ones",
            _wrong_total(own=False),
        ),
        Mistake(
            "no-season",
            "γ is not used: an error comes back through the season m months later",
            _wrong_total(season=False),
        ),
        Mistake(
            "season-in-every-month",
            "γ is added in every month; an error comes back through the season m, 2m, … months later only",
            _wrong_total(every_month=True),
        ),
        Mistake("not-damped", "the trend is not damped: θ is not used", _wrong_total(damped=False)),
        Mistake("no-trend", "β is not used: an error turns the trend, too", _wrong_total(trend=False)),
        Mistake(
            "last-power-only",
            "β is multiplied by θ^j; j months later the level has grown by the trend j times: θ + θ² + … + θ^j",
            _wrong_total(powers="last"),
        ),
        Mistake(
            "one-sided",
            "the quantile is that of `level` itself; an interval with equal sides needs that of (1 + level) / 2",
            _wrong_total(z="one-sided"),
        ),
        Mistake(
            "no-quantile",
            "this is one standard deviation to each side; the normal quantile of the level is missing",
            _wrong_total(z="none"),
        ),
        Mistake(
            "variance",
            "the root is missing: the variance was used for the standard deviation",
            _wrong_total(power=2, sigma_power=2),
        ),
        Mistake(
            "mean-of-the-months",
            "this is the interval of the *mean* month; that of the total is asked",
            _wrong_total(centre="mean of both"),
        ),
    ),
    deeper="By simulation it is one line: draw many futures, add each one up, take quantiles; this also works on logs, where no formula for the total exists.",
)

# ---------------------------------------------------------------------------------------------- 12.4


def chance_of_luck(a, b):
    import numpy as np

    d = np.log(a / b)
    n = len(d)
    signs = 1 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)  # (2^n, n), every pattern once
    return np.mean(np.abs(signs @ d) >= np.abs(d.sum()) - 1e-9)


def chance_of_luck_by_sums(a, b):
    sums = [0.0]
    for x in np.log(a) - np.log(b):
        sums = [s + x for s in sums] + [s - x for s in sums]
    bar = abs(sums[0])  # all signs as they were
    return sum(abs(s) > bar - 1e-9 for s in sums) / len(sums)


def duels(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    cases = [
        (np.array([2.0, 1.0, 4.0]), np.array([1.0, 2.0, 1.0])),
        (np.array([0.5, 1.0, 0.8, 2.0]), np.array([1.0, 2.0, 1.0, 2.0])),
    ]
    for n, shift in ((6, 0.2), (8, 0.3), (11, 0.25)):
        b = np.round(rng.lognormal(0, 0.3, n), 2)
        a = np.round(b * np.exp(rng.normal(shift, 0.4, n)), 2)
        cases.append((a, b) if n != 8 else (b, a))
    return cases


def _every(d: np.ndarray) -> np.ndarray:
    return np.array(list(itertools.product([1, -1], repeat=len(d)))) @ d


def _signed_ranks(d: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    return rankdata(np.abs(d)) * np.sign(d)


def _by_signs(of):
    """A test by signs of the values that `of` makes of the two arrays."""

    def wrong(a, b):
        d = of(a, b)
        return np.mean(np.abs(_every(d)) >= np.abs(d.sum()) - 1e-9)

    return wrong


def _one_sided(a, b):
    d = np.log(a / b)
    return np.mean(_every(d) >= d.sum() - 1e-9)


def _other_side(a, b):
    d = np.log(a / b)
    return np.mean(np.abs(_every(d)) <= np.abs(d.sum()) + 1e-9)


def _strict(a, b):
    d = np.log(a / b)
    return np.mean(np.abs(_every(d)) > np.abs(d.sum()) + 1e-9)


def _plus_one(a, b):
    d = np.log(a / b)
    sums = np.abs(_every(d))
    return (1 + (sums >= np.abs(d.sum()) - 1e-9).sum()) / (1 + len(sums))


def _by_wilcoxon(a, b):
    from scipy.stats import wilcoxon

    return wilcoxon(a, b).pvalue


def _by_t(a, b):
    from scipy.stats import ttest_1samp

    return ttest_1samp(np.log(a / b), 0.0).pvalue


def _by_normal(a, b):
    from scipy.stats import norm

    d = np.log(a / b)
    return 2 * norm.sf(np.abs(d.sum()) / np.sqrt((d**2).sum()))


def _by_t_unpaired(a, b):
    from scipy.stats import ttest_ind

    return ttest_ind(np.log(a), np.log(b)).pvalue


_E124 = Exercise(
    id="12.4",
    name="A winner by luck",
    function="chance_of_luck",
    stub='''def chance_of_luck(a, b):
    """Two-sided p-value: two methods are exchanged within each series, in all ways.

    a, b: (n,) errors (MASE, positive) of two methods on the same n ≤ 14 series.
    Statistic: the absolute sum of log(a / b). All 2^n exchanges count, the observed
    one included; statistics that differ by less than 1e-9 are equal.
    """
    ...''',
    hints=(
        "What does exchanging the two methods on one series do to log(a / b)?",
        "If it makes no difference which method is which, every pattern of signs of the n logarithms was equally likely. How do you write down all 2^n patterns?",
        "`itertools.product([1, -1], repeat=n)` gives the patterns, or the bits of `np.arange(2**n)`. The p-value is the share of patterns whose absolute sum is at least the observed one, up to 1e-9.",
    ),
    solution=chance_of_luck,
    reasoning="If the methods were equally good, the names could be exchanged on any series without changing how likely the table is: each of the $2^n$ patterns of signs is then equally probable, and the p-value is a count. Nothing is assumed about normal errors. The logarithm of the ratio counts ten per cent the same on every series, and exchanging the methods only changes its sign. "
    "The observed pattern is one of them, and so is its mirror image, so that p is never below $2/2^n$: with five series or fewer no result can be significant at 5%.",
    alternatives=(chance_of_luck_by_sums,),
    cases=duels,
    mistakes=(
        Mistake(
            "one-sided",
            "only one direction was counted; both are asked, so compare absolute sums",
            _one_sided,
        ),
        Mistake(
            "wrong-tail",
            "this is the share of patterns that are *less* extreme; those at least as extreme are asked",
            _other_side,
        ),
        Mistake(
            "observed-left-out",
            "patterns as extreme as the observed one were left out; the observed one is itself a possible exchange, so p is never 0",
            _strict,
        ),
        Mistake(
            "plus-one",
            "one was added above and below the line: this is for random exchanges, and here all of them are counted",
            _plus_one,
        ),
        Mistake(
            "differences",
            "the errors themselves were compared, by a − b or by their sums; log(a / b) is asked, or the series with the largest errors would decide alone",
            _by_signs(lambda a, b: a - b),
        ),
        Mistake(
            "signs-only",
            "only who wins was counted, not by how much: this is the sign test",
            _by_signs(lambda a, b: np.sign(np.log(a / b))),
        ),
        Mistake(
            "ranks",
            "this is Wilcoxon's test: the ranks of the logarithms were exchanged; the logarithms themselves are asked",
            _by_signs(lambda a, b: _signed_ranks(np.log(a / b))),
        ),
        Mistake(
            "ranks-of-differences",
            "this is Wilcoxon's test of a − b, which exchanges ranks; the logarithms log(a / b) themselves are asked",
            _by_wilcoxon,
        ),
        Mistake(
            "t-test",
            "this is the paired t-test, which takes the logarithms for normal; an exact count is asked",
            _by_t,
        ),
        Mistake(
            "normal-approximation",
            "this is the normal approximation of the test; an exact count is asked",
            _by_normal,
        ),
        Mistake(
            "not-paired",
            "the two methods were compared as two separate groups; hard series are hard for both, so compare within each series",
            _by_t_unpaired,
        ),
    ),
    deeper="With many methods, comparing every pair this way finds winners that are none; this is why section 7 tests all of them at once and then asks for a critical difference.",
)

# ---------------------------------------------------------------------------------------------- 12.5


def coverage_of_fitted_intervals():
    import numpy as np

    def covered(T, know_alpha=False, know_sigma=False, alpha=0.5, h=8, n=4000):
        rng = np.random.default_rng(0)
        noise = rng.normal(size=(T + h, n))
        y = noise + alpha * (np.cumsum(noise, axis=0) - noise)  # level: alpha times the sum of past errors
        tries = np.array([alpha]) if know_alpha else np.arange(1, 100) / 100
        level, d = np.zeros((n, len(tries))), np.ones(len(tries))
        ee, ed, dd = 0.0, 0.0, 0.0
        for t in range(T):  # errors are e - d * initial level: least squares gives the initial level
            e = y[t][:, None] - level
            level = level + tries * e
            ee, ed, dd = ee + e**2, ed + e * d, dd + d**2
            d = d * (1 - tries)
        sse = ee - ed**2 / dd
        best = sse.argmin(axis=1)[:, None]
        forecast = np.take_along_axis(level + d * ed / dd, best, axis=1)[:, 0]
        sigma = 1.0 if know_sigma else np.sqrt(np.take_along_axis(sse, best, axis=1)[:, 0] / T)
        half = 1.96 * sigma * np.sqrt(1 + (h - 1) * tries[best[:, 0]] ** 2)
        return np.mean(np.abs(y[-1] - forecast) < half)

    measured = {str(T): covered(T) for T in (10, 20, 50, 200)}
    return measured | {"true alpha": covered(20, know_alpha=True), "true sigma": covered(20, know_sigma=True)}


def coverage_from_the_truth():
    from scipy.signal import lfilter
    from scipy.stats import norm

    def covered(T, tries, sigma=None, alpha=0.5, h=8, n=1500):
        """Mean chance that the interval catches y_{T+h}; given the past, its distribution is known here."""
        e = np.random.default_rng(1).normal(size=(n, T))
        truth = alpha * e.sum(axis=1)  # the level at time T
        y = lfilter([1.0, alpha - 1.0], [1.0, -1.0], e)  # (1 - B) y = (1 - (1 - a) B) e
        sse, level, chosen = np.full(n, np.inf), np.empty(n), np.empty(n)
        for a in tries:
            errors = lfilter([1.0, -1.0], [1.0, a - 1.0], y)
            decay = (1 - a) ** np.arange(T)
            errors -= np.outer(errors @ decay / (decay @ decay), decay)
            left = (errors**2).sum(axis=1)
            better = left < sse
            sse[better], chosen[better] = left[better], a
            level[better] = (y[:, -1] - (1 - a) * errors[:, -1])[better]
        half = 1.96 * (sigma or np.sqrt(sse / T)) * np.sqrt(1 + (h - 1) * chosen**2)
        known = norm(truth, np.sqrt(1 + (h - 1) * alpha**2))
        return (known.cdf(level + half) - known.cdf(level - half)).mean()

    grid = np.linspace(0.01, 0.99, 99)
    measured = {str(T): covered(T, grid) for T in (10, 20, 50, 200)}
    return measured | {"true alpha": covered(20, [0.5]), "true sigma": covered(20, grid, sigma=1.0)}


_COVERED = ("10", "20", "50", "200", "true alpha", "true sigma")


def _coverage(*values: float) -> dict[str, float]:
    return dict(zip(_COVERED, values, strict=True))


_E125 = Exercise(
    id="12.5",
    name="What an interval does not know (open)",
    function="coverage",
    kind="measurement",
    stub="""coverage = {
    "10": ...,
    "20": ...,
    "50": ...,
    "200": ...,
    "true alpha": ...,
    "true sigma": ...,
}""",
    hints=(
        "Before you measure: the formula of the interval is exact for known parameters. In which direction does each of the three estimates, of α, of ℓ₀ and of σ, push the coverage?",
        "Keep all series in one array and let only time be a loop: the level of all series for all 99 values of α is an array `(series, 99)`. For each α the errors are linear in ℓ₀, e_t = e_t⁰ − (1 − α)^(t−1) ℓ₀, so three running sums give the best ℓ₀ and its sum of squares.",
        "To explain the result, look at a histogram of α̂ for T = 10 and T = 20, and at the coverage of the series with α̂ = 0.01 and of the others apart; then at the mean of σ̂².",
    ),
    solution=coverage_of_fitted_intervals,
    alternatives=(coverage_from_the_truth,),
    tolerance=0.005,
    reasoning="""With 200 observations the interval covers 94%, with 50 still 92%, with 20 only 84%, with 10 only 74%. Knowing α brings the 84% back to about 93%, knowing σ to 88%; with all parameters known it is 95%, as the formula says.

*Why σ̂ is too small.* The parameters were chosen to make the errors small. The mean of $\\hat\\sigma^2$ is 0.74 at T = 10, 0.87 at T = 20 and 0.99 at T = 200, where 1 is true. Dividing by T − 2 mends this part: it brings 74% to 78%, no further.

*Why α̂ costs more.* In a short series a level that wanders is hard to tell from one that stands still, and α̂ falls on its lower end: in 63% of the series at T = 10, in 30% at T = 20, in 2% at T = 50, in none at T = 200. These series have a double error: the forecast is the mean of the whole past, and the interval does not grow with the horizon, because $1 + 7\\hat\\alpha^2 \\approx 1$ where 2.75 is true. It covers 62% of them at T = 10 and 65% at T = 20, where it covers 94% and 92% of the others.

So the failure is not spread evenly. The average of 84% is that of good intervals and of very bad ones, and for a single series nothing says which kind it has. An interval that averages over the parameters that fit about equally well would be wider there: [lecture 13](13_bayesian_forecasting.ipynb) builds it, and exercise 13.5 measures what it covers.""",
    mistakes=(
        Mistake(
            "one-step",
            "these are intervals of the next observation; the eighth one after the end is asked",
            _coverage(0.8439, 0.8945, 0.9393, 0.9470, 0.9294, 0.9311),
            when=lambda numbers: (
                0.82 < numbers["10"] < 0.88 and 0.87 < numbers["20"] < 0.91 and numbers["true sigma"] > 0.921
            ),
        ),
        Mistake(
            "level-not-fitted",
            "ℓ₀ was held at 0 or at the first observation; for each α it must be the one with the smallest sum of squares",
            _coverage(0.8459, 0.8874, 0.9254, 0.9429, 0.9310, 0.9108),
            when=lambda numbers: (
                0.82 < numbers["10"] < 0.88 and 0.87 < numbers["20"] < 0.91 and numbers["true sigma"] < 0.921
            ),
        ),
        Mistake(
            "does-not-grow",
            "the interval does not grow with the horizon: the variance eight steps ahead is σ²(1 + 7α²)",
            _coverage(0.6425, 0.7041, 0.7432, 0.7622, 0.7372, 0.7515),
            when=lambda numbers: 0.70 < numbers["200"] < 0.82 and numbers["20"] > 0.65,
        ),
        Mistake(
            "divided-by-T-minus-2",
            "σ² is divided by T − 2; here it is the mean square of the T errors, as maximum likelihood has it",
            _coverage(0.7792, 0.8541, 0.9217, 0.9427, 0.9401, 0.8780),
            when=lambda numbers: (
                0.770 < numbers["10"] < 0.80 and numbers["true alpha"] > 0.928 and numbers["true sigma"] < 0.9
            ),
        ),
        Mistake(
            "everything-known",
            "all of these intervals know their parameters: fit α, ℓ₀ and σ to the first T observations of each series",
            _coverage(0.9476, 0.9476, 0.9476, 0.9476, 0.9476, 0.9476),
            when=lambda numbers: min(numbers.values()) > 0.93 and max(numbers.values()) <= 1,
        ),
        Mistake(
            "misses",
            "these are shares of intervals that *miss*; the share that covers is asked",
            _coverage(0.2580, 0.1610, 0.0850, 0.0580, 0.0730, 0.1210),
            when=lambda numbers: max(numbers.values()) < 0.4,
        ),
        Mistake(
            "per-cent",
            "these are per cent; numbers from 0 to 1 are asked",
            _coverage(74.2, 83.9, 91.5, 94.2, 92.7, 87.9),
            when=lambda numbers: min(numbers.values()) > 1,
        ),
    ),
    expect=(
        Expectation(
            lambda numbers: 0.713 < numbers["10"] < 0.766,
            "with 10 observations the interval must cover between 71.5 and 76.5%",
        ),
        Expectation(
            lambda numbers: 0.815 < numbers["20"] < 0.863,
            "with 20 observations it must cover between 81.5 and 86%",
        ),
        Expectation(
            lambda numbers: 0.895 < numbers["50"] < 0.934,
            "with 50 observations it must cover between 89.5 and 93.5%",
        ),
        Expectation(
            lambda numbers: 0.925 < numbers["200"] < 0.965,
            "with 200 observations it must cover between 92.5 and 96.5%",
        ),
        Expectation(
            lambda numbers: 0.908 < numbers["true alpha"] < 0.946,
            "with 20 observations and the true α it must cover between 91 and 94.5%",
        ),
        Expectation(
            lambda numbers: 0.857 < numbers["true sigma"] < 0.902,
            "with 20 observations and the true σ it must cover between 86 and 90%",
        ),
    ),
    deeper="A nominal 95% from 20 observations is a real 84%: quote such an interval with the length of the series.",
)

EXERCISES = [_E121, _E122, _E123, _E124, _E125]
