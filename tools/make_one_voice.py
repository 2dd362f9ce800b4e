"""Draw what the one voice of lecture 7b says: ``python -m tools.make_one_voice`` writes ``data/one_voice.json``.

Only the list is kept: the sound is made from it on the reader's machine, in seconds (``applied_ds/speech.py``).
"""

from __future__ import annotations

import applied_ds as ads
from applied_ds.speech import RATE
from tools.kept import DATA, write_card, write_utterances

COMMAND = "python -m tools.make_one_voice"
SIZE = 360
VOICE = ("en-us", 160, 50)


def main() -> None:
    """Take the texts from the lecture, speak them once for their checksum, and write the list with its card."""
    texts = ads.lecture("07b").training_texts(SIZE)
    path = DATA / "one_voice.json"
    minutes = write_utterances(path, {"rate": RATE}, [(text, *VOICE) for text in texts])
    write_card(
        path,
        summary="What the one voice of lecture 7b says: strings of digits and sentences with numbers in them, from which eSpeak NG "
        "makes the sound on the reader's machine, with the moments at which its phonemes begin.",
        shape=f"{SIZE} utterances, of which the lecture holds out the last 40; spoken, {minutes:.0f} minutes at {RATE:,} samples a "
        "second",
        units=f"text in English words; voice, speed ({VOICE[1]} words a minute) and pitch ({VOICE[2]} on eSpeak NG's scale of 0 to "
        "99) are the same in all; the checksum inside is that of the samples",
        origin="drawn from eight templates with seed 7 by the lecture's own training_texts",
        licence="CC BY 4.0 (made for this course); eSpeak NG is GPL-3.0, the sound that it makes is not",
        command=COMMAND,
    )


if __name__ == "__main__":
    main()
