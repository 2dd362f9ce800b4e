"""Exercises of lecture 6b, Listen, Attend and Spell."""

from __future__ import annotations

import numpy as np

from applied_ds.exercises import Exercise, Expectation, Mistake

# --------------------------------------------------------------------------------------------- 6b.1


def errors_by_end(phrase, transcript):
    fewest = [0] * (len(transcript) + 1)  # of no word: a stretch may begin anywhere
    for i, wanted in enumerate(phrase, start=1):
        row = [i]
        for j, heard in enumerate(transcript, start=1):
            row.append(min(fewest[j - 1] + (wanted != heard), fewest[j] + 1, row[j - 1] + 1))
        fewest = row
    return fewest


def errors_of_every_stretch(phrase, transcript):
    from functools import cache

    @cache
    def errors(i: int, a: int, b: int) -> int:
        if i == 0 or a == b:
            return i + b - a
        swap = errors(i - 1, a, b - 1) + (phrase[i - 1] != transcript[b - 1])
        return min(swap, 1 + errors(i - 1, a, b), 1 + errors(i, a, b - 1))

    return np.array(
        [min(errors(len(phrase), a, b) for a in range(b + 1)) for b in range(len(transcript) + 1)]
    )


def phrases(rng: np.random.Generator) -> list[tuple[list[str], list[str]]]:
    words = ["ten", "of", "clubs", "jack", "five"]

    def draw(n: int) -> list[str]:
        return [words[i] for i in rng.integers(0, len(words), n)]

    return [
        (["ten"], ["of", "ten", "of"]),
        (["ten", "of", "clubs"], ["jack", "ten", "clubs", "five"]),
        (["five", "five", "of", "jack"], ["ten", "five", "of", "of", "jack", "jack", "five"]),
        (draw(5), draw(12)),
        (draw(7), draw(14)),
    ]


def _wrong_search(*, first=lambda j: 0, substitution=1, deletion=1, insertion=1, last=lambda row: row):
    def wrong(phrase, transcript):
        above = [first(j) for j in range(len(transcript) + 1)]
        for i, wanted in enumerate(phrase, start=1):
            row = [i]
            for j, heard in enumerate(transcript, start=1):
                diagonal = above[j - 1] + substitution * (wanted != heard)
                row.append(min(diagonal, above[j] + deletion, row[j - 1] + insertion))
            above = row
        return last(above)

    return wrong


def _backwards(phrase, transcript):
    return errors_by_end(phrase[::-1], transcript[::-1])[::-1]


def _swapped(phrase, transcript):
    return [*errors_by_end(transcript, phrase)]


_E6b1 = Exercise(
    id="6b.1",
    name="Find a phrase in a transcript",
    function="errors_by_end",
    stub='''def errors_by_end(phrase, transcript):
    """For each place in a transcript: how well a phrase fits that ends just there.

    phrase: list of m >= 1 words. transcript: list of n words.
    Entry j of the result, j = 0 … n, is the smallest number of word errors (wrong,
    missing or extra words, 1 each) between the phrase and a stretch
    transcript[i:j]; i <= j is chosen as suits best, and an empty stretch is allowed.
    Returns a list or an array of n + 1 integers.
    """
    ...''',
    hints=(
        "Draw the table of the edit distance with a row for each word of the phrase. Which entry of the table compares the whole phrase with something that ends at place $j$?",
        "In the table of the lecture, row 0 says what it costs to have skipped the first $j$ words of the transcript. What does it cost here?",
        "Only row 0 changes: it is all zeros, because a stretch may begin anywhere. The rest is the same recursion, and the answer is the whole last row.",
    ),
    solution=errors_by_end,
    reasoning="Row $i$ of the table holds the fewest errors between the first $i$ words of the phrase and a stretch that ends at place $j$. Words before the stretch cost nothing, so row 0 is zero everywhere; "
    "words behind it are not looked at, so the last row is the answer as it stands. Two rows in memory are enough. The smallest entry says how well the phrase fits anywhere, and its place says where.",
    alternatives=(errors_of_every_stretch,),
    cases=phrases,
    mistakes=(
        Mistake(
            "from-the-first-word",
            "every stretch begins with the first word of the transcript here: what lies before the phrase must cost nothing",
            _wrong_search(first=lambda j: j),
        ),
        Mistake(
            "one-number",
            "this is the last entry alone; the errors for *every* end j = 0 … n are asked",
            _wrong_search(last=lambda row: row[-1]),
        ),
        Mistake(
            "best-place-only",
            "this is the smallest number alone; the errors for *every* end j = 0 … n are asked",
            _wrong_search(last=min),
        ),
        Mistake(
            "no-empty-end",
            "the entry for j = 0 is missing: before the first word of the transcript all words of the phrase are missing",
            _wrong_search(last=lambda row: row[1:]),
        ),
        Mistake(
            "substitution-is-two",
            "a wrong word counts twice here, as a missing one and an extra one; it is one error",
            _wrong_search(substitution=2),
        ),
        Mistake(
            "extra-words-free",
            "extra words inside the stretch cost nothing here; each is an error",
            _wrong_search(insertion=0),
        ),
        Mistake(
            "by-beginning",
            "entry j is for stretches that *begin* at place j here; it must be for those that end there",
            _backwards,
        ),
        Mistake(
            "swapped",
            "phrase and transcript are the wrong way round: the transcript is searched, the phrase is what must fit",
            _swapped,
        ),
    ),
    deeper="This change of one row is due to Sellers (1980); it finds names in transcripts and genes in genomes.",
)

