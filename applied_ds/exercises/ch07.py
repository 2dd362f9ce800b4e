"""Exercises of lecture 7, CTC, Jasper and augmentation."""

from __future__ import annotations

from typing import Any

import numpy as np

from applied_ds.exercises import Exercise, Expectation, Mistake

# ---------------------------------------------------------------------------------------------- 7.1


def collapse_in_pieces(pieces):
    written, before = [], 0  # nothing is like a blank: it merges with no token
    for piece in pieces:
        new = []
        for token in piece:
            if token != 0 and token != before:
                new.append(token)
            before = token
        written.append(new)
    return written


def collapse_in_pieces_by_masks(pieces):
    import numpy as np

    path = np.concatenate(pieces)
    new = (path != 0) & (path != np.append(0, path[:-1]))
    borders = np.cumsum([len(piece) for piece in pieces])
    return [list(path[e - len(p) : e][new[e - len(p) : e]]) for p, e in zip(pieces, borders, strict=True)]


def piece_cases(rng: np.random.Generator) -> list[tuple[list[np.ndarray]]]:
    fixed = [
        [[3, 3], [3, 0], [3]],
        [[1, 0], [1, 2], [], [2, 2, 0]],
        [[0, 4], [], [4, 4, 2], [2, 0, 0], [2, 0, 1, 1]],
    ]
    cases = [([np.array(piece, int) for piece in pieces],) for pieces in fixed]
    path = np.repeat(rng.integers(0, 3, size=16), rng.integers(1, 4, size=16))
    return [*cases, (np.split(path, [2, 5, 5, 11, 12, 20]),)]


def _pieces(*, memory="frame", blanks="drop", cumulative=False, empty_resets=False):
    def wrong(pieces):
        written, before, text = [], 0, []
        for piece in pieces:
            if memory == "none" or (empty_resets and not len(piece)):
                before = 0
            new = []
            for token in piece:
                if token != before and (token != 0 or blanks == "keep"):
                    new.append(token)
                if token != 0 or memory != "token":
                    before = token
            text = text + new
            written.append(text if cumulative else new)
        return written

    return wrong


def _blanks_first(pieces):
    """Takes the blanks out of each piece before it merges; remembers the last frame rightly."""
    written, before = [], 0
    for piece in pieces:
        tokens = [token for token in piece if token != 0]
        new = [s for i, s in enumerate(tokens) if s != (tokens[i - 1] if i else before)]
        before = piece[-1] if len(piece) else before
        written.append(new)
    return written


def _written_late(pieces):
    """Writes a token only when its run has ended."""
    written, before = [], 0
    for piece in pieces:
        new = []
        for token in piece:
            if token != before and before != 0:
                new.append(before)
            before = token
        written.append(new)
    if before != 0:
        written[-1].append(before)
    return written


