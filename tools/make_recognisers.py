"""Make the table of the lectures on recognising speech: ``python -m tools.make_recognisers`` (twenty minutes on one thread).

It trains with the very code that lectures 6b and 7 export, for as many steps as they train live: Listen, Attend and Spell and CTC,
each with and without SpecAugment, and LAS without teacher forcing, from three seeds each; and transcribes the test's voices, in
silence, in noise, and saying dates in noise, greedily and by beam search, without and with a lexicon and a language model. It
writes ``data/results/06b_07_recognisers.json`` and the weights of one CTC model, ``data/weights/07_ctc.safetensors``, each with its
card. With ``--only LAS`` or ``--only CTC`` it makes the rows of these models anew and keeps the others.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

import applied_ds as ads
from applied_ds.speech import DIGITS
from tools.kept import DATA, half_precision, write_results, write_weights
from tools.make_spoken_digits import digits as drawn

COMMAND = "python -m tools.make_recognisers"
NAME = "06b_07_recognisers"
STEPS = {"LAS": 500, "CTC": 400}
SEEDS = (0, 1, 2)
NOISE = 5.0  # dB
BEAM = 8
WEIGHTS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
ORDER = 5
DRAWS = 4_000
LICENCE = "CC BY 4.0 (made for this course)"


def frames_of(lecture: Any, split: str, noise: float | None) -> list[Tensor]:
    """Features of a split, in white noise of so many dB if `noise` is given: that of utterance i is drawn with seed i."""
    sounds = ads.data.spoken_digits(split).sounds
    if noise is not None:
        sounds = [lecture.add_noise(x, noise, torch.Generator().manual_seed(i)) for i, x in enumerate(sounds)]
    return lecture.features(sounds)


def dates(count: int, forbidden: Sequence[str]) -> list[str]:
    """Dates for the language model to learn from, none of them one of the `forbidden`."""
    rng, taken = random.Random(6), set(forbidden)
    made = (drawn("dates", rng) for _ in range(10 * count))
    return [string for string in made if string not in taken][:count]


def summary(errors: np.ndarray, lengths: np.ndarray) -> dict[str, Any]:
    """Rate of errors with two intervals of 95 % from the bootstrap over seeds and utterances.

    Args:
        errors: (seeds, utterances).
        lengths: (utterances,), tokens of the references.

    Returns:
        ``rate`` over all seeds, ``low`` and ``high`` of its interval, ``seeds`` one rate each, and ``run``: the interval of a
        single training, which varies more than the mean of three.
    """
    rng, (seeds, n) = np.random.default_rng(0), errors.shape
    utterances = rng.multinomial(n, np.full(n, 1 / n), size=DRAWS)
    many = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=DRAWS) / seeds
    one = np.eye(seeds)[rng.integers(seeds, size=DRAWS)]
    by_seed = (utterances @ errors.T) / (utterances @ lengths)[:, None]  # (draws, seeds)
    low, high = np.quantile((by_seed * many).sum(1), [0.025, 0.975])
    run = np.quantile((by_seed * one).sum(1), [0.025, 0.975])
    return {
        "rate": round(float(errors.sum() / seeds / lengths.sum()), 5),
        "low": round(float(low), 5),
        "high": round(float(high), 5),
        "run": [round(float(end), 5) for end in run],
        "seeds": [round(float(rate), 5) for rate in errors.sum(1) / lengths.sum()],
    }


def words(strings: Sequence[str]) -> list[str]:
    """Strings of digits in words."""
    return [" ".join(DIGITS[int(digit)] for digit in string) for string in strings]


class Recognisers:
    """The two lectures' models behind one interface: `fit` and `transcribe` by a model's name."""

    def __init__(self) -> None:
        self.las, self.ctc = ads.lecture("06b"), ads.lecture("07")
        self.spoken = ads.data.spoken_digits("train")
        self.train = frames_of(ads.lecture("06"), "train", None)

    def fit(self, name: str, augment: bool, seed: int) -> Any:
        """Train `name`: LAS, LAS on its own guesses (without teacher forcing), or CTC."""
        mask = self.ctc.spec_augment if augment else None
        if name == "CTC":
            return self.ctc.train_ctc(self.train, self.spoken.texts, seed, STEPS["CTC"], mask)
        forced = 0.0 if name.endswith("guesses") else 1.0
        return self.las.train_las(self.train, self.spoken.digits, seed, STEPS["LAS"], mask, forced)

    def transcribe(self, name: str, model: Any, frames: list[Tensor], *how: Any) -> list[str]:
        """What the model hears, in words; `how` is what the lecture's transcribe_… takes after the frames."""
        if name == "CTC":
            return self.ctc.transcribe_ctc(model, frames, *how)
        return words(self.las.transcribe_las(model, frames, *how))

    def best_weight(self, name: str, model: Any, frames: list[Tensor], language_model: Any) -> float:
        """The weight of the language model with the fewest wrong words on the validation's dates."""
        refs = [text.split() for text in ads.data.spoken_digits("validation dates").texts]
        wrong = {}
        for weight in WEIGHTS:
            hyps = self.transcribe(name, model, frames, BEAM, language_model, weight)
            wrong[weight] = self.las.error_counts(refs, [hyp.split() for hyp in hyps])[0].sum()
            print(f"    weight {weight}: {wrong[weight]} wrong words", flush=True)
        return min(WEIGHTS, key=lambda weight: wrong[weight])


