"""Exercises of lecture 8, collaborative filtering."""

from __future__ import annotations

from typing import Any

import numpy as np

from applied_ds.exercises import Exercise, Expectation, Mistake

# ---------------------------------------------------------------------------------------------- 8.1


def weighted_pearson(r, R, f):
    import numpy as np

    common = ~np.isnan(r) & ~np.isnan(R)  # (n, m)
    weight = np.where(common, f, 0.0)
    total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
    a, b = np.where(common, r, 0.0), np.where(common, R, 0.0)
    a = a - (weight * a).sum(axis=1, keepdims=True) / total
    b = b - (weight * b).sum(axis=1, keepdims=True) / total
    scale = np.sqrt((weight * a**2).sum(axis=1) * (weight * b**2).sum(axis=1))
    w = (weight * a * b).sum(axis=1)
    return np.divide(w, scale, out=np.zeros_like(w), where=(common.sum(axis=1) >= 2) & (scale > 1e-12))


def weighted_pearson_by_rows(r, R, f):
    similarities = []
    for row in R:
        both = np.isfinite(row + r)
        C = np.cov(r[both], row[both], aweights=f[both], ddof=0) if both.sum() > 1 else np.zeros((2, 2))
        scale = np.sqrt(C[0, 0] * C[1, 1])
        similarities.append(C[0, 1] / scale if scale > 1e-12 else 0.0)
    return np.array(similarities)


def ratings_and_weights(rng: np.random.Generator) -> list[tuple[np.ndarray, ...]]:
    """Weights are powers of two, so that a mean of equal ratings is that rating exactly."""
    nan = np.nan
    cases = [
        (
            np.array([5.0, 1.0, 4.0, nan]),
            np.array([[4.0, 2.0, 5.0, 1.0], [nan, 2.0, nan, 3.0]]),
            np.array([1.0, 2.0, 0.5, 4.0]),
        ),
        (
            np.array([5.0, 1.0, nan, 4.0, 2.0]),
            np.array([[3.0, 3.0, 1.0, 3.0, nan], [nan, 4.0, 4.0, 2.0, nan], [2.0, 4.0, 5.0, nan, 1.0]]),
            np.array([2.0, 1.0, 0.5, 1.0, 4.0]),
        ),
    ]
    for n, m in ((4, 8), (6, 12)):
        R = rng.integers(1, 6, (n, m)).astype(float)
        r = rng.integers(1, 6, m).astype(float)
        R[rng.random((n, m)) < 0.3] = nan
        r[rng.random(m) < 0.2] = nan
        cases.append((r, R, 2.0 ** rng.integers(-2, 3, m)))
    return cases


def _wrong_pearson(
    *, items="common", means="common", weigh="all", norms="common", root=True, undefined=0.0, at_least=2
):
    def total(part):
        return part.sum(1)

    def wrong(r, R, f):
        known_r, known_R = np.broadcast_to(~np.isnan(r), R.shape), ~np.isnan(R)
        if items == "all":
            known_r = known_R = np.ones(R.shape, bool)
        common = known_r & known_R
        a, b = np.broadcast_to(np.nan_to_num(r), R.shape), np.nan_to_num(R)
        if weigh == "ratings":
            a, b, f = f * a, f * b, np.ones_like(f)
        if weigh == "nothing":
            f = np.ones_like(f)
        g = np.ones_like(f) if weigh == "products" else f

        def mean(x, known):
            known = common if means == "common" else known
            with np.errstate(all="ignore"):
                return np.nan_to_num(total(g * known * x) / total(g * known))[:, None]

        if means != "none":
            a, b = a - mean(a, known_r), b - mean(b, known_R)
        over_r, over_R = (common, common) if norms == "common" else (known_r, known_R)
        scale = total(f * over_r * a**2) * total(f * over_R * b**2)
        defined = (common.sum(1) >= at_least) & (scale > 1e-12)
        scale = np.sqrt(scale) if root else scale
        return np.where(defined, total(f * common * a * b) / np.where(defined, scale, 1), undefined)

    return wrong


