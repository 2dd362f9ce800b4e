"""Made speech: eSpeak NG, called in this process, and the corpora that it speaks: the digits that the lectures on sound
share, and the one voice of lecture 7b.

eSpeak NG comes as a library inside the package espeakng-loader: no program of the system is needed. It is a tool under the GPL; the
sound that it makes is not. What it makes depends a little on what it said before (by a sample here and there), so a corpus is made
in one order in a process of its own: then the same library gives the same samples. Voices with breath (``+f2``, ``+f3``, ``+f5``,
``+whisper``) are never twice the same, and not used.

``python -m applied_ds.speech LIST TARGET`` is that process: it speaks a list of utterances that lies in ``data/``.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RATE = 22_050  # samples a second, as eSpeak NG makes them
_SYNCHRONOUS, _PHONEME_EVENTS, _UTF8 = 2, 1, 1
_END_OF_LIST, _PHONEME = 0, 7
_WORDS_A_MINUTE, _PITCH = 1, 3


class Spoken(NamedTuple):
    """Made speech: `samples` int16 of shape (n,), 22,050 a second; `phonemes` as (name, first sample), pauses start with ``_``."""

    samples: np.ndarray
    phonemes: list[tuple[str, int]]


class _Name(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("text", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("name", _Name),
    ]


class _Engine:
    """The one eSpeak NG of this process: its state is global, so there cannot be two."""

    def __init__(self) -> None:
        import espeakng_loader

        self.library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        found = self.library.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS)
        if found != RATE:
            raise RuntimeError(
                f"eSpeak NG answered {found} where {RATE} samples a second are expected: install espeakng-loader again"
            )
        kind = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
        )
        self.callback = kind(self.receive)  # kept alive: the library calls it
        self.library.espeak_SetSynthCallback(self.callback)
        self.chunks: list[np.ndarray] = []
        self.phonemes: list[tuple[str, int]] = []

    def receive(self, samples: Any, n: int, events: Any) -> int:
        """Take what the library has made so far."""
        i = 0
        while events[i].type != _END_OF_LIST:
            if events[i].type == _PHONEME:
                self.phonemes.append((events[i].name.string.decode("utf-8", "replace"), events[i].sample))
            i += 1
        if samples and n:
            self.chunks.append(np.ctypeslib.as_array(samples, (n,)).copy())
        return 0

    def say(self, text: str, voice: str, words_a_minute: int, pitch: int) -> Spoken:
        """One utterance."""
        self.chunks, self.phonemes = [], []
        if self.library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"eSpeak NG has no voice {voice!r}: try 'en-us', 'en+f3' (British)")
        self.library.espeak_SetParameter(_WORDS_A_MINUTE, words_a_minute, 0)
        self.library.espeak_SetParameter(_PITCH, pitch, 0)
        if not any(letter.isalnum() for letter in text):
            raise ValueError(f"there is nothing to say in {text!r}")
        words = text.encode()
        self.library.espeak_Synth(words, len(words) + 1, 0, 0, 0, _UTF8, None, None)
        return Spoken(np.concatenate(self.chunks), self.phonemes)


@functools.cache
def _engine() -> _Engine:
    return _Engine()


def say(text: str, voice: str = "en-us", words_a_minute: int = 160, pitch: int = 50) -> Spoken:
    """Speak `text`. `voice` is a language with an accent, and a variant after ``+``, as ``en-us+f3``; `pitch` 0 to 99.

    Raises ValueError for an unknown voice and for a text without words.
    """
    return _engine().say(text, voice, words_a_minute, pitch)


class Corpus(NamedTuple):
    """A list of utterances, spoken: all `samples` int16 one after another, where each ends, and its phonemes as ``say`` gives them."""

    samples: np.ndarray
    ends: np.ndarray
    phonemes: list[list[tuple[str, int]]]

    def digest(self) -> str:
        """SHA-256 of the samples and of where the utterances end."""
        return hashlib.sha256(self.samples.tobytes() + self.ends.astype(np.int64).tobytes()).hexdigest()


def speak(utterances: list[tuple[str, str, int, int]], rate: int) -> Corpus:
    """Speak utterances (text, voice, words a minute, pitch) in their order, resampled to `rate` samples a second."""
    from math import gcd

    from scipy.signal import resample_poly

    common = gcd(rate, RATE)
    sounds, phonemes = [], []
    for text, voice, words_a_minute, pitch in utterances:
        spoken = say(text, voice, words_a_minute, pitch)
        sound = resample_poly(spoken.samples.astype(np.float64), rate // common, RATE // common)
        sounds.append(np.clip(np.round(sound), -32768, 32767).astype(np.int16))
        phonemes.append([(name, round(sample * rate / RATE)) for name, sample in spoken.phonemes])
    return Corpus(np.concatenate(sounds), np.cumsum([len(sound) for sound in sounds]), phonemes)


def corpus(path: Path) -> tuple[dict[str, Any], Corpus]:
    """The list of utterances in the file `path`, and the list spoken: from the cache, made there at the first call (seconds).

    The file holds ``rate``, ``utterances`` (text, voice, words a minute, pitch) and ``sha256`` of the corpus that the lectures
    were written with; on another processor or system single samples may differ, and then a line says so.

    Raises:
        DataError: the corpus could not be made; the message says why.
    """
    import filelock

    from applied_ds.data import DataError, cache_dir, sha256

    content = json.loads(path.read_text(encoding="utf-8"))
    folder = cache_dir() / "spoken"
    target = folder / f"{sha256(path)[:12]}-{path.stem}.npz"
    if not target.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / ".lock"):
            if not target.is_file():  # another process may have made it while this one waited
                command = [sys.executable, "-m", "applied_ds.speech", str(path), str(target)]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    said = done.stderr.strip().splitlines()
                    raise DataError(
                        f"the corpus {path.stem} could not be spoken by eSpeak NG: {said[-1] if said else 'no reason given'}"
                    )
    with np.load(target) as kept:
        phonemes = [[(name, first) for name, first in each] for each in json.loads(str(kept["phonemes"]))]
        made = Corpus(kept["samples"], kept["ends"], phonemes)
        same = str(kept["digest"]) == content["sha256"]
    if not same:
        print(
            f"{path.stem}: spoken on this system with other samples than the course's; figures can differ a little"
        )
    return content, made


def main(source: Path, target: Path) -> None:
    """Speak the list in `source` and write the corpus to `target`, whole or not at all."""
    from applied_ds.data import whole_file

    content = json.loads(source.read_text(encoding="utf-8"))
    made = speak(content["utterances"], content["rate"])
    file = io.BytesIO()
    np.savez(
        file,
        samples=made.samples,
        ends=made.ends,
        phonemes=np.array(json.dumps(made.phonemes)),
        digest=np.array(made.digest()),
    )
    with whole_file(target) as part:
        part.write_bytes(file.getvalue())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
