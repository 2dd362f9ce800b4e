"""Exercises of lecture 10, designing an experiment."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from applied_ds.exercises import Exercise, Expectation, Mistake

# --------------------------------------------------------------------------------------------- 10.1


def grow(bucket, old, new):
    import numpy as np

    owner = np.full(10_000, -1)  # the group of every bucket
    owner[: old.sum()] = np.repeat(np.arange(len(old)), old)
    owner[old.sum() : new.sum()] = np.repeat(np.arange(len(old)), new - old)
    return owner[bucket]


def grow_by_edges(bucket, old, new):
    ends = np.cumsum(np.concatenate([old, new - old]))  # 2K pieces, one behind the other
    piece = np.searchsorted(ends, bucket, side="right")
    return np.where(piece < len(ends), piece % len(old), -1)


def growing_cases(rng: np.random.Generator) -> list[tuple[np.ndarray, ...]]:
    cases = [(np.arange(10), np.array([2, 2]), np.array([4, 3]))]
    for old, new, n in (
        ((100, 100), (1000, 2000), 200),
        ((500, 300, 300), (500, 1500, 2500), 400),
        ((2500, 2500, 100, 0), (2500, 3000, 4000, 500), 800),
    ):
        edges = np.cumsum([*old, *np.subtract(new, old)])
        bucket = np.concatenate([rng.integers(0, 10_000, n), edges % 10_000, edges - 1])
        cases.append((rng.permutation(bucket), np.array(old), np.array(new)))
    return cases


def _deal(pieces, rest=-1):
    """The group of each user when buckets are dealt in such pieces: (group, how many), from bucket 0."""

    def wrong(bucket, old, new):
        owner = np.full(30_000, len(old) - 1 if rest == "last" else rest)
        start = 0
        for group, many in pieces(old, new):
            owner[start : start + many] = group
            start += many
        return owner[bucket]

    return wrong


def _right_pieces(old, new):
    return [*enumerate(old), *enumerate(new - old)]


def _by_turns(old, new):
    """The growth is dealt bucket by bucket in turns."""
    left, turns = list(new - old), []
    while any(left):
        for group, many in enumerate(left):
            if many:
                turns.append((group, 1))
                left[group] -= 1
    return [*enumerate(old), *turns]


def _from_the_end(bucket, old, new):
    owner = np.full(10_000, -1)
    owner[: old.sum()] = np.repeat(np.arange(len(old)), old)
    gained = np.repeat(np.arange(len(old)), new - old)
    owner[10_000 - len(gained) :] = gained[::-1]
    return owner[bucket]


def _edge_too_far(bucket, old, new):
    ends = np.cumsum(np.concatenate([old, new - old]))
    piece = np.searchsorted(ends, bucket, side="left")
    return np.where(piece < len(ends), piece % len(old), -1)


_E101 = Exercise(
    id="10.1",
    name="Grow without moving anyone",
    function="grow",
    stub='''def grow(bucket, old, new):
    """Group of each user after an experiment has grown and nobody in it has moved.

    bucket: (n,) int, 0 … 9,999. old, new: (K,) int, the number of buckets that each
    group had and has now; new >= old, at most 10,000 in all. The first old[0] buckets
    are group 0, the next old[1] group 1, and so on. The growth follows behind them:
    first all that group 0 gains, then all that group 1 gains, and so on.
    Returns (n,) int: 0 … K − 1, or −1 for a user who is in no group.
    """
    ...''',
    hints=(
        "Which buckets does group 0 have afterwards? They need not lie side by side.",
        "Let a table of 10,000 entries say which group each bucket belongs to. Then `table[bucket]` answers for all users at once.",
        "`np.repeat(np.arange(K), old)` fills the beginning of the table, `np.repeat(np.arange(K), new - old)` what follows; the rest is −1.",
    ),
    solution=grow,
    reasoning="A hash never forgets: whoever was in bucket 17 stays there. So it is enough to leave the owner of every bucket that has one, and to give away free buckets only. Dealing `new` from bucket 0 again would be shorter, and would push most of group 1 into group 0 as soon as group 0 grows: "
    "those users would have seen both versions, and each group would hold people who carry the memory of the other.",
    alternatives=(grow_by_edges,),
    cases=growing_cases,
    mistakes=(
        Mistake(
            "dealt-again",
            "the new sizes were dealt from bucket 0 again, so users who were in one group are now in another",
            _deal(lambda old, new: enumerate(new)),
        ),
        Mistake(
            "not-only-the-growth",
            "each group got its whole new size on top of the old one; it gains `new - old`",
            _deal(lambda old, new: [*enumerate(old), *enumerate(new)]),
        ),
        Mistake(
            "not-grown",
            "these are the old groups: nobody has joined",
            _deal(lambda old, new: enumerate(old)),
        ),
        Mistake(
            "old-users-out",
            "only the users who join are in a group here; those who were in before must stay",
            lambda bucket, old, new: np.where(bucket < old.sum(), -1, grow_by_edges(bucket, old, new)),
        ),
        Mistake(
            "rest-in-group-0",
            "users outside the experiment are counted as group 0; they must get −1",
            _deal(_right_pieces, rest=0),
        ),
        Mistake(
            "rest-in-the-last-group",
            "users outside the experiment are counted as the last group; they must get −1",
            _deal(_right_pieces, rest="last"),
        ),
        Mistake(
            "in-turns",
            "the free buckets are dealt one by one in turns: nobody moves, but the order asked is all of group 0's growth first, then all of group 1's",
            _deal(_by_turns),
        ),
        Mistake(
            "from-the-end",
            "the growth is taken from the last buckets: nobody moves, but the order asked is the lowest free buckets first",
            _from_the_end,
        ),
        Mistake(
            "edge",
            "the first bucket of each piece is counted to the piece before: a group of 2 buckets that starts at 0 has the buckets 0 and 1",
            _edge_too_far,
        ),
    ),
    deeper="Nobody has moved, and still one trap is left: if the *ratio* of the groups changed on the way, early and late users are mixed differently in them, so compare within each stage (Simpson's paradox).",
)

# --------------------------------------------------------------------------------------------- 10.2


def hidden_effect(a, b):
    import numpy as np

    lost = len(a) - len(b)
    ordered = np.sort(a)
    return b.mean() - ordered[lost:].mean(), b.mean() - ordered[: len(b)].mean()


def hidden_effect_by_totals(a, b):
    n = len(b)
    low_total = sum(sorted(a.tolist())[:n])  # of the n smallest in A
    high_total = sum(sorted(a.tolist(), reverse=True)[:n])
    return (sum(b.tolist()) - high_total) / n, (sum(b.tolist()) - low_total) / n


def leaking_logs(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    cases = [(np.array([9.0, 1.0, 4.0, 2.0]), np.array([6.0, 3.0, 5.0]))]
    for n_a, n_b in ((10, 7), (40, 33), (300, 280)):
        cases.append((np.round(rng.gamma(0.7, 20, n_a), 2), np.round(rng.gamma(0.8, 25, n_b), 2)))
    return cases


def _trim(low, high):
    """Bounds with the mean of such a part of the sorted A, from counts of lost users."""

    def wrong(a, b):
        ordered, lost = np.sort(a), len(a) - len(b)
        return b.mean() - low(ordered, lost).mean(), b.mean() - high(ordered, lost).mean()

    return wrong


def _trim_b(a, b):
    ordered, lost = np.sort(b), len(a) - len(b)
    return ordered[: len(b) - lost].mean() - a.mean(), ordered[lost:].mean() - a.mean()


def _filled_with_extremes(a, b):
    lost = len(a) - len(b)
    seen = np.concatenate([a, b])
    return tuple((b.sum() + lost * one) / len(a) - a.mean() for one in (seen.min(), seen.max()))


def _filled_with_zero(a, b):
    return (b.sum() / len(a) - a.mean(),) * 2


_E102 = Exercise(
    id="10.2",
    name="What a broken log can hide",
    function="hidden_effect",
    stub='''def hidden_effect(a, b):
    """Smallest and largest effect that fit a log in which B has lost users.

    a: (n_A,) metric of the users of A, all of whom were logged. b: (n_B,) of those of B
    that were logged, n_B < n_A. As many users were sent to B as to A, so A holds
    n_A − n_B users of the kind that B lost, and nobody knows which.
    Returns (lower, upper): mean(B) − mean(A) for the kind of users that B did log.
    """
    ...''',
    hints=(
        "Which group must be changed so that both hold the same kind of users: A or B?",
        "Nobody knows which $n_A - n_B$ users of A to leave out. Which choice makes the mean of A largest, and which makes it smallest?",
        "Sort A. Without its $n_A - n_B$ smallest values its mean is as large as can be, and the effect as small as can be: that is `lower`.",
    ),
    solution=hidden_effect,
    reasoning="The logged users of B are all of one kind: those whom B does not lose. A holds this kind as well, and besides them about $n_A - n_B$ users whom B would have lost. Leaving those out of A would make the groups comparable again, but A's log does not mark them. So the effect is known only up to the two extreme choices. "
    "With a heavy tail the range is huge although few users are missing, because the missing ones may be the best customers: a sample-ratio mismatch is a reason to stop, not to correct. (The bounds are those of [Lee 2009](https://doi.org/10.1111/j.1467-937X.2009.00536.x); they ignore that the counts themselves vary by chance.)",
    alternatives=(hidden_effect_by_totals,),
    cases=leaking_logs,
    mistakes=(
        Mistake(
            "trims-b",
            "users are left out of B; B's log is short already, and it is A that holds users of a kind that B lacks",
            _trim_b,
        ),
        Mistake(
            "reversed",
            "the two ends are exchanged: the largest mean of A gives the *smallest* effect",
            _trim(lambda x, lost: x[: len(x) - lost], lambda x, lost: x[lost:]),
        ),
        Mistake(
            "a-minus-b",
            "this is A − B; the effect is mean(B) − mean(A)",
            lambda a, b: tuple(-one for one in reversed(hidden_effect(a, b))),
        ),
        Mistake(
            "nothing-left-out",
            "the plain difference of the means is returned; it compares different kinds of users",
            lambda a, b: (b.mean() - a.mean(),) * 2,
        ),
        Mistake(
            "half-at-each-end",
            "half of the users is left out at each end; the two extreme choices leave out all of them at one end",
            _trim(
                lambda x, lost: x[(lost + 1) // 2 : len(x) - lost // 2],
                lambda x, lost: x[lost // 2 : len(x) - (lost + 1) // 2],
            ),
        ),
        Mistake(
            "twice-as-many",
            "twice n_A − n_B users are left out of A; it holds only n_A − n_B of the kind that B lost",
            _trim(lambda x, lost: x[2 * lost :], lambda x, lost: x[: len(x) - 2 * lost]),
        ),
        Mistake(
            "filled-with-zero",
            "the lost users of B are counted as 0; what they did is unknown, and they need not be of the kind that buys nothing",
            _filled_with_zero,
        ),
        Mistake(
            "filled-with-extremes",
            "the lost users of B were given the smallest and the largest value seen: this bounds the effect on *all* users, where that on the logged kind is asked",
            _filled_with_extremes,
        ),
    ),
    deeper="On the shop's revenue, a loss of one customer in a hundred mostly leaves a range as wide as a third of the mean.",
)

# --------------------------------------------------------------------------------------------- 10.3


def lift_interval(y_a, m_a, y_b, m_b, level):
    import numpy as np
    import scipy.stats

    def log_ratio(y, m):
        influence = y / y.mean() - m / m.mean()  # of each user on the logarithm of the ratio
        return np.log(y.sum() / m.sum()), influence.var(ddof=1) / len(y)

    (log_a, v_a), (log_b, v_b) = log_ratio(y_a, m_a), log_ratio(y_b, m_b)
    half = scipy.stats.norm.isf((1 - level) / 2) * np.sqrt(v_a + v_b)
    return np.exp(log_b - log_a - half) - 1, np.exp(log_b - log_a + half) - 1


def lift_interval_by_covariances(y_a, m_a, y_b, m_b, level):
    from scipy.stats import norm

    centre = variance = 0.0
    for sign, y, m in ((-1, y_a, m_a), (1, y_b, m_b)):
        covariance = np.cov(y, m) / len(y)  # of the two means
        gradient = np.array([1 / y.mean(), -1 / m.mean()])  # of log(mean y) − log(mean m)
        centre += sign * (math.log(y.mean()) - math.log(m.mean()))
        variance += gradient @ covariance @ gradient
    low, high = norm.interval(level, centre, math.sqrt(variance))
    return np.expm1(low), np.expm1(high)


def two_groups_of_buyers(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    def group(n, pounds):
        visits = 1 + rng.poisson(2.0, n)
        return np.round(visits * pounds * rng.gamma(2.0, 0.5, n), 2), visits

    first = (np.array([10.0, 60.0, 20.0]), np.array([1, 4, 2]), np.array([30.0, 20.0, 90.0]))
    cases: list[tuple[Any, ...]] = [(*first, np.array([2, 1, 3]), 0.95)]
    for n_a, n_b, level in ((8, 6, 0.9), (40, 50, 0.99), (300, 200, 0.95)):
        cases.append((*group(n_a, 20.0), *group(n_b, 23.0), level))
    return cases


def _wrong_lift(
    *,
    ratio="sums",
    influence=lambda y, m: y / y.mean() - m / m.mean(),
    tail=lambda level: (1 - level) / 2,
    divide=True,
    noise=("a", "b"),
    scale="log",
    swap=False,
    ddof=1,
    add=lambda x: math.sqrt(sum(x)),
    minus=1.0,
):
    def wrong(y_a, m_a, y_b, m_b, level):
        from scipy.stats import norm

        def one(y, m, name):
            centre = (y / m).mean() if ratio == "users" else y.sum() / m.sum()
            values = influence(y, m)
            if ratio == "users":
                values = y / m / centre
            variance = np.var(values, ddof=ddof) / (len(y) if divide else 1)
            return centre, variance * (name in noise)

        (r_a, v_a), (r_b, v_b) = one(y_a, m_a, "a"), one(y_b, m_b, "b")
        if swap:
            r_a, v_a, r_b, v_b = r_b, v_b, r_a, v_a
        z = norm.isf(tail(level))
        if scale == "log":
            half = z * add((v_a, v_b))
            return r_b / r_a * math.exp(-half) - minus, r_b / r_a * math.exp(half) - minus
        if scale == "log only":
            half = z * add((v_a, v_b))
            return math.log(r_b / r_a) - half, math.log(r_b / r_a) + half
        variance = v_a * r_a**2 + v_b * r_b**2  # of the difference, divided by A as if that were known
        if scale == "symmetric":
            variance = r_b**2 * (v_a + v_b)  # the delta method on the ratio itself
        half = z * math.sqrt(variance) / r_a
        return r_b / r_a - minus - half, r_b / r_a - minus + half

    return wrong


_E103 = Exercise(
    id="10.3",
    name="By how many per cent",
    function="lift_interval",
    stub='''def lift_interval(y_a, m_a, y_b, m_b, level):
    """Interval of the relative change of a ratio metric, R_B / R_A − 1, split by user.

    y_a, m_a: (n_A,) revenue and visits of each user of A; y_b, m_b: (n_B,) of B.
    R is the sum of y over the sum of m. The interval is symmetric on the scale of
    log(R_B / R_A): normal quantile, variances by the delta method with n − 1.
    level: such as 0.95. Returns (lower, upper), where 0.03 means 3 % more.
    """
    ...''',
    hints=(
        "What is the logarithm of $R_B / R_A$ a difference of? The two groups are independent, so how do their variances combine?",
        "To first order $\\log R = \\log \\bar y - \\log \\bar m$ moves by $(y_i - \\bar y)/(n\\bar y) - (m_i - \\bar m)/(n \\bar m)$ when user $i$ comes in.",
        "So the variance of $\\log R$ is the sample variance of $y_i/\\bar y - m_i/\\bar m$, divided by the number of users. Add both groups, go out $z$ standard errors on either side, then `exp` and minus 1.",
    ),
    solution=lift_interval,
    reasoning="Per cent are what a decision needs, and the denominator $R_A$ is as noisy as the numerator. On the scale of logarithms the quotient becomes a difference of two independent numbers, and the delta method needs one variance a group: that of $y_i/\\bar y - m_i/\\bar m$ over the users, because users were split. "
    "Dividing the interval of $R_B - R_A$ by $R_A$, as many reports do, treats $R_A$ as known: the result is too short where B is better and too long where it is worse.",
    alternatives=(lift_interval_by_covariances,),
    cases=two_groups_of_buyers,
    mistakes=(
        Mistake(
            "denominator-known",
            "the interval of R_B − R_A was divided by R_A as if that were known exactly; it is as noisy as R_B",
            _wrong_lift(scale="difference"),
        ),
        Mistake(
            "symmetric-in-per-cent",
            "the interval is symmetric in per cent; it should be symmetric on the scale of logarithms, and then be carried back by exp",
            _wrong_lift(scale="symmetric"),
        ),
        Mistake(
            "still-logarithms",
            "this is the interval of log(R_B / R_A): carry both ends back by exp, and take 1 away",
            _wrong_lift(scale="log only"),
        ),
        Mistake(
            "factor", "this is the interval of R_B / R_A; the change is that minus 1", _wrong_lift(minus=0.0)
        ),
        Mistake(
            "mean-of-ratios",
            "the ratio of each user was averaged; the metric is the sum of y over the sum of m",
            _wrong_lift(ratio="users"),
        ),
        Mistake(
            "no-covariance",
            "the variances of y and m were added as if revenue and visits of a user had nothing to do with each other; they are positively correlated",
            _wrong_lift(
                influence=lambda y, m: (
                    np.sqrt((y / y.mean()).var(ddof=1) + (m / m.mean()).var(ddof=1))
                    * (y - y.mean())
                    / y.std(ddof=1)
                )
            ),
        ),
        Mistake(
            "visits-known",
            "only the revenue varies here; the number of visits of a user is random as well",
            _wrong_lift(influence=lambda y, m: y / y.mean()),
        ),
        Mistake(
            "one-tail",
            "the whole of 1 − level was put on each side: half of it belongs to each",
            _wrong_lift(tail=lambda level: 1 - level),
        ),
        Mistake(
            "spread-of-users",
            "this is the spread of single users: the variance of a mean is that divided by the number of users",
            _wrong_lift(divide=False),
        ),
        Mistake(
            "a-without-noise",
            "the variance of A is left out; both groups are samples",
            _wrong_lift(noise=("b",)),
        ),
        Mistake(
            "errors-added",
            "the two standard errors were added; for independent groups the variances add",
            _wrong_lift(add=lambda x: sum(map(math.sqrt, x))),
        ),
        Mistake("a-over-b", "this is the change from B to A: R_B is divided by R_A", _wrong_lift(swap=True)),
        Mistake(
            "divided-by-n",
            "the sample variance divides by n here; n − 1 is asked",
            _wrong_lift(ddof=0),
        ),
    ),
    deeper="Fieller's interval is the exact one for a ratio of normal means; where the standard errors are a few per cent the two agree.",
)

# --------------------------------------------------------------------------------------------- 10.4


def shared_control(k, delta, sigma, alpha, power):
    import numpy as np
    import scipy.stats

    z = scipy.stats.norm.isf(alpha / k / 2) + scipy.stats.norm.ppf(power)
    n_test = (1 + 1 / np.sqrt(k)) * (z * sigma / delta) ** 2
    return np.sqrt(k) * n_test, n_test


def shared_control_by_search(k, delta, sigma, alpha, power):
    from scipy.optimize import brentq
    from scipy.stats import norm

    def power_at(n_test, ratio):
        error = sigma * math.sqrt(1 / (ratio * n_test) + 1 / n_test)
        return norm.cdf(delta / error - norm.ppf(1 - alpha / (2 * k)))

    def slope(ratio):  # of the total (ratio + k) (1 + 1 / ratio), up to a factor
        return (1 + 1 / ratio) - (ratio + k) / ratio**2

    best = brentq(slope, 0.1, 100, xtol=1e-14)
    n_test = brentq(lambda n: power_at(n, best) - power, 1e-3, 1e9, xtol=1e-12, rtol=1e-14)
    return best * n_test, n_test


def plans_with_one_control(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    cases = [(1, 1.0, 10.0, 0.05, 0.8), (4, 1.0, 10.0, 0.05, 0.8)]
    for k, alpha, power in ((2, 0.1, 0.9), (9, 0.01, 0.8), (5, 0.05, 0.95)):
        sigma = round(rng.uniform(5, 50), 1)
        cases.append((k, round(sigma * rng.uniform(0.02, 0.1), 2), sigma, alpha, power))
    return cases


def _wrong_plan(
    *,
    level=lambda alpha, k: alpha / k,
    sides=2,
    ratio=math.sqrt,
    finish=lambda n, k: n,
    spread=lambda r: 1 + 1 / r,
    power_tail=lambda norm, power: norm.ppf(power),
    square=True,
):
    def wrong(k, delta, sigma, alpha, power):
        from scipy.stats import norm

        z = norm.isf(level(alpha, k) / sides) + power_tail(norm, power)
        n_test = spread(ratio(k)) * (z**2 * (sigma / delta) ** (2 if square else 1))
        return finish((ratio(k) * n_test, n_test), k)

    return wrong


_E104 = Exercise(
    id="10.4",
    name="One control for many",
    function="shared_control",
    stub='''def shared_control(k, delta, sigma, alpha, power):
    """Users in the control group and in each of k test groups, with the fewest in all.

    Each test group is compared with the one control by a two-sided z-test (σ known,
    the same in all groups) at the level alpha / k. Each comparison must find a
    difference delta with the given power; rejections on the wrong side count as
    impossible. All test groups are of one size.
    Returns (n_control, n_test), not rounded.
    """
    ...''',
    hints=(
        "A user of the control group takes part in $k$ comparisons, a user of a test group in one. Which group deserves to be larger?",
        "The variance of one comparison is $\\sigma^2 (1/n_{\\text{control}} + 1/n_{\\text{test}})$, and the power fixes it. Write $n_{\\text{control}} = r\\, n_{\\text{test}}$ and find the $r$ for which $n_{\\text{control}} + k\\, n_{\\text{test}}$ is smallest.",
        "The total is proportional to $(1 + 1/r)(r + k) = r + k/r + 1 + k$, smallest at $r = \\sqrt k$. Then $n_{\\text{test}} = (1 + 1/\\sqrt k)\\,(z_{1-\\alpha/2k} + z_{\\text{power}})^2 \\sigma^2/\\delta^2$.",
    ),
    solution=shared_control,
    reasoning="The power asks for a standard error of $\\delta / (z_{1-\\alpha/2k} + z_{\\text{power}})$. With $n_{\\text{control}} = r\\,n_{\\text{test}}$ its square is $\\sigma^2 (1 + 1/r)/n_{\\text{test}}$, so the total number of users is proportional to $(1 + 1/r)(r + k) = r + k/r + 1 + k$. The derivative $1 - k/r^2$ vanishes at $r = \\sqrt k$. "
    "For four test groups the control is twice as large as each of them. With equal groups the same promise needs 11 % more users, and four separate experiments, each with a control of its own, need 78 % more: sharing the control is what a many-dimensional experiment gains.",
    alternatives=(shared_control_by_search,),
    cases=plans_with_one_control,
    mistakes=(
        Mistake(
            "equal-groups",
            "all groups are of one size: this keeps the promise, with more users than needed",
            _wrong_plan(ratio=lambda k: 1.0),
        ),
        Mistake(
            "control-k-times",
            "the control is k times as large as a test group: this keeps the promise, with more users than needed",
            _wrong_plan(ratio=float),
        ),
        Mistake(
            "no-correction",
            "each comparison has the level alpha; it should be alpha / k",
            _wrong_plan(level=lambda alpha, k: alpha),
        ),
        Mistake(
            "all-pairs",
            "the level was divided by the number of all pairs of groups; only the k comparisons with the control are made",
            _wrong_plan(level=lambda alpha, k: alpha / (k * (k + 1) / 2)),
        ),
        Mistake(
            "sidak",
            "the level of a comparison is 1 − (1 − alpha)^(1/k) here; alpha / k is asked",
            _wrong_plan(level=lambda alpha, k: 1 - (1 - alpha) ** (1 / k)),
        ),
        Mistake(
            "one-sided",
            "this is the quantile of a one-sided test; half of the level belongs to each side",
            _wrong_plan(sides=1),
        ),
        Mistake(
            "wrong-tail-of-the-power",
            "the quantile of the power has the wrong sign: more power needs more users",
            _wrong_plan(power_tail=lambda norm, power: norm.isf(power)),
        ),
        Mistake(
            "no-power",
            "the power is not used: at this size a true difference is missed half of the time",
            _wrong_plan(power_tail=lambda norm, power: 0.0),
        ),
        Mistake(
            "control-known",
            "the noise of the control is left out: the variance of a comparison has two terms",
            _wrong_plan(spread=lambda r: 1.0),
        ),
        Mistake(
            "not-squared",
            "σ / δ is to be squared",
            _wrong_plan(square=False),
        ),
        Mistake(
            "exchanged",
            "the two numbers are exchanged: the control comes first",
            _wrong_plan(finish=lambda n, k: n[::-1]),
        ),
        Mistake(
            "all-test-groups",
            "the second number is that of all test groups together; that of one is asked",
            _wrong_plan(finish=lambda n, k: (n[0], k * n[1])),
        ),
    ),
    deeper="The comparisons share the noise of the control and are correlated at about 1/(1 + √k), so alpha / k is a little strict: Dunnett's test uses the exact bound.",
)

# --------------------------------------------------------------------------------------------- 10.5


def city_split_by_blocks():
    import numpy as np

    def estimates(side, experiments=1000, width=64):
        rng = np.random.default_rng(side)
        m = width // side
        half = np.tile(np.arange(m * m) % 2, (experiments, 1))  # as many blocks in A as in B
        blocks = rng.permuted(half, axis=1).reshape(-1, m, m)
        in_b = blocks.repeat(side, axis=1).repeat(side, axis=2)
        around = sum(np.roll(in_b, step, axis) for step in (1, -1) for axis in (1, 2)) / 4
        wave = np.cos(2 * np.pi * np.arange(width) / width)
        y = 0.6 * wave[:, None] * wave + 0.5 * in_b - 0.6 * around + rng.normal(size=in_b.shape)
        return (y * (2 * in_b - 1)).sum(axis=(1, 2)) / (width**2 / 2)

    found = {side: estimates(side) for side in (1, 2, 4, 8, 16)}
    measured = {f"mean {side}": found[side].mean() for side in (1, 4, 16)}
    measured |= {f"sd {side}": found[side].std() for side in (1, 4, 16)}
    rms = {side: np.sqrt(np.mean((one + 0.1) ** 2)) for side, one in found.items()}
    return measured | {"best side": min(rms, key=rms.get)}


def city_split_by_coins():
    """Every block tosses its own coin; the sums run over blocks, not over users."""
    from scipy.sparse import csr_array

    width, n, rng = 64, 600, np.random.default_rng(5)
    row, column = np.divmod(np.arange(width * width), width)
    near = np.stack([(row + 1) % width * width + column, row * width + (column + 1) % width])
    level = 0.6 * np.cos(2 * np.pi * row / width) * np.cos(2 * np.pi * column / width)
    measured, rms = {}, {}
    for side in (1, 2, 4, 8, 16):
        m = width // side
        block = row // side * m + column // side
        ends = np.repeat(block[None], 2, axis=0).ravel(), block[near].ravel()
        once = csr_array((np.ones(2 * block.size), ends), shape=(m * m, m * m))
        coin = (rng.random((m * m, n)) < 0.5).astype(float)
        sums = np.bincount(block, level)[:, None] + side * rng.normal(size=(m * m, n))
        sums += 0.5 * side**2 * coin - 0.15 * (once @ coin + once.T @ coin)
        b = (sums * coin).sum(0) / (side**2 * coin.sum(0))
        a = (sums * (1 - coin)).sum(0) / (side**2 * (1 - coin).sum(0))
        if side in (1, 4, 16):
            measured |= {f"mean {side}": (b - a).mean(), f"sd {side}": (b - a).std()}
        rms[side] = np.sqrt(((b - a + 0.1) ** 2).mean())
    return measured | {"best side": min(rms, key=rms.__getitem__)}


_CITY = ("mean 1", "mean 4", "mean 16", "sd 1", "sd 4", "sd 16", "best side")


def _city(*values: float) -> dict[str, float]:
    return dict(zip(_CITY, values, strict=True))


_E105 = Exercise(
    id="10.5",
    name="How large a block (open)",
    function="city",
    kind="measurement",
    stub="""city = {
    "mean 1": ...,
    "mean 4": ...,
    "mean 16": ...,
    "sd 1": ...,
    "sd 4": ...,
    "sd 16": ...,
    "best side": ...,
}""",
    hints=(
        "Before you measure: at side 1, how many of the four neighbours of a user in B are in B on average, and how many of those of a user in A? And in a block of side 16?",
        "Keep all experiments in one array `(experiments, 64, 64)`. `rng.permuted(rows, axis=1)` shuffles every row by itself, `.repeat(side, axis=1).repeat(side, axis=2)` turns blocks into users, and `np.roll` along an axis gives a neighbour, around the edge too.",
        "To explain the means, count the links between neighbours that cross the border of a block of side $s$, and all of its links. To explain the spreads, ask how many things were randomised: 4,096 at side 1, 16 at side 16.",
    ),
    solution=city_split_by_blocks,
    alternatives=(city_split_by_coins,),
    tolerance=0.005,
    reasoning="""The true effect is $0.5 - 0.6 = -0.1$. Split by user, the experiment reports +0.50 with a standard deviation of 0.033: fifteen standard deviations above zero, and the wrong sign. Blocks of side 4 still report +0.05, those of side 16 report −0.06, with a standard deviation of 0.13.