# --------------------------------------------------------------------------------------------- 6b.2


def windowed_attention(scores, width):
    import numpy as np

    frame = np.arange(scores.shape[1])
    weights, place = np.zeros(scores.shape), 0.0
    for u, score in enumerate(scores):
        near = np.abs(frame - place) <= width
        a = np.where(near, np.exp(score - score[near].max()), 0.0)
        weights[u] = a / a.sum()
        place = weights[u] @ frame  # the expected frame
    return weights


def windowed_by_renormalising(scores, width):
    import torch

    whole = torch.softmax(torch.as_tensor(scores), dim=1)
    t = torch.arange(whole.shape[1], dtype=whole.dtype)
    rows, place = [], torch.zeros((), dtype=whole.dtype)
    for row in whole:
        row = row * ((t - place).abs() <= width)
        rows.append(row / row.sum())
        place = (rows[-1] * t).sum()
    return torch.stack(rows)


def score_tables(rng: np.random.Generator) -> list[tuple[np.ndarray, float]]:
    return [
        (np.array([[0.0, 1.0, 3.0, 9.0], [0.0, 0.0, 1.0, 3.0], [2.0, 2.0, 1.0, 0.0]]), 2.0),
        (rng.normal(0.0, 2.0, (3, 6)), 1.5),
        (rng.normal(0.0, 2.0, (5, 12)), 2.5),
        (rng.normal(3.0, 2.0, (8, 30)), 4.0),
    ]


def _wrong_window(*, outside=0.0, divide=True, place=None, side=None):
    def wrong(scores, width):
        t = np.arange(scores.shape[1])
        weights, m = np.zeros(scores.shape), 0.0
        for u in range(len(scores)):
            near = (np.abs(t - m) <= width) if side is None else side(t, m, width)
            a = np.exp(scores[u] - scores[u].max())
            if not divide:
                a = a / a.sum()
            a = np.where(near, a, outside)
            weights[u] = a / a.sum() if divide else a
            m = weights[u] @ t if place is None else place(weights[u], u)
        return weights

    return wrong


def _scores_to_zero(scores, width):
    t = np.arange(scores.shape[1])
    weights, m = np.zeros(scores.shape), 0.0
    for u in range(len(scores)):
        a = np.exp(np.where(np.abs(t - m) <= width, scores[u], 0.0))
        weights[u] = a / a.sum()
        m = weights[u] @ t
    return weights


def _no_window(scores, width):
    a = np.exp(scores - scores.max(1, keepdims=True))
    return a / a.sum(1, keepdims=True)


