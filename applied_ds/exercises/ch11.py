"""Exercises of lecture 11, the statistics of an experiment."""

from __future__ import annotations

import math

import numpy as np

from applied_ds.exercises import Exercise, Expectation, Mistake

# --------------------------------------------------------------------------------------------- 11.1


def p_from_intervals(interval_a, interval_b, level):
    import numpy as np
    import scipy.stats

    z = scipy.stats.norm.isf((1 - level) / 2)
    difference = interval_b.mean(axis=1) - interval_a.mean(axis=1)
    errors = np.diff([interval_a, interval_b], axis=2)[..., 0] / (2 * z)  # (2, k) standard errors
    return 2 * scipy.stats.norm.sf(np.abs(difference) / np.hypot(*errors))


def p_from_intervals_one_by_one(interval_a, interval_b, level):
    from statistics import NormalDist

    normal, values = NormalDist(), []
    for (low_a, high_a), (low_b, high_b) in zip(interval_a, interval_b, strict=True):
        half = math.sqrt((high_a - low_a) ** 2 + (high_b - low_b) ** 2) / 2
        z = ((low_b + high_b) - (low_a + high_a)) / 2 * normal.inv_cdf((1 + level) / 2) / half
        values.append(math.erfc(abs(z) / math.sqrt(2)))
    return np.array(values)


def printed_intervals(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray, float]]:
    cases = [(np.array([[9.0, 11.0]]), np.array([[10.7, 12.3]]), 0.95)]
    for k, level in ((3, 0.9), (6, 0.99), (12, 0.5)):
        half = rng.uniform(0.5, 2.0, (2, k))
        centre = 20 + rng.normal(0, 1.2, (2, k))
        a, b = (np.round(np.stack([c - h, c + h], axis=1), 2) for c, h in zip(centre, half, strict=True))
        cases.append((a, b, level))
    return cases


def _wrong_p(
    *,
    combine=lambda a, b: np.hypot(a, b),
    tail=lambda level: (1 - level) / 2,
    width=0.5,
    sides=2.0,
    finish=lambda p, z: p,
):
    def wrong(interval_a, interval_b, level):
        from scipy.stats import norm

        a, b = (width * (one[:, 1] - one[:, 0]) / norm.isf(tail(level)) for one in (interval_a, interval_b))
        z = (interval_b.mean(1) - interval_a.mean(1)) / combine(a, b)
        return finish(sides * norm.sf(np.abs(z)), z)

    return wrong


def _halves_as_errors(interval_a, interval_b, level):
    from scipy.stats import norm

    a, b = (one[:, 1] - one[:, 0] for one in (interval_a, interval_b))
    return 2 * norm.sf(np.abs(interval_b.mean(1) - interval_a.mean(1)) / np.hypot(a, b) * 2)


def _sign_kept(interval_a, interval_b, level):
    p = p_from_intervals(interval_a, interval_b, level)
    return np.where(interval_b.mean(1) > interval_a.mean(1), p, 2 - p)


def _one_sided(interval_a, interval_b, level):
    p = p_from_intervals(interval_a, interval_b, level)
    return np.where(interval_b.mean(1) > interval_a.mean(1), p / 2, 1 - p / 2)


_E111 = Exercise(
    id="11.1",
    name="Two printed intervals",
    function="p_from_intervals",
    stub='''def p_from_intervals(interval_a, interval_b, level):
    """Two-sided p-values of "no difference" from the intervals that a report prints.

    interval_a, interval_b: (k, 2) lower and upper end for k metrics in A and in B, each
    of them mean ± z · standard error, with the normal quantile of the level.
    level: that of the printed intervals, such as 0.95. The two groups are independent.
    Returns (k,): the p-value of each metric, by the normal distribution.
    """
    ...''',
    hints=(
        "How do you get a mean and its standard error back from the two ends of an interval?",
        "The standard errors of two independent means do not add. What adds?",
        "Half of the width divided by $z_{(1+\\text{level})/2}$ is the standard error. The difference of the means has the standard error $\\sqrt{s_A^2 + s_B^2}$.",
    ),
    solution=p_from_intervals,
    reasoning="The middle of an interval is the mean, and half of its width is $z$ standard errors. The variances of independent means add, so the difference has the standard error $\\sqrt{s_A^2 + s_B^2}$, which is *less* than $s_A + s_B$. Two intervals of 95 % just touch when the difference is $1.96\\,(s_A + s_B)$: with equal errors this is $z = 2.77$ and $p = 0.006$. "
    "Intervals that do not overlap do prove a difference, then, but those that overlap prove nothing: the first hidden case has the intervals (9, 11) and (10.7, 12.3), and $p = 0.02$.",
    alternatives=(p_from_intervals_one_by_one,),
    cases=printed_intervals,
    mistakes=(
        Mistake(
            "errors-added",
            "the standard errors were added, which is the rule “do the intervals overlap?”; for independent groups the variances add",
            _wrong_p(combine=lambda a, b: a + b),
        ),
        Mistake(
            "width-as-two-errors",
            "half of the width was taken for the standard error; it is z standard errors",
            _halves_as_errors,
        ),
        Mistake(
            "whole-width",
            "the whole width was divided by z; half of the width is z standard errors",
            _wrong_p(width=1.0),
        ),
        Mistake(
            "always-95",
            "1.96 belongs to 95 %; the quantile must be that of `level`",
            _wrong_p(tail=lambda level: 0.025),
        ),
        Mistake(
            "one-tailed-quantile",
            "the quantile of 1 − level leaves that much on *one* side; an interval leaves half of it on each",
            _wrong_p(tail=lambda level: 1 - level),
        ),
        Mistake(
            "half-of-p",
            "this is half of the p-value: deviations in both directions count",
            _wrong_p(sides=1.0),
        ),
        Mistake(
            "one-sided",
            "this is the p-value against “B is better”; the two-sided one is asked",
            _one_sided,
        ),
        Mistake(
            "sign-kept",
            "where B is behind A this is above 1: the tail belongs to the *size* of z, not to z with its sign",
            _sign_kept,
        ),
        Mistake(
            "complement",
            "this is 1 − p",
            _wrong_p(finish=lambda p, z: 1 - p),
        ),
        Mistake(
            "mean-of-variances",
            "the two variances were averaged; the variance of a difference is their sum",
            _wrong_p(combine=lambda a, b: np.sqrt((a**2 + b**2) / 2)),
        ),
        Mistake(
            "a-without-noise",
            "only the interval of B counts here, as in asking whether it holds the mean of A; that mean has an error of its own",
            _wrong_p(combine=lambda a, b: b),
        ),
    ),
    deeper="Print the interval of the difference; from two separate ones readers take the wrong rule.",
)