_E81 = Exercise(
    id="8.1",
    name="Rare tastes count more",
    function="weighted_pearson",
    stub='''def weighted_pearson(r, R, f):
    """Weighted Pearson correlation of one person with each of n others.

    r: (m,) ratings of the one; R: (n, m) ratings of the others; NaN where unknown.
    f: (m,) positive weights of the items. Returns an array (n,), 0 where undefined.
    """
    ...''',
    hints=(
        "Over which items does *each* of the five sums run, for each of the others? How do you mark them in one boolean array `(n, m)`?",
        "`np.isnan` broadcasts: `~np.isnan(r) & ~np.isnan(R)`. Give weight 0 to every item that is not common; then all sums may run over all columns, as long as no NaN is left in them.",
        "Five sums along axis 1: the two means, then `weight * a * b`, `weight * a**2`, `weight * b**2` of the centred ratings. Divide only where there are two common items and the denominator is not zero.",
    ),
    solution=weighted_pearson,
    reasoning="An item that is not common gets weight 0, so every sum may run over all columns; NaN must go first, because `0 * nan` is NaN. The means are those of the *common* items and carry the weights too. "
    "Doubling all weights changes nothing: only their ratios count.",
    alternatives=(weighted_pearson_by_rows,),
    cases=ratings_and_weights,
    mistakes=(
        Mistake(
            "zero-as-a-rating",
            "an unknown rating was taken for a rating of 0; only items that both have rated may count",
            _wrong_pearson(items="all"),
        ),
        Mistake(
            "means-of-everything-rated",
            "each mean was taken over all that the person has rated; it must be that of the common items",
            _wrong_pearson(means="own"),
        ),
        Mistake(
            "norms-of-everything-rated",
            "the two sums under the roots run over all that each person has rated; they must run over the common items, as the sum above them does",
            _wrong_pearson(norms="own"),
        ),
        Mistake(
            "unweighted-means",
            "the means are plain ones: the weights belong into their sums as well",
            _wrong_pearson(weigh="products"),
        ),
        Mistake(
            "unweighted", "the weights are not used: this is plain Pearson", _wrong_pearson(weigh="nothing")
        ),
        Mistake(
            "weighted-ratings",
            "the *ratings* were multiplied by the weights; the weights belong to the terms of the sums, and an item's weight must not change its rating",
            _wrong_pearson(weigh="ratings"),
        ),
        Mistake(
            "not-centred",
            "the means are not taken away: this is the cosine of the common ratings, which is high for everybody because ratings are positive",
            _wrong_pearson(means="none"),
        ),
        Mistake("no-root", "the square roots in the denominator are missing", _wrong_pearson(root=False)),
        Mistake(
            "nan-where-undefined",
            "right where the similarity is defined; elsewhere 0 is asked, and this is NaN",
            _wrong_pearson(undefined=np.nan),
        ),
        Mistake(
            "three-common-items",
            "two common items are enough here: the similarity is then 1 or −1, unless the ratings of one of the two are equal",
            _wrong_pearson(at_least=3),
        ),
    ),
    deeper="With the logarithm of (people / people who have the item) as its weight, this is the inverse user frequency of Breese, Heckerman and Kadie (1998), the tf–idf of ratings.",
)

# ---------------------------------------------------------------------------------------------- 8.2


def because(history, w, alpha):
    import numpy as np

    speaks = history[:, :, None] & ~history[:, None, :] & (w > alpha)  # (n, i0, i)
    strength = np.where(speaks, w, -np.inf)
    item = strength.max(axis=1).argmax(axis=1)
    reason = strength[np.arange(len(history)), :, item].argmax(axis=1)
    nobody = ~speaks.any(axis=(1, 2))
    return np.where(nobody, -1, item), np.where(nobody, -1, reason)


def because_by_loop(history, w, alpha):
    items, reasons = [], []
    for seen in history:
        found = (-np.inf, -1, -1)
        for i in np.flatnonzero(~seen):
            for i0 in np.flatnonzero(seen):
                if w[i0, i] > max(alpha, found[0]):
                    found = (w[i0, i], i, i0)
        items.append(found[1])
        reasons.append(found[2])
    return np.array(items), np.array(reasons)