_E6b2 = Exercise(
    id="6b.2",
    name="Attention that may not leap",
    function="windowed_attention",
    stub='''def windowed_attention(scores, width):
    """Attention weights that look only at frames near the place of the step before.

    scores: (U, T), one row for each output token, one column for each frame.
    The place of step u is the expected frame, m = Σ_t t · weights[u, t], frames counted
    from 0. Step u uses the frames with |t − m| <= width, m being the place of the step
    before, and m = 0 for the first step. Softmax over these frames, 0 elsewhere.
    Returns weights (U, T); each row sums to 1.
    """
    ...''',
    hints=(
        "Which rows can be computed at once, and which need the row before?",
        "Make the mask of the step from the place of the step before. What must a score outside the window be, so that the softmax gives it the weight 0?",
        "Loop over the rows: mask, softmax with −∞ outside the window (or exponentials set to 0 and divided by their sum), then the new place as the mean of the frames under these weights.",
    ),
    solution=windowed_attention,
    reasoning="The window of a step follows from the weights of the step before, so this is a loop over output tokens, as decoding is anyway. Frames outside count as $e^{-\\infty} = 0$ *before* the division, so that each row still sums to one. "
    "A softmax over all frames that is masked and divided by its new sum afterwards gives the same weights.",
    alternatives=(windowed_by_renormalising,),
    cases=score_tables,
    mistakes=(
        Mistake(
            "not-divided",
            "the weights outside the window are set to 0 after the softmax, and the rows no longer sum to 1",
            _wrong_window(divide=False),
        ),
        Mistake(
            "scores-set-to-zero",
            "the *scores* outside the window are set to 0, which is a score like any other: exp(0) = 1. They must be −∞",
            _scores_to_zero,
        ),
        Mistake("no-window", "this is the softmax over all frames: the window is missing", _no_window),
        Mistake(
            "largest-weight",
            "the window stands around the frame with the largest weight; it must stand around the *expected* frame",
            _wrong_window(place=lambda a, u: float(a.argmax())),
        ),
        Mistake(
            "window-stays",
            "the window stays around frame 0; it must follow the place of the step before",
            _wrong_window(place=lambda a, u: 0.0),
        ),
        Mistake(
            "window-in-whole-frames",
            "the left end of the window is rounded down to a whole frame; a frame with m − t > width lies outside",
            _wrong_window(side=lambda t, m, width: (t >= int(m - width)) & (t - m <= width)),
        ),
        Mistake(
            "forward-only",
            "the window looks only ahead, 0 <= t − m; it reaches to both sides",
            _wrong_window(side=lambda t, m, width: (t >= np.floor(m)) & (t - m <= width)),
        ),
        Mistake(
            "counted-from-one",
            "the expected frame is counted from 1, so that the window lies one frame too far to the right from the second step on",
            _wrong_window(place=lambda a, u: float(a @ np.arange(1, len(a) + 1))),
        ),
    ),
    deeper="Chorowski and others (2015) decoded with such a window, around the median: it helps with utterances longer than those of the training.",
)

# --------------------------------------------------------------------------------------------- 6b.3


def beam_step(scores, log_probs, finished, end):
    import numpy as np

    n, k, V = log_probs.shape
    only_end = np.where(np.arange(V) == end, 0.0, -np.inf)
    steps = np.where(finished[:, :, None], only_end, log_probs)
    totals = (scores[:, :, None] + steps).reshape(n, k * V)
    best = np.argsort(-totals, axis=1)[:, :k]
    return np.take_along_axis(totals, best, axis=1), best // V, best % V


def beam_step_by_lists(scores, log_probs, finished, end):
    kept = []
    for score, following, ended in zip(scores, log_probs, finished, strict=True):
        found = []
        for i in range(len(score)):
            if ended[i]:
                found.append((score[i], i, end))
            else:
                found.extend((score[i] + p, i, v) for v, p in enumerate(following[i]))
        kept.append(sorted(found, reverse=True)[: len(score)])
    table = np.array(kept)
    return table[..., 0], table[..., 1].astype(int), table[..., 2].astype(int)


