"""Exercises of lecture 7b, speech synthesis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from applied_ds.exercises import Exercise, Expectation, Mistake

# ---------------------------------------------------------------------------------------------- 7b.1


def say_telephone(number):
    digits = ["oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    many = {1: "", 2: "double ", 3: "triple "}
    groups = []
    for group in number.split():
        words, i = [], 0
        while i < len(group):
            run = 1
            while run < 3 and group[i : i + run + 1] == group[i] * (run + 1):
                run += 1
            words.append(many[run] + digits[int(group[i])])
            i += run
        groups.append(" ".join(words))
    return ", ".join(groups)


def say_telephone_by_pattern(number):
    import re

    names = dict(
        zip(
            "0123456789",
            ["oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
            strict=True,
        )
    )

    def say(run):
        return ("", "double ", "triple ")[len(run) - 1] + names[run[0]]

    groups = [re.finditer(r"(\d)\1{0,2}", group) for group in number.split()]
    return ", ".join(" ".join(say(run.group()) for run in group) for group in groups)


def telephone_cases(rng: np.random.Generator) -> list[tuple[str]]:
    fixed = ["07", "55", "0044", "999 9011", "5554 4418", "0800 111 1199", "020 7946 6000 00004"]
    made = np.repeat(rng.integers(0, 10, size=11), rng.integers(1, 7, size=11))
    text = "".join(map(str, made))
    return [(number,) for number in [*fixed, f"{text[:7]} {text[7:18]} {text[18:]}"]]


_DIGITS = ["oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def _telephone(*, zero="oh", longest=3, doubles=True, pauses=True, join=False, leading=0, again=False):
    """Readings with the mistakes that the arguments name."""

    def wrong(number):
        words_of = [zero, *_DIGITS[1:]]
        groups = []
        for group in [number.replace(" ", "")] if join else number.split():
            words, i = [], leading and len(group) - len(group.lstrip("0"))
            while i < len(group):
                end = i + 1
                while doubles and end < len(group) and end - i < longest and group[end] == group[i]:
                    end += 1
                run = end - i
                if run <= 3:
                    words.append(("", "double ", "triple ")[run - 1] + words_of[int(group[i])])
                else:
                    words.append(f"{run} times {words_of[int(group[i])]}")
                i += 1 if again else run
            groups.append(" ".join(words))
        return (", " if pauses else " ").join(groups)

    return wrong


def _as_quantities(number):
    from num2words import num2words

    return ", ".join(num2words(int(group)) for group in number.split())


_E71 = Exercise(
    id="7b.1",
    name="A number that is no quantity",
    function="say_telephone",
    stub='''def say_telephone(number):
    """The words in which a telephone number is read aloud.

    number: text of digits in groups, one space between groups. Digits are read one by one,
    0 as "oh"; two equal digits in a row as "double five", three as "triple five". In a
    longer run the first three are taken together, then the rest of the run likewise. A run
    never crosses a space. Words are parted by one space, groups by a comma and a space.
    """
    ...''',
    hints=(
        "Cut the text into groups first. What is then left to find in one group?",
        "Stand at a digit and see how many of the next two are equal to it: one, two or three digits are taken at once. Where do you stand then?",
        'A regular expression finds such runs: `(\\d)\\1{0,2}` is a digit and at most two more of it. `"0044"` is read "double oh double four".',
    ),
    solution=say_telephone,
    reasoning="Groups first, because the space is spoken: it is a pause, and no run crosses it. Within a group, take as many equal digits as are allowed from the left, and go on behind them. "
    "Which rule applies to a string of digits (quantity, year, telephone number) is not in the digits: it has to be guessed from the words around them.",
    alternatives=(say_telephone_by_pattern,),
    cases=telephone_cases,
    mistakes=(
        Mistake("zero", "0 is read “oh” in a telephone number, not “zero”", _telephone(zero="zero")),
        Mistake(
            "no-doubles",
            "every digit is read alone: “double” and “triple” are missing",
            _telephone(doubles=False),
        ),
        Mistake(
            "no-triples",
            "three equal digits in a row are “triple”; this knows “double” only",
            _telephone(longest=2),
        ),
        Mistake(
            "four-times",
            "a run of four or more is taken as a whole; take three, then what is left of it",
            _telephone(longest=99),
        ),
        Mistake(
            "no-pause",
            "the groups are parted by spaces alone; a comma makes the pause",
            _telephone(pauses=False),
        ),
        Mistake(
            "across-groups",
            "the spaces were taken out before the reading: runs cross the groups, and the pauses are gone",
            _telephone(join=True),
        ),
        Mistake(
            "leading-zeros",
            "leading zeros are dropped, as from a quantity; here they are said",
            _telephone(leading=1),
        ),
        Mistake(
            "does-not-move-on",
            "the digits of a run are read again after “double” or “triple”: go on behind the run",
            _telephone(again=True),
        ),
        Mistake(
            "quantity",
            "the groups are read as quantities; a telephone number is read digit by digit",
            _as_quantities,
        ),
    ),
    deeper="Hand-written rules of this kind, as weighted finite-state machines, were in use long after the rest was learned: a network that says a wrong number once in a thousand is no use.",
)

# ---------------------------------------------------------------------------------------------- 7b.2


def gaussian_upsampling(h, durations, sigma, T):
    import numpy as np

    centres = np.cumsum(durations) - durations / 2
    frames = np.arange(T)[:, None] + 0.5
    log_density = -0.5 * ((frames - centres) / sigma) ** 2 - np.log(sigma)  # (T, K)
    log_density -= log_density.max(axis=1, keepdims=True)
    w = np.exp(log_density)
    return (w / w.sum(axis=1, keepdims=True)) @ h


def gaussian_upsampling_by_torch(h, durations, sigma, T):
    import torch

    h, d, sigma = (torch.tensor(part, dtype=torch.float64) for part in (h, durations, sigma))
    ends = d.cumsum(0)
    normal = torch.distributions.Normal((ends + ends - d) / 2, sigma)
    weights = torch.softmax(normal.log_prob(torch.linspace(0.5, T - 0.5, T).double()[:, None]), dim=1)
    return torch.einsum("tk,kd->td", weights, h)


def upsampling_cases(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    cases: list[tuple[Any, ...]] = [(np.array([[1.0], [3.0]]), np.array([2.0, 1.0]), np.array([1.0, 0.5]), 3)]
    for K, D, most in ((3, 2, 4.0), (4, 3, 6.0), (5, 4, 9.0)):
        d = rng.uniform(1.2, most, size=K)
        cases.append((rng.normal(size=(K, D)), d, rng.uniform(0.5, 2.0, size=K), int(d.sum())))
    d = np.array([5.3, 3.1, 4.2, 6.7, 2.9, 3.4, 4.1])
    cases.append((rng.normal(size=(7, 4)), d, rng.uniform(0.02, 0.05, size=7), int(d.sum())))
    return cases


def _upsampling(*, place=0.5, at=0.5, density=True, power=2, half=0.5, axis=1, normalise=True, hard=False):
    """Upsampling with the mistakes that the arguments name."""

    def wrong(h, durations, sigma, T):
        centres = np.cumsum(durations) - (1 - place) * durations
        z = (np.arange(T)[:, None] + at - centres) / (sigma if power == 2 else np.sqrt(sigma))
        a = -half * z**2 - (np.log(sigma) if density else 0)
        if normalise:
            a = a - a.max(axis=axis, keepdims=True)
            if hard:
                return h[a.argmax(axis=1)]
            w = np.exp(a)
            return (w / w.sum(axis=axis, keepdims=True)) @ h
        return np.exp(a) / math.sqrt(2 * math.pi) @ h

    return wrong


def _repeated(h, durations, sigma, T):
    """Each vector repeated: the phoneme in whose time the frame lies."""
    which = np.searchsorted(np.cumsum(durations), np.arange(T) + 0.5)
    return h[np.minimum(which, len(h) - 1)]


def _underflow(h, durations, sigma, T):
    centres = np.cumsum(durations) - durations / 2
    w = np.exp(-0.5 * ((np.arange(T)[:, None] + 0.5 - centres) / sigma) ** 2) / sigma
    with np.errstate(invalid="ignore"):
        return (w / w.sum(axis=1, keepdims=True)) @ h


_E72 = Exercise(
    id="7b.2",
    name="Durations that can be trained",
    function="gaussian_upsampling",
    stub='''def gaussian_upsampling(h, durations, sigma, T):
    """Spread the vectors of K phonemes over T frames.

    h: array (K, D), a vector for each phoneme. durations: array (K,), in frames, not whole
    numbers; phoneme k lasts from the sum of the durations before it to that sum plus its
    own, and its centre c_k lies in the middle. sigma: array (K,), in frames.
    Frame t = 0, ..., T - 1 stands at t + 1/2. Its vector is the mean of the h_k, with
    weights proportional to the normal density with mean c_k and standard deviation
    sigma[k] at t + 1/2. It must hold for small sigma too. Returns an array (T, D).
    """
    ...''',
    hints=(
        "Where are the centres? For durations 2 and 1 they are at 1 and 2.5.",
        "A matrix of weights (T, K) times `h`. Over which of its axes do the weights of a frame sum to one?",
        "Take the *logarithms* of the densities, $-\\frac12\\big(\\frac{t + 1/2 - c_k}{\\sigma_k}\\big)^2 - \\log\\sigma_k$, subtract the largest of each frame, then `exp` and divide by the sum over the phonemes: a softmax.",
    ),
    solution=gaussian_upsampling,
    reasoning="The weights of a frame are a softmax over the phonemes of the log densities, so they sum to one and do not underflow, however narrow the densities are. "
    "Everything is differentiable: the mel loss reaches the durations through the centres, which no rounding to whole frames would allow.",
    alternatives=(gaussian_upsampling_by_torch,),
    cases=upsampling_cases,
    mistakes=(
        Mistake(
            "centre-at-the-end",
            "the densities stand at the ends of the phonemes; the centre is half a duration before",
            _upsampling(place=1.0),
        ),
        Mistake(
            "centre-at-the-start",
            "the densities stand at the starts of the phonemes; the centre is half a duration later",
            _upsampling(place=0.0),
        ),
        Mistake(
            "frame-at-its-start",
            "frame t is asked at t; it stands at t + 1/2, in the middle of its time",
            _upsampling(at=0.0),
        ),
        Mistake(
            "no-normalising-factor",
            "the factor 1/σ of the density is missing: it does not cancel, because every phoneme has its own σ",
            _upsampling(density=False),
        ),
        Mistake(
            "sigma-is-variance",
            "`sigma` is the standard deviation, and here it is used as the variance",
            _upsampling(power=1),
        ),
        Mistake("no-half", "the factor 1/2 in the exponent is missing", _upsampling(half=1.0)),
        Mistake(
            "normalised-over-frames",
            "the weights of each phoneme sum to one over the frames (axis 0); those of each frame must, over the phonemes (axis 1)",
            _upsampling(axis=0),
        ),
        Mistake(
            "not-normalised",
            "the weights of a frame do not sum to one: divide by their sum over the phonemes",
            _upsampling(normalise=False),
        ),
        Mistake(
            "nearest",
            "each frame takes one phoneme, the one of the largest weight; asked is the mean with these weights",
            _upsampling(hard=True),
        ),
        Mistake(
            "repeated",
            "each vector is repeated for as long as its phoneme lasts; asked is the smooth version",
            _repeated,
        ),
        Mistake(
            "underflow",
            "right for wide densities; for small sigma all weights of a frame underflow to zero",
            _underflow,
        ),
    ),
    deeper="Non-Attentive Tacotron (Shen and others, 2020) predicts σ from the text as well, and learns durations that nobody has labelled.",
)

# ---------------------------------------------------------------------------------------------- 7b.3


def log_prob_of_logistics(q, logits, means, log_scales, levels):
    import numpy as np

    scales = np.exp(log_scales)
    x = q[:, None]
    a = np.where(x == levels - 1, np.inf, (x + 0.5 - means) / scales)  # (n, K)
    b = np.where(x == 0, -np.inf, (x - 0.5 - means) / scales)
    # sigmoid(a) - sigmoid(b) = sigmoid(a) * sigmoid(-b) * (1 - exp(b - a))
    inside = -np.logaddexp(0, -a) - np.logaddexp(0, b) + np.log(-np.expm1(b - a))
    weights = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    return np.logaddexp.reduce(weights + inside, axis=1)


def log_prob_of_logistics_by_scipy(q, logits, means, log_scales, levels):
    from scipy.special import logsumexp, softmax
    from scipy.stats import logistic

    total = []
    for x, mean, scale in zip(q, means, np.exp(log_scales), strict=True):
        below = logistic.logcdf(x + 0.5, mean, scale) if x < levels - 1 else np.zeros(len(mean))
        least = logistic.logcdf(x - 0.5, mean, scale) if x > 0 else np.full(len(mean), -np.inf)
        above = logistic.logsf(x - 0.5, mean, scale) if x > 0 else np.zeros(len(mean))
        beyond = logistic.logsf(x + 0.5, mean, scale) if x < levels - 1 else np.full(len(mean), -np.inf)
        left = x < mean  # take the difference on the side where both numbers are small
        large, small = np.where(left, below, above), np.where(left, least, beyond)
        total.append(large + np.log1p(-np.exp(small - large)))
    return logsumexp(np.array(total), axis=1, b=softmax(logits, axis=1))


def logistic_cases(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    one = (np.array([3]), np.array([[0.5, -0.5]]), np.array([[2.0, 5.0]]), np.array([[0.3, -0.4]]), 8)
    cases: list[tuple[Any, ...]] = [one]
    for n, K, levels in ((4, 2, 16), (6, 3, 64)):
        q = rng.integers(1, levels - 1, size=n)
        q[:2] = 0, levels - 1
        means = np.clip(q[:, None] + rng.normal(0, 2, size=(n, K)), 0, levels)
        cases.append((q, rng.normal(size=(n, K)), means, rng.normal(0.2, 0.6, size=(n, K)), levels))
    means = np.where(np.arange(8)[:, None] < 4, 30.0, 200.0) + rng.uniform(-10.0, 10.0, size=(8, 3))
    far = (
        rng.integers(100, 120, size=8),
        rng.normal(size=(8, 3)),
        means,
        rng.uniform(-1, 0, size=(8, 3)),
        256,
    )
    return [*cases, far]


def _logistics(
    *, edges=True, width=0.5, scale=1.0, weights="softmax", join="sum", shape="logistic", unit=1.0
):
    """The log probability with the mistakes that the arguments name."""

    def wrong(q, logits, means, log_scales, levels):
        x, s = q[:, None], np.exp(scale * log_scales) if scale else log_scales
        if shape == "density":
            z = (x - means) / s
            inside = -z - 2 * np.logaddexp(0, -z) - np.log(s)
        else:
            a, b = (x + width - means) / s, (x - width - means) / s
            if edges:
                a, b = np.where(x == levels - 1, np.inf, a), np.where(x == 0, -np.inf, b)
            if shape == "normal":
                from scipy.stats import norm

                flip = a + b > 0
                a, b = np.where(flip, -b, a), np.where(flip, -a, b)
                inside = norm.logcdf(a) + np.log(-np.expm1(norm.logcdf(b) - norm.logcdf(a)))
            else:
                inside = -np.logaddexp(0, -a) - np.logaddexp(0, b) + np.log(-np.expm1(b - a))
        w = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        if weights == "raw":
            w = logits
        if join == "logs":
            return (np.exp(w) * inside).sum(1) / unit
        if join == "best":
            return (w + inside).max(1) / unit
        return np.logaddexp.reduce(w + inside, axis=1) / unit

    return wrong


def _difference_of_sigmoids(floor):
    """The logarithm of a difference of probabilities, held above `floor`."""

    def wrong(q, logits, means, log_scales, levels):
        from scipy.special import expit, softmax

        x, s = q[:, None], np.exp(log_scales)
        above = np.where(x == levels - 1, 1.0, expit((x + 0.5 - means) / s))
        below = np.where(x == 0, 0.0, expit((x - 0.5 - means) / s))
        with np.errstate(divide="ignore"):
            return np.log(np.maximum((softmax(logits, axis=1) * (above - below)).sum(1), floor))

    return wrong


_E73 = Exercise(
    id="7b.3",
    name="A loss that sees far",
    function="log_prob_of_logistics",
    stub='''def log_prob_of_logistics(q, logits, means, log_scales, levels):
    """Log probability (nats) of quantised samples under mixtures of logistics.

    q: integer array (n,), levels 0, ..., levels - 1. logits, means, log_scales: arrays
    (n, K), the K components for each sample: weights by softmax, mean and natural logarithm
    of the scale s in units of one level. A component has the distribution function
    1 / (1 + exp(-(x - mean) / s)). Level q gets its probability between q - 1/2 and
    q + 1/2; the lowest level gets all below as well, the highest all above.
    It must hold far from the means too. Returns an array (n,).
    """
    ...''',
    hints=(
        "The probability of a level is a difference of two values of the distribution function: which two, for an inner level, for level 0 and for the highest? And where does `sigmoid(a) - sigmoid(b)` come out as zero although it is not?",
        "`np.where` puts minus and plus infinity in place of the outer borders, and all levels are treated alike. What is left is the logarithm of a difference: find a product that equals it.",
        "$\\sigma(a) - \\sigma(b) = \\sigma(a)\\,\\sigma(-b)\\,(1 - e^{b - a})$, and $\\log\\sigma(a) = -\\log(1 + e^{-a})$ is `-np.logaddexp(0, -a)`. The components are then joined by `np.logaddexp.reduce`.",
    ),
    solution=log_prob_of_logistics,
    reasoning="Each component gives its probability of the interval, the mixture is their weighted mean, and only then the logarithm is taken: all in logarithms, because 1 minus a number near 1 has no digits left. "
    "With the borders at infinity the outer levels need no formula of their own, and the probabilities of all levels sum to one.",
    alternatives=(log_prob_of_logistics_by_scipy,),
    cases=logistic_cases,
    mistakes=(
        Mistake(
            "density",
            "this is the density at q; a narrow component makes it larger than one. Take the probability of the interval",
            _logistics(shape="density"),
        ),
        Mistake(
            "open-ends",
            "the outer levels are treated as inner ones: the probability below 0 and above the highest level is lost, and the sum over the levels is below one",
            _logistics(edges=False),
        ),
        Mistake(
            "wide", "the interval is two levels wide: from q − 1/2 to q + 1/2 is asked", _logistics(width=1.0)
        ),
        Mistake(
            "inverse-scale",
            "this divides by exp(−log_scale): the scale is turned upside down",
            _logistics(scale=-1.0),
        ),
        Mistake(
            "raw-weights",
            "the weights do not sum to one: put the logits through a softmax",
            _logistics(weights="raw"),
        ),
        Mistake(
            "mixture-of-logs",
            "this averages the logarithms; average the probabilities, then take the logarithm",
            _logistics(join="logs"),
        ),
        Mistake(
            "best-component", "this takes the best component; all of them add up", _logistics(join="best")
        ),
        Mistake(
            "normal",
            "this is the distribution function of normal components, not of logistic ones",
            _logistics(shape="normal"),
        ),
        Mistake("bits", "this is in bits; nats are asked", _logistics(unit=math.log(2))),
        *(
            Mistake(
                name,
                "right near the means; far above them the two sigmoids are equal in floating point, and a small constant in the logarithm only hides it",
                _difference_of_sigmoids(floor),
            )
            for name, floor in (("underflow", 1e-12), ("underflow-as-in-the-lecture", 1e-9))
        ),
        Mistake(
            "minus-infinity",
            "right near the means; far above them the two sigmoids are equal in floating point, and the logarithm of their difference is minus infinity",
            _difference_of_sigmoids(0.0),
        ),
    ),
    deeper="Tacotron 2 (Shen and others, 2018) models 65,536 levels by ten such components: 30 outputs where a softmax would need 65,536, and neighbours in amplitude are neighbours for the model.",
)

# ---------------------------------------------------------------------------------------------- 7b.4


def mos_difference(ratings):
    import numpy as np
    import scipy.stats

    d = (ratings[:, :, 1] - ratings[:, :, 0]).mean(axis=1)  # one number a rater
    R = len(d)
    half_width = scipy.stats.t.ppf(0.975, R - 1) * d.std(ddof=1) / np.sqrt(R)
    return d.mean(), half_width


def mos_difference_by_test(ratings):
    from scipy import stats

    a, b = ratings.mean(axis=1).T
    interval = stats.ttest_rel(b, a).confidence_interval(0.95)
    return (interval.low + interval.high) / 2, (interval.high - interval.low) / 2


def rating_cases(rng: np.random.Generator) -> list[tuple[np.ndarray]]:
    cases = [(np.array([[[3, 4], [2, 4]], [[5, 5], [4, 5]], [[1, 2], [2, 2]]]),)]
    for R, K in ((4, 3), (6, 5), (8, 12)):
        rater = rng.normal(0, 0.9, size=(R, 1, 1))
        taste = rng.normal(0, 0.4, size=(R, 1, 2))
        clip = rng.normal(0, 0.4, size=(1, K, 1))
        score = 3 + rater + taste + clip + np.array([-0.2, 0.5]) + rng.normal(0, 0.5, size=(R, K, 2))
        cases.append((np.clip(np.round(score), 1, 5).astype(int),))
    return cases


def _mos(*, units="raters", quantile=0.975, dist="t", ddof=1, error=True, sign=1, width=1.0):
    """Difference and half width with the mistakes that the arguments name."""

    def wrong(ratings):
        from scipy import stats

        d = (ratings[:, :, 1] - ratings[:, :, 0]).astype(float)
        values = {"raters": d.mean(1), "clips": d.mean(0), "all": d.ravel()}[units]
        n = len(values)
        factor = stats.t.ppf(quantile, n - 1) if dist == "t" else 1.96
        spread = values.std(ddof=ddof) / (math.sqrt(n) if error else 1.0)
        return sign * values.mean(), width * factor * spread

    return wrong


def _unpaired(ratings):
    from scipy import stats

    a, b = ratings.mean(axis=1).T
    R = len(a)
    se = math.sqrt(a.var(ddof=1) / R + b.var(ddof=1) / R)
    return b.mean() - a.mean(), stats.t.ppf(0.975, 2 * R - 2) * se


_E74 = Exercise(
    id="7b.4",
    name="Ratings come in bundles",
    function="mos_difference",
    stub='''def mos_difference(ratings):
    """Difference of two mean opinion scores, with the half width of its 95 % interval.

    ratings: integer array (R, K, 2), marks 1 to 5 that R raters gave to K sentences, each
    spoken by system 0 and by system 1. The raters are the random sample: each of them
    counts as one observation. Student's t, the deviation with R - 1.
    Returns the pair: mean of system 1 minus mean of system 0, and the half width.
    """
    ...''',
    hints=(
        "A mild rater gives high marks to both systems. What do you compute for each rater, so that this cancels?",
        "That gives R numbers, one a rater. How many degrees of freedom has their mean?",
        "With $d_r$ the mean over the sentences of (mark of system 1 − mark of system 0), the half width is $t_{0.975,\\,R - 1}\\; s_d / \\sqrt R$.",
    ),
    solution=mos_difference,
    reasoning="The marks of one rater are not independent: a mild one is mild to every sentence. So a rater is one observation, the mean of all their differences. Taking the difference within the rater removes how mild they are; "
    "what remains is how much raters differ in their *preference*. The interval speaks about other raters, on these sentences.",
    alternatives=(mos_difference_by_test,),
    cases=rating_cases,
    tolerance=1e-4,  # a quantile from a table will do, and 1.96 is the 0.975 quantile
    mistakes=(
        Mistake(
            "every-mark-counts",
            "this counts R · K observations, as if the marks of one rater were independent: the interval is too narrow when raters differ in taste",
            _mos(units="all"),
        ),
        Mistake(
            "unpaired",
            "this compares two independent groups; the same raters heard both systems, so take the difference within each rater first",
            _unpaired,
        ),
        Mistake(
            "over-sentences",
            "the sentences are taken for the sample (mean over axis 0); here the raters are",
            _mos(units="clips"),
        ),
        Mistake(
            "normal", "this uses 1.96; for few raters Student's t with R − 1 is asked", _mos(dist="normal")
        ),
        Mistake(
            "one-sided", "the quantile is 0.95; a two-sided interval of 95 % needs 0.975", _mos(quantile=0.95)
        ),
        Mistake("divides-by-R", "the deviation divides by R; R − 1 is asked (`ddof=1`)", _mos(ddof=0)),
        Mistake(
            "deviation",
            "this is the spread of single raters; that of their mean is smaller by the root of R",
            _mos(error=False),
        ),
        Mistake("sign", "the difference is the other way round: system 1 minus system 0", _mos(sign=-1)),
        Mistake(
            "whole-width", "this is the whole width of the interval; half of it is asked", _mos(width=2.0)
        ),
    ),
    deeper="To speak about other sentences too, both have to be drawn: a bootstrap over raters and sentences, or a model with an effect for each.",
)

# ---------------------------------------------------------------------------------------------- 7b.5


def distances_of_damages():
    import numpy as np
    import torch
    import torchaudio

    import applied_ds as ads

    lecture, recordings = ads.lecture("06"), ads.data.recorded_speech()
    clips = [torch.tensor(recordings[f"austen_{k}"].samples) for k in range(1, 6)]
    clips = [torchaudio.functional.resample(x, 16_000, 8_000) for x in clips]
    generator = torch.Generator().manual_seed(0)

    def mean_distance(damaged):
        pairs = zip(clips, damaged, strict=True)
        return float(np.mean([lecture.log_spectral_distance(x, y).item() for x, y in pairs]))

    return {
        "half as loud": mean_distance([x / 2 for x in clips]),
        "50 ms late": mean_distance([torch.cat([torch.zeros(400), x]) for x in clips]),
        "noise at 10 dB": mean_distance([lecture.add_noise(x, 10, generator) for x in clips]),
        "another sentence": mean_distance(clips[1:] + clips[:1]),
    }


def distances_by_roll():
    import torch
    from scipy.signal import resample_poly

    import applied_ds as ads

    lecture, names = ads.lecture("06"), [f"austen_{k}" for k in range(1, 6)]
    sounds = [resample_poly(ads.data.recorded_speech()[name].samples, 1, 2) for name in names]
    totals = dict.fromkeys(("half as loud", "50 ms late", "noise at 10 dB", "another sentence"), 0.0)
    rng = np.random.default_rng(5)
    for k, x in enumerate(sounds):
        noise = rng.normal(size=len(x)) * math.sqrt((x**2).mean() / 10)
        changed = (0.5 * x, np.append(np.zeros(400), x[:-400]), x + noise, sounds[(k + 1) % 5])
        for key, y in zip(totals, changed, strict=True):
            pair = torch.tensor(x).double(), torch.tensor(y).double()
            totals[key] += float(lecture.log_spectral_distance(*pair)) / len(sounds)
    return totals


_KEYS = ("half as loud", "50 ms late", "noise at 10 dB", "another sentence")

_E75 = Exercise(
    id="7b.5",
    name="What a spectral distance hears (open)",
    function="distance_db",
    kind="measurement",
    stub="""distance_db = {
    "half as loud": ...,
    "50 ms late": ...,
    "noise at 10 dB": ...,
    "another sentence": ...,
}""",
    hints=(
        "Before you measure: put the four in the order of how much *you* would mind them.",
        "`lecture6.log_spectral_distance(x, y)` cuts the longer sound at its end. Late: `torch.cat([torch.zeros(400), x])`. Noise: `lecture6.add_noise(x, 10, generator)`.",
        "To explain the noise, compare the two power spectrograms in a *pause* between words: how many decibels lie between what was there and what is there now?",
    ),
    solution=distances_of_damages,
    alternatives=(distances_by_roll,),
    reasoning="""About 3.6 dB for half as loud, 7.9 for 50 ms late, 10.9 for the noise, and 10.9 for another sentence: a listener who does not mind the first two, and understands every word of the third, would say that only the last one is wrong.