*The mean.* A user's neighbours are taken into account only as far as they share the user's group. Split by user, the neighbours of A and of B are alike, so the harm done to them cancels in the difference and only the direct effect of +0.5 is left. In a block of side $s$ a user has on average a share $1 - 1/s$ of the neighbours in the own block: $4s$ of the $4s^2$ links cross the border. The estimate is therefore about $0.5 - 0.6\\,(1 - 1/s)$, and its bias $0.6/s$. No number of users makes it smaller.

*The spread.* What is randomised is the block, and there are $(64/s)^2$ of them. The noise of the users is averaged within blocks, but the slow wave across the city is not: neighbouring users are alike, and a few large blocks in A and in B differ by where they lie. So the spread at side 16 is four times that at side 1, although the same 4,096 users take part.

The root mean square error has both: 0.60, 0.30, 0.16, 0.11, 0.13 for the sides 1, 2, 4, 8, 16. The most precise experiment is the worst of them, and nothing inside it shows this. A switchback is the same trade in time: long periods carry little over, and there are few of them.""",
    mistakes=(
        Mistake(
            "as-if-users-were-split",
            "these standard deviations take every user for randomised alone; take the spread of the estimates over many experiments",
            _city(0.5, 0.05, -0.0625, 0.033, 0.033, 0.033, 8),
            when=lambda numbers: (
                0.025 < numbers["sd 1"] < 0.042
                and 0.025 < numbers["sd 4"] < 0.042
                and numbers["sd 16"] < 0.06
                and numbers["best side"] < 15.5
            ),
        ),
        Mistake(
            "no-city",
            "the city itself, the term with the two cosines, is missing: without it large blocks cost no precision",
            _city(0.5, 0.05, -0.06, 0.032, 0.032, 0.031, 16),
            when=lambda numbers: (
                0.025 < numbers["sd 1"] < 0.042 and numbers["sd 16"] < 0.06 and numbers["best side"] > 15.5
            ),
        ),
        Mistake(
            "no-noise",
            "the noise of the users, ε, is missing: each user has a new number from N(0, 1) in every experiment",
            _city(0.5, 0.05, -0.06, 0.0118, 0.036, 0.121, 8),
            when=lambda numbers: 0.008 < numbers["sd 1"] < 0.018 and numbers["sd 16"] > 0.09,
        ),
        Mistake(
            "variances",
            "these are variances; the standard deviation is their root",
            _city(0.5, 0.05, -0.0625, 0.0011, 0.0024, 0.0171, 8),
            when=lambda numbers: 0 < numbers["sd 1"] < 0.005 and numbers["sd 16"] > 8 * numbers["sd 1"],
        ),
        Mistake(
            "error-of-the-mean",
            "these are standard errors of your *mean* over experiments; the spread of a single experiment is asked",
            _city(0.5, 0.05, -0.0625, 0.00105, 0.00155, 0.0042, 8),
            when=lambda numbers: 0 < numbers["sd 1"] < 0.02 and numbers["sd 16"] < 6 * numbers["sd 1"],
        ),
        Mistake(
            "a-minus-b",
            "this is A − B; the difference is always B − A",
            _city(-0.5, -0.05, 0.0625, 0.033, 0.049, 0.131, 8),
            when=lambda numbers: numbers["mean 1"] < -0.4,
        ),
        Mistake(
            "harm-per-neighbour",
            "every neighbour in B takes 0.6 here; 0.6 is for all four of them, 0.15 for each",
            _city(0.5, -1.3, -1.75, 0.041, 0.062, 0.152, 16),
            when=lambda numbers: numbers["mean 4"] < -1,
        ),
        Mistake(
            "no-neighbours",
            "the neighbours have no influence here: the mean is 0.5 for every block",
            _city(0.5, 0.5, 0.5, 0.033, 0.049, 0.131, 1),
            when=lambda numbers: 0.4 < numbers["mean 4"] < 0.6,
        ),
        Mistake(
            "neighbours-help",
            "neighbours in B raise a user's orders here; they take couriers away, so their share counts with a minus",
            _city(0.5, 0.95, 1.06, 0.033, 0.049, 0.125, 1),
            when=lambda numbers: numbers["mean 4"] > 0.8,
        ),
        Mistake(
            "bias",
            "these means are differences from the truth; the mean of the estimates themselves is asked",
            _city(0.6, 0.15, 0.0375, 0.033, 0.049, 0.131, 8),
            when=lambda numbers: numbers["mean 1"] > 0.55 and 0.1 < numbers["mean 4"] < 0.2,
        ),
        Mistake(
            "best-by-bias",
            "side 16 has the smallest bias; the best side has the smallest root mean square error, which counts the spread as well",
            _city(0.5, 0.05, -0.0625, 0.033, 0.049, 0.131, 16),
            when=lambda numbers: (
                abs(numbers["best side"] - 16) < 0.5
                and abs(numbers["mean 4"] - 0.05) < 0.03
                and numbers["sd 16"] > 0.09
            ),
        ),
        Mistake(
            "best-by-spread",
            "side 1 has the smallest spread; the best side has the smallest root mean square error *around the truth*, −0.1",
            _city(0.5, 0.05, -0.0625, 0.033, 0.049, 0.131, 1),
            when=lambda numbers: (
                abs(numbers["best side"] - 1) < 0.5
                and abs(numbers["mean 4"] - 0.05) < 0.03
                and numbers["sd 1"] > 0.025
                and numbers["sd 4"] > 0.042
            ),
        ),
    ),
    expect=(
        Expectation(
            lambda numbers: 0.475 < numbers["mean 1"] < 0.525,
            "split by user, the mean estimate must lie between 0.48 and 0.52",
        ),
        Expectation(
            lambda numbers: 0.03 < numbers["mean 4"] < 0.07,
            "with blocks of side 4 the mean estimate must lie between 0.03 and 0.07",
        ),
        Expectation(
            lambda numbers: -0.09 < numbers["mean 16"] < -0.035,
            "with blocks of side 16 the mean estimate must lie between −0.09 and −0.035",
        ),
        Expectation(
            lambda numbers: 0.029 < numbers["sd 1"] < 0.037,
            "split by user, the standard deviation must lie between 0.03 and 0.036",
        ),
        Expectation(
            lambda numbers: 0.043 < numbers["sd 4"] < 0.056,
            "with blocks of side 4 the standard deviation must lie between 0.044 and 0.055",
        ),
        Expectation(
            lambda numbers: 0.11 < numbers["sd 16"] < 0.155,
            "with blocks of side 16 the standard deviation must lie between 0.11 and 0.15",
        ),
        Expectation(
            lambda numbers: 7.5 < numbers["best side"] < 8.5,
            "the best side is the one with the smallest root mean square error around the true effect; are all five sides measured?",
        ),
    ),
    deeper="A washout in space: count only the users whose four neighbours are all in their own block, and the bias is gone. At side 4 a quarter of the users remain, and the root mean square error falls from 0.16 to 0.07.",
)

EXERCISES = [_E101, _E102, _E103, _E104, _E105]
