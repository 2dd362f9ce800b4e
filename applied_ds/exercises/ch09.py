"""Exercises of lecture 9, quality of recommendations, candidates and neural models."""

from __future__ import annotations

from typing import Any

import numpy as np

from applied_ds.exercises import Exercise, Expectation, Mistake

# ---------------------------------------------------------------------------------------------- 9.1


def rolling_splits(items, when, cuts):
    import numpy as np

    ends = [*cuts[1:], np.inf]
    train, test = [], []
    for start, end in zip(cuts, ends, strict=True):
        before = when < start
        known = np.isin(items, items[before])
        train.append(before)
        test.append((when >= start) & (when < end) & known)
    return np.array(train), np.array(test)


def rolling_splits_by_bins(items, when, cuts):
    window = np.searchsorted(cuts, when, side="right")  # 0 before the first cut, then 1, 2, …
    first = {i: window[items == i].min() for i in np.unique(items)}
    seen_from = np.array([first[i] for i in items])
    k = np.arange(1, len(cuts) + 1)[:, None]
    return window < k, (window == k) & (seen_from < k)


def logs(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Days as whole numbers, in no order, some on the very day of a cut; items that appear late."""
    cases = [(np.array([7, 8, 7, 9, 8, 7]), np.array([5, 1, 2, 8, 4, 9]), np.array([4, 8]))]
    for n, m, cuts in ((16, 5, (6, 10)), (40, 8, (7, 12, 16)), (90, 15, (5, 9, 13, 18))):
        items = rng.integers(100, 100 + m, n)
        when = rng.integers(0, 22, n)
        when = np.maximum(when, (items - 100) * 15 // m)  # a late item has no early event
        when[:2], items[:2] = cuts[1], items[2]
        cases.append((items, when, np.array(cuts)))
    return cases


def _wrong_splits(*, cut="to the test", train="all", until="next", known="train", order="time", last="open"):
    def wrong(items, when, cuts):
        if order == "as stored":  # positions of the cuts in the file
            shares = [(when < c).mean() for c in cuts]
            when, cuts = np.arange(len(when)), np.array([round(s * len(when)) for s in shares])
        ends = [*cuts[1:], np.inf if last == "open" else cuts[-1]]
        starts = [-np.inf, *cuts[:-1]]
        trains, tests = [], []
        for begin, start, end in zip(starts, cuts, ends, strict=True):
            if until == "end":
                end = np.inf
            before, after = when < start, (when >= start) & (when < end)
            if cut == "to the training":
                before, after = when <= start, (when > start) & (when <= end)
            elif cut == "to both":
                before = when <= start
            elif cut == "to neither":
                after = (when > start) & (when < end)
            learn = before & (when >= begin) if train == "window" else before
            allowed = np.isin(items, items[learn]) if known == "train" else np.ones(len(items), bool)
            if known == "unseen":
                allowed = ~allowed
            trains.append(learn)
            tests.append(after & allowed)
        return np.array(trains), np.array(tests)

    return wrong


def _known_at_first(items, when, cuts):
    train, _ = rolling_splits(items, when, cuts)
    _, test = _wrong_splits(known="everything")(items, when, cuts)
    return train, test & np.isin(items, items[train[0]])


_E91 = Exercise(
    id="9.1",
    name="Four exams instead of one",
    function="rolling_splits",
    stub='''def rolling_splits(items, when, cuts):
    """Which events each of K exams in time trains and tests on.

    items: (n,) ids; when: (n,) times, in no order; cuts: (K,) times, ascending.
    Returns two boolean arrays (K, n): train, test.
    """
    ...''',
    hints=(
        "In which of the two arrays is an event at the very time of a cut?",
        "The windows share their ends: `ends = [*cuts[1:], np.inf]`. What does the training part of exam 2 contain that that of exam 1 lacks?",
        "For each exam: `before = when < start`, the window `(when >= start) & (when < end)`, and of that only events with `np.isin(items, items[before])`.",
    ),
    solution=rolling_splits,
    reasoning="Comparing times, not positions, makes the order of the file irrelevant, and puts events of the same moment on the same side. Whether an item is known must be asked of each exam's own training part: "
    "an item that appeared yesterday is unknown to the first exam and known to the last.",
    alternatives=(rolling_splits_by_bins,),
    cases=logs,
    mistakes=(
        Mistake(
            "cut-belongs-to-training",
            "events at the very time of a cut were trained on; training is strictly before it",
            _wrong_splits(cut="to the training"),
        ),
        Mistake(
            "cut-belongs-to-both",
            "events at the very time of a cut stand in both parts: this leaks",
            _wrong_splits(cut="to both"),
        ),
        Mistake(
            "cut-belongs-to-neither",
            "events at the very time of a cut stand in neither part; they belong to the test",
            _wrong_splits(cut="to neither"),
        ),
        Mistake(
            "tests-to-the-end",
            "each test runs to the end of the log; it must stop at the next cut, or the exams share most of their questions",
            _wrong_splits(until="end"),
        ),
        Mistake(
            "sliding-training",
            "only the window before the cut was trained on; everything before it is asked",
            _wrong_splits(train="window"),
        ),
        Mistake(
            "unknown-items-tested",
            "the tests hold items that no event of the training part has: no model could recommend them",
            _wrong_splits(known="everything"),
        ),
        Mistake(
            "known-to-the-first-exam",
            "whether an item is known was asked of the first training part for all exams; each exam has its own",
            _known_at_first,
        ),
        Mistake(
            "only-unknown-items",
            "the tests hold exactly the items that training lacks: the condition is the wrong way round",
            _wrong_splits(known="unseen"),
        ),
        Mistake(
            "order-of-the-file",
            "the log was cut by position, as if its rows came in the order of time; compare the times",
            _wrong_splits(order="as stored"),
        ),
        Mistake(
            "last-window-empty",
            "the last window has no end: everything from the last cut on belongs to it",
            _wrong_splits(last="empty"),
        ),
        Mistake(
            "test-before-train",
            "the two arrays are right and stand in the wrong order: training first, then test",
            lambda items, when, cuts: rolling_splits(items, when, cuts)[::-1],
        ),
    ),
    deeper="K exams give K results, whose spread shows how much one cut was luck; the model is fitted K times, which is the price.",
)

# ---------------------------------------------------------------------------------------------- 9.2


def metrics_from_ranks(ranks, k):
    import numpy as np

    recall, precision, ndcg = [], [], []
    for places in ranks:
        if len(places) == 0:
            continue
        hits = np.sort(places[places <= k])
        most = min(k, len(places))
        recall.append(len(hits) / len(places))
        precision.append((np.arange(1, len(hits) + 1) / hits).sum() / most)
        ideal = (1 / np.log2(np.arange(1, most + 1) + 1)).sum()
        ndcg.append((1 / np.log2(hits + 1)).sum() / ideal)
    return {"recall": np.mean(recall), "map": np.mean(precision), "ndcg": np.mean(ndcg)}


def metrics_from_lists(ranks, k):
    rows = []
    for places in ranks:
        if len(places):
            relevant = np.zeros(max(k, places.max()))
            relevant[places - 1] = 1
            top, best = relevant[:k], np.sort(relevant)[::-1][:k]
            discount = 1 / np.log2(np.arange(k) + 2)
            precision = np.cumsum(top) / np.arange(1, k + 1)
            rows.append(
                [
                    top.sum() / relevant.sum(),
                    (precision * top).sum() / min(k, relevant.sum()),
                    top @ discount / (best @ discount),
                ]
            )
    return dict(zip(("recall", "map", "ndcg"), np.mean(rows, axis=0), strict=True))


def places_of_relevant(rng: np.random.Generator) -> list[tuple[list[np.ndarray], int]]:
    cases = [
        ([np.array([4, 1, 9])], 5),
        ([np.array([3, 2]), np.array([], dtype=int), np.array([7, 1, 2, 5])], 3),
    ]
    for people, candidates, k in ((4, 12, 5), (7, 30, 10)):
        ranks = [rng.permutation(candidates)[: rng.integers(1, 15)] + 1 for _ in range(people)]
        ranks[1] = np.array([], dtype=int)
        cases.append((ranks, k))
    return cases


def _wrong_metrics(
    *,
    recall="relevant",
    average="smaller",
    ideal="smaller",
    discount=lambda p: 1 / np.log2(p + 1),
    ideal_discount=None,
    order=np.sort,
    nobody="skip",
    inside=lambda p, k: p <= k,
    pooled=False,
):
    def wrong(ranks, k):
        rows, found, all_relevant = [], 0, 0
        for places in ranks:
            n = len(places)
            if n == 0:
                if nobody == "zero":
                    rows.append([0.0, 0.0, 0.0])
                continue
            hits = order(places[inside(places, k)])
            found, all_relevant = found + len(hits), all_relevant + n
            over = {"relevant": n, "k": k, "smaller": min(k, n), "hits": max(len(hits), 1)}
            with np.errstate(all="ignore"):
                best = (ideal_discount or discount)(np.arange(1, over[ideal] + 1)).sum()
                dcg = discount(hits).sum()
                rows.append(
                    [
                        len(hits) / over[recall],
                        (np.arange(1, len(hits) + 1) / np.maximum(hits, 1)).sum() / over[average],
                        dcg / best if dcg else 0.0,
                    ]
                )
        with np.errstate(all="ignore"):
            means = np.mean(rows, axis=0)
        if pooled:
            means[0] = found / all_relevant
        return dict(zip(("recall", "map", "ndcg"), means, strict=True))

    return wrong


def _first_k_of_the_places(ranks, k):
    rows = [metrics_from_ranks([np.sort(places)[:k]], 10**6) for places in ranks if len(places)]
    short = [min(len(places), k) / len(places) for places in ranks if len(places)]
    means = {name: np.mean([row[name] for row in rows]) for name in ("map", "ndcg")}
    return {"recall": np.mean(short), **means}


def _not_normalised(ranks, k):
    dcg = [(1 / np.log2(places[places <= k] + 1)).sum() for places in ranks if len(places)]
    return {**metrics_from_ranks(ranks, k), "ndcg": np.mean(dcg)}


_E92 = Exercise(
    id="9.2",
    name="All metrics from the ranks",
    function="metrics_from_ranks",
    stub='''def metrics_from_ranks(ranks, k):
    """Mean recall@k, MAP@k and nDCG@k from the places of the relevant items.

    ranks: a list with an integer array for each person: the places (1 is first) of all
    their relevant items, in no order; empty if nothing is relevant.
    Returns {"recall": ..., "map": ..., "ndcg": ...}, means over the others.
    """
    ...''',
    hints=(
        "Which places count at all, and what must be done with them before you can say which is the first hit, the second, the third?",
        "At the j-th hit, at place p, the precision is j / p. The best list of somebody with n relevant items has them at the places 1 to min(k, n).",
        "With `hits = np.sort(places[places <= k])`: recall is `len(hits) / len(places)`; average precision is the sum of `np.arange(1, len(hits) + 1) / hits` over min(k, n); DCG is the sum of `1 / np.log2(hits + 1)`, and the ideal is the same sum over the places 1 to min(k, n).",
    ),
    solution=metrics_from_ranks,
    reasoning="The place of a hit decides what it adds, and nothing else in the list matters. Sorted, the j-th hit at place p stands among p items of which j are relevant, so the precision there is j/p. The ideal list depends on how many items *are* relevant, not on how many were found: "
    "an ideal made of the hits alone would call every list perfect that has its few hits on top.",
    alternatives=(metrics_from_lists,),
    cases=places_of_relevant,
    mistakes=(
        Mistake(
            "recall-over-k",
            "recall is divided by k, which is precision; it is the share of the *relevant* items",
            _wrong_metrics(recall="k"),
        ),
        Mistake(
            "recall-over-smaller",
            "recall is divided by min(k, relevant), as average precision is; recall@k is the share of all relevant items, even where it cannot reach 1",
            _wrong_metrics(recall="smaller"),
        ),
        Mistake(
            "average-precision-over-k",
            "average precision is divided by k: then a person with one relevant item can reach 1/k at most",
            _wrong_metrics(average="k"),
        ),
        Mistake(
            "average-precision-over-hits",
            "average precision is divided by the number of hits: then a list with one hit on top is perfect, whatever it misses",
            _wrong_metrics(average="hits"),
        ),
        Mistake(
            "average-precision-over-relevant",
            "average precision is divided by all relevant items; where they are more than k, not even the best list would reach 1",
            _wrong_metrics(average="relevant"),
        ),
        Mistake(
            "ranks-not-sorted",
            "recall and nDCG are right; for average precision the places must be sorted before the hits are counted",
            _wrong_metrics(order=lambda places: places),
        ),
        Mistake(
            "ideal-of-the-hits",
            "the ideal DCG is taken over the hits alone; it is the best that *any* list could reach, with all relevant items on top",
            _wrong_metrics(ideal="hits"),
        ),
        Mistake(
            "ideal-not-cut",
            "the ideal list holds all relevant items; it must stop at k, as the list does",
            _wrong_metrics(ideal="relevant"),
        ),
        Mistake(
            "ideal-full",
            "the ideal list has k relevant items; somebody with fewer has fewer",
            _wrong_metrics(ideal="k"),
        ),
        Mistake(
            "discount-without-one",
            "the discount is 1/log₂(p), which is infinite at the first place; with p counted from 1 it is log₂(p + 1)",
            _wrong_metrics(discount=lambda p: 1 / np.log2(p)),
        ),
        Mistake(
            "discount-with-two",
            "the discount is 1/log₂(p + 2), right where places count from 0; here the first place is 1",
            _wrong_metrics(discount=lambda p: 1 / np.log2(p + 2)),
        ),
        Mistake(
            "two-bases",
            "DCG and its ideal use logarithms of different bases; any base will do, as long as it is one",
            _wrong_metrics(discount=lambda p: 1 / np.log(p + 1), ideal_discount=lambda p: 1 / np.log2(p + 1)),
        ),
        Mistake(
            "no-logarithm",
            "the discount is 1/p; nDCG's is 1/log₂(p + 1), which falls more slowly",
            _wrong_metrics(discount=lambda p: 1 / np.maximum(p, 1)),
        ),
        Mistake(
            "nothing-relevant-counts-as-zero",
            "people with nothing relevant were counted with 0; the means skip them, because no list could have done better",
            _wrong_metrics(nobody="zero"),
        ),
        Mistake(
            "k-places-less-one",
            "place k is left out: it is still in the list",
            _wrong_metrics(inside=lambda p, k: p < k),
        ),
        Mistake(
            "pooled-recall",
            "recall is the share of all hits among all relevant items together; the mean over people is asked, in which everybody counts alike",
            _wrong_metrics(pooled=True),
        ),
        Mistake(
            "first-k-of-the-places",
            "the first k of a person's places were taken; the hits are the places that are *at most* k",
            _first_k_of_the_places,
        ),
        Mistake(
            "not-normalised",
            "recall and average precision are right; this is DCG, still to be divided by the DCG of the best list",
            _not_normalised,
        ),
    ),
    deeper="A service that logs these places can compute every such metric, for every k, long after the models are gone.",
)

# ---------------------------------------------------------------------------------------------- 9.3


def rerank_surprising(scores, author, history, k, beta):
    import numpy as np

    counts = np.bincount(author[history], minlength=author.max() + 1)
    free = np.ones(len(scores), dtype=bool)
    free[history] = False
    chosen, surprises = [], []
    while len(chosen) < k and free.any():
        d = (1 + counts.max() - counts[author]) / (1 + counts.max())
        best = int(np.where(free, (1 - beta) * scores + beta * d, -np.inf).argmax())
        chosen.append(best)
        surprises.append(d[best])
        free[best] = False
        counts[author[best]] += 1
    return np.array(chosen), np.array(surprises)


def rerank_by_dictionaries(scores, author, history, k, beta):
    from collections import Counter

    B, left = [int(i) for i in history], set(range(len(scores))) - {int(i) for i in history}
    chosen, surprises = [], []
    for _ in range(min(k, len(left))):
        held = Counter(int(author[i]) for i in B)
        most = max(held.values(), default=0)
        d = {b: 1 - held[int(author[b])] / (1 + most) for b in left}
        pick = min(left, key=lambda b, d=d: (-((1 - beta) * scores[b] + beta * d[b]), b))
        B, left = [*B, pick], left - {pick}
        chosen.append(pick)
        surprises.append(d[pick])
    return chosen, surprises


def shelves(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    """Histories with one author far ahead, with nothing, and with nearly all items; one tie."""
    cases = [
        (
            np.array([0.9, 0.8, 0.7, 0.3, 0.5]),
            np.array([0, 0, 1, 1, 2]),
            np.array([3], dtype=int),
            3,
            0.5,
        )
    ]
    for n, authors, held, k, beta in (
        (9, 4, 0, 5, 0.6),
        (14, 4, 6, 6, 0.7),
        (20, 5, 9, 8, 0.5),
        (24, 6, 20, 6, 0.4),
    ):
        scores = rng.random(n).round(3)
        author = rng.integers(0, authors, n)
        author[: n // 3] = 0
        scores[1] = scores[0] = 0.9  # a tie that no rounding can break
        history = rng.permutation(n)[:held]
        cases.append((scores, author, history, k, beta))
    return cases


def _wrong_rerank(
    *,
    most=lambda held: held.max(),
    under=None,
    grow=True,
    seen="excluded",
    combine="sum",
    own=0,
    sign=1.0,
    one=1,
    ties="first",
    weights="given",
):
    def wrong(scores, author, history, k, beta):
        held = np.bincount(author[history], minlength=author.max() + 1)
        free = np.ones(len(scores), dtype=bool)
        if seen == "excluded":
            free[history] = False
        chosen: list[int] = []
        surprises: list[float] = []
        for _ in range(min(k, int(free.sum()))):
            c = most(held)
            with np.errstate(all="ignore"):
                d = (one + c - held[author] - own) / (one + (under or most)(held))
            d = np.nan_to_num(d) if sign > 0 else held[author] / (1 + c)
            b = 1 - beta if weights == "swapped" else beta
            value = (1 - b) * scores + b * d if combine == "sum" else scores * d
            value = np.where(free, value, -np.inf)
            best = int(value.argmax() if ties == "first" else len(value) - 1 - value[::-1].argmax())
            chosen.append(best)
            surprises.append(d[best])
            free[best] = False
            if grow:
                held[author[best]] += 1
        return np.array(chosen), np.array(surprises)

    return wrong


def _wrong_surprise(kind):
    def wrong(scores, author, history, k, beta):
        chosen, surprises = rerank_surprising(scores, author, history, k, beta)
        if kind == "value":
            return chosen, (1 - beta) * scores[chosen] + beta * surprises
        held = np.bincount(author[history], minlength=author.max() + 1)
        return chosen, (1 + held.max() - held[author[chosen]]) / (1 + held.max())

    return wrong


def _largest_count_kept(scores, author, history, k, beta):
    held = np.bincount(author[history], minlength=author.max() + 1)
    most, left, chosen, surprises = held.max(), np.setdiff1d(np.arange(len(scores)), history), [], []
    while len(chosen) < k and len(left):
        d = (1 + most - held[author]) / (1 + most)
        best = int(left[((1 - beta) * scores + beta * d)[left].argmax()])
        chosen, surprises, left = [*chosen, best], [*surprises, d[best]], left[left != best]
        held[author[best]] += 1
    return np.array(chosen), np.array(surprises)


_E93 = Exercise(
    id="9.3",
    name="Surprise that is used up",
    function="rerank_surprising",
    stub='''def rerank_surprising(scores, author, history, k, beta):
    """Greedy choice of k unseen items by score and by surprise, which choices use up.

    scores: (n,) of all items; author: (n,) integers from 0, the author of each item.
    history: array of the items seen already, perhaps empty; beta: 0 ... 1.
    Returns two arrays in the order of choice: the items, and d of each when chosen.
    """
    ...''',
    hints=(
        "Which two things change after each choice, besides the list itself?",
        "Keep one number for each author: how many of their items $B$ holds (`np.bincount` with `minlength`). Then $c_B$ is its maximum, and $c_{B,w}$ for all items at once is `counts[author]`.",
        "In each round: `d = (1 + counts.max() - counts[author]) / (1 + counts.max())`; the value of items that are not free is `-np.inf`; take the `argmax`, mark it, and add one to the count of its author.",
    ),
    solution=rerank_surprising,
    reasoning="$c_B$ stands twice, above and below, so that $d$ lies between $1/(1 + c_B)$ and 1. After each choice the count of one author grows, and perhaps $c_B$: that changes the surprise of *all* items, so it is computed anew in each round. "
    "Without that, ten books by one new author would all be called surprising.",
    alternatives=(rerank_by_dictionaries,),
    cases=shelves,
    mistakes=(
        Mistake(
            "history-does-not-grow",
            "the surprise is that of the first round throughout: each chosen item must be put into B",
            _wrong_rerank(grow=False),
        ),
        Mistake(
            "size-of-the-history-below",
            "the largest count c_B must stand in the numerator *and* in the denominator; here the denominator holds the number of items in B",
            _wrong_rerank(under=lambda held: held.sum()),
        ),
        Mistake(
            "size-of-the-history-above",
            "the largest count c_B must stand in the numerator *and* in the denominator; here the numerator holds the number of items in B",
            _wrong_rerank(most=lambda held: held.sum(), under=lambda held: held.max()),
        ),
        Mistake(
            "size-of-the-history",
            "c_B is the largest count of one author, not the number of items in B",
            _wrong_rerank(most=lambda held: held.sum()),
        ),
        Mistake(
            "number-of-authors",
            "c_B is the largest count of one author, not the number of different authors in B",
            _wrong_rerank(most=lambda held: (held > 0).sum()),
        ),
        Mistake(
            "seen-not-excluded",
            "items of the history were recommended",
            _wrong_rerank(seen="allowed"),
        ),
        Mistake(
            "product",
            "score and surprise were multiplied; their weighted sum is asked",
            _wrong_rerank(combine="product"),
        ),
        Mistake(
            "counts-itself",
            "an item was counted as one of its author's in B before it was chosen",
            _wrong_rerank(own=1),
        ),
        Mistake(
            "familiar-first",
            "the more of an author B holds, the *less* an item surprises: this prefers the familiar",
            _wrong_rerank(sign=-1.0),
        ),
        Mistake(
            "no-ones",
            "the two ones are missing: they keep d above 0, and defined for an empty history",
            _wrong_rerank(one=0),
        ),
        Mistake(
            "weights-swapped",
            "β is the weight of the surprise, 1 − β that of the score",
            _wrong_rerank(weights="swapped"),
        ),
        Mistake(
            "last-of-equals",
            "of items of equal value the one with the larger index was taken",
            _wrong_rerank(ties="last"),
        ),
        Mistake(
            "largest-count-kept",
            "c_B is still that of the history alone; it grows when a chosen item's author overtakes the most frequent one",
            _largest_count_kept,
        ),
        Mistake(
            "surprise-at-the-start",
            "the items are right; the surprise of each is asked as it was when the item was chosen, not at the start",
            _wrong_surprise("start"),
        ),
        Mistake(
            "value-returned",
            "the items are right; beside them the surprise d is asked, not the weighted sum",
            _wrong_surprise("value"),
        ),
    ),
    deeper="Greedy choices are not the best set in general, but where every item adds something, and less the more is chosen already, they reach at least 1 − 1/e of the best value (Nemhauser and others, 1978).",
)

# ---------------------------------------------------------------------------------------------- 9.4


def batch_hard_loss(x, y, liked, margin):
    import torch

    distance = ((x[:, None] - y) ** 2).sum(-1)  # (n, m)
    farthest = distance.masked_fill(~liked, -torch.inf).amax(1)
    nearest = distance.masked_fill(liked, torch.inf).amin(1)
    usable = liked.any(1) & ~liked.all(1)
    return torch.relu(margin + farthest - nearest)[usable].mean()


def batch_hard_by_loop(x, y, liked, margin):
    import torch

    losses = []
    for user, mine in zip(x, liked, strict=True):
        far = [(user - item).square().sum() for item in y[mine]]
        near = [(user - item).square().sum() for item in y[~mine]]
        if far and near:
            losses.append(torch.clamp(margin + max(far) - min(near), min=0))
    return torch.stack(losses).mean()


def observe_loss(attempt: Any, case: dict[str, Any]) -> dict[str, Any]:
    """The loss and its gradients."""
    import torch

    x = torch.tensor(case["x"], requires_grad=True)
    y = torch.tensor(case["y"], requires_grad=True)
    loss = attempt(x, y, torch.tensor(case["liked"]), case["margin"])
    seen = {"loss": loss}
    if isinstance(loss, torch.Tensor) and loss.ndim == 0 and loss.requires_grad:
        gradients = torch.autograd.grad(loss, (x, y), allow_unused=True)
    else:
        gradients = (None, None)
    for name, of, gradient in zip(("x", "y"), (x, y), gradients, strict=True):
        seen[f"gradient of {name}"] = torch.zeros_like(of) if gradient is None else gradient
    return seen


def batches(rng: np.random.Generator) -> list[dict[str, Any]]:
    cases = []
    for n, m, d, margin in ((1, 3, 1, 0.5), (2, 4, 2, 1.0), (5, 7, 2, 0.8), (8, 10, 3, 1.2)):
        liked = rng.random((n, m)) < 0.4
        liked[:, 0], liked[:, 1], liked[0, :3] = True, False, (True, False, True)
        if n > 2:
            liked[1], liked[2] = False, True
        y = rng.normal(size=(m, d))
        x = y[0] + 0.7 * rng.normal(size=(n, d))
        cases.append({"x": x, "y": y, "liked": liked, "margin": margin})
    # everything wrong at once, and one user whose items lie as they should
    cases[0]["x"], cases[0]["y"] = np.array([[0.0]]), np.array([[0.5], [0.9], [-0.8]])
    cases[-1]["x"][-1] = 5.0
    cases[-1]["y"][0] = 5.1
    cases[-1]["liked"][-1] = np.arange(10) == 0
    return cases


def _wrong_loss(
    *,
    sign=1.0,
    positive="amax",
    negative="amin",
    false_negatives=False,
    masked="infinite",
    mean="usable",
    distance="squared",
    hinge=True,
    margin_sign=1.0,
    detach=None,
):
    def wrong(x, y, liked, margin):
        import torch

        a, b = (x.detach() if detach == "x" else x), (y.detach() if detach == "y" else y)
        d = ((a[:, None] - b) ** 2).sum(-1)
        if distance == "root":
            d = d.sqrt()
        elif distance == "mean":
            d = d / x.shape[1]
        d_negative = d.detach() if detach == "negative" else d
        far = d.masked_fill(~liked, -torch.inf).amax(1)
        if positive == "amin":
            far = d.masked_fill(~liked, torch.inf).amin(1)
        elif positive == "mean":
            far = (d * liked).sum(1) / liked.sum(1)
        near = d_negative.masked_fill(liked, torch.inf).amin(1)
        if negative == "amax":
            near = d_negative.masked_fill(liked, -torch.inf).amax(1)
        elif negative == "mean":
            near = (d_negative * ~liked).sum(1) / (~liked).sum(1)
        if masked == "zero":
            far, near = (d * liked).amax(1), (d_negative * ~liked).amin(1)
        if false_negatives:
            near = d_negative.amin(1)
        usable = liked.any(1) & ~liked.all(1)
        loss = (margin_sign * margin + sign * (far - near))[usable]
        loss = torch.relu(loss) if hinge else loss
        if mean == "all":
            return loss.sum() / len(x)
        if mean == "sum":
            return loss.sum()
        if mean == "positive":
            return loss.sum() / (loss > 0).sum().clamp(min=1)
        return loss.mean()

    return wrong


_E94 = Exercise(
    id="9.4",
    name="The hardest pair",
    function="batch_hard_loss",
    stub='''def batch_hard_loss(x, y, liked, margin):
    """Triplet loss of the farthest liked and the nearest not liked item of each user.

    x: tensor (n, d), users; y: tensor (m, d), items; liked: bool tensor (n, m).
    Squared Euclidean distances. Returns a scalar tensor with gradients for x and y:
    the mean over the users that have both a liked and a not liked item.
    """
    ...''',
    hints=(
        "Which distance should become smaller, which larger? Which of the two therefore carries the plus in the loss?",
        "All distances at once: `((x[:, None] - y) ** 2).sum(-1)` is `(n, m)`. `masked_fill` with plus or minus infinity keeps an item out of a minimum or a maximum.",
        "`relu(margin + farthest - nearest)` for each user; then choose the users with `liked.any(1) & ~liked.all(1)` *before* the mean, so that no infinity enters it.",
    ),
    solution=batch_hard_loss,
    reasoning="A user without a liked item has a maximum over nothing, −∞, and one who likes everything a minimum over nothing, +∞: both are left out. A user whose items already lie right has loss 0 and *is* counted, so that the loss falls as more users are right. "
    "Liked items must be kept out of the minimum: the nearest item of a good model is a liked one, and pushing it away would undo what the model has learned.",
    alternatives=(batch_hard_by_loop,),
    cases=batches,
    observe=observe_loss,
    mistakes=(
        Mistake(
            "sign",
            "the signs are swapped: this pushes liked items away and pulls the others near",
            _wrong_loss(sign=-1.0),
        ),
        Mistake(
            "margin-subtracted",
            "the margin is taken away: then a negative may be nearer than a liked item and cost nothing",
            _wrong_loss(margin_sign=-1.0),
        ),
        Mistake(
            "nearest-liked",
            "this takes the *nearest* liked item, which is the easiest; the hardest is the farthest",
            _wrong_loss(positive="amin"),
        ),
        Mistake(
            "farthest-negative",
            "this takes the *farthest* item that is not liked, which is the easiest; the hardest is the nearest",
            _wrong_loss(negative="amax"),
        ),
        Mistake(
            "false-negatives",
            "liked items are allowed as negatives: the nearest item is often one of them",
            _wrong_loss(false_negatives=True),
        ),
        Mistake(
            "masked-with-zero",
            "liked items were multiplied by 0: a distance of 0 wins every minimum; they must be kept out of it",
            _wrong_loss(masked="zero"),
        ),
        Mistake(
            "mean-of-negatives",
            "the distances of all items that are not liked are averaged; the nearest alone is asked",
            _wrong_loss(negative="mean"),
        ),
        Mistake(
            "mean-of-liked",
            "the distances of all liked items are averaged; the farthest alone is asked",
            _wrong_loss(positive="mean"),
        ),
        Mistake(
            "distance-with-root",
            "squared distances are asked; this takes their roots",
            _wrong_loss(distance="root"),
        ),
        Mistake(
            "mean-over-dimensions",
            "the squared differences are averaged over the dimensions; a squared distance is their sum",
            _wrong_loss(distance="mean"),
        ),
        Mistake(
            "no-hinge",
            "the maximum with 0 is missing: users whose items already lie right would be rewarded without end",
            _wrong_loss(hinge=False),
        ),
        Mistake(
            "divided-by-everybody",
            "the sum is divided by all users of the batch; only those with both kinds of items count",
            _wrong_loss(mean="all"),
        ),
        Mistake(
            "sum-over-users", "this is the sum over the users; their mean is asked", _wrong_loss(mean="sum")
        ),
        Mistake(
            "mean-of-the-active",
            "the mean is taken over the users whose loss is above 0; those at 0 count too, or the loss would not fall as users come right",
            _wrong_loss(mean="positive"),
        ),
        Mistake(
            "detached-items",
            "the loss is right; no gradient reaches the items",
            _wrong_loss(detach="y"),
        ),
        Mistake(
            "detached-users",
            "the loss is right; no gradient reaches the users",
            _wrong_loss(detach="x"),
        ),
        Mistake(
            "detached-negatives",
            "the loss is right; no gradient comes from the negatives, so nothing is pushed away",
            _wrong_loss(detach="negative"),
        ),
    ),
    deeper="The hardest negative of a large log is often an item that the user would like and has not met; so one also takes the semi-hard ones, farther than the liked item but within the margin (Schroff and others, 2015).",
)

# ---------------------------------------------------------------------------------------------- 9.5


def how_sure_by_bootstrap():
    import numpy as np

    import applied_ds as ads

    lecture, ratings = ads.lecture("08"), ads.data.movielens_100k().ratings
    events = (ratings[name] for name in ("user", "item", "rating", "when"))
    split = lecture.split_by_time(*events, share=0.7, known=0.5)
    liked = lecture.positive(split.targets, 4).toarray()
    hits = []
    for strength in (200, 50):
        ease = lecture.Ease(strength=strength, threshold=4).fit(split.train)
        best = lecture.top_k(ease.scores(split.history), split.history, 10)
        hits.append(np.take_along_axis(liked, best, axis=1)[liked.any(axis=1)])  # (n, 10)

    rng = np.random.default_rng(0)

    def half_width(a, b, paired, draws=5000):
        """Of the 95 % interval of mean(a) - mean(b), when elements of a and of b are drawn."""
        means = []
        for _ in range(draws):
            one = rng.integers(0, len(a), len(a))
            other = one if paired else rng.integers(0, len(b), len(b))
            means.append(a[one].mean() - b[other].mean())
        low, high = np.quantile(means, [0.025, 0.975])
        return (high - low) / 2

    more, less = (one.mean(axis=1) for one in hits)  # precision@10 of each person
    return {
        "difference": more.mean() - less.mean(),
        "paired": half_width(more, less, paired=True),
        "separate": half_width(more, less, paired=False),
        "places": half_width(hits[0].ravel(), hits[1].ravel(), paired=False),
    }


def how_sure_by_formula():
    import numpy as np

    import applied_ds as ads

    lecture, precision_at_k = ads.lecture("08"), ads.lecture("09").precision_at_k
    table = ads.data.movielens_100k().ratings
    split = lecture.split_by_time(*(table[name] for name in ("user", "item", "rating", "when")), 0.7)
    values = []
    for model in (lecture.Ease(strength=200, threshold=4), lecture.Ease(strength=50, threshold=4)):
        lists = lecture.top_k(model.fit(split.train).scores(split.history), split.history, 10)
        wanted = [set(row.indices[row.data >= 4]) for row in split.targets]
        values.append([precision_at_k(one.tolist(), w, 10) for one, w in zip(lists, wanted, strict=True)])
    a, b = (np.array(one)[~np.isnan(values[0])] for one in values)
    n, p, q = len(a), a.mean(), b.mean()
    return {
        "difference": p - q,
        "paired": 1.96 * (a - b).std() / np.sqrt(n),
        "separate": 1.96 * np.sqrt((a.var() + b.var()) / n),
        "places": 1.96 * np.sqrt((p * (1 - p) + q * (1 - q)) / (10 * n)),
    }


def _sure(difference: float, paired: float, separate: float, places: float) -> dict[str, float]:
    return {"difference": difference, "paired": paired, "separate": separate, "places": places}


_E95 = Exercise(
    id="9.5",
    name="How sure is the winner? (open)",
    function="how_sure",
    kind="measurement",
    stub="""how_sure = {"difference": ..., "paired": ..., "separate": ..., "places": ...}""",
    hints=(
        "Before you measure: which of the three intervals do you expect to be the widest, and which the narrowest?",
        "For each model one array `(n, 10)` of hits: its means along axis 1 are precision@10. A bootstrap draw is `rng.integers(0, n, n)`; the paired one uses the *same* people for both models.",
        "For “places” flatten both arrays, draw from the 10·n places of each model separately, and take the difference of the means. To explain what you see, look at the correlation of the two models over people, and at how much people differ.",
    ),
    solution=how_sure_by_bootstrap,
    alternatives=(how_sure_by_formula,),
    tolerance=0.0005,
    reasoning="""With λ = 200 EASE leads by 1.5 points of precision, 20.1 % against 18.6 %. The paired interval is ± 0.7 points: the lead is real. Drawn separately, the same people give ± 2.9, and the lead could be luck. Places drawn separately give ± 1.8.

*Why pairing helps.* People differ far more than the models do. Who has many relevant films among the targets gives both models hits, and who has few gives none: over people the two precisions have a correlation of 0.94. In a paired draw a lucky choice of people lifts both models, and the difference hardly moves: its variance is that of one plus that of the other *minus twice their covariance*. Separate draws throw this away; to be as narrow they would need about 17 times as many people, $(2.9 / 0.7)^2$.

*Why places mislead.* They answer the separate question, and give an interval that is too narrow for it, by a factor of about 1.6. The ten places of a list belong to one person, and hits come together: 3,840 places are worth far fewer independent ones. What a new sample would bring is new people, so people are what must be drawn.

So “separate” errs by being too wide, and “places” by being too narrow. That the second lies between the other two here makes it no compromise.""",
    mistakes=(
        Mistake(
            "whole-width",
            "these are whole widths of the intervals; half of each is asked, the number after ±",
            _sure(0.0146, 0.0140, 0.0580, 0.0350),
            when=lambda numbers: 0.012 < numbers["paired"] < 0.017 and numbers["separate"] > 0.05,
        ),
        Mistake(
            "paired-drawn-separately",
            "“paired” is as wide as “separate”: draw the people once, and take both models' numbers of these same people",
            _sure(0.0146, 0.0290, 0.0290, 0.0175),
            when=lambda numbers: numbers["paired"] > 0.025 and numbers["separate"] < 0.035,
        ),
        Mistake(
            "separate-drawn-in-pairs",
            "“separate” is as narrow as “paired”: draw the people of the second model anew",
            _sure(0.0146, 0.0070, 0.0070, 0.0175),
            when=lambda numbers: numbers["paired"] > 0.006 and numbers["separate"] < 0.009,
        ),
        Mistake(
            "places-drawn-in-pairs",
            "for “places” the places of the two models are to be drawn separately",
            _sure(0.0146, 0.0070, 0.0290, 0.0138),
            when=lambda numbers: numbers["separate"] > 0.0265 and 0.0125 < numbers["places"] < 0.0150,
        ),
        Mistake(
            "places-are-people",
            "“places” is as wide as “separate”: draw single places, 10·n of them, not whole lists",
            _sure(0.0146, 0.0070, 0.0290, 0.0290),
            when=lambda numbers: numbers["paired"] < 0.01 and numbers["places"] > 0.025,
        ),
        Mistake(
            "standard-error",
            "these are standard deviations of the bootstrap means; a 95 % interval reaches about 1.96 of them to each side",
            _sure(0.0146, 0.0036, 0.0148, 0.0089),
            when=lambda numbers: numbers["paired"] < 0.0045 and numbers["separate"] > 0.013,
        ),
        Mistake(
            "ninety-percent",
            "these are intervals of 90 %: the quantiles of a 95 % interval are 0.025 and 0.975",
            _sure(0.0146, 0.0058, 0.0243, 0.0148),
            when=lambda numbers: (
                0.0052 < numbers["paired"] < 0.0064 and 0.0225 < numbers["separate"] < 0.0262
            ),
        ),
        Mistake(
            "spread-of-people",
            "this is how much *people* differ; the interval is about the mean, which varies less by the root of their number",
            _sure(0.0146, 0.0692, 0.2890, 0.5600),
            when=lambda numbers: numbers["difference"] < 0.02 and numbers["paired"] > 0.05,
        ),
        Mistake(
            "reversed",
            "the sign: λ = 200 minus λ = 50 is asked",
            _sure(-0.0146, 0.0070, 0.0290, 0.0175),
            when=lambda numbers: numbers["difference"] < 0,
        ),
        Mistake(
            "nothing-relevant-counts-as-zero",
            "people with nothing relevant among their targets were counted with 0; leave them out",
            _sure(0.01397, 0.0066, 0.0283, 0.0171),
            when=lambda numbers: 0.0137 < numbers["difference"] < 0.0142,
        ),
        Mistake(
            "recall",
            "this is the difference of recall@10; precision@10 is asked",
            _sure(0.0089, 0.0081, 0.0235, 0.0175),
            when=lambda numbers: 0.0080 < numbers["difference"] < 0.0100,
        ),
        Mistake(
            "another-cut",
            "these are the numbers of the cut of lecture 8, at 80 % of the time; in this lecture it is at 70 %",
            _sure(0.0172, 0.0083, 0.0348, 0.0207),
            when=lambda numbers: 0.0165 < numbers["difference"] < 0.0180,
        ),
        Mistake(
            "hits",
            "these are hits; precision@10 divides them by 10",
            _sure(0.146, 0.070, 0.290, 0.175),
            when=lambda numbers: 0.1 < numbers["difference"] < 0.5,
        ),
        Mistake(
            "percent",
            "these are per cent; numbers from 0 to 1 are asked",
            _sure(1.46, 0.70, 2.90, 1.75),
            when=lambda numbers: numbers["difference"] > 1,
        ),
    ),
    expect=(
        Expectation(
            lambda numbers: 0.0143 < numbers["difference"] < 0.0149,
            "with λ = 200 EASE must lead by 1.43 to 1.49 points of precision@10",
        ),
        Expectation(
            lambda numbers: 0.0064 < numbers["paired"] < 0.0078,
            "the paired interval must have a half-width between 0.64 and 0.78 points",
        ),
        Expectation(
            lambda numbers: 0.0265 < numbers["separate"] < 0.0320,
            "drawn separately, people must give a half-width between 2.65 and 3.2 points",
        ),
        Expectation(
            lambda numbers: 0.0160 < numbers["places"] < 0.0195,
            "places must give a half-width between 1.6 and 1.95 points",
        ),
    ),
    deeper="Report the paired interval, and name what was drawn: “± 0.7 points, 95 %, bootstrap over 384 people”.",
)

EXERCISES = [_E91, _E92, _E93, _E94, _E95]