*Loudness.* Half the amplitude is 6 dB less in every cell; the distance is smaller only because cells below the floor count as the floor in both sounds. The ear hears the same voice from a little farther away.

*Delay.* Frame t is compared with frame t. After 50 ms, five frames, many frames are compared with another sound. Two readings of a sentence by the same person differ in time by more than that, so between readings such a distance says nothing before the frames are aligned (dynamic time warping).

*Noise.* Every cell counts the same, loud or silent. About half of the cells of these clips lie at the floor, and the noise lifts the middle one of them all by about 9 dB. The ear lets the loud cells mask the weak ones.

So a spectral distance ranks vocoders that are given the same mel spectrogram, with the same timing and level, and nothing else. That is why the lecture keeps a recogniser and listeners beside it.""",
    mistakes=(
        Mistake(
            "sixteen-kilohertz",
            "these distances belong to the clips at 16 kHz; resample them to 8 kHz first",
            dict(zip(_KEYS, (2.95, 5.10, 12.06, 9.24), strict=True)),
            when=lambda numbers: numbers["half as loud"] < 3.2 and 8.8 < numbers["another sentence"] < 9.8,
        ),
        Mistake(
            "five-milliseconds",
            "the delay is 5 ms, 40 samples; 50 ms are 400 samples at 8 kHz",
            dict(zip(_KEYS, (3.57, 2.67, 10.89, 10.9), strict=True)),
            when=lambda numbers: 2.3 < numbers["50 ms late"] < 3.2,
        ),
        Mistake(
            "no-noise",
            "the noise is weaker than asked: a signal-to-noise ratio of 10 dB is a tenth of the *power*, 0.32 of the amplitude",
            dict(zip(_KEYS, (3.57, 7.91, 4.44, 10.9), strict=True)),
            when=lambda numbers: 0.3 < numbers["noise at 10 dB"] < 6,
        ),
        Mistake(
            "louder-noise",
            "the noise is louder than asked, or as loud as the speech: 10 dB is ten times less power than the speech",
            dict(zip(_KEYS, (3.57, 7.91, 18.96, 10.9), strict=True)),
            when=lambda numbers: numbers["noise at 10 dB"] > 15,
        ),
        Mistake(
            "same-sentence",
            "every clip is compared with itself in the last number; it needs the next clip",
            dict(zip(_KEYS, (3.57, 7.91, 10.89, 0.0), strict=True)),
            when=lambda numbers: numbers["another sentence"] < 0.1 < 1 < max(numbers.values()),
        ),
        Mistake(
            "amplitudes",
            "these are no decibels of this distance; use `lecture6.log_spectral_distance`",
            dict(zip(_KEYS, (0.02, 0.05, 0.013, 0.06), strict=True)),
            when=lambda numbers: max(numbers.values()) < 1,
        ),
    ),
    expect=(
        Expectation(
            lambda numbers: 3.0 < numbers["half as loud"] < 4.2,
            "half the amplitude must give between 3.0 and 4.2 dB, averaged over the five clips",
        ),
        Expectation(
            lambda numbers: 7.2 < numbers["50 ms late"] < 8.6,
            "a delay of 50 ms must give between 7.2 and 8.6 dB",
        ),
        Expectation(
            lambda numbers: 10.0 < numbers["noise at 10 dB"] < 12.0,
            "white noise at 10 dB must give between 10 and 12 dB",
        ),
        Expectation(
            lambda numbers: 10.0 < numbers["another sentence"] < 12.0,
            "another sentence must give between 10 and 12 dB",
        ),
    ),
    deeper="About half of the cells of these clips lie at the floor, which therefore decides much of such a number: published distances are comparable only with the same floor, window and treatment of silence.",
)

EXERCISES = [_E71, _E72, _E73, _E74, _E75]
