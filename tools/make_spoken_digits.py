"""Draw what the corpus of spoken digits says: ``python -m tools.make_spoken_digits`` writes ``data/spoken_digits.json``.

Only the list is kept: the sound is made from it on the reader's machine, in seconds (``applied_ds/speech.py``). The voices of the
validation and of the test are fixed here, before any model was trained, and say nothing in another split.
"""

from __future__ import annotations

import random

from applied_ds.speech import DIGITS
from tools.kept import DATA, write_card, write_utterances

COMMAND = "python -m tools.make_spoken_digits"
RATE = 8_000
ACCENTS = ("en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-029")
VARIANTS = {
    "train": (
        "",
        "+f1",
        "+anika",
        "+belinda",
        "+linda",
        "+m1",
        "+m2",
        "+m4",
        "+m6",
        "+m8",
        "+adam",
        "+edward",
    ),
    "validation": ("+m5", "+steph"),
    "test": ("+f4", "+Annie", "+m3", "+m7"),
}
SIZES = {"train": 2_000, "validation": 200, "test": 300, "dates": 200, "validation dates": 100}
SPEAKERS = {"dates": "test", "validation dates": "validation"}
DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def digits(split: str, rng: random.Random) -> str:
    """A string of a split: three to six digits, or a date as day, month and year of two digits each."""
    if split not in SPEAKERS:
        return "".join(rng.choice("0123456789") for _ in range(rng.randint(3, 6)))
    month = rng.randint(1, 12)
    return f"{rng.randint(1, DAYS[month - 1]):02d}{month:02d}{rng.randint(0, 99):02d}"


def main() -> None:
    """Draw the list, speak it once for its checksum, and write it with its card."""
    rng = random.Random(8)
    utterances: list[tuple[str, str, int, int]] = []
    splits = {}
    for split, size in SIZES.items():
        splits[split] = (len(utterances), len(utterances) + size)
        voices = [accent + variant for accent in ACCENTS for variant in VARIANTS[SPEAKERS.get(split, split)]]
        for i in range(size):
            text = " ".join(DIGITS[int(digit)] for digit in digits(split, rng))
            utterances.append((text, voices[i % len(voices)], rng.randint(130, 240), rng.randint(30, 70)))
    path = DATA / "spoken_digits.json"
    minutes = write_utterances(path, {"rate": RATE, "words": DIGITS, "splits": splits}, utterances)
    write_card(
        path,
        summary="What the corpus of the lectures on sound says: strings of digits with voice, speed and pitch, from which eSpeak NG "
        "makes the sound on the reader's machine; the test's voices are never trained on.",
        shape=f"{len(utterances):,} utterances ("
        + ", ".join(f"{name} {size:,}" for name, size in SIZES.items())
        + f"); spoken, {minutes:.0f} minutes at {RATE:,} samples a second",
        units="text in English words; speed in words a minute, 130 to 240; pitch 30 to 70 on eSpeak NG's scale of 0 to 99; the "
        "checksum inside is that of the samples",
        origin="drawn at random with seed 8 (dates: day, month and year of two digits each); voices are five accents of English "
        "with eighteen variants of eSpeak NG",
        licence="CC BY 4.0 (made for this course); eSpeak NG is GPL-3.0, the sound that it makes is not",
        command=COMMAND,
    )


if __name__ == "__main__":
    main()
