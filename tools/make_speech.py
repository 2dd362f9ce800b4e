"""Keep recorded speech: ``python -m tools.make_speech`` writes eleven short clips to ``data/speech/``, each with its card.

They are test material of the recogniser pocketsphinx, fetched by pip as a source archive with its hash checked; nothing of it is
installed or run. A clip is stored as FLAC, without loss; its transcript, the one that comes with it, is kept in ``speech.json``.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from tools.kept import DATA, fetch, write_card, write_whole

COMMAND = "python -m tools.make_speech"
POCKETSPHINX = (
    "pocketsphinx",
    "5.1.1",
    "675778b309a22dfc9b7d37f7621976bba491d2a5f8c59696bd77fd6d07271355",
)
RATE = 16_000
AUSTEN = "librivox/sense_and_sensibility_01_austen_64kb-{}.wav"
PUBLIC = "public domain (LibriVox)"
BSD = "BSD-2-Clause (pocketsphinx)"
CLIPS: dict[str, tuple[str, str, str, str]] = {
    "austen_1": (
        AUSTEN.format("0870"),
        "b0557cf95c974d930577e58e46b7f068c432a6e3afcc286563d88922b2a5315c",
        "mister john dashwood had then leisure to consider how much there might be prudently in his power to do for them",
        PUBLIC,
    ),
    "austen_2": (
        AUSTEN.format("0880"),
        "fbec491ef00ee734a67f0ee318e98c51c157b479e1629ff4f4426861ecac0414",
        "he was not an ill disposed young man",
        PUBLIC,
    ),
    "austen_3": (
        AUSTEN.format("0890"),
        "5793ffbdee55fb8bfd284943a6866864c832d9d4accf2661cabd39915c84ee10",
        "unless to be rather cold hearted and rather selfish is to be ill disposed",
        PUBLIC,
    ),
    "austen_4": (
        AUSTEN.format("0920"),
        "40882414ef4cc51f3ff7a63bad0c8c87e7f595ffeb8209fbf756c8ebc5c28a59",
        "had he married a more amiable woman he might have been made still more respectable than he was",
        PUBLIC,
    ),
    "austen_5": (
        AUSTEN.format("0930"),
        "954adbf0b56ac8a148cbe77b39ca18d76b5f2a1e1f405565bd786ce3e68a68b7",
        "he might even have been made amiable himself",
        PUBLIC,
    ),
    "forward": (
        "goforward.raw",
        "f15c60ec54059d8b66e410d0064945a0b0a04ea56e1ddca1958e493c0cf70e71",
        "go forward ten meters",
        BSD,
    ),
    "cards_1": (
        "cards/001.wav",
        "899951e768666f27c8f8b1d4090b96fe7909cae9cec01bec0a5d5d1b8a8d566e",
        "ten of clubs",
        BSD,
    ),
    "cards_2": (
        "cards/002.wav",
        "a3f9eae6fdb69a1231989e39a14d62388a6f52fb59666c76d95005318fadafec",
        "four queen of clubs",
        BSD,
    ),
    "cards_3": (
        "cards/003.wav",
        "00d283e46bc257ae479e4aa86593cadb541656eba1d19fc8abeece37f6a5a18b",
        "seven of clubs",
        BSD,
    ),
    "cards_4": (
        "cards/004.wav",
        "4c44a8177f5b128b99f078cdeb918119933155574231f1833e8840d1af09c521",
        "five five",
        BSD,
    ),
    "cards_5": (
        "cards/005.wav",
        "090f18f5f76cf8b2b43cd9e6b07823f4685a4742d9a36cd98b174a6586c18cf9",
        "eight of spades four of clubs seven of hearts",
        BSD,
    ),
}


def recordings() -> dict[str, np.ndarray]:
    """The clips by name: 16-bit samples, 16,000 a second, one channel."""
    with (
        tempfile.TemporaryDirectory() as folder,
        tarfile.open(fetch(POCKETSPHINX, Path(folder), "--no-binary=:all:")) as archive,
    ):
        found = {}
        for name, (member, digest, _, _) in CLIPS.items():
            file = archive.extractfile(f"pocketsphinx-{POCKETSPHINX[1]}/test/data/{member}")
            assert file is not None
            content = file.read()
            if hashlib.sha256(content).hexdigest() != digest:
                raise SystemExit(f"{member} is not the file that was looked at: not used")
            if member.endswith(".raw"):
                found[name] = np.frombuffer(content, "<i2")
            else:
                samples, rate = soundfile.read(io.BytesIO(content), dtype="int16")
                if rate != RATE or samples.ndim != 1:
                    raise SystemExit(f"{member} has {rate} samples a second, shape {samples.shape}: not used")
                found[name] = samples
    return found


def main() -> None:
    """Fetch, and write the clips, their transcripts and their cards."""
    clips = recordings()
    for name, samples in clips.items():
        member, _, text, licence = CLIPS[name]
        file = io.BytesIO()
        soundfile.write(file, samples, RATE, format="FLAC", subtype="PCM_16")
        target = DATA / "speech" / f"{name}.flac"
        write_whole(target, file.getvalue())
        write_card(
            target,
            summary=f"A person says: “{text}”.",
            shape=f"({len(samples)},), one channel, {len(samples) / RATE:.1f} seconds",
            units=f"16-bit samples, {RATE:,} a second",
            origin=f"{member} in the tests of pocketsphinx {POCKETSPHINX[1]}"
            + (
                ", out of “Sense and Sensibility” by Jane Austen, chapter 1, read for LibriVox"
                if licence is PUBLIC
                else ""
            ),
            licence=licence,
            command=COMMAND,
        )
    target = DATA / "speech" / "speech.json"
    write_whole(target, (json.dumps({name: CLIPS[name][2] for name in clips}, indent=1) + "\n").encode())
    write_card(
        target,
        summary="What is said in each of the clips of recorded speech.",
        shape=f"{len(clips)} texts by name",
        units="lower-case words, no punctuation",
        origin="the transcripts that come with the recordings",
        licence="public domain and BSD-2-Clause, as the clips",
        command=COMMAND,
    )


if __name__ == "__main__":
    main()