# --------------------------------------------------------------------------------------------- 11.2


def how_often_better(a, b, level):
    import numpy as np
    import scipy.stats

    wins = np.heaviside(b - a[:, None], 0.5)  # (n_A, n_B): 1, ½ for a tie, 0
    theta = wins.mean()
    of_a, of_b = wins.mean(axis=1), wins.mean(axis=0)  # of each user against the whole other group
    variance = of_a.var(ddof=1) / len(a) + of_b.var(ddof=1) / len(b)
    half = scipy.stats.norm.isf((1 - level) / 2) * np.sqrt(variance)
    return theta, theta - half, theta + half


def how_often_better_by_ranks(a, b, level):
    from scipy.stats import norm, rankdata

    together = rankdata(np.concatenate([a, b]))
    beaten_by_b = (together[len(a) :] - rankdata(b)) / len(a)
    beats_a = 1 - (together[: len(a)] - rankdata(a)) / len(b)
    error = math.hypot(
        np.std(beaten_by_b, ddof=1) / math.sqrt(len(b)), np.std(beats_a, ddof=1) / math.sqrt(len(a))
    )
    return (beaten_by_b.mean(), *norm.interval(level, beaten_by_b.mean(), error))


def groups_with_ties(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray, float]]:
    cases = [(np.array([0.0, 3.0, 1.0]), np.array([2.0, 1.0, 5.0]), 0.95)]
    for n_a, n_b, level in ((6, 9, 0.9), (40, 25, 0.99), (150, 200, 0.95)):
        a, b = rng.lognormal(1.0, 0.6, n_a), rng.lognormal(1.2, 1.1, n_b)
        cases.append((np.floor(a), np.floor(b), level))
    return cases


def _wrong_share(
    *,
    tie=0.5,
    swap=False,
    variance="both",
    ddof=1,
    divide=True,
    tail=lambda level: (1 - level) / 2,
    clip=False,
):
    def wrong(a, b, level):
        from scipy.stats import norm

        first, second = (b, a) if swap else (a, b)
        wins = np.heaviside(second - first[:, None], tie)
        theta, n_a, n_b = wins.mean(), len(first), len(second)
        v_a, v_b = wins.mean(1).var(ddof=ddof), wins.mean(0).var(ddof=ddof)
        spread = {
            "both": v_a / n_a + v_b / n_b if divide else v_a + v_b,
            "pairs": wins.var() / wins.size,
            "users": theta * (1 - theta) / (n_a + n_b),
            "null": (n_a + n_b + 1) / (12 * n_a * n_b),
            "b only": v_b / n_b,
            "crossed": v_a / n_b + v_b / n_a,
            "errors": (math.sqrt(v_a / n_a) + math.sqrt(v_b / n_b)) ** 2,
        }[variance]
        half = norm.isf(tail(level)) * math.sqrt(spread)
        lower, upper = theta - half, theta + half
        return (theta, max(lower, 0.0), min(upper, 1.0)) if clip else (theta, lower, upper)

    return wrong