def beams(rng: np.random.Generator) -> list[tuple]:
    def draw(n, k, V):
        logits = rng.normal(0.0, 2.0, (n, k, V))
        return logits - np.log(np.exp(logits).sum(-1, keepdims=True))

    first = np.log(np.array([[[0.5, 0.3, 0.2], [0.1, 0.15, 0.75]]]))
    start = np.full((2, 3), -np.inf)
    start[:, 0] = 0.0
    none = np.zeros((2, 3), dtype=bool)
    later = -np.sort(rng.gamma(2.0, 1.0, (4, 5)), axis=1)
    return [
        (np.array([[-0.5, -0.6]]), first, np.array([[False, True]]), 2),
        (start, draw(2, 3, 6), none, 5),
        (later, draw(4, 5, 7), rng.random((4, 5)) < 0.4, 6),
        (later[:, ::-1].copy(), draw(4, 5, 11), rng.random((4, 5)) < 0.3, 10),
    ]


def _wrong_step(*, ended=None, add=True, choose=None, split=None):
    def wrong(scores, log_probs, finished, end):
        n, k, V = log_probs.shape
        steps = log_probs.copy()
        if ended == "dropped":
            steps[finished] = -np.inf
        elif ended == "copies":
            steps[finished] = 0.0
        elif ended != "extended":
            steps[finished] = -np.inf
            steps[..., end][finished] = 0.0
        totals = scores[:, :, None] + steps if add else steps + np.zeros((n, k, 1))
        if choose is not None:
            return choose(totals)
        flat = totals.reshape(n, -1)
        best = np.argsort(-flat, axis=1, kind="stable")[:, :k]
        parent, token = (best // V, best % V) if split is None else split(best, k, V)
        return np.take_along_axis(flat, best, 1), parent, token

    return wrong


def _own_best(totals):
    token = totals.argmax(-1)
    score = totals.max(-1)
    order = np.argsort(-score, axis=1)
    return np.take_along_axis(score, order, 1), order, np.take_along_axis(token, order, 1)


def _worst_first(scores, log_probs, finished, end):
    return tuple(part[:, ::-1] for part in beam_step(scores, log_probs, finished, end))


_E6b3 = Exercise(
    id="6b.3",
    name="One step of a beam, for a whole batch",
    function="beam_step",
    stub='''def beam_step(scores, log_probs, finished, end):
    """One step of beam search for n utterances at once, each with its own k hypotheses.

    scores: (n, k), log probability of each hypothesis so far; −inf marks an empty place.
    log_probs: (n, k, V), log probability of each next token.
    finished: (n, k) bool: it has ended. Such a hypothesis is not extended: it stays in
    the race once, with the score it has, and its next token is `end`.
    Returns (scores, parent, token), each (n, k): of every utterance the k best, the best
    first; parent is the place 0 … k − 1 of the hypothesis that was extended.
    """
    ...''',
    hints=(
        "All k · V extensions of an utterance compete with one another. How do you line them up, and how do you get hypothesis and token back from a place in the line?",
        "Reshape to `(n, k * V)`, sort each row from the largest, keep k. A place in the row is parent · V + token.",
        "A finished hypothesis must enter the race exactly once and unchanged: replace its row of log probabilities by 0 at `end` and −∞ at every other token.",
    ),
    solution=beam_step,
    reasoning="A hypothesis that has ended goes on with `end` at probability one and with everything else at probability zero: then no special case is left, it competes once and unchanged. "
    "The k · V extensions of an utterance lie in one row, so that sorting the row picks across hypotheses; integer division and remainder by V recover the parent and the token.",
    alternatives=(beam_step_by_lists,),
    cases=beams,
    mistakes=(
        Mistake(
            "extends-the-finished",
            "finished hypotheses are extended like the others; they keep their score and their next token is `end`",
            _wrong_step(ended="extended"),
        ),
        Mistake(
            "copies-of-the-finished",
            "a finished hypothesis goes on with every token for free, so that its copies fill the beam; it must stay once",
            _wrong_step(ended="copies"),
        ),
        Mistake(
            "drops-the-finished",
            "finished hypotheses are thrown away; they stay in the race with the score they have",
            _wrong_step(ended="dropped"),
        ),
        Mistake(
            "forgets-the-past",
            "only the new log probabilities are compared; add the score of the hypothesis so far",
            _wrong_step(add=False),
        ),
        Mistake(
            "each-its-own",
            "each hypothesis keeps its own best extension; the k best of *all* extensions of an utterance are asked",
            _wrong_step(choose=_own_best),
        ),
        Mistake(
            "divides-by-k",
            "the place in the row is divided by k here; a row is V tokens for each parent, so divide by V",
            _wrong_step(split=lambda best, k, V: (best // k, best % k)),
        ),
        Mistake(
            "parent-and-token-swapped",
            "parent and token are the wrong way round",
            _wrong_step(split=lambda best, k, V: (best % V, best // V)),
        ),
        Mistake("worst-first", "the k best are right, but the best must come first", _worst_first),
    ),
    deeper="With k = 1 this is the greedy choice; with empty places at −∞ the first step needs no code of its own.",
)

# --------------------------------------------------------------------------------------------- 6b.4


def errors_by_weight(acoustic, language, errors, weights):
    import numpy as np

    possible = np.maximum(language, -1e9)  # 0 · (−∞) is no number
    totals = acoustic + weights[:, None, None] * possible  # (W, n, K)
    picked = totals.argmax(axis=-1)
    return errors[np.arange(len(errors)), picked].sum(axis=-1)


def errors_by_weight_one_by_one(acoustic, language, errors, weights):
    totals = []
    for w in weights:
        count = 0
        for a, b, e in zip(acoustic, language, errors, strict=True):
            score = a if w == 0 else a + w * b
            count += int(e[int(np.argmax(score))])
        totals.append(count)
    return totals


def n_best_lists(rng: np.random.Generator) -> list[tuple[np.ndarray, ...]]:
    def draw(n, K, weights):
        errors = rng.integers(0, 6, (n, K))
        acoustic = -np.sort(rng.gamma(2.0, 2.0, (n, K)), axis=1) - 0.3 * errors
        language = -rng.gamma(3.0, 1.5, (n, K)) - 0.4 * errors
        language[rng.random((n, K)) < 0.2] = -np.inf
        language[::3, 0] = -np.inf  # what sounds best is impossible
        language[:, 1] = np.maximum(language[:, 1], -4.0)
        if K > 3:
            acoustic[::2, -1] = -np.inf  # a shorter list
        return acoustic, language, errors, np.array(weights)

    first = (
        np.array([[-1.0, -2.0], [-1.0, -1.5], [-1.0, -30.0]]),
        np.array([[-np.inf, -1.0], [-3.0, -1.0], [-np.inf, -1.0]]),
        np.array([[2, 0], [0, 1], [3, 0]]),
        np.array([0.0, 0.1, 1.0]),
    )
    return [
        first,
        draw(6, 4, [0.0, 0.5, 2.0]),
        draw(20, 5, [0.0, 0.2, 0.5, 1.0, 2.0]),
        draw(60, 8, [0.0, 0.3, 1.0, 3.0]),
    ]


def _rescored(total, count=None):
    def wrong(acoustic, language, errors, weights):
        found = []
        for w in weights:
            with np.errstate(invalid="ignore"):
                picked = total(acoustic, language, w).argmax(1)
            found.append(int(errors[np.arange(len(errors)), picked].sum()))
        return np.array(found)

    return wrong


def _safe(language):
    return np.maximum(language, -1e9)


def _oracle(acoustic, language, errors, weights):
    return np.full(len(weights), errors.min(1).sum())


def _mean_errors(acoustic, language, errors, weights):
    return errors_by_weight(acoustic, language, errors, weights) / len(errors)


def _best_weight(acoustic, language, errors, weights):
    return weights[np.argmin(errors_by_weight(acoustic, language, errors, weights))]


_E6b4 = Exercise(
    id="6b.4",
    name="How loud should the language model be",
    function="errors_by_weight",
    stub='''def errors_by_weight(acoustic, language, errors, weights):
    """Errors that are left after rescoring, for each weight of the language model.

    acoustic: (n, K), log p(hypothesis | sound) of K hypotheses for each of n utterances;
    −inf fills up shorter lists. language: (n, K), log p(hypothesis) of the language
    model; −inf where it is impossible. errors: (n, K) int, errors of each hypothesis.
    weights: (W,), 0 or more. With weight w the hypothesis with the largest
    acoustic + w · language is taken; with w = 0 the language model has no say at all.
    Every list holds a hypothesis for which both are finite.
    Returns (W,) int: errors of the hypotheses taken, summed over the utterances.
    """
    ...''',
    hints=(
        "Rescoring only chooses: which hypothesis of each list has the largest sum? The errors of that one count.",
        "An axis for the weights, `weights[:, None, None]`, gives all sums at once, with shape (W, n, K).",
        "What is 0 · (−∞) in NumPy, and what does `argmax` make of it? Replace −∞ by a very large negative number first.",
    ),
    solution=errors_by_weight,
    reasoning="All sums at once have the shape (W, n, K); the place of the largest along the last axis picks a hypothesis, and indexing picks its errors. At w = 0 the product 0 · (−∞) is not a number, and `argmax` would take the first NaN for the largest: "
    "a very large negative number in place of −∞ is 0 at w = 0 and still impossible at any other weight of use.",
    alternatives=(errors_by_weight_one_by_one,),
    cases=n_best_lists,
    mistakes=(
        Mistake(
            "zero-times-infinity",
            "right for positive weights; at w = 0 the product 0 · (−∞) is not a number, and `argmax` takes it for the largest",
            _rescored(lambda a, b, w: a + w * b),
        ),
        Mistake(
            "not-a-number-dropped",
            "right for positive weights; at w = 0 the language model has no say, and what it holds for impossible may win",
            _rescored(lambda a, b, w: np.nan_to_num(a + w * b, nan=-np.inf)),
        ),
        *(
            Mistake(
                f"penalty-of-{penalty}",
                "the impossible hypothesis gets a finite penalty here, and with a small weight it wins",
                _rescored(lambda a, b, w, penalty=penalty: a + w * np.maximum(b, -penalty)),
            )
            for penalty in (20, 100)
        ),
        Mistake(
            "weight-on-the-sound",
            "the weight multiplies the acoustic score; it belongs to the language model",
            _rescored(lambda a, b, w: w * np.maximum(a, -1e9) + _safe(b)),
        ),
        Mistake(
            "mixture",
            "this is (1 − w) · acoustic + w · language; the acoustic score keeps the weight 1",
            _rescored(lambda a, b, w: (1 - w) * np.maximum(a, -1e9) + w * _safe(b)),
        ),
        Mistake(
            "mixed-probabilities",
            "the probabilities are added up; the sum is one of *logarithms*, which multiplies them",
            _rescored(lambda a, b, w: np.exp(a) + w * np.exp(b)),
        ),
        Mistake(
            "subtracts",
            "the language model is subtracted: what it thinks unlikely wins",
            _rescored(lambda a, b, w: np.maximum(a, -1e12) - w * _safe(b)),
        ),
        Mistake(
            "oracle",
            "this is the best hypothesis of each list, whatever its score: rescoring does not know the errors",
            _oracle,
        ),
        Mistake(
            "mean",
            "these are errors per utterance; the sum is asked",
            _mean_errors,
        ),
        Mistake(
            "best-weight",
            "this is the weight with the fewest errors; the errors of every weight are asked",
            _best_weight,
        ),
    ),
    deeper="Choose the weight on validation strings: w = 1 is Bayes' rule for a recogniser that was trained on strings without a grammar and is honest about its certainty, and networks rarely are.",
)

# --------------------------------------------------------------------------------------------- 6b.5


def coverage_of_two_intervals():
    import numpy as np

    rng, tests, strings, truth = np.random.default_rng(0), 4_000, 300, 0.05
    shares, spread = {}, {}
    for voices in (5, 20, 100):
        of_voice = rng.beta(2, 38, size=(tests, voices, 1))
        wrong = rng.binomial(5, np.broadcast_to(of_voice, (tests, voices, strings // voices)))
        rates = wrong / 5  # of each string
        estimate = rates.mean(axis=(1, 2))
        spread[voices] = estimate.std()
        for name, units in (("strings", rates.reshape(tests, -1)), ("voices", rates.mean(axis=2))):
            error = units.std(axis=1, ddof=1) / np.sqrt(units.shape[1])
            shares[f"{name} {voices}"] = float((np.abs(estimate - truth) <= 1.96 * error).mean())
    return shares | {"ratio": float(spread[5] / spread[100])}


def coverage_test_by_test():
    rng = np.random.RandomState(2)
    numbers: dict[str, float] = {}
    for voices in (5, 20, 100):
        hits = {"strings": 0, "voices": 0}
        estimates = []
        for _ in range(4_000):
            p = rng.beta(2, 38, size=voices)
            table = rng.binomial(5, p[:, None], size=(voices, 300 // voices)) / 5
            estimates.append(table.mean())
            for name, sample in (("strings", table.ravel()), ("voices", table.mean(1))):
                width = 1.96 * np.sqrt(sample.var(ddof=1) / sample.size)
                hits[name] += abs(estimates[-1] - 0.05) <= width
        for name, count in hits.items():
            numbers[f"{name} {voices}"] = count / 4_000
        numbers["ratio"] = np.std(estimates) if voices == 5 else numbers["ratio"]
    return numbers | {"ratio": numbers["ratio"] / np.std(estimates)}


def _covers(*values: float) -> dict[str, float]:
    names = [f"{unit} {voices}" for unit in ("strings", "voices") for voices in (5, 20, 100)]
    return dict(zip([*names, "ratio"], values, strict=True))


_E6b5 = Exercise(
    id="6b.5",
    name="Strings or voices (open)",
    function="covers",
    kind="measurement",
    stub="""covers = {
    "strings 5": ...,
    "strings 20": ...,
    "strings 100": ...,
    "voices 5": ...,
    "voices 20": ...,
    "voices 100": ...,
    "ratio": ...,
}""",
    hints=(
        "Before you measure: 60 strings by one voice share its luck. Do they say as much about *other* voices as 60 strings by 60 voices?",
        "`rng.beta(2, 38, size=(tests, voices, 1))` draws the voices of all tests, and `rng.binomial(5, …)` with that array broadcast to `(tests, voices, 300 // voices)` the wrong digits of all strings.",
        "To explain the widths, write the variance of the estimate as a part that falls with the number of voices and a part that falls with the number of strings. Which of them does the interval over strings know?",
    ),
    solution=coverage_of_two_intervals,
    alternatives=(coverage_test_by_test,),
    reasoning="""The interval over strings covers 51% with 5 voices, 76% with 20 and 91% with 100. The interval over voices covers 85%, 92% and 94%. With 5 voices the estimate itself spreads 2.5 times as much as with 100, although 300 strings were recorded each time.

*Why the interval over strings is too narrow.* The rate of a string varies for two reasons: voices differ, with the variance $\\tau^2 = 0.05 \\cdot 0.95/41 = 0.0012$, and within a voice the luck of the five digits adds $\\sigma^2 = (0.05 \\cdot 0.95 - \\tau^2)/5 = 0.0093$. The mean of $m$ strings by each of $V$ voices
has the variance $\\tau^2/V + \\sigma^2/(mV)$: the first part falls only with new *voices*. The interval over strings takes all strings for independent and works with $(\\tau^2 + \\sigma^2)/(mV)$. The true variance is larger by the factor $1 + (m-1)\\,\\tau^2/(\\tau^2 + \\sigma^2)$, the design effect: 7.6 with 60 strings a voice, 2.6 with 15, 1.2 with 3.

*Why the interval over voices still falls short with 5.* Its variance is right on average, but is estimated from five numbers, and 1.96 does not know that. The quantile of Student's t with 4 degrees of freedom, 2.78, brings 85% to about 91%; the rest is the skewness of the rates.

This lecture's test set has 20 voices with 15 strings each, and the intervals of its tables are over strings. They are honest about other strings by *these* voices, and too narrow for a claim about voices never heard: for that one prints the interval over voices, as the dates of section 9 do. And if more can be recorded, new voices are worth more than new strings.""",
    mistakes=(
        Mistake(
            "per-cent",
            "these are per cent; shares from 0 to 1 are asked",
            _covers(51.0, 76.4, 91.4, 85.2, 91.6, 94.1, 2.488),
            when=lambda numbers: numbers["voices 100"] > 2,
        ),
        Mistake(
            "misses",
            "these are shares of intervals that *miss* 0.05; the share that covers it is asked",
            _covers(0.490, 0.236, 0.086, 0.148, 0.084, 0.059, 2.488),
            when=lambda numbers: numbers["voices 100"] < 0.3,
        ),
        Mistake(
            "truth-of-these-voices",
            "the intervals are compared with the mean rate of the voices in the test; the truth here is 0.05, the mean over all voices there could be",
            _covers(0.958, 0.951, 0.955, 0.993, 0.993, 0.968, 2.488),
            when=lambda numbers: 0.9 < numbers["strings 5"] < 1 and 2 < numbers["ratio"] < 3,
        ),
        Mistake(
            "a-voice-for-each-string",
            "every string has a rate of its own; all strings of a voice share one",
            _covers(0.946, 0.951, 0.947, 0.875, 0.940, 0.946, 0.997),
            when=lambda numbers: numbers["strings 5"] > 0.9 and 0.85 < numbers["ratio"] < 1.15,
        ),
        Mistake(
            "swapped",
            "strings and voices are the wrong way round",
            _covers(0.852, 0.916, 0.941, 0.510, 0.764, 0.914, 2.488),
            when=lambda numbers: numbers["voices 5"] < 0.6 < 0.8 < numbers["strings 5"] < 0.9,
        ),
        Mistake(
            "one-standard-error",
            "these intervals reach one standard error to each side; 1.96 are asked",
            _covers(0.278, 0.466, 0.641, 0.606, 0.654, 0.686, 2.488),
            when=lambda numbers: 0.6 < numbers["voices 100"] < 0.75,
        ),
        Mistake(
            "divided-by-n",
            "the standard deviation divides by n; by n − 1 is asked (`ddof=1`), and with 5 voices that matters",
            _covers(0.509, 0.763, 0.914, 0.815, 0.908, 0.940, 2.488),
            when=lambda numbers: 0.79 < numbers["voices 5"] < 0.832 and numbers["strings 5"] < 0.6,
        ),
        Mistake(
            "turned-ratio",
            "the coverages are right; the ratio is the spread with 5 voices *over* that with 100",
            _covers(0.510, 0.764, 0.914, 0.852, 0.916, 0.941, 0.402),
            when=lambda numbers: 0.3 < numbers["ratio"] < 0.5 and numbers["strings 5"] < 0.6,
        ),
        Mistake(
            "ratio-of-variances",
            "the coverages are right; the ratio is one of variances, and standard deviations are asked",
            _covers(0.510, 0.764, 0.914, 0.852, 0.916, 0.941, 6.190),
            when=lambda numbers: 5 < numbers["ratio"] < 8 and numbers["strings 5"] < 0.6,
        ),
    ),
    expect=(
        Expectation(
            lambda numbers: 0.46 < numbers["strings 5"] < 0.56,
            "over strings, with 5 voices, the interval must cover between 46 and 56%",
        ),
        Expectation(
            lambda numbers: 0.72 < numbers["strings 20"] < 0.81,
            "over strings, with 20 voices, it must cover between 72 and 81%",
        ),
        Expectation(
            lambda numbers: 0.88 < numbers["strings 100"] < 0.95,
            "over strings, with 100 voices, it must cover between 88 and 95%",
        ),
        Expectation(
            lambda numbers: 0.832 < numbers["voices 5"] < 0.875,
            "over voices, with 5 voices, it must cover between 83 and 87.5%",
        ),
        Expectation(
            lambda numbers: 0.88 < numbers["voices 20"] < 0.95,
            "over voices, with 20 voices, it must cover between 88 and 95%",
        ),
        Expectation(
            lambda numbers: 0.91 < numbers["voices 100"] < 0.97,
            "over voices, with 100 voices, it must cover between 91 and 97%",
        ),
        Expectation(
            lambda numbers: 2.3 < numbers["ratio"] < 2.75,
            "with 5 voices the estimates must spread between 2.3 and 2.75 times as much as with 100",
        ),
    ),
    deeper="The unit that was drawn at random decides: users in an A/B test, voices here, and documents, patients or schools elsewhere.",
)

EXERCISES = [_E6b1, _E6b2, _E6b3, _E6b4, _E6b5]
