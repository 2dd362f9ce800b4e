"""Make what lecture 7b keeps of its text-to-speech: the weights of its finished acoustic model.

``python -m tools.make_tts`` trains with the very code that the lecture exports and writes, with its card,
``data/weights/07b_acoustic.safetensors`` (about three minutes on one thread).
"""

from __future__ import annotations

import argparse

import applied_ds as ads
from tools.kept import half_precision, write_weights
from tools.make_vocoders import TRAINING

COMMAND = "python -m tools.make_tts"
SEED = 7
STEPS = 2000


def main() -> None:
    """Train the finished acoustic model and write its weights, in half precision."""
    argparse.ArgumentParser(prog=COMMAND).parse_args()
    ads.setup(SEED, torch=True)
    lecture = ads.lecture("07b")
    voice = lecture.one_voice()[:TRAINING]
    mels = [ads.lecture("06").log_mel(utterance.sound) for utterance in voice]
    model = lecture.train_acoustic(voice, mels, STEPS, SEED)
    write_weights(
        "07b_acoustic",
        half_precision(model),
        summary="Weights of the finished acoustic model of lecture 7b: phonemes to durations and a log-mel spectrogram.",
        units="none; durations in frames of 10 ms, log-mel in natural logarithms of power",
        origin=f"{STEPS:,} steps of 12 of the {TRAINING} training utterances of the lecture's one voice, seed {SEED}",
        licence="CC BY 4.0 (made for this course); trained on speech made by eSpeak NG",
        command=COMMAND,
    )


if __name__ == "__main__":
    main()
