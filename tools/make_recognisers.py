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

COMMAND = "python -m tools.make_recognisers"
NAME = "06b_07_recognisers"
STEPS = {"LAS": 450, "CTC": 400}
SEEDS = (0, 1, 2)
NOISE = 5.0  # dB
BEAM = 8
WEIGHTS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
N_BEST = 8
BLOCK = 25  # steps of which the losses are averaged
LENGTHS = range(1, 13)
OF_EACH_LENGTH = 40
DRAWS = 4_000
LICENCE = "CC BY 4.0 (made for this course)"


def frames_of(lecture: Any, split: str, noise: float | None) -> list[Tensor]:
    """Features of a split, in white noise of so many dB if `noise` is given: that of utterance i is drawn with seed i."""
    sounds = ads.data.spoken_digits(split).sounds
    if noise is not None:
        sounds = [lecture.add_noise(x, noise, torch.Generator().manual_seed(i)) for i, x in enumerate(sounds)]
    return lecture.features(sounds)


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
        self.features = ads.lecture("06").features
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

    def second_pass(self, model: Any, frames: list[Tensor], language_model: Any, weight: float) -> list[str]:
        """What LAS hears when a language model chooses among the best of the beam."""
        lists = (self.las.n_best_las(model, x, BEAM, n_best=N_BEST) for x in frames)
        best = (self.las.rescore(n_best, language_model, weight) for n_best in lists)
        return words([self.las.as_string(tokens) for tokens in best])

    def wrong_words(self, texts: Sequence[str], hyps: Sequence[str]) -> int:
        """Edits of words, summed over all utterances."""
        errors, _ = self.las.error_counts([t.split() for t in texts], [h.split() for h in hyps])
        return int(errors.sum())

    def best_weight(self, name: str, model: Any, frames: list[Tensor], language_model: Any) -> float:
        """The weight of the language model with the fewest wrong words on the validation's dates."""
        texts, wrong = ads.data.spoken_digits("validation dates").texts, {}
        for weight in WEIGHTS:
            hyps = self.transcribe(name, model, frames, BEAM, language_model, weight)
            wrong[weight] = self.wrong_words(texts, hyps)
        print(f"    wrong words by weight: {wrong}", flush=True)
        return min(WEIGHTS, key=lambda weight: wrong[weight])

    def strings(self, length: int) -> tuple[list[str], list[Tensor]]:
        """Strings of so many digits by the voices of the test: texts and features."""
        rng = random.Random(length)
        strings = ["".join(rng.choice("0123456789") for _ in range(length)) for _ in range(OF_EACH_LENGTH)]
        voices = sorted(set(ads.data.spoken_digits("test").voices))
        return words(strings), self.features(self.las.speak_digits(strings, voices, length))


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
    language_model = recognisers.las.date_model(held_out)
    by_length = {length: recognisers.strings(length) for length in LENGTHS}

    path = DATA / "results" / f"{NAME}.json"
    before = (
        json.loads(path.read_text("utf-8"))
        if path.is_file()
        else {"rows": [], "weights": {}, "losses": {}, "lengths": {}}
    )
    rows = [row for row in before["rows"] if row["model"].split()[0] not in chosen]
    weights, losses, lengths = (
        {recipe: value for recipe, value in before[part].items() if recipe.split()[0] not in chosen}
        for part in ("weights", "losses", "lengths")
    )
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
                if name != "CTC" and test == "dates in noise":
                    hyps = recognisers.second_pass(model, frames[test], language_model, weights[recipe])
                    found.setdefault((test, "beam, second pass"), []).append(hyps)
            wrong = [
                recognisers.wrong_words(said, recognisers.transcribe(name, model, x, 1)) / length / len(said)
                for length, (said, x) in by_length.items()
            ]
            lengths.setdefault(recipe, []).append([round(rate, 4) for rate in wrong])
            if name != "CTC":
                blocks = np.reshape(model.losses, (-1, BLOCK)).mean(1)
                losses.setdefault(recipe, []).append([round(float(loss), 4) for loss in blocks])
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
            "block": BLOCK,
            "weights": weights,
            "losses": losses,
            "lengths": lengths,
            "rows": rows,
        },
        summary="Error rates of the recognisers of lectures 6b and 7 on voices that they were not trained on: Listen, Attend and "
        "Spell and CTC, with and without SpecAugment, in silence and in noise, by several ways of decoding.",
        shape=f"{len(rows)} rows: model, augment, test, decoding, and cer and wer with rate, interval, interval of a single "
        "training (run) and the rates of three seeds; weights of the language model; losses of LAS in blocks of 25 steps; lengths: "
        "errors a word on strings of 1 to 12 digits, greedily; all by model and seed",
        units="errors a character (cer) and a word (wer); intervals of 95 % from the bootstrap over seeds and utterances; noise in dB",
        origin=f"{len(SEEDS)} trainings of each model on the corpus of spoken digits, for as many steps as the lectures train; 300 "
        "strings and 200 dates of the test's voices; the language model has seen all other dates of a century",
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