_E112 = Exercise(
    id="11.2",
    name="How often is B better",
    function="how_often_better",
    stub='''def how_often_better(a, b, level):
    """What Mann and Whitney's U estimates, with an interval that needs no equal shapes.

    a: (n_A,), b: (n_B,); ties occur. θ = P(A < B) + ½ P(A = B), a user of each group.
    Variance: each user has a share of the other group that it beats (a tie counts ½);
    the sample variance (n − 1) of these shares over n, for A and for B, added up.
    Returns (θ, lower, upper): the estimate ± normal quantile · standard error.
    """
    ...''',
    hints=(
        "How do you compare every user of A with every user of B at once, without a loop?",
        "In the matrix of all pairs (1 where B wins, ½ for a tie) the mean of everything estimates θ. What are the means of its rows, and of its columns?",
        "`wins.mean(axis=1)` has one number a user of A, `wins.mean(axis=0)` one a user of B. Each set has a sample variance, which is divided by its own number of users.",
    ),
    solution=how_often_better,
    reasoning="The pairs are not independent: every user takes part in a whole row or column of them. To first order the estimate is a mean over the users of A plus a mean over the users of B, and the variances of the two add. (For ROC curves this is DeLong's method: θ is the area under the curve of a score that tells B from A.) "
    "The textbook's variance of $U$, $(n_A + n_B + 1)/(12\\,n_A n_B)$, holds only if the two groups have *the same distribution*. With equal θ = ½ and unequal spread it is wrong, and so is the test; this interval is not. Dividing $\\theta - \\tfrac12$ by this standard error gives the statistic of Brunner and Munzel, `scipy.stats.brunnermunzel`. With few users the interval may reach beyond 0 or 1.",
    alternatives=(how_often_better_by_ranks,),
    cases=groups_with_ties,
    mistakes=(
        Mistake("ties-lost", "ties count 0 here; they count ½", _wrong_share(tie=0.0)),
        Mistake("ties-won", "ties count 1 here; they count ½", _wrong_share(tie=1.0)),
        Mistake("a-better", "this is how often *A* is better", _wrong_share(swap=True)),
        Mistake(
            "pairs-independent",
            "all pairs were taken for independent; there are n_A · n_B pairs and only n_A + n_B users",
            _wrong_share(variance="pairs"),
        ),
        Mistake(
            "one-share",
            "this is the interval of a share of n_A + n_B independent users; θ is no such share",
            _wrong_share(variance="users"),
        ),
        Mistake(
            "null-variance",
            "this is the variance of U when both groups have the same distribution; the interval must hold where they differ",
            _wrong_share(variance="null"),
        ),
        Mistake(
            "a-without-noise",
            "only the users of B vary here; A is a sample as well",
            _wrong_share(variance="b only"),
        ),
        Mistake(
            "sizes-exchanged",
            "the variance over A's users is divided by the number of B's, and the other way round",
            _wrong_share(variance="crossed"),
        ),
        Mistake(
            "errors-added",
            "the two standard errors were added; it is the variances that add",
            _wrong_share(variance="errors"),
        ),
        Mistake(
            "divided-by-n", "the sample variances divide by n here; n − 1 is asked", _wrong_share(ddof=0)
        ),
        Mistake(
            "spread-of-users",
            "these are the variances of single users; that of a mean is divided by their number",
            _wrong_share(divide=False),
        ),
        Mistake(
            "one-tail",
            "the whole of 1 − level was put on each side: half of it belongs to each",
            _wrong_share(tail=lambda level: 1 - level),
        ),
        Mistake(
            "always-95",
            "1.96 belongs to 95 %; the quantile must be that of `level`",
            _wrong_share(tail=lambda level: 0.025),
        ),
        Mistake(
            "cut-off",
            "the interval was cut at 0 and 1; estimate ± quantile · standard error is asked, even if it reaches beyond",
            _wrong_share(clip=True),
        ),
    ),
    deeper="The number to report is θ with its interval, not U: a reader understands “B is better in 53 of 100 pairs”.",
)

# --------------------------------------------------------------------------------------------- 11.3