_E71 = Exercise(
    id="7.1",
    name="Text while the sound still arrives",
    function="collapse_in_pieces",
    stub='''def collapse_in_pieces(pieces):
    """What each piece of a path adds to the text.

    pieces: list of integer arrays (m_k,), the path cut into pieces, in order; a token for
    each frame, blank = 0. A piece may be empty.
    Returns a list of lists: for each piece the tokens (no blanks) that begin in it.
    """
    ...''',
    hints=(
        "The path `3 3 | 3 0` says one 3. What must the second piece know of the first?",
        "The path `3 0 | 3` says two. Is it the last *token* that must be remembered, or the last *frame*?",
        "Keep the token of the last frame, blank or not, over the borders. A frame adds its token if that is no blank and differs from the frame before; an empty piece changes nothing.",
    ),
    solution=collapse_in_pieces,
    reasoning="A frame begins a new token if it holds no blank and differs from the frame before it. All that must be carried over a border is therefore the last frame, a blank included: "
    "after a blank the same token counts again. Before the first frame a blank may be assumed, because it merges with nothing.",
    alternatives=(collapse_in_pieces_by_masks,),
    cases=piece_cases,
    mistakes=(
        Mistake(
            "pieces-alone",
            "each piece is collapsed by itself: a token that is held over a border is written twice",
            _pieces(memory="none"),
        ),
        Mistake(
            "remembers-the-token",
            "this compares with the last token that was no blank, so a blank no longer separates two equal tokens; remember the last frame",
            _pieces(memory="token"),
        ),
        Mistake(
            "blanks-first",
            "the blanks are taken out before equal neighbours are merged: then a double letter merges into one",
            _blanks_first,
        ),
        Mistake("blanks-kept", "blanks are no part of the text: drop them", _pieces(blanks="keep")),
        Mistake(
            "whole-text",
            "this gives the whole text so far; asked is what each piece adds to it",
            _pieces(cumulative=True),
        ),
        Mistake(
            "empty-piece-forgets",
            "an empty piece makes this forget the last frame, so that a token held over it is written twice",
            _pieces(empty_resets=True),
        ),
        Mistake(
            "late",
            "each token is written when its run ends; it is known, and asked for, when the run begins",
            _written_late,
        ),
    ),
    deeper="The greedy decoder can therefore write as it listens, with one integer of memory. Whether a recogniser can stream depends on its network: how far its convolutions look ahead.",
)

# ---------------------------------------------------------------------------------------------- 7.2


def log_prob_without_blank(log_probs, target):
    import numpy as np

    emitted = log_probs[:, target]  # (T, L)
    alpha = np.full(len(target), -np.inf)
    alpha[0] = emitted[0, 0]
    for frame in emitted[1:]:
        from_left = np.append(-np.inf, alpha[:-1])
        alpha = np.logaddexp(alpha, from_left) + frame
    return alpha[-1]


def log_prob_token_by_token(log_probs, target):
    import numpy as np

    T = len(log_probs)
    ends = np.append(0.0, np.full(T, -np.inf))  # log probability that the pieces so far end after t frames
    for token in target:
        held = np.append(0.0, np.cumsum(log_probs[:, token]))
        reached = np.logaddexp.accumulate(ends[:-1] - held[:-1]) + held[1:]
        ends = np.append(-np.inf, reached)
    return ends[-1]


def segment_cases(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    def rows(T: int, C: int) -> np.ndarray:
        logits = 1.5 * rng.normal(size=(T, C))
        return np.asarray(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))

    return [
        (np.log([[0.2, 0.5, 0.3], [0.1, 0.6, 0.3]]), np.array([1, 2, 1])),
        (np.log([[0.2, 0.5, 0.3], [0.1, 0.6, 0.3], [0.5, 0.1, 0.4]]), np.array([1, 2])),
        (rows(6, 4), np.array([2, 2, 3])),
        (rows(9, 5), np.array([1, 3, 4, 3, 2])),
        (rows(700, 4), np.array([3, 1, 1, 2, 3, 2])),
    ]


def _segments(*, blank=False, best=False, start=1, finish="last", skip=False, mean=False, apart=False):
    """The recursion with the mistakes that the arguments name."""

    def wrong(log_probs, target):
        join = np.maximum if best else np.logaddexp
        T, L = len(log_probs), len(target)
        extended = np.zeros(2 * L + 1, int)
        extended[1::2] = target
        states = extended if blank else np.asarray(target)
        emitted = log_probs[:, states]
        alpha = np.full(len(states), -np.inf)
        start_here = len(states) if start == "anywhere" else 2 if blank else 1
        alpha[:start_here] = emitted[0, :start_here]
        for frame in emitted[1:]:
            left = np.append(-np.inf, alpha)[: len(alpha)]
            if apart:
                left[1:][states[1:] == states[:-1]] = -np.inf
            moved = join(alpha, left)
            if skip or blank:
                jump = np.append([-np.inf, -np.inf], alpha)[: len(alpha)].copy()
                if blank:
                    old = np.append([-1, -1], states)[: len(states)]
                    jump[(states == 0) | (states == old)] = -np.inf
                moved = join(moved, jump)
            alpha = moved + frame
        if finish == "anywhere":
            return np.logaddexp.reduce(alpha)
        if blank:
            return join(alpha[-1], alpha[-2])
        if mean and T >= L:
            from scipy.special import gammaln

            return alpha[-1] - (gammaln(T) - gammaln(L) - gammaln(T - L + 1))
        return alpha[-1]

    return wrong


