"""Make what lecture 7b keeps of its vocoders: its WaveNet at two stages of one training, and its MelGAN generator.

``python -m tools.make_vocoders`` trains with the very code that the lecture exports, on the training utterances of its one voice.
It writes, each with its card, ``data/weights/07b_melgan.safetensors`` (argument ``melgan``, about five minutes on one idle thread),
``data/weights/07b_wavenet.safetensors`` (argument ``wavenet``, about six) and ``data/results/07b_adversarial.json`` (argument
``adversarial``, about five).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import applied_ds as ads
from applied_ds.speech import DIGITS
from tools.kept import half_precision, write_results, write_weights

COMMAND = "python -m tools.make_vocoders"
SEED = 7
TRAINING = 320
MELGAN_STEPS = 3000
EARLY_STEPS = 400
WAVENET_STEPS = 2500
ADVERSARIAL_STEPS = 200
FINE_STEPS = 400
SPECTRAL = 5.0
SNRS = (20, 0, -5)
LICENCE = "CC BY 4.0 (made for this course); trained on speech that eSpeak NG made"


def training_sounds(lecture: Any) -> list[Tensor]:
    """The utterances that the lecture trains on; the others are held out."""
    return [utterance.sound for utterance in lecture.one_voice()[:TRAINING]]


def make_melgan(lecture: Any) -> None:
    """The MelGAN generator, trained by the STFT loss."""
    torch.manual_seed(SEED)
    generator = lecture.MelGANGenerator()
    start = time.process_time()
    losses = lecture.train_melgan(generator, training_sounds(lecture), MELGAN_STEPS, SEED, lr=3e-3)
    print(f"MelGAN: STFT loss {losses[-100:].mean():.3f}, {time.process_time() - start:.0f} s", flush=True)
    write_weights(
        "07b_melgan",
        half_precision(generator),
        summary="Weights of the finished MelGAN generator of lecture 7b, for one made voice at 8 kHz.",
        units="none; the generator gives samples in [-1, 1] from log-mel spectrograms of lecture 6",
        origin=f"{MELGAN_STEPS:,} steps of 8 pieces of 0.4 s with the STFT loss, seed {SEED}",
        licence=LICENCE,
        command=f"{COMMAND} melgan",
    )


def make_wavenet(lecture: Any) -> None:
    """The WaveNet at two stages of one training, in one file: names begin with ``early.`` and ``finished.``."""
    torch.manual_seed(SEED)
    model, start = lecture.WaveNet(), time.process_time()
    stages, weights = {EARLY_STEPS: "early", WAVENET_STEPS: "finished"}, {}

    def keep(step: int) -> None:
        if step in stages:
            weights.update({f"{stages[step]}.{name}": value for name, value in half_precision(model).items()})

    sounds = training_sounds(lecture)
    losses = lecture.train_wavenet(model, sounds, WAVENET_STEPS, SEED, batch=4, lr=4e-3, after=keep)
    for step, stage in stages.items():
        print(f"{stage}: {losses[step - 100 : step].mean():.3f} nats")
    print(f"{time.process_time() - start:.0f} s", flush=True)
    write_weights(
        "07b_wavenet",
        weights,
        summary="Weights of the WaveNet of lecture 7b at two stages of one training, for one made voice at 8 kHz.",
        units="none; the network gives logits of 256 classes of the mu-law",
        origin=f"one training of {WAVENET_STEPS:,} steps of 4 pieces of 0.16 s, maximum likelihood, seed {SEED}; early is its step "
        f"{EARLY_STEPS:,}",
        licence=LICENCE,
        command=f"{COMMAND} wavenet",
    )


def make_adversarial(lecture: Any) -> None:
    """A table of what the losses of (7b.11) do in a few minutes: alone from the start, and with the STFT loss after it."""
    lecture6, lecture6b, lecture7 = (ads.lecture(number) for number in ("06", "06b", "07"))
    sounds, unseen = training_sounds(lecture), lecture.one_voice()[TRAINING:]
    held_out = [u.sound[: len(u.sound) // lecture.HOP * lecture.HOP] for u in unseen]
    mels = [lecture6.log_mel(x) for x in held_out]
    digits = [i for i, u in enumerate(unseen) if set(u.text.split()) <= set(DIGITS)]
    judge, rows = lecture7.judge(), []

    def error_rate(made: list[Tensor], snr: float) -> list[float]:
        """Character error rate of the recogniser on the strings of digits, with its interval."""
        noise = torch.Generator().manual_seed(SEED)
        heard = [lecture6.add_noise(made[i], snr, noise) for i in digits]
        answers = lecture7.transcribe_ctc(judge, lecture6.features(heard))
        counts = lecture6b.error_counts([unseen[i].text for i in digits], answers)
        return [round(float(value), 4) for value in lecture6b.bootstrap_error_rate(*counts)]

    def add(name: str, vocoder: Callable[[Tensor], Tensor]) -> None:
        with torch.no_grad():
            made = [vocoder(mel) for mel in mels]
        pairs = zip(made, held_out, strict=True)
        row: dict[str, Any] = {"name": name}
        row["distance"] = [round(lecture6.log_spectral_distance(*pair).item(), 3) for pair in pairs]
        row["cer"] = {str(snr): error_rate(made, snr) for snr in SNRS}
        print(f"{name:45s} {sum(row['distance']) / len(made):.2f} dB, {row['cer']}", flush=True)
        rows.append(row)

    noise = torch.Generator().manual_seed(SEED)
    originals = iter(held_out)
    add("the original", lambda mel: next(originals))
    add("Griffin–Lim", lambda mel: lecture6.sound_of_log_mel(mel, generator=noise))
    for name, steps, spectral in (
        ("without the STFT loss", ADVERSARIAL_STEPS, 0.0),
        ("finished generator", 0, SPECTRAL),
        ("finished, then all three losses", FINE_STEPS, SPECTRAL),
    ):
        torch.manual_seed(SEED)
        generator = lecture.load_melgan() if spectral else lecture.MelGANGenerator()
        judges = lecture.MultiScaleDiscriminator()
        start = time.process_time()
        lecture.train_adversarially(generator, judges, sounds, steps, SEED, spectral=spectral)
        print(f"{name}: {time.process_time() - start:.0f} s", flush=True)

        def vocoder(mel: Tensor, generator: Any = generator) -> Tensor:
            return generator(mel[None])[0]

        add(f"{name}, {steps} steps" if steps else name, vocoder)
    write_results(
        "07b_adversarial",
        {"unit": "dB", "rows": rows},
        summary="What a few minutes of adversarial training do to lecture 7b's MelGAN generator, beside Griffin–Lim.",
        shape=f"{len(rows)} sounds of the log-mel of {len(held_out)} utterances; for each a distance an utterance, and rate, low and "
        f"high end of its 95% interval over {len(digits)} strings of digits, by signal-to-noise ratio",
        units="log-spectral distance to the held-out utterance, dB; characters that lecture 7's CTC model gets wrong",
        origin=f"generators trained on the other utterances of the same made voice, seed {SEED}; without the STFT loss the losses "
        f"are the adversarial one and ten times feature matching, in the last row those and {SPECTRAL:g} times the STFT loss",
        licence=LICENCE,
        command=f"{COMMAND} adversarial",
    )


def main() -> None:
    """Make what the command line names."""
    parser = argparse.ArgumentParser(prog=COMMAND)
    parser.add_argument("what", choices=["melgan", "wavenet", "adversarial", "all"], nargs="?", default="all")
    what = parser.parse_args().what
    ads.setup(SEED, torch=True)
    lecture = ads.lecture("07b")
    for name, make in (("melgan", make_melgan), ("wavenet", make_wavenet), ("adversarial", make_adversarial)):
        if what in (name, "all"):
            make(lecture)


if __name__ == "__main__":
    main()