def like_with_like(y_a, s_a, y_b, s_b):
    import numpy as np

    difference = variance = 0.0
    for s in np.unique(s_a):
        a, b = y_a[s_a == s], y_b[s_b == s]
        weight = (len(a) + len(b)) / (len(y_a) + len(y_b))
        difference += weight * (b.mean() - a.mean())
        variance += weight**2 * (a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    return difference, np.sqrt(variance)


def like_with_like_by_counts(y_a, s_a, y_b, s_b):
    size = int(max(s_a.max(), s_b.max())) + 1
    total = np.bincount(s_a, minlength=size) + np.bincount(s_b, minlength=size)
    weight = total / total.sum()
    difference, variance = 0.0, 0.0
    for sign, y, s in ((-1, y_a, s_a), (1, y_b, s_b)):
        n = np.bincount(s, minlength=size)
        used = n > 0
        mean = np.bincount(s, y, minlength=size)[used] / n[used]
        centre = np.zeros(size)
        centre[used] = mean
        squares = np.bincount(s, (y - centre[s]) ** 2, minlength=size)[used]
        difference += sign * weight[used] @ mean
        variance += (weight[used] ** 2) @ (squares / (n[used] - 1) / n[used])
    return difference, variance**0.5


def stratified_cases(rng: np.random.Generator) -> list[tuple[np.ndarray, ...]]:
    cases = [
        (
            np.array([1.0, 3.0, 2.0, 20.0, 30.0]),
            np.array([0, 0, 0, 1, 1]),
            np.array([4.0, 2.0, 24.0, 28.0, 35.0, 21.0]),
            np.array([0, 0, 1, 1, 1, 1]),
        )
    ]
    for sizes_a, sizes_b in (
        ((6, 4, 9), (5, 8, 4)),
        ((30, 12, 5, 8), (10, 40, 7, 3)),
        ((150, 40), (90, 110)),
    ):
        parts = []
        for sizes, lift in ((sizes_a, 0.0), (sizes_b, 0.5)):
            s = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
            parts += [np.round(5 * s + lift + rng.gamma(2.0, 1 + s), 2), s]
        cases.append(tuple(parts))
    return cases


def _wrong_strata(
    *,
    weights=lambda n_a, n_b: (n_a + n_b) / (n_a + n_b).sum(),
    square=True,
    ddof=1,
    divide=True,
    sign=1.0,
    error=math.sqrt,
    by_error=False,
):
    def wrong(y_a, s_a, y_b, s_b):
        cells = [(y_a[s_a == s], y_b[s_b == s]) for s in np.unique(s_a)]
        n_a, n_b = (np.array([len(cell[i]) for cell in cells]) for i in (0, 1))
        d = np.array([b.mean() - a.mean() for a, b in cells])
        v = np.array(
            [
                a.var(ddof=ddof) / (len(a) if divide else 1) + b.var(ddof=ddof) / (len(b) if divide else 1)
                for a, b in cells
            ]
        )
        w = (1 / v) / (1 / v).sum() if by_error else weights(n_a, n_b)
        return sign * (w @ d), error((w**2 if square else w) @ v)

    return wrong


def _all_together(y_a, s_a, y_b, s_b):
    return y_b.mean() - y_a.mean(), math.sqrt(y_a.var(ddof=1) / len(y_a) + y_b.var(ddof=1) / len(y_b))


def _errors_averaged(y_a, s_a, y_b, s_b):
    error = 0.0
    for s in np.unique(s_a):
        a, b = y_a[s_a == s], y_b[s_b == s]
        weight = (len(a) + len(b)) / (len(y_a) + len(y_b))
        error += weight * math.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    return like_with_like_by_counts(y_a, s_a, y_b, s_b)[0], error


def _old_error(y_a, s_a, y_b, s_b):
    return like_with_like_by_counts(y_a, s_a, y_b, s_b)[0], _all_together(y_a, s_a, y_b, s_b)[1]


_E113 = Exercise(
    id="11.3",
    name="Like with like",
    function="like_with_like",
    stub='''def like_with_like(y_a, s_a, y_b, s_b):
    """Difference B − A within strata, averaged over them, with its standard error.

    y_a, s_a: (n_A,) metric and stratum (int) of each user of A; y_b, s_b: (n_B,) of B.
    The stratum was known before the start; each has at least 2 users in A and in B.
    Weight of a stratum: its share of all n_A + n_B users, taken as a fixed number.
    Variance of a mean: sample variance (n − 1) within group and stratum, over its size.
    Returns (difference, standard error).
    """
    ...''',
    hints=(
        "In one stratum this is an ordinary comparison of two means. What are its difference and its variance?",
        "The result is a weighted sum of independent differences. What does a weight do to a variance?",
        "With $w_s$ the share of stratum $s$: the difference is $\\sum_s w_s d_s$, the variance $\\sum_s w_s^2 v_s$, where $v_s$ is $s_A^2/n_A + s_B^2/n_B$ within the stratum.",
    ),
    solution=like_with_like,
    reasoning="Each stratum is a small experiment of its own, and they are independent, so the squares of the weights go with the variances. What differs *between* strata has left the standard error: with strata of old revenue this does most of what CUPED does, without assuming a straight line. "
    "It has also left the bias: if by chance, or because the shares changed on the way, B holds more of the good customers, the plain difference reports their wealth as an effect. The first hidden case shows it: B is ahead by 8 in all and by about 1.5 within the strata.",
    alternatives=(like_with_like_by_counts,),
    cases=stratified_cases,
    mistakes=(
        Mistake(
            "all-together",
            "the strata are not used: this compares a group with more of one kind of users to a group with more of another",
            _all_together,
        ),
        Mistake(
            "old-standard-error",
            "the difference is right; the standard error is still that of all users together",
            _old_error,
        ),
        Mistake(
            "equal-weights",
            "all strata count the same here; each counts by its share of all users",
            _wrong_strata(weights=lambda n_a, n_b: np.full(len(n_a), 1 / len(n_a))),
        ),
        Mistake(
            "weights-of-b",
            "the weights are the shares of B alone; those of all users are asked",
            _wrong_strata(weights=lambda n_a, n_b: n_b / n_b.sum()),
        ),
        Mistake(
            "weights-of-a",
            "the weights are the shares of A alone; those of all users are asked",
            _wrong_strata(weights=lambda n_a, n_b: n_a / n_a.sum()),
        ),
        Mistake(
            "weights-by-precision",
            "the strata are weighted by 1 / variance: less noise, but the quiet strata decide, and this is no longer the effect on all users",
            _wrong_strata(by_error=True),
        ),
        Mistake(
            "weights-of-a-regression",
            "the strata are weighted by n_A · n_B / (n_A + n_B), as a regression with one slope does: those with an even split count more; each counts by its share of all users",
            _wrong_strata(weights=lambda n_a, n_b: n_a * n_b / (n_a + n_b) / (n_a * n_b / (n_a + n_b)).sum()),
        ),
        Mistake(
            "errors-averaged",
            "the difference is right; the standard errors of the strata were averaged: it is the variances that add, with squared weights",
            _errors_averaged,
        ),
        Mistake(
            "weights-not-squared",
            "the difference is right; in the variance the weights are squared",
            _wrong_strata(square=False),
        ),
        Mistake(
            "variance",
            "the difference is right; the second number is the variance, and its root is asked",
            _wrong_strata(error=float),
        ),
        Mistake(
            "spread-of-users",
            "the difference is right; the variance of a mean is that of single users divided by their number",
            _wrong_strata(divide=False),
        ),
        Mistake(
            "divided-by-n",
            "the difference is right; the sample variances divide by n here, and n − 1 is asked",
            _wrong_strata(ddof=0),
        ),
        Mistake("a-minus-b", "this is A − B; the difference is B − A", _wrong_strata(sign=-1.0)),
    ),
    deeper="This is post-stratification. A stratum that the experiment can change, such as visits since the start, would bias it like a late covariate biases CUPED.",
)

# --------------------------------------------------------------------------------------------- 11.4


def holm(p):
    import numpy as np

    order = np.argsort(p)
    steps = p[order] * np.arange(len(p), 0, -1)  # the smallest counts m times, the next m − 1 times
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def holm_by_pairs(p):
    not_smaller = (p >= p[:, None]).sum(axis=1)  # of each: how many hypotheses are still in the race
    return np.array([min(1.0, (not_smaller * p)[p <= one].max()) for one in p])


def many_metrics(rng: np.random.Generator) -> list[tuple[np.ndarray]]:
    cases = [(np.array([0.04, 0.01, 0.03]),)]
    for m, strong in ((5, 2), (12, 4), (40, 9)):
        p = np.concatenate([rng.uniform(0.0005, 0.02, strong), rng.uniform(0, 1, m - strong)])
        cases.append((np.round(rng.permutation(p), 4),))
    return cases


def _wrong_holm(steps=None, *, monotone=True, cap=True, back=True, order=np.argsort):
    def wrong(p):
        first, m = order(p), len(p)
        values = p[first] * np.arange(m, 0, -1) if steps is None else steps(p[first], m)
        values = np.maximum.accumulate(values) if monotone else values
        values = np.minimum(values, 1.0) if cap else values
        result = np.empty(m)
        result[first if back else np.arange(m)] = values
        return result

    return wrong


def _from_above(factors):
    """Step-up: the smallest over all larger p-values."""
    return lambda p, m: np.minimum.accumulate((p * factors(m))[::-1])[::-1]


_E114 = Exercise(
    id="11.4",
    name="Twelve metrics, one experiment",
    function="holm",
    stub='''def holm(p):
    """Holm's adjusted p-values: reject where they are at most α, and the chance of even
    one false rejection among all m hypotheses is at most α.

    p: (m,) p-values, in any order, dependent in any way. The i-th smallest is
    multiplied by m − i + 1; an adjusted value is never below that of a smaller p,
    and at most 1.
    Returns (m,), in the order of p.
    """
    ...''',
    hints=(
        "Bonferroni multiplies every p-value by m. Once the smallest has been rejected, how many hypotheses are left to be careful about?",
        "Sort first. A p-value may only be rejected if all smaller ones were: so what must an adjusted value be at least?",
        "`np.argsort`, multiply by m, m − 1, …, 1, then `np.maximum.accumulate`, cut at 1, and put the values back to where they came from.",
    ),
    solution=holm,
    reasoning="If the smallest p-value is at most $\\alpha/m$ it is rejected, as by Bonferroni; then $m - 1$ hypotheses are left, the next needs $\\alpha/(m-1)$, and so on until one fails. Why this keeps the promise: look at the first *true* hypothesis in the order. If there are $m_0$ true ones, at least $m_0$ hypotheses are left at that moment, so it is compared with at most $\\alpha/m_0$; "
    "and the chance that any of $m_0$ true ones has a p-value that small is at most $\\alpha$. Nothing is assumed about how the metrics depend on each other, and Holm rejects whatever Bonferroni rejects.",
    alternatives=(holm_by_pairs,),
    cases=many_metrics,
    mistakes=(
        Mistake(
            "bonferroni",
            "this is Bonferroni: every p-value is multiplied by m; after each rejection one hypothesis less is left",
            _wrong_holm(lambda p, m: p * m),
        ),
        Mistake(
            "not-monotone",
            "an adjusted value lies below that of a smaller p: take the running maximum in the sorted order",
            _wrong_holm(monotone=False),
        ),
        Mistake("above-one", "a p-value is at most 1", _wrong_holm(cap=False)),
        Mistake(
            "sorted",
            "the values are right and stand in sorted order; put them back to where each p came from",
            _wrong_holm(back=False),
        ),
        Mistake(
            "order-applied-twice",
            "indexing the result with the sorting order sorts it a second time; to put values back, assign: result[order] = values",
            lambda p: _wrong_holm(back=False)(p)[np.argsort(p)],
        ),
        Mistake(
            "not-sorted",
            "the factors m, m − 1, …, 1 were given out in the order of the metrics; sort the p-values first",
            _wrong_holm(order=lambda p: np.arange(len(p))),
        ),
        Mistake(
            "largest-first",
            "the factors run the wrong way: the smallest p-value is multiplied by m, the largest by 1",
            _wrong_holm(lambda p, m: p * np.arange(1, m + 1)),
        ),
        Mistake(
            "one-less",
            "the factors are m − 1, …, 0; the smallest p-value is multiplied by m, the largest by 1",
            _wrong_holm(lambda p, m: p * np.arange(m - 1, -1, -1)),
        ),
        Mistake(
            "false-discovery-rate",
            "this is Benjamini and Hochberg, p · m / i: it limits the share of false among the rejected, not the chance of one",
            _wrong_holm(_from_above(lambda m: m / np.arange(1, m + 1))),
        ),
        Mistake(
            "hochberg",
            "the running *minimum* from the largest p is Hochberg's procedure, which needs an assumption on how the metrics depend; Holm takes the running maximum from the smallest",
            _wrong_holm(_from_above(lambda m: np.arange(m, 0, -1))),
        ),
        Mistake(
            "independent",
            "1 − (1 − p)^(m − i + 1) assumes more than Holm does: it is not valid for every dependence",
            _wrong_holm(lambda p, m: 1 - (1 - p) ** np.arange(m, 0, -1)),
        ),
    ),
    deeper="Looks at one metric are strongly dependent, so that Holm over looks keeps the promise and wastes power; section 9 does better. And one metric fixed before the experiment needs no correction at all.",
)

# --------------------------------------------------------------------------------------------- 11.5


def betting_p_values(from_b, bet):
    import numpy as np

    step = np.where(from_b, bet, -bet)
    wealth = (np.cumprod(1 + step) + np.cumprod(1 - step)) / 2  # half a pound on B, half on A
    return 1 / np.maximum.accumulate(np.maximum(wealth, 1.0))


def betting_p_values_buyer_by_buyer(from_b, bet):
    log_b = log_a = math.log(0.5)
    best, values = 0.0, []
    for one in from_b:
        up, down = math.log1p(bet), math.log1p(-bet)
        log_b, log_a = (log_b + up, log_a + down) if one else (log_b + down, log_a + up)
        best = max(best, float(np.logaddexp(log_a, log_b)))
        values.append(math.exp(-best))
    return np.array(values)


def buyers_in_order(rng: np.random.Generator) -> list[tuple[np.ndarray, float]]:
    cases = [(np.array([True, True, False, True]), 0.5)]
    for n, share, bet in ((12, 0.85, 0.3), (40, 0.25, 0.2), (300, 0.6, 0.1)):
        cases.append((rng.random(n) < share, bet))
    return cases


def _wrong_bets(*, wealth=None, best=True, cap=True):
    def wrong(from_b, bet):
        step = np.where(from_b, bet, -bet)
        has = (
            (np.cumprod(1 + step) + np.cumprod(1 - step)) / 2
            if wealth is None
            else wealth(step, np.asarray(from_b))
        )
        has = np.maximum(has, 1.0) if cap else has
        return 1 / (np.maximum.accumulate(has) if best else has)

    return wrong


def _binomial_at_every_look(from_b, bet):
    from scipy.stats import binom

    n = np.arange(1, len(from_b) + 1)
    k = np.cumsum(from_b)
    return np.minimum(1.0, 2 * binom.sf(np.maximum(k, n - k) - 1, n, 0.5))


_E115 = Exercise(
    id="11.5",
    name="Bet against no difference",
    function="betting_p_values",
    stub='''def betting_p_values(from_b, bet):
    """Always-valid p-values: one after each buyer, looked at as often as you like.

    from_b: (n,) bool, for the buyers in the order of their purchase: was it in B?
    The groups are equal, so without a difference each is in B with probability ½.
    Two gamblers start with £0.50 each and stake the share `bet` (between 0 and 1) of
    what they have on every buyer, at even odds: one always on B, one always on A.
    Returns (n,): 1 over the most that the two ever had together, the £1 of the start
    included, from the start up to this buyer.
    """
    ...''',
    hints=(
        "What happens to the money of the gambler on B when the next buyer is in B, and when it is not?",
        "A stake is a share of what one has, so fortunes are multiplied: `np.cumprod`. The two fortunes are added only afterwards.",
        "`np.maximum.accumulate` gives the most they ever had. It is never below the £1 of the start, so no p-value is above 1.",
    ),
    solution=betting_p_values,
    reasoning="Without a difference the game is fair: whatever the gamblers have, they have the same on average after the next buyer. In a fair game a pound seldom becomes £20, at whatever time one looks: the probability of *ever* having £20 is at most 1/20. This is Ville's inequality, and the reason why the largest fortune so far may be turned into a p-value that is valid at every look, and stays valid for whoever stops when it pleases. "
    "With a difference the gambler on the right side grows exponentially, fastest if the stake is the advantage itself, $2P(\\text{B}) - 1$ (Kelly's rule). The mixture test of section 9 is the same idea with many stakes at once.",
    alternatives=(betting_p_values_buyer_by_buyer,),
    cases=buyers_in_order,
    mistakes=(
        Mistake(
            "money-of-the-moment",
            "this is 1 over what they have *now*; evidence once seen counts, so take the largest fortune so far",
            _wrong_bets(best=False),
        ),
        Mistake(
            "above-one",
            "this is 1 over what they have *now*, and it rises above 1: take the largest fortune so far",
            _wrong_bets(best=False, cap=False),
        ),
        Mistake(
            "money-itself",
            "this is the largest fortune so far; the p-value is 1 over it",
            lambda from_b, bet: 1 / _wrong_bets()(from_b, bet),
        ),
        Mistake(
            "one-gambler",
            "only the gambler on B plays, with the whole pound: a loss by B would never be seen",
            _wrong_bets(wealth=lambda step, _: np.cumprod(1 + step)),
        ),
        Mistake(
            "two-pounds",
            "the gamblers start with £1 each: then £20 are reached twice as often as 1 in 20",
            _wrong_bets(wealth=lambda step, _: np.cumprod(1 + step) + np.cumprod(1 - step)),
        ),
        Mistake(
            "richer-gambler",
            "only the money of the richer gambler counts here; what both have together is asked",
            _wrong_bets(wealth=lambda step, _: np.maximum(np.cumprod(1 + step), np.cumprod(1 - step)) / 2),
        ),
        Mistake(
            "better-gambler-from-one-pound",
            "the better of two gamblers with £1 each was taken; to choose the winner afterwards is cheating",
            _wrong_bets(wealth=lambda step, _: np.maximum(np.cumprod(1 + step), np.cumprod(1 - step))),
        ),
        Mistake(
            "paid-twice",
            "a gambler who is right gets twice the stake here; at even odds it is as much as would have been lost, or the game is not fair",
            _wrong_bets(
                wealth=lambda step, _: (
                    (
                        np.cumprod(np.where(step > 0, 1 + 2 * step, 1 + step))
                        + np.cumprod(np.where(step < 0, 1 - 2 * step, 1 - step))
                    )
                    / 2
                )
            ),
        ),
        Mistake(
            "binomial-at-every-look",
            "this is the binomial test anew at every look: each p-value is valid alone, and whoever stops at the first below 5 % is wrong far more often",
            _binomial_at_every_look,
        ),
    ),
    deeper="The order of purchases is all it needs: no variance, no normal distribution, no number of looks fixed beforehand.",
)

# --------------------------------------------------------------------------------------------- 11.6


def a_year_of_experiments():
    import numpy as np

    rng = np.random.default_rng(0)
    effect = rng.normal(-0.20, 0.50, 2_000_000)  # £ per user, of one idea each
    measured = {}
    for n in (500, 2000, 20_000):
        error = 20 * np.sqrt(2 / n)
        z = (effect + error * rng.normal(size=effect.size)) / error
        for rule, bar in (("any", 0.0), ("significant", 1.96)):
            shipped = effect[z > bar]
            measured[f"{rule} {n}"] = shipped.sum() / effect.size * 1_000_000 / (2 * n)
            if n == 2000:
                measured[f"harm {rule}"] = np.mean(shipped < 0)
    return measured


def a_year_by_integrals():
    from scipy.stats import norm

    effect = np.linspace(-0.2 - 5, -0.2 + 5, 20_001)
    chance = norm.pdf(effect, -0.2, 0.5)
    chance /= chance.sum()
    measured = {}
    for n in (500, 2000, 20_000):
        for rule, bar in (("any", 0.0), ("significant", 1.96)):
            ship = chance * norm.sf(bar - effect / (20 * math.sqrt(2 / n)))
            measured[f"{rule} {n}"] = 1_000_000 / (2 * n) * (ship @ effect)
            if n == 2000:
                measured[f"harm {rule}"] = ship @ (effect < 0) / ship.sum()
    return measured


def _year(
    *, groups=2, noise=2.0, bar=1.96, gain="true", ideas=1.0, harm="shipped", mean=-0.2, both=False, root=0.5
):
    """The numbers of a wrong answer, by integrals."""

    def wrong():
        from scipy.stats import norm

        effect = np.linspace(mean - 5, mean + 5, 20_001)
        chance = norm.pdf(effect, mean, 0.5)
        chance /= chance.sum()
        measured = {}
        for n in (500, 2000, 20_000):
            error = 20 ** (2 * root) * (noise / n) ** root
            many = 1.0 if ideas == "one" else 1_000_000 / (groups * n)
            for rule, height in (("any", 0.0), ("significant", bar)):
                ship = chance * norm.sf(height - effect / error)
                if both and height:
                    ship = ship + chance * norm.cdf(-height - effect / error)
                value = ship @ effect / (ship.sum() if gain == "shipped" else 1.0)
                if gain == "estimated":  # E[estimate; shipped]
                    value = value + chance @ (error * norm.pdf(height - effect / error))
                measured[f"{rule} {n}"] = float(many * value)
                if n == 2000:
                    share = ship @ (effect < 0) / (ship.sum() if harm == "shipped" else 1.0)
                    measured[f"harm {rule}"] = float(share)
        return measured

    return wrong


def _per_cent():
    right = a_year_by_integrals()
    return right | {key: 100 * value for key, value in right.items() if key.startswith("harm")}


_E116 = Exercise(
    id="11.6",
    name="Many small experiments or few large ones (open)",
    function="year",
    kind="measurement",
    stub="""year = {
    "any 500": ...,
    "any 2000": ...,
    "any 20000": ...,
    "significant 500": ...,
    "significant 2000": ...,
    "significant 20000": ...,
    "harm any": ...,
    "harm significant": ...,
}""",
    hints=(
        "Before you measure: how many ideas can be tested in the year at each size, and how many of them will be called significant?",
        "Draw the true effects of a million ideas and their z-values once for each size: `z = effect / error + rng.normal(size=...)` with `error = 20 * np.sqrt(2 / n)`. The mean of `effect * (z > bar)` is the gain from one idea, and the year tests `1_000_000 / (2 * n)` of them.",
        "To explain the result, compare the noise of one experiment (£1.26 at n = 500) with the spread of the ideas (£0.50). Then find by trial the bar on z that gains most at each size.",
    ),
    solution=a_year_of_experiments,
    alternatives=(a_year_by_integrals,),
    tolerance=0.005,
    reasoning="""| users a group | ideas a year | gain, any z > 0 | gain, z > 1.96 |
|---:|---:|---:|---:|
| 500 | 1,000 | −£15.8 | £5.7 |
| 2,000 | 250 | £9.9 | £4.4 |
| 20,000 | 25 | £2.5 | £1.9 |

*Size.* With 20,000 users a group nearly every decision is right, and there are only 25 to make. With 500 there are a thousand, and the noise of one experiment, £1.26, is larger than nearly every idea: shipping whatever looks better loses £15.8, because most ideas do harm and the experiment hardly tells them from the others. So each rule has a best size of its own: of the three it is 2,000 for "any", and 500 for "significant", whose high bar is what so noisy an experiment needs.

*The bar.* At 2,000 users a group, 41 % of what "any" ships does harm, against 12 % of what is significant; and yet "any" gains twice as much, because the significance rule throws away most of the good ideas (it finds an idea worth £0.50 in 12 % of the cases). The level of 5 % limits the share of useless ideas that are shipped. It is not made to maximise a gain, and does not.

*What does.* Ship if the effect that is to be *expected* after the experiment is positive. Ideas and noise are normal here, so this is a bar on z of $0.8\\,\\cdot$ (noise of the experiment): 1.01, 0.51 and 0.16 at the three sizes, with gains of £12.9, £12.1 and £2.6. The bar must be the higher, the noisier the experiment and the worse the ideas; the past experiments of a team tell how good its ideas are.

*And the report.* Adding up the *estimated* effects of what "any" ships at 500 users a group gives £448 for the year in which £15.8 were lost. Whoever selects by an estimate must not report that estimate: hold back a perpetual reverse group and measure the sum.""",
    mistakes=(
        Mistake(
            "estimates-added",
            "the *estimated* effects of the shipped ideas are added; they were selected for being large, so add the true ones",
            _year(gain="estimated"),
            when=lambda numbers: numbers["any 500"] > 200,
        ),
        Mistake(
            "one-group-of-users",
            "an experiment takes n users in each of *two* groups, so that there are 1,000,000 / (2n) of them in the year",
            _year(groups=1),
            when=lambda numbers: (
                -36 < numbers["any 500"] < -27
                and 18 < numbers["any 2000"] < 22
                and numbers["harm any"] > 0.38
            ),
        ),
        Mistake(
            "noise-of-one-group",
            "the noise is that of one mean; the difference of two has the standard error 20 · √(2/n)",
            _year(noise=1.0),
            when=lambda numbers: 5 < numbers["any 500"] < 15,
        ),
        Mistake(
            "variance",
            "the noise is 20² · 2/n here, a variance; the standard error is its root, 20 · √(2/n)",
            _year(root=1.0),
            when=lambda numbers: -36 < numbers["any 500"] < -27 and 0.29 < numbers["harm any"] < 0.33,
        ),
        Mistake(
            "per-shipped-idea",
            "this is the mean effect of the *shipped* ideas times all ideas of the year; the ideas that are dropped count with 0",
            _year(gain="shipped"),
            when=lambda numbers: numbers["significant 500"] > 150,
        ),
        Mistake(
            "one-sided-bar",
            "the bar is at 1.645 here; significant means z > 1.96",
            _year(bar=1.645),
            when=lambda numbers: 5.9 < numbers["significant 2000"] < 6.9 and 9 < numbers["any 2000"] < 11,
        ),
        Mistake(
            "either-way",
            "ideas that are significantly *worse* are shipped as well; only z > 1.96 is",
            _year(both=True),
            when=lambda numbers: numbers["significant 2000"] < 0 and -18 < numbers["any 500"] < -13,
        ),
        Mistake(
            "per-idea",
            "these are gains from one idea; the year tests 1,000,000 / (2n) of them",
            _year(ideas="one"),
            when=lambda numbers: -0.1 < numbers["any 500"] < 0,
        ),
        Mistake(
            "share-of-all-ideas",
            "the gains are right; the share of harmful ideas is to be taken of the *shipped* ones",
            _year(harm="all"),
            when=lambda numbers: 0.14 < numbers["harm any"] < 0.2 and numbers["harm significant"] < 0.01,
        ),
        Mistake(
            "per-cent",
            "the gains are right; the shares of harmful ideas are asked as numbers from 0 to 1",
            _per_cent,
            when=lambda numbers: numbers["harm any"] > 5,
        ),
        Mistake(
            "ideas-good-on-average",
            "the ideas have the mean 0 here; on average they lose £0.20 a user",
            _year(mean=0.0),
            when=lambda numbers: 60 < numbers["any 500"] < 90,
        ),
    ),
    expect=(
        Expectation(
            lambda numbers: -17.8 < numbers["any 500"] < -13.8,
            "with 500 users a group, shipping on any z > 0 must lose between £14 and £17.5 in the year (draw at least a million ideas, or this number is too noisy)",
        ),
        Expectation(
            lambda numbers: 9.3 < numbers["any 2000"] < 10.5,
            "with 2,000 users a group, shipping on any z > 0 must gain between £9.4 and £10.4",
        ),
        Expectation(
            lambda numbers: 2.42 < numbers["any 20000"] < 2.68,
            "with 20,000 users a group, shipping on any z > 0 must gain between £2.45 and £2.65",
        ),
        Expectation(
            lambda numbers: 5.1 < numbers["significant 500"] < 6.2,
            "with 500 users a group, shipping on z > 1.96 must gain between £5.2 and £6.1",
        ),
        Expectation(
            lambda numbers: 4.1 < numbers["significant 2000"] < 4.75,
            "with 2,000 users a group, shipping on z > 1.96 must gain between £4.15 and £4.7",
        ),
        Expectation(
            lambda numbers: 1.76 < numbers["significant 20000"] < 1.95,
            "with 20,000 users a group, shipping on z > 1.96 must gain between £1.78 and £1.93",
        ),
        Expectation(
            lambda numbers: 0.397 < numbers["harm any"] < 0.43,
            "of what any z > 0 ships at 2,000 users a group, between 40 and 42.5 % must do harm",
        ),
        Expectation(
            lambda numbers: 0.11 < numbers["harm significant"] < 0.132,
            "of what z > 1.96 ships at 2,000 users a group, between 11 and 13 % must do harm",
        ),
    ),
    deeper="The level of a test is a price for one kind of mistake; which price is right depends on the ideas and on the noise.",
)

EXERCISES = [_E111, _E112, _E113, _E114, _E115, _E116]