def _direct_probability(log_probs, target):
    alpha = np.zeros(len(target))
    alpha[0] = np.exp(log_probs[0, target[0]])
    for frame in np.exp(log_probs[1:, target]):
        alpha = (alpha + np.append(0.0, alpha[:-1])) * frame
    with np.errstate(divide="ignore"):
        return np.log(alpha[-1])


def _equal_pieces(log_probs, target):
    """Only the cut into pieces of (almost) one length."""
    T, L = len(log_probs), len(target)
    if L > T:
        return -np.inf
    return log_probs[np.arange(T), np.asarray(target)[np.arange(T) * L // T]].sum()


_E72 = Exercise(
    id="7.2",
    name="An alignment without blanks",
    function="log_prob_without_blank",
    stub='''def log_prob_without_blank(log_probs, target):
    """Log probability (nats), summed over all ways to cut the frames into pieces.

    log_probs: array (T, C), log probability of each token in each frame. target: integer
    array (L,). The T frames are cut into L consecutive pieces, none of them empty; in
    piece l every frame emits target[l]. Token 0 is no blank here.
    Returns a number; minus infinity if there is no way to cut.
    """
    ...''',
    hints=(
        "Let $\\alpha_t(l)$ be the probability of all beginnings that are in piece $l$ at frame $t$. In which pieces can frame $t - 1$ have been?",
        "In the same piece or in the one before it. Sum the two, then multiply by the emission of frame $t$; in logarithms, `np.logaddexp` and a sum.",
        "Start with $\\alpha_1(1)$ alone, everything else minus infinity, and end with $\\alpha_T(L)$ alone. No jump over a piece, because none may be empty.",
    ),
    solution=log_prob_without_blank,
    reasoning="One state a target token, and two arrows into each: stay, or come from the left. There is one first and one last state, because without blanks nothing can stand before the first token "
    "or after the last. With more tokens than frames the last state is never reached, and minus infinity comes out by itself.",
    alternatives=(log_prob_token_by_token,),
    cases=segment_cases,
    mistakes=(
        Mistake(
            "ctc",
            "this is CTC, with blanks between the tokens; here every frame belongs to a token of the target",
            _segments(blank=True),
        ),
        Mistake(
            "best-cut",
            "this is the log probability of the best way to cut; asked is the sum over all of them",
            _segments(best=True),
        ),
        Mistake(
            "starts-anywhere",
            "frame 1 must lie in the first piece: only its state may start with its emission",
            _segments(start="anywhere"),
        ),
        Mistake(
            "ends-anywhere",
            "the last frame must lie in the last piece: only the last state counts at the end",
            _segments(finish="anywhere"),
        ),
        Mistake(
            "skips",
            "this can jump over a token; no piece may be empty, so there is no arrow over two",
            _segments(skip=True),
        ),
        Mistake(
            "equal-neighbours",
            "this forbids the step between equal tokens, as CTC does; without a blank it is allowed, and the two pieces merely touch",
            _segments(apart=True),
        ),
        Mistake(
            "mean-over-cuts",
            "this is divided by the number of ways to cut; asked is the sum",
            _segments(mean=True),
        ),
        Mistake(
            "underflow",
            "right for a few frames, but the products under- or overflow for many: add logarithms instead",
            _direct_probability,
        ),
        Mistake(
            "equal-pieces",
            "this takes one way to cut, into equal pieces; all ways count",
            _equal_pieces,
        ),
    ),
    deeper="With the maximum in place of the sum this recursion aligns text and sound in Glow-TTS (Kim and others, 2020). As a recogniser's loss it falls short: pauses have no token, and equal neighbours in the target cannot be told apart in the frames.",
)

# ---------------------------------------------------------------------------------------------- 7.3


def log_prefix_probability(log_probs, prefix):
    import numpy as np

    prefix = np.asarray(prefix)
    repeats = np.append(False, prefix[1:] == prefix[:-1])
    # log probability that the frames so far say the first k tokens, ending in a blank or in token k
    blank, token = np.full((2, len(prefix) + 1), -np.inf)
    blank[0] = 0.0
    total = -np.inf
    for frame in log_probs:
        begun = np.logaddexp(blank[:-1], np.where(repeats, -np.inf, token[:-1])) + frame[prefix]
        total = np.logaddexp(total, begun[-1])  # whatever follows is allowed: it sums to one
        blank = np.logaddexp(blank, token) + frame[0]
        token[1:] = np.logaddexp(token[1:] + frame[prefix], begun)
    return total


def log_prefix_by_matrices(log_probs, prefix):
    import numpy as np

    L, probs = len(prefix), np.exp(log_probs)
    p = np.zeros(2 * L + 2)  # blank after k tokens: 2k; in token k: 2k - 1; the prefix is complete: 2L + 1
    p[0] = 1.0
    for frame in probs:
        move = np.zeros((2 * L + 2, 2 * L + 2))
        move[-1, -1] = 1.0
        for k in range(L):
            arrives = -1 if k == L - 1 else 2 * k + 1
            move[2 * k, 2 * k] += frame[0]
            move[2 * k, arrives] += frame[prefix[k]]
            if k:
                move[2 * k - 1, 2 * k - 1] += frame[prefix[k - 1]]
                move[2 * k - 1, 2 * k] += frame[0]
                if prefix[k] != prefix[k - 1]:
                    move[2 * k - 1, arrives] += frame[prefix[k]]
        p = p @ move
    return np.log(p[-1])


def prefix_cases(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    cases = [(np.log([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]]), np.array([1]))]
    for T, C, prefix in ((4, 3, [2, 2]), (6, 4, [1, 3]), (9, 4, [2, 2, 1]), (14, 5, [4, 1, 1, 3])):
        logits = 1.5 * rng.normal(size=(T, C))
        cases.append((logits - np.logaddexp.reduce(logits, axis=1, keepdims=True), np.array(prefix)))
    return cases


def _prefix(*, count="begun", after="both", late=False, join=np.logaddexp, logarithm=True):
    """The recursion with the mistakes that the arguments name."""

    def wrong(log_probs, prefix):
        prefix = np.asarray(prefix)
        repeats = np.append(False, prefix[1:] == prefix[:-1])
        blank, token = np.full((2, len(prefix) + 1), -np.inf)
        blank[0] = 0.0
        total = -np.inf
        for t, frame in enumerate(log_probs):
            direct = np.where(repeats, -np.inf, token[:-1])
            if after == "repeats too":
                direct = token[:-1]
            if after == "blank":
                direct = np.full(len(prefix), -np.inf)
            begun = np.logaddexp(blank[:-1], direct) + frame[prefix]
            blank = np.logaddexp(blank, token) + frame[0]
            token[1:] = np.logaddexp(token[1:] + frame[prefix], begun)
            if count == "begun" and not (late and t == 0):
                total = join(total, begun[-1])
            if count == "held":
                total = np.logaddexp(total, token[-1])
            if count == "exact so far":
                total = np.logaddexp(total, np.logaddexp(blank[-1], token[-1]))
        if count == "exact":
            total = np.logaddexp(blank[-1], token[-1])
        return total if logarithm else np.exp(total)

    return wrong


_E73 = Exercise(
    id="7.3",
    name="Everything that begins like this",
    function="log_prefix_probability",
    stub='''def log_prefix_probability(log_probs, prefix):
    """Log probability (nats) that the decoded text begins with the prefix.

    log_probs: array (T, C), log probability of each token in each frame, blank = 0.
    prefix: integer array (L,), L ≥ 1, no blanks; it may hold equal neighbours.
    Returns a number: the logarithm of the sum over all T-frame paths whose collapsed
    text is the prefix, or is longer and begins with it.
    """
    ...''',
    hints=(
        "Every path that counts has one frame in which the last token of the prefix *begins*. What may stand in the frames after it?",
        "Anything, and the probabilities of all continuations add up to one. So sum, over the frames $t$, the probability that the last token begins at $t$.",
        "For that the frames before $t$ must say exactly the prefix without its last token, and end in a blank, or in another token than the one that begins. Carry both endings for every $k \\le L$, as the prefix beam search does.",
    ),
    solution=log_prefix_probability,
    reasoning="The paths are sorted by the frame in which the last token of the prefix begins. This happens once in each path, so nothing is counted twice, and what follows is free and sums to one. "
    "The rest is the recursion of the prefix beam search on a single line of prefixes: two numbers for each $k$, because an equal token may begin after a blank only.",
    alternatives=(log_prefix_by_matrices,),
    cases=prefix_cases,
    mistakes=(
        Mistake(
            "exact",
            "this is the probability that the text *is* the prefix; asked is that it begins with it",
            _prefix(count="exact"),
        ),
        Mistake(
            "counts-frames-that-hold",
            "a path is counted once for each frame in which it *holds* the last token; count it once, in the frame where that token begins",
            _prefix(count="held"),
        ),
        Mistake(
            "sums-likelihoods",
            "this sums over t the probability that the first t frames say the prefix; these events overlap, so paths are counted several times",
            _prefix(count="exact so far"),
        ),
        Mistake(
            "repeats-without-blank",
            "an equal token begins here right after itself; without a blank between them the two merge",
            _prefix(after="repeats too"),
        ),
        Mistake(
            "always-a-blank",
            "here a token begins after a blank only; after a *different* token it needs none",
            _prefix(after="blank"),
        ),
        Mistake(
            "best-frame",
            "this takes the best frame for the last token to begin in; all frames count, so sum",
            _prefix(join=np.maximum),
        ),
        Mistake(
            "not-in-the-first-frame",
            "a prefix of one token may begin in the very first frame",
            _prefix(late=True),
        ),
        Mistake("no-logarithm", "this is the probability; its logarithm is asked", _prefix(logarithm=False)),
    ),
    deeper="With it CTC can judge a text token by token, as a beam search over the speller of lecture 6b writes it: joint CTC–attention decoding (Watanabe and others, 2017).",
)

# ---------------------------------------------------------------------------------------------- 7.4


def mask_frames(x, lengths, u, v, share):
    import numpy as np

    frames = np.arange(x.shape[1])
    widths = np.floor(u * (np.floor(share * lengths) + 1))
    starts = np.floor(v * (lengths - widths + 1))
    real = frames < lengths[:, None]  # (n, T)
    mask = (frames >= starts[:, None]) & (frames < (starts + widths)[:, None])
    mean = (x * real[:, :, None]).sum(axis=1) / lengths[:, None]  # (n, B)
    return np.where(mask[:, :, None], mean[:, None], x)


def mask_frames_one_by_one(x, lengths, u, v, share):
    masked = x.copy()
    for one, n, first, second in zip(masked, lengths, u, v, strict=True):
        width = int(first * (int(share * n) + 1))
        start = int(second * (n - width + 1))
        one[start : start + width] = one[:n].mean(axis=0)
    return masked


def mask_cases(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    cases: list[tuple[Any, ...]] = []
    for n, T, B, share in ((1, 6, 2, 0.5), (3, 12, 2, 0.5), (3, 24, 3, 0.25), (5, 32, 4, 0.75)):
        lengths = rng.integers(T // 2, 2 * T // 3 + 1, size=n)
        lengths[-1] = T if n > 1 else 4
        x = rng.normal(-4.0, 2.0, size=(n, T, B))
        x[np.arange(T) >= lengths[:, None]] = 0.0
        cases.append((x, lengths, rng.uniform(0.7, 0.98, size=n), rng.uniform(0.75, 0.95, size=n), share))
    return cases


def _masks(*, width="real", place="real", fill="mean", extra=0, ends=1, widest=1, swap=False):
    """Masks with the mistakes that the arguments name."""

    def wrong(x, lengths, u, v, share):
        if swap:
            u, v = v, u
        masked = x.copy()
        for i, n in enumerate(lengths):
            T = x.shape[1]
            long = n if width == "real" else T
            w = int(u[i] * (int(share * long) + widest))
            start = int(v[i] * ((n if place == "real" else T) - w + ends))
            span = slice(start, start + w + extra)
            rest = np.delete(x[i, :n], np.r_[span][np.r_[span] < n], axis=0)
            masked[i, span] = {
                "mean": x[i, :n].mean(0),
                "zero": 0.0,
                "padded": x[i].mean(0),
                "number": x[i, :n].mean(),
                "lowest": x[i, :n].min(),
                "rest": rest.mean(0) if len(rest) else 0.0,
            }[fill]
        return masked

    return wrong


_E74 = Exercise(
    id="7.4",
    name="One mask for each utterance of a batch",
    function="mask_frames",
    stub='''def mask_frames(x, lengths, u, v, share):
    """Replace one stretch of frames of each utterance by the utterance's mean.

    x: array (n, T, B), log-mel spectrograms, padded with zeros at the end; lengths: integer
    array (n,), the frames of each that are real. u, v: arrays (n,) of numbers in [0, 1).
    With N = lengths[i], the mask of utterance i is
    w = floor(u[i] * (floor(share * N) + 1)) frames wide and begins at frame
    floor(v[i] * (N - w + 1)), counted from 0. Masked frames get, band by band, the mean
    over all N real frames of x[i] before masking. Returns a new array (n, T, B).
    """
    ...''',
    hints=(
        "Why must the width and the place depend on `lengths[i]` and not on $T$? What would a mask in the padding teach?",
        "Compare `np.arange(T)` with the starts, as a column: this gives the masks of all utterances at once, a boolean array (n, T).",
        "The padding is zero, so sums over all $T$ frames are sums over the real ones; divide by `lengths`, not by $T$. `np.where` with the mask and the means, both with an axis added, does the rest.",
    ),
    solution=mask_frames,
    reasoning="All utterances at once: compare the numbers of the frames with each start and end. The means are sums over the real frames, divided by their number. "
    "The mask never reaches the padding, because it begins at $N - w$ at the latest.",
    alternatives=(mask_frames_one_by_one,),
    cases=mask_cases,
    mistakes=(
        Mistake(
            "fills-with-zero",
            "masked frames are set to 0, which is no silence and not the mean here either: this log-mel has not had its mean subtracted",
            _masks(fill="zero"),
        ),
        Mistake(
            "mean-with-padding",
            "the mean counts the padding's zeros: divide by the number of real frames",
            _masks(fill="padded"),
        ),
        Mistake(
            "one-number",
            "the mean is taken over the bands as well; each band has its own",
            _masks(fill="number"),
        ),
        Mistake(
            "mean-of-the-rest",
            "the mean is taken over the frames outside the mask; asked is the mean over all real frames, before masking",
            _masks(fill="rest"),
        ),
        Mistake(
            "lowest",
            "masked frames are set to the lowest value, a silence; asked is the mean of each band",
            _masks(fill="lowest"),
        ),
        Mistake(
            "in-the-padding",
            "the place is drawn over all T frames, so a mask can fall into the padding, where it hides nothing and writes into what is not there",
            _masks(place="padded"),
        ),
        Mistake(
            "share-of-the-batch",
            "the width is a share of T; a short utterance of a long batch may then lose most of what it has",
            _masks(width="padded"),
        ),
        Mistake(
            "one-frame-more",
            "the mask is one frame too long: frames start to start + w − 1 are masked",
            _masks(extra=1),
        ),
        Mistake(
            "never-at-the-end",
            "the last place is missing: a mask of w frames can begin at N − w + 1 places",
            _masks(ends=0),
        ),
        Mistake(
            "never-the-widest",
            "the widest mask is never drawn: there are floor(share · N) + 1 widths, from 0 on",
            _masks(widest=0),
        ),
        Mistake("u-and-v-swapped", "`u` is for the width, `v` for the place", _masks(swap=True)),
    ),
    deeper="A width that grows with the utterance is the adaptive masking of Park and others (2020): a fixed width is nothing to an hour and everything to a word.",
)

# ---------------------------------------------------------------------------------------------- 7.5


def blank_share_of_free_logits():
    import torch
    from torch.nn import functional as F

    tokens = "- efghinorstuvwxz"  # blank, space, the letters of the ten words
    target = torch.tensor([[tokens.index(letter) for letter in "three zero five"]])
    L = target.shape[1]

    def share(T, blank_logit=0.0, steps=300):
        logits = torch.zeros(T, 1, len(tokens), dtype=torch.float64)
        logits[:, :, 0] = blank_logit
        for _ in range(steps):
            logits.requires_grad_()
            log_probs = logits.log_softmax(-1)
            loss = F.ctc_loss(log_probs, target, torch.tensor([T]), torch.tensor([L]), reduction="sum")
            (gradient,) = torch.autograd.grad(loss, logits)
            logits = (logits - gradient).detach()
        return (logits.argmax(-1) == 0).double().mean().item()

    return {
        "3 frames a letter": share(3 * L),
        "10 frames a letter": share(10 * L),
        "10 frames, blank held back": share(10 * L, -1.0),
    }


def blank_share_by_optimizer():
    import torch

    tokens = "- " + "".join(sorted(set("zeroonetwothreefourfivesixseveneightnine")))
    target = torch.tensor([tokens.index(letter) for letter in "three zero five"])
    criterion = torch.nn.CTCLoss(reduction="sum")
    measured = {}
    for (name, T), first in zip(_LENGTHS.items(), (0.0, 0.0, -1.0), strict=True):
        start = torch.zeros(T, len(tokens)).double()
        start[:, 0] = first
        logits = torch.nn.Parameter(start)
        optimizer = torch.optim.SGD([logits], lr=1.0)
        for _ in range(300):
            optimizer.zero_grad()
            criterion(logits.log_softmax(-1), target, (T,), (len(target),)).backward()
            optimizer.step()
        measured[name] = sum(k == 0 for k in logits.argmax(-1).tolist()) / T
    return measured


_LENGTHS = {"3 frames a letter": 45, "10 frames a letter": 150, "10 frames, blank held back": 150}

_E75 = Exercise(
    id="7.5",
    name="When does it say almost nothing? (open)",
    function="blank_share",
    kind="measurement",
    stub="""blank_share = {
    "3 frames a letter": ...,
    "10 frames a letter": ...,
    "10 frames, blank held back": ...,
}""",
    hints=(
        "Before you measure: is a path that holds each letter as long as it is spoken less probable, to this loss, than one that names it in a single frame?",
        "`logits = torch.zeros(T, 1, 17, dtype=torch.float64)`; in a loop `logits.requires_grad_()`, the loss, `torch.autograd.grad(loss, logits)`, and `(logits - gradient).detach()`.",
        "By section 4 the gradient is probability minus soft alignment. Look at the soft alignment before the first, second and tenth step: `ctc_align`, with the blanks in its even columns. "
        "And print the best token of every frame after training as one string, for all three.",
    ),
    solution=blank_share_of_free_logits,
    alternatives=(blank_share_by_optimizer,),
    reasoning="""About 0.38, 0.84 and 0.01. The third run has as low a loss as the second, about half a nat.

*Where it starts.* No token is preferred, so every path is equally probable and the soft alignment counts paths. Of its 31 states 16 belong to one token, the blank. With ten frames a letter nobody can tell at which frame a letter stands:
the letters share each frame among them, the blank collects all its states, and in every frame it is what the alignment asks for most. With three frames a letter the places are narrower; at both ends letters are ahead from the start.

*What makes it grow.* The gradient is probability minus soft alignment, so the first step raises the blank. Then paths through blanks are the more probable ones, and the alignment asks for still more: with ten frames a letter 47 per cent
at the start, 69 after one step, 90 after ten. A letter survives where it must, in a frame or two. With three frames a letter it is 35, 39 and 38 per cent: there is little room for more blanks, and the letters keep their places.

*What it is not.* Nothing in the loss demands spikes: with a start of one nat less for the blank, every letter is held until the next begins. One blank is left, between the two letters e of *three*, where it cannot be spared.

So the spikes come from the start of the descent and from the number of frames a token. Models with word pieces have many, and their spikes say what was spoken, in which order and roughly when, but not how long. Zeyer, Schlüter and Ney ([2021](https://arxiv.org/abs/2105.14849)) analyse it for networks.""",
    mistakes=(
        Mistake(
            "not-held-back",
            "the third number belongs to a start with the blank's logit at −1 in all frames; at +1 it is pushed forward, at 0 it is the second again",
            dict(zip(_LENGTHS, (0.378, 0.84, 0.827), strict=True)),
            when=lambda numbers: (
                0.2 < numbers["3 frames a letter"] < 0.5 < numbers["10 frames, blank held back"] < 0.95
            ),
        ),
        Mistake(
            "mean-over-letters",
            'the loss is divided by the 15 letters (`reduction="mean"`), so 300 steps are too few: the second run has not one letter yet, and the third not the blank that it needs',
            dict(zip(_LENGTHS, (0.333, 1.0, 0.0), strict=True)),
            when=lambda numbers: (
                numbers["10 frames a letter"] > 0.95 and numbers["10 frames, blank held back"] < 0.005
            ),
        ),
        Mistake(
            "letters-counted",
            "these are the shares of the letters; asked is the share of the blank",
            dict(zip(_LENGTHS, (0.622, 0.16, 0.993), strict=True)),
            when=lambda numbers: (
                numbers["10 frames a letter"] < 0.3 and numbers["10 frames, blank held back"] > 0.9
            ),
        ),
        Mistake(
            "frames-counted",
            "these are numbers of frames or per cent; asked are shares, between 0 and 1",
            dict(zip(_LENGTHS, (17.0, 126.0, 1.0), strict=True)),
            when=lambda numbers: numbers["10 frames a letter"] > 5,
        ),
        Mistake(
            "one-length",
            "the first number must come from 45 frames, three for each of the 15 letters; this is that of a longer run",
            dict(zip(_LENGTHS, (0.73, 0.84, 0.007), strict=True)),
            when=lambda numbers: (
                0.6 < numbers["3 frames a letter"] < 0.9 and numbers["10 frames, blank held back"] < 0.2
            ),
        ),
    ),
    expect=(
        Expectation(
            lambda numbers: 0.3 < numbers["3 frames a letter"] < 0.45,
            "with 45 frames the blank must be the best token in 30 to 45 per cent of them after 300 steps of size 1",
        ),
        Expectation(
            lambda numbers: 0.78 < numbers["10 frames a letter"] < 0.9,
            "with 150 frames the blank must be the best token in 78 to 90 per cent of them after 300 steps of size 1",
        ),
        Expectation(
            lambda numbers: 0.0 < numbers["10 frames, blank held back"] < 0.05,
            "with the blank's logits at −1 in the beginning it must be the best token in at most 5 per cent of the frames, and in one at least: the one between two equal letters",
        ),
    ),
    deeper="Who needs to know where letters begin and end trains with a penalty on the blank, or divides its probability by its prior.",
)

EXERCISES = [_E71, _E72, _E73, _E74, _E75]