def decodings(
    name: str, test: str, language_model: Any, weight: float
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The ways to decode that the table compares: a name, and the arguments after the frames."""
    yield "greedy", (1,)
    yield "beam", (BEAM,)
    if name == "CTC":
        yield "beam, lexicon", (BEAM, None, 0.0, True)
    if test == "dates in noise":  # in a random string there is nothing for a language model to know
        yield "beam, language model", (BEAM, language_model, weight)


def main() -> None:
    """Train, transcribe, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--only", choices=["LAS", "CTC"], help="the model whose rows to make anew")
    only = parser.parse_args().only
    chosen = [only] if only else ["LAS", "CTC"]
    ads.setup(0, torch=True)
    lecture6, recognisers = ads.lecture("06"), Recognisers()
    tests = {
        "clean": ("test", None),
        "noise": ("test", NOISE),
        "dates in noise": ("dates", NOISE),
    }
    frames = {name: frames_of(lecture6, *how) for name, how in tests.items()}
    texts = {name: ads.data.spoken_digits(split).texts for name, (split, _) in tests.items()}
    validation = frames_of(lecture6, "validation dates", NOISE)
    held_out = ads.data.spoken_digits("dates").digits + ads.data.spoken_digits("validation dates").digits
    language_model = recognisers.las.NGram(ORDER).fit(dates(5_000, held_out))

    path = DATA / "results" / f"{NAME}.json"
    before = json.loads(path.read_text("utf-8")) if path.is_file() else {"rows": [], "weights": {}}
    rows = [row for row in before["rows"] if row["model"].split()[0] not in chosen]
    weights = {recipe: w for recipe, w in before["weights"].items() if recipe.split()[0] not in chosen}
    recipes = [
        ("LAS", False),
        ("LAS", True),
        ("LAS on its own guesses", False),
        ("CTC", False),
        ("CTC", True),
    ]
    for name, augment in recipes:
        if name.split()[0] not in chosen:
            continue
        recipe = f"{name}{' with SpecAugment' if augment else ''}"
        found: dict[tuple[str, str], list[list[str]]] = {}
        for seed in SEEDS:
            start = time.process_time()
            model = recognisers.fit(name, augment, seed)
            trained = time.process_time() - start
            if recipe not in weights:
                weights[recipe] = recognisers.best_weight(name, model, validation, language_model)
            for test in tests:
                for decoding, how in decodings(name, test, language_model, weights[recipe]):
                    hyps = recognisers.transcribe(name, model, frames[test], *how)
                    found.setdefault((test, decoding), []).append(hyps)
            spent = time.process_time() - start
            print(f"{recipe}, seed {seed}: trained {trained:.0f} s, in all {spent:.0f} s", flush=True)
            if (name, augment, seed) == ("CTC", True, SEEDS[0]):
                keep_judge(model)
        for (test, decoding), runs in found.items():
            row: dict[str, Any] = {"model": name, "augment": augment, "test": test, "decoding": decoding}
            for rate, pieces in (("cer", list), ("wer", str.split)):
                refs = [pieces(text) for text in texts[test]]
                counts = [
                    recognisers.las.error_counts(refs, [pieces(text) for text in hyps]) for hyps in runs
                ]
                row[rate] = summary(np.array([errors for errors, _ in counts]), counts[0][1])
            rows.append(row)
            print(
                f"  {test:15} {decoding:20} CER {row['cer']['rate']:.4f}  WER {row['wer']['rate']:.4f}",
                flush=True,
            )
    rows.sort(key=lambda row: row["model"].startswith("CTC"))
    write_results(
        NAME,
        {
            "seeds": SEEDS,
            "steps": STEPS,
            "noise": NOISE,
            "beam": BEAM,
            "order": ORDER,
            "weights": weights,
            "rows": rows,
        },
        summary="Error rates of the recognisers of lectures 6b and 7 on voices that they were not trained on: Listen, Attend and "
        "Spell and CTC, with and without SpecAugment, in silence and in noise, by several ways of decoding.",
        shape=f"{len(rows)} rows: model, augment, test, decoding, and cer and wer with rate, interval, interval of a single "
        "training (run) and the rates of three seeds; weights of the language model",
        units="errors a character (cer) and a word (wer); intervals of 95 % from the bootstrap over seeds and utterances; noise in dB",
        origin=f"{len(SEEDS)} trainings of each model on the corpus of spoken digits, for as many steps as the lectures train; 300 "
        "strings and 200 dates of the test's voices; the language model has seen 5,000 other dates",
        licence=LICENCE,
        command=COMMAND,
    )


def keep_judge(model: Any) -> None:
    """Keep the CTC model that judges the speech of lecture 7b."""
    write_weights(
        "07_ctc",
        half_precision(model),
        summary="The CTC model of lecture 7, trained with SpecAugment: the judge of the speech that lecture 7b makes.",
        units="none",
        origin="lecture 7's own code on the corpus of spoken digits, seed 0",
        licence=LICENCE,
        command=COMMAND,
    )


if __name__ == "__main__":
    main()