def histories_and_similarities(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Similarities of one digit, so that there are ties and some that equal alpha."""
    small = np.array([[1.0, 0.6, 0.3, 0.2], [0.5, 1.0, 0.4, 0.3], [0.9, 0.7, 1.0, 0.1], [0.8, 0.2, 0.6, 1.0]])
    cases = [(np.array([[True, True, False, False], [False, False, False, True]]), small, 0.3)]
    for n, m, alpha, most in ((5, 6, 0.6, 0.4), (7, 9, 0.7, 0.7), (8, 12, 0.5, 0.2)):
        w = rng.integers(0, 10, (m, m)) / 10
        np.fill_diagonal(w, 1.0)
        history = rng.random((n, m)) < 0.35
        history[1], history[2], history[3] = False, True, np.arange(m) == 4
        w[4] = np.minimum(w[4], most)  # whoever has item 4 alone gets nothing
        w[4, [0, 4]] = most, 1.0
        cases.append((history, w, alpha))
    return cases


def _wrong_because(
    *,
    exclude="seen",
    transpose=False,
    pool="max",
    reason="history",
    threshold="above",
    ties="first",
    swap=False,
    nobody="both",
):
    def first(a):
        return a.argmax(-1) if ties == "first" else a.shape[-1] - 1 - a[..., ::-1].argmax(-1)

    def wrong(history, w, alpha):
        w = w.T if transpose else w
        passes = {"above": w > alpha, "at-least": w >= alpha, "none": np.ones_like(w, bool)}[threshold]
        speaks = history[:, :, None] & passes
        if exclude == "seen":
            speaks = speaks & ~history[:, None, :]
        elif exclude == "itself":
            speaks = speaks & ~np.eye(len(w), dtype=bool)
        strength = np.where(speaks, w, -np.inf)
        if pool == "max":
            p = strength.max(1)
        else:
            p = np.where(speaks, w, 0).sum(1)
            p = np.where(speaks.any(1), p / np.maximum(speaks.sum(1), 1) if pool == "mean" else p, -np.inf)
        item = first(p)
        rows = np.arange(len(history))
        if reason == "anywhere":
            others = np.where(np.eye(len(w), dtype=bool), -np.inf, w)
            why = first(others[:, item].T)
        else:
            why = first(strength[rows, :, item])
        empty = ~speaks.any((1, 2))
        item, why = np.where(empty, -1 if nobody == "both" else 0, item), np.where(empty, -1, why)
        return (why, item) if swap else (item, why)

    return wrong


_E82 = Exercise(
    id="8.2",
    name="Because you watched",
    function="because",
    stub='''def because(history, w, alpha):
    """The best unseen item of each person, and the seen item that is its reason.

    history: (n, m) bool. w: (m, m), w[i0, i] is how strongly i0 speaks for i.
    alpha: only similarities above it count (alpha >= 0).
    Returns two integer arrays (n,): item and reason; -1 in both where there is none.
    """
    ...''',
    hints=(
        "Which pairs (i0, i) may be used for one person? Three conditions: one on `i0`, one on `i`, one on `w[i0, i]`.",
        "With an axis each for the person, `i0` and `i`, the three conditions are one boolean array; put `-np.inf` where it is False, and the best item is a maximum over `i0`, then an `argmax` over `i`.",
        "The reason is the `argmax` over `i0` of the column of that item: `strength[np.arange(n), :, item]`. `argmax` returns the first of equals. Treat last whoever has no pair at all.",
    ),
    solution=because,
    reasoning="A pair counts if the person has `i0`, lacks `i`, and the similarity lies above `alpha`. Excluding what was seen is no detail: each item is most similar to itself, so without it everybody would be recommended their own history. "
    "The array of all triples serves for small shops; with thousands of items one goes person by person and touches only the rows of the history.",
    alternatives=(because_by_loop,),
    cases=histories_and_similarities,
    mistakes=(
        Mistake(
            "seen-not-excluded",
            "the recommended item is one that the person already has: every item is most similar to itself",
            _wrong_because(exclude="nothing"),
        ),
        Mistake(
            "only-itself-excluded",
            "an item is kept from recommending itself, but other items of the history are still recommended",
            _wrong_because(exclude="itself"),
        ),
        Mistake(
            "transposed",
            "`w` is read the other way round: `w[i0, i]` speaks for `i`, the column",
            _wrong_because(transpose=True),
        ),
        Mistake(
            "sum",
            "the similarities of the history are added up; their maximum is asked",
            _wrong_because(pool="sum"),
        ),
        Mistake(
            "mean",
            "the similarities of the history are averaged; their maximum is asked",
            _wrong_because(pool="mean"),
        ),
        Mistake(
            "reason-not-in-the-history",
            "the items are right; the reason must be an item that the person has, not the item that speaks for it most strongly of all",
            _wrong_because(reason="anywhere"),
        ),
        Mistake("no-threshold", "`alpha` is not used", _wrong_because(threshold="none")),
        Mistake(
            "at-least-alpha",
            "a similarity equal to `alpha` was used; only those above it count",
            _wrong_because(threshold="at-least"),
        ),
        Mistake(
            "last-of-equals",
            "of equal items the one with the larger index was taken",
            _wrong_because(ties="last"),
        ),
        Mistake(
            "swapped",
            "the two arrays are swapped: first the item, then the reason",
            _wrong_because(swap=True),
        ),
        Mistake(
            "item-zero-for-nobody",
            "whoever is left without a recommendation must get −1 for the item as well: `argmax` of nothing but −∞ is 0",
            _wrong_because(nobody="reason"),
        ),
    ),
    deeper="A reason costs nothing here, because a neighbour model is its own explanation; a product of two vectors has none to give.",
)

# ---------------------------------------------------------------------------------------------- 8.3


def fold_in_with_prior(r, Q, m, strength):
    import numpy as np

    known = ~np.isnan(r)
    q = Q[known]  # (number of ratings, d)
    A = q.T @ q + strength * np.eye(len(m))
    return np.linalg.solve(A, q.T @ r[known] + strength * m)


def fold_in_by_extra_rows(r, Q, m, strength):
    known = np.flatnonzero(np.isfinite(r))
    root = np.sqrt(strength)
    rows = np.vstack([Q[known], root * np.eye(Q.shape[1])])  # d ratings more, whose answer is m
    return np.linalg.lstsq(rows, np.concatenate([r[known], root * m]), rcond=None)[0]


def newcomers(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    nan = np.nan
    cases = [
        (np.array([1.0, nan, nan]), np.array([[1.0], [2.0], [0.5]]), np.array([0.5]), 2.0),
        (
            np.array([2.0, nan, -1.0, nan]),
            np.array([[1.0, 0.0], [0.5, 1.0], [1.0, 2.0], [3.0, 1.0]]),
            np.array([1.0, -0.5]),
            0.5,
        ),
    ]
    for items, d, ratings, strength in ((8, 3, 5, 0.5), (9, 3, 0, 2.0), (15, 4, 10, 3.0)):
        r = np.full(items, nan)
        r[rng.permutation(items)[:ratings]] = rng.normal(0, 1.5, ratings)
        cases.append((r, rng.normal(size=(items, d)), rng.normal(0.5, 1.0, d), strength))
    return cases


def _wrong_fold(*, scale=lambda n: 1.0, prior="m", missing="left out", sign=1.0, right=None):
    def wrong(r, Q, m, strength):
        known = ~np.isnan(r) if missing == "left out" else np.ones(len(r), bool)
        q, target = Q[known], np.nan_to_num(r[known])
        penalty = strength * scale(int((~np.isnan(r)).sum()))
        pull = {"m": penalty * m, "zero": 0 * m, "bare": m, "added": 0 * m}[prior] * sign
        p = np.linalg.solve(q.T @ q + penalty * np.eye(len(m)), q.T @ target + pull)
        return p + m if prior == "added" else p

    return wrong


def _no_regularisation(r, Q, m, strength):
    known = ~np.isnan(r)
    return np.linalg.lstsq(Q[known], r[known], rcond=None)[0]


def _square_of_strength(r, Q, m, strength):
    known = ~np.isnan(r)
    rows = np.vstack([Q[known], strength * np.eye(Q.shape[1])])
    return np.linalg.lstsq(rows, np.concatenate([r[known], strength * m]), rcond=None)[0]


def _for_nobody_only(r, Q, m, strength):
    return m if np.isnan(r).all() else _wrong_fold(prior="zero")(r, Q, m, strength)


def _strength_in_every_entry(r, Q, m, strength):
    q, target = Q[~np.isnan(r)], r[~np.isnan(r)]
    return np.linalg.lstsq(q.T @ q + strength, q.T @ target + strength * m, rcond=None)[0]


def _mixed(r, Q, m, strength):
    n = (~np.isnan(r)).sum()
    ridge = _wrong_fold(prior="zero")(r, Q, m, strength)
    return (n * ridge + strength * m) / (n + strength)


_E83 = Exercise(
    id="8.3",
    name="A newcomer is an average person first",
    function="fold_in_with_prior",
    stub='''def fold_in_with_prior(r, Q, m, strength):
    """The vector p of a newcomer by ridge regression that is pulled towards m.

    r: (items,) ratings without the biases, NaN where unknown, perhaps everywhere.
    Q: (items, d), a row for each item; m: (d,); strength: λ > 0. Returns p, (d,).
    """
    ...''',
    hints=(
        "What must come out for somebody without a rating, and what for λ → ∞?",
        "Set the gradient with respect to $p$ to zero. The penalty contributes $2\\lambda(p - m)$: which part of it goes to the side of the unknown, which to the other?",
        "With the rows $q_i$ of the known ratings: $\\bigl(\\sum_i q_i q_i^\\top + \\lambda I\\bigr)\\,p = \\sum_i r_i q_i + \\lambda m$.",
    ),
    solution=fold_in_with_prior,
    reasoning="The gradient is $-2\\sum_i (r_i - \\langle p, q_i\\rangle)\\,q_i + 2\\lambda(p - m)$; at zero it gives $(\\sum_i q_i q_i^\\top + \\lambda I)\\,p = \\sum_i r_i q_i + \\lambda m$. "
    "Without ratings both sums are zero and $p = m$. It is also ridge regression for the difference $p - m$, on what $m$ leaves unexplained, $r_i - \\langle m, q_i\\rangle$.",
    alternatives=(fold_in_by_extra_rows,),
    cases=newcomers,
    mistakes=(
        Mistake(
            "towards-zero",
            "this is the ridge regression of the lecture, towards zero: `m` is not used",
            _wrong_fold(prior="zero"),
        ),
        Mistake(
            "prior-for-nobody-only",
            "`m` is used for somebody without ratings alone; with one rating the vector falls back towards zero. The pull towards `m` belongs into the equations of everybody",
            _for_nobody_only,
        ),
        Mistake(
            "prior-added-afterwards",
            "`m` is added to the plain ridge solution, which has already explained the ratings: then nothing is left for `m` to explain. Fit the residuals r − ⟨m, q⟩ before you add it",
            _wrong_fold(prior="added"),
        ),
        Mistake(
            "prior-without-strength",
            "on the right-hand side `m` must be multiplied by λ, as the identity is on the left",
            _wrong_fold(prior="bare"),
        ),
        Mistake(
            "prior-subtracted",
            "the sign of λm is wrong: this is pulled towards −m",
            _wrong_fold(sign=-1.0),
        ),
        Mistake(
            "strength-times-ratings",
            "λ is multiplied by the number of ratings (or the squared errors are averaged): then the prior never fades, however much is known, and without ratings there is no equation left",
            _wrong_fold(scale=float),
        ),
        Mistake(
            "no-regularisation",
            "this is least squares without the penalty: with fewer ratings than factors it has no single answer",
            _no_regularisation,
        ),
        Mistake(
            "zero-as-a-rating",
            "unknown ratings count as zeros here; only the rows of `Q` with a rating may enter",
            _wrong_fold(missing="zero"),
        ),
        Mistake(
            "strength-squared",
            "λ is squared: in stacked rows it stands under a square root",
            _square_of_strength,
        ),
        Mistake(
            "half-a-loss",
            "λ is twice too large, as if the squared errors had a factor ½ and the penalty had none",
            _wrong_fold(scale=lambda n: 2.0),
        ),
        Mistake(
            "strength-in-every-entry",
            "λ is added to every entry of the matrix; λI has it on the diagonal alone",
            _strength_in_every_entry,
        ),
        Mistake(
            "mixed-afterwards",
            "a weighted mean of the plain ridge solution and `m` is not the minimum: the pull must be stronger in directions of which the ratings say little",
            _mixed,
        ),
    ),
    deeper="In a Bayesian reading m is the mean of a Gaussian prior, λ its precision relative to that of the noise, and this p the most probable vector given the ratings.",
)

# ---------------------------------------------------------------------------------------------- 8.4


def half_step_louder_silence(Q_u, r, omega, G, alpha, strength):
    import numpy as np

    c = 1 + alpha * r
    A = G + Q_u.T @ ((c - omega)[:, None] * Q_u) + strength * np.eye(len(G))
    return np.linalg.solve(A, Q_u.T @ c)


def half_step_by_cholesky(Q_u, r, omega, G, alpha, strength):
    silent = G - np.einsum("k,ka,kb->ab", omega, Q_u, Q_u)  # of the items that the person lacks
    L = np.linalg.cholesky(silent + strength * np.eye(len(G)))
    root = np.sqrt(1 + alpha * r)
    rows = np.vstack([root[:, None] * Q_u, L.T])
    return np.linalg.lstsq(rows, np.concatenate([root, np.zeros(len(G))]), rcond=None)[0]


def purchases(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    cases = []
    for items, d, taken, alpha, strength in (
        (3, 1, 1, 2.0, 1.0),
        (5, 2, 2, 3.0, 0.5),
        (12, 3, 4, 1.5, 2.0),
        (40, 4, 9, 4.0, 3.0),
    ):
        Q = rng.normal(0.4, 0.8, size=(items, d))
        omega = rng.uniform(0.1, 2.5, items)
        G = (omega[:, None] * Q).T @ Q
        mine = rng.permutation(items)[:taken]
        counts = rng.integers(1, 6, taken).astype(float)
        counts[0] = 3.0
        cases.append((Q[mine], counts, omega[mine], G, alpha, strength))
    return cases


def _wrong_half_step(
    *,
    c=lambda r, a, omega: 1 + a * r,
    minus="omega",
    right="c",
    gram=True,
    penalty=lambda s, n: s,
    identity=np.eye,
):
    def wrong(Q_u, r, omega, G, alpha, strength):
        confidence = c(r, alpha, omega)
        less = {"omega": omega, "one": 1.0, "nothing": 0.0}[minus]
        target = {
            "c": confidence,
            "c - omega": confidence - omega,
            "counts": confidence * r,
            "one": np.ones_like(r),
        }[right]
        A = Q_u.T @ ((confidence - less)[:, None] * Q_u) + penalty(strength, len(r)) * identity(len(G))
        return np.linalg.solve(A + G if gram else A, Q_u.T @ target)

    return wrong


_E84 = Exercise(
    id="8.4",
    name="A louder silence",
    function="half_step_louder_silence",
    stub='''def half_step_louder_silence(Q_u, r, omega, G, alpha, strength):
    """The exact half-step of iALS for one person, with silence that weighs omega_i.

    Q_u: (k, d) vectors of the k items that the person has; r: (k,) how often, > 0.
    omega: (k,) what silence about these k items would weigh.
    G: (d, d), sum of omega_i q_i q_i^T over *all* items, the person's own included.
    alpha, strength: α and λ, numbers > 0. Returns the vector p, an array (d,).
    """
    ...''',
    hints=(
        "Which terms of the sum over all items are zero on the right-hand side of the normal equations?",
        "$G$ counts the person's own items as silent ones. By how much must the weight of each of them change?",
        "Left: $G + \\sum_{i \\in u} (c_i - \\omega_i)\\, q_i q_i^\\top + \\lambda I$. Right: $\\sum_{i \\in u} c_i\\, q_i$, because $s_i = 1$ there and 0 elsewhere.",
    ),
    solution=half_step_louder_silence,
    reasoning="The normal equations are $\\bigl(\\sum_i c_i q_i q_i^\\top + \\lambda I\\bigr)\\,p = \\sum_i c_i s_i q_i$. The left sum runs over all items; $G$ has them all with the weight of silence, so only the $k$ items of this person need a correction, $c_i - \\omega_i$. "
    "On the right $s_i$ leaves only these $k$. The cost is $O(kd^2 + d^3)$, however many items there are; with all $\\omega_i = 1$ it is the half-step of the lecture.",
    alternatives=(half_step_by_cholesky,),
    cases=purchases,
    mistakes=(
        Mistake(
            "no-one-in-the-confidence",
            "the confidence is α·r here, as the library `implicit` has it; 1 + α·r is asked",
            _wrong_half_step(c=lambda r, a, omega: a * r),
        ),
        Mistake(
            "confidence-from-omega",
            "the confidence is ω + α·r here; 1 + α·r is asked: ω is the weight of silence alone",
            _wrong_half_step(c=lambda r, a, omega: omega + a * r),
        ),
        Mistake(
            "corrected-by-one",
            "the correction is c − 1, right where every silence weighs 1; here silence about item i weighs ω_i",
            _wrong_half_step(minus="one"),
        ),
        Mistake(
            "counted-twice",
            "`G` already holds the person's own items with weight ω; this adds c to it, so that they weigh c + ω",
            _wrong_half_step(minus="nothing"),
        ),
        Mistake(
            "correction-on-the-right",
            "the matrix is right; on the right-hand side the weight is the whole c, because there is no `G` there to be corrected",
            _wrong_half_step(right="c - omega"),
        ),
        Mistake(
            "counts-as-targets",
            "the model is to predict s = 1, not the count r: r enters through the confidence alone",
            _wrong_half_step(right="counts"),
        ),
        Mistake(
            "no-confidence-on-the-right",
            "the matrix is right; the right-hand side needs the confidence as well, c·s",
            _wrong_half_step(right="one"),
        ),
        Mistake(
            "silence-ignored",
            "`G` is not used: this fits the items that the person has and nothing else, and then everything looks likeable",
            _wrong_half_step(minus="nothing", gram=False),
        ),
        Mistake(
            "no-regularisation",
            "λI is missing in the matrix",
            _wrong_half_step(penalty=lambda s, n: 0.0),
        ),
        Mistake(
            "strength-in-every-entry",
            "λ is added to every entry of the matrix; λI has it on the diagonal alone",
            _wrong_half_step(identity=lambda d: np.ones((d, d))),
        ),
        Mistake(
            "strength-times-items",
            "λ is multiplied by the number of the person's items; here it is the same for everybody",
            _wrong_half_step(penalty=lambda s, n: s * n),
        ),
    ),
    deeper="With ω_i growing with the popularity of item i this is the weighting of eALS (He and others, 2016), and it costs nothing: G is computed once for all people.",
)

# ---------------------------------------------------------------------------------------------- 8.5


def recall_of_short_histories():
    import numpy as np
    from scipy.sparse import csr_matrix

    import applied_ds as ads

    lecture, recall_at_k = ads.lecture("08"), ads.lecture("09").recall_at_k
    ratings = ads.data.movielens_100k().ratings
    split = lecture.split_by_time(ratings["user"], ratings["item"], ratings["rating"], ratings["when"])
    relevant = lecture.positive(split.targets, 4)

    def mean_recall(scores):
        lists = lecture.top_k(scores, split.history, 10).tolist()
        wanted = np.split(relevant.indices, relevant.indptr[1:-1])  # columns, person by person
        return np.nanmean([recall_at_k(one, set(w), 10) for one, w in zip(lists, wanted, strict=True)])

    popularity = lecture.Popularity(4).fit(split.train)
    ease = lecture.Ease(strength=200, threshold=4).fit(split.train)
    measured = {"popularity": mean_recall(popularity.scores(split.history))}
    liked = ratings[(ratings["rating"] >= 4) & ratings["item"].isin(split.items)]
    liked = liked[liked["user"].isin(split.test_users)]
    u, i = np.searchsorted(split.test_users, liked["user"]), np.searchsorted(split.items, liked["item"])
    seen = np.asarray(split.history[u, i]).ravel() > 0  # the others are targets
    place = liked.groupby("user").cumcount()  # 0 for the first film that a person liked
    for n, most in {"1": 1, "3": 3, "10": 10, "30": 30, "all": np.inf}.items():
        shown = seen & (place < most).to_numpy()
        few = csr_matrix((np.full(shown.sum(), 5.0), (u[shown], i[shown])), split.history.shape)
        measured[n] = mean_recall(ease.scores(few))
    return measured


def recall_person_by_person():
    import numpy as np
    from scipy.sparse import lil_matrix

    import applied_ds as ads

    lecture, table = ads.lecture("08"), ads.data.movielens_100k().ratings
    split = lecture.split_by_time(*(table[name] for name in ("user", "item", "rating", "when")))
    ease = lecture.Ease(strength=200, threshold=4).fit(split.train)
    counts = lecture.Popularity(4).fit(split.train).scores(split.history[:1])[0]
    column = {item: c for c, item in enumerate(split.items)}
    films = {user: part["item"].to_numpy() for user, part in table[table["rating"] >= 4].groupby("user")}
    found: dict[str, list[float]] = {name: [] for name in ("popularity", "1", "3", "10", "30", "all")}
    for row, user in enumerate(split.test_users):
        seen = split.history[row].indices
        wanted = split.targets[row].indices[split.targets[row].data >= 4]
        if not len(wanted):
            continue
        mine = [column[i] for i in films[user] if i in column and column[i] in set(seen)]
        for name, values in found.items():
            scores = counts.astype(float)
            if name != "popularity":
                known = lil_matrix((1, len(split.items)))
                known[0, mine if name == "all" else mine[: int(name)]] = 4.0
                scores = np.asarray(ease.scores(known.tocsr())).ravel().copy()
            scores[seen] = -np.inf
            values.append(np.isin(wanted, np.argsort(-scores, kind="stable")[:10]).mean())
    return {name: float(np.mean(values)) for name, values in found.items()}


_RECALLS = {"popularity": 0.0706, "1": 0.0706, "3": 0.0930, "10": 0.1175, "30": 0.1302, "all": 0.1404}


def _recalls(*values: float) -> dict[str, float]:
    return dict(zip(_RECALLS, values, strict=True))


_E85 = Exercise(
    id="8.5",
    name="How many films must a newcomer name? (open)",
    function="recall_by_films",
    kind="measurement",
    stub="""recall_by_films = {
    "popularity": ...,
    "1": ...,
    "3": ...,
    "10": ...,
    "30": ...,
    "all": ...,
}""",
    hints=(
        "Before you measure: from how many films on do you expect EASE to beat popularity? And what does it answer to somebody without a single film?",
        'The table of ratings is in the order of time, so `groupby("user").cumcount()` numbers the films that each person liked. Which of them belong to the history, `split.history[rows, columns]` tells; the others are targets and must not be shown.',
        "Fit once. For each n build one sparse matrix of the shape of `split.history` that holds the shown films, and call `top_k(ease.scores(few), split.history, 10)`: the scores come from the few, the exclusion from the whole history.",
    ),
    solution=recall_of_short_histories,
    alternatives=(recall_person_by_person,),
    tolerance=0.002,
    reasoning="""One film that somebody likes is worth as much as popularity, 7.1 % each; three find 9.3 %, ten 11.8 %, thirty 13.0 %, and the whole history, 27 liked films in the median, 14.0 %. A bootstrap over people gives intervals of the difference to popularity: −1.9 to +2.0 points with one film, +0.1 to +4.4 with three, +2.6 to +6.8 with ten.

*Why so little suffices.* Each shown film adds one row of $B$, and a row already names the films that the same people like. The second and third film say which part of that row is meant. From ten to thirty films the gain is about half of that from three to ten.

*Why one film is not better than popularity.* EASE has no intercept: with nothing shown all its scores are zero, and with one film everything rests on one row. It throws away what popularity knows, that most people like *Star Wars*. Its lists are quite different ones: on average 15 % of the people in train like a film that it recommends after one film, against 34 % for the popular ones, and it uses 345 different films where popularity uses 80. Equal recall is not equal lists.

*What the experiment does not show.* These are the *first* films that people liked. The first is better known than the last of the history (20 % of the people in train like it, against 12 %), so it says less about a person; and it was rated 33 minutes before the first target in the median, the last one half a minute. That *last* film alone finds 10.9 %. A newcomer who names films freely is neither of the two.""",
    mistakes=(
        Mistake(
            "liked-or-not",
            "these are the first films that they *rated*, liked or not; a disliked one tells EASE nothing, because it sees ratings from 4 on alone",
            _recalls(0.0706, 0.0395, 0.0780, 0.0992, 0.1231, 0.1404),
        ),
        Mistake(
            "targets-shown",
            "more than the history was shown: whoever has fewer than n liked films in the history was shown targets as well, which leaks",
            _recalls(0.0706, 0.0710, 0.0936, 0.1262, 0.1471, 0.1701),
        ),
        Mistake(
            "last-films",
            "these are the *last* liked films of the history; they lie next to the targets in time and tell more",
            _recalls(0.0706, 0.1087, 0.1213, 0.1466, 0.1417, 0.1404),
        ),
        Mistake(
            "only-shown-films-excluded",
            "the candidates changed with n: exclude the *whole* history for every n, or the lists fill up with films that the person has seen",
            _recalls(0.0706, 0.0498, 0.0646, 0.0786, 0.0920, 0.1106),
        ),
        Mistake(
            "nothing-excluded",
            "seen films are among the candidates: give the history to `top_k`",
            _recalls(0.0491, 0.0498, 0.0562, 0.0603, 0.0629, 0.0605),
            when=lambda numbers: numbers["popularity"] < 0.055 and numbers["all"] < 0.075,
        ),
        Mistake(
            "every-target-relevant",
            "every film of the targets counts as relevant here; those with a rating of 4 or 5 do",
            _recalls(0.0524, 0.0643, 0.0764, 0.0961, 0.1016, 0.1019),
            when=lambda numbers: numbers["popularity"] < 0.06 and 0.09 < numbers["all"] < 0.115,
        ),
        Mistake(
            "precision",
            "these are divided by k = 10: that is precision; recall divides by the number of relevant films",
            _recalls(0.1229, 0.0774, 0.0961, 0.1254, 0.1710, 0.2050),
            when=lambda numbers: 0.11 < numbers["popularity"] < 0.14 and 0.19 < numbers["all"] < 0.22,
        ),
        Mistake(
            "hit-rate",
            "these are hit rates, the share of people with at least one hit; recall is asked",
            _recalls(0.4803, 0.4373, 0.4695, 0.5341, 0.6523, 0.6774),
            when=lambda numbers: min(numbers.values()) > 0.35 and max(numbers.values()) <= 1,
        ),
        Mistake(
            "per-cent",
            "these are per cent; numbers from 0 to 1 are asked",
            _recalls(7.06, 7.06, 9.30, 11.75, 13.02, 14.04),
            when=lambda numbers: min(numbers.values()) > 1,
        ),
        Mistake(
            "nothing-relevant-counts-as-zero",
            "people with nothing relevant among their targets were counted with 0; the mean skips them",
            _recalls(0.0659, 0.0658, 0.0867, 0.1096, 0.1215, 0.1310),
        ),
        Mistake(
            "random-split",
            "these are far too good for a split by time: were the events shuffled before they were split?",
            _recalls(0.1273, 0.1123, 0.1542, 0.2250, 0.2780, 0.3120),
            when=lambda numbers: 0.11 < numbers["popularity"] < 0.15 and numbers["all"] > 0.25,
        ),
    ),
    expect=(
        Expectation(
            lambda numbers: 0.0685 < numbers["popularity"] < 0.0725,
            "popularity must find between 6.9 and 7.2 %",
        ),
        Expectation(
            lambda numbers: 0.066 < numbers["1"] < 0.075,
            "with one liked film EASE must find about as much as popularity, between 6.6 and 7.5 %",
        ),
        Expectation(
            lambda numbers: 0.089 < numbers["3"] < 0.097,
            "with three films it must find between 8.9 and 9.7 %",
        ),
        Expectation(
            lambda numbers: 0.113 < numbers["10"] < 0.122,
            "with ten films it must find between 11.3 and 12.2 %",
        ),
        Expectation(
            lambda numbers: 0.125 < numbers["30"] < 0.1355,
            "with thirty films it must find between 12.5 and 13.5 %",
        ),
        Expectation(
            lambda numbers: 0.136 < numbers["all"] < 0.145,
            "with the whole history it must find between 13.6 and 14.5 %",
        ),
    ),
    deeper="So the first question of a new service, “name three films that you like”, is worth asking: its three answers lift the recall by a third.",
)

EXERCISES = [_E81, _E82, _E83, _E84, _E85]
