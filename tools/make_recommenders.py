"""Make the table of lecture 9: models × metrics on films and on a web shop, and what the choice of split does to it.

``python -m tools.make_recommenders`` writes ``data/results/09_recommenders.json`` with its card, in about twenty minutes on one
thread. Every model has the same budget: eight random settings (fewer where there are fewer), compared by nDCG@10 on a second
cut *inside* the training part, again by time; the best one is then trained on the whole training part. Models that depend on a
seed are trained several times, and a person's metric is the mean over the seeds. Only means over people are kept.
"""

from __future__ import annotations

import argparse
import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, vstack

import applied_ds as ads
from tools.kept import write_results

COMMAND = "python -m tools.make_recommenders"
BUDGET = 8
METRICS = ("recall", "ndcg", "map", "hitrate", "novelty")
LICENCE = (
    "CC BY 4.0 (made for this course); means over people of models trained on MovieLens 100K (GroupLens, research use) and "
    "on Online Retail II (UCI, CC BY 4.0)"
)


@dataclass(frozen=True)
class Data:
    """One log of events, cut by time, and a cut inside its training part for tuning."""

    name: str
    threshold: float  # a value from here on is a like
    split: Any
    inner: Any
    events: tuple[np.ndarray, ...]  # users, items, values, when
    content: Callable[[np.ndarray], Any]  # ids of items -> their features


@dataclass(frozen=True)
class Model:
    """A row of the table: how to fit it, what may be tuned, and how many seeds it takes."""

    id: str
    name: str
    fit: Callable[..., Any]  # (data, split, seed, **settings) -> a model with .scores(history)
    space: dict[str, list[Any]] = field(default_factory=dict)
    seeds: int = 1


def load(name: str) -> Data:
    """Films: 70 % of time to train, half of a newcomer's later ratings known. Shop: 80 %, and new items to find."""
    cf, here = ads.lecture("08"), ads.lecture("09")
    if name == "movielens":
        everything = ads.data.movielens_100k()
        table, films = everything.ratings, everything.films
        columns = [table[c].to_numpy() for c in ("user", "item", "rating", "when")]
        threshold, share, known = 4.0, 0.7, 0.5

        def content(items: np.ndarray) -> Any:
            return here.film_content(films.loc[items])

    else:
        table = ads.data.online_retail()
        names = dict(zip(table["item"].astype(str), table["name"], strict=True))
        columns = [table["customer"].to_numpy(), table["item"].astype(str).to_numpy()]
        columns += [np.ones(len(table)), table["when"].to_numpy()]
        threshold, share, known = 1.0, 0.8, 0.0

        def content(items: np.ndarray) -> Any:
            return here.unit_rows(here.trigrams([names[item] for item in items]))

    users, items, values, when = columns
    split = cf.split_by_time(users, items, values, when, share, known)
    early = when < split.cut
    if name == "retail":  # tuned on a quarter of the customers, to save time
        people = np.unique(users)
        few = np.random.default_rng(9).choice(people, len(people) // 4, replace=False)
        early &= np.isin(users, few)
    inner = cf.split_by_time(*(c[early] for c in columns), share, known)
    return Data(name, threshold, split, inner, (users, items, values, when), content)


def models(data: Data) -> list[Model]:
    """The rows for one log; those that need ratings are left out where there are none."""
    cf, here = ads.lecture("08"), ads.lecture("09")
    rated, like = data.name == "movielens", data.threshold

    def plain(kind: Any) -> Callable[..., Any]:
        def fit(data: Data, split: Any, seed: int, **settings: Any) -> Any:
            return kind(threshold=like, **settings).fit(split.train)

        return fit

    def factors(method: str) -> Callable[..., Any]:
        def fit(data: Data, split: Any, seed: int, **settings: Any) -> Any:
            own = {name: settings.pop(name) for name in ("factors", "strength")}
            return getattr(cf.LatentFactorModel(**own, seed=seed), method)(split.train, **settings)

        return fit

    def implicit(data: Data, split: Any, seed: int, **settings: Any) -> Any:
        return cf.ImplicitALS(compiled=True, seed=seed, **settings).fit(split.train)

    def two_towers(loss: str) -> Callable[..., Any]:
        def fit(data: Data, split: Any, seed: int, d: int, **settings: Any) -> Any:
            model = here.DSSM(data.content(split.items), d=d, threshold=like, seed=seed)
            return here.train_dssm(model, split.train, loss=loss, **settings)

        return fit

    def neural(kind: Any) -> Callable[..., Any]:
        def fit(data: Data, split: Any, seed: int, **settings: Any) -> Any:
            return kind(threshold=like, seed=seed, **settings).fit(split.train)

        return fit

    size: dict[str, list[Any]] = {"factors": [8, 16, 32], "strength": [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]}
    towers: dict[str, list[Any]] = {"d": [32, 64], "rate": [0.005, 0.01, 0.02], "steps": [150, 300]}
    pairs: dict[str, list[Any]] = {
        "d": [16, 32, 64] if rated else [16, 32],
        "penalty": [0.0003, 0.001, 0.003, 0.01, 0.03],
        "epochs": [10, 20, 40] if rated else [10, 20],
        "fold_epochs": [10 if rated else 5],
        "rate": [0.003, 0.01],
    }
    nearest: dict[str, list[Any]] = {"neighbours": [None, 20, 50, 100, 200]}
    if rated:
        nearest |= {"similarity": ["cosine", "pearson"], "pool": ["sum", "max"], "min_common": [5, 20]}
    many = 5 if rated else 3
    rows = [
        Model("popularity", "popularity", plain(cf.Popularity)),
        Model(
            "user",
            "user-based",
            plain(cf.UserBased),
            {"neighbours": [20, 50, 100, 200], "shrinkage": [0.0, 10.0, 50.0], "weighted": [True, False]},
        ),
        Model("item", "item-based", plain(cf.ItemBased), nearest),
        Model(
            "lfm_sgd",
            "LFM, SGD",
            factors("fit_sgd"),
            size | {"rate": [0.01, 0.02], "epochs": [20, 40]},
            3,
        ),
        Model("lfm_als", "LFM, ALS", factors("fit_als"), size | {"sweeps": [5, 10, 20]}, 3),
        Model(
            "ials",
            "iALS",
            implicit,
            {
                "factors": [16, 32, 64],
                "strength": [1.0, 3.0, 10.0, 30.0, 100.0],
                "alpha": [1.0, 3.0, 10.0, 30.0],
                "threshold": [like, None],
            },
            3,
        ),
        Model(
            "ease",
            "EASE",
            plain(cf.Ease),
            {"strength": [30.0, 100.0, 200.0, 400.0, 700.0, 1000.0, 2000.0, 4000.0]},
        ),
        Model("dssm", "DSSM, triplets", two_towers("triplet"), towers | {"margin": [0.1, 0.2, 0.4]}, 3),
        Model(
            "dssm_softmax",
            "DSSM, corrected softmax",
            two_towers("corrected"),
            towers | {"temperature": [0.05, 0.1, 0.2]},
            3,
        ),
        Model("ncf", "NCF", neural(here.NCF), pairs | {"hidden": [(32, 16), (64, 32), (64, 32, 16)]}, many),
        Model("dot", "dot product", neural(here.DotProduct), pairs, many),
    ]
    return [row for row in rows if rated or row.id not in ("user", "lfm_sgd", "lfm_als")]


def some(space: dict[str, list[Any]], seed: int) -> list[dict[str, Any]]:
    """At most BUDGET different random settings of a space."""
    everything = [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]
    return random.Random(seed).sample(everything, min(BUDGET, len(everything)))


def measure(data: Data, split: Any, model: Any) -> dict[str, np.ndarray]:
    """Metrics of every test person."""
    found: dict[str, np.ndarray] = ads.lecture("09").quality_per_user(
        model.scores(split.history), split, data.threshold
    )
    return found


def row_of(data: Data, model: Model) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Tune, train, measure: the row without intervals, and the metrics of every person."""
    start = time.process_time()
    best, tried = -1.0, some(model.space, 9)
    settings = tried[0]
    for setting in tried if len(tried) > 1 else []:
        quality = measure(data, data.inner, model.fit(data, data.inner, 0, **setting))
        mean = float(np.nanmean(quality["ndcg"]))
        print(
            f"  {data.name} {model.id} {setting}: {mean:.4f}, {time.process_time() - start:.0f} s", flush=True
        )
        if mean > best:
            best, settings = mean, setting
    tuned = time.process_time()
    runs = [
        measure(data, data.split, model.fit(data, data.split, seed, **settings))
        for seed in range(model.seeds)
    ]
    trained = time.process_time()
    people = {name: np.mean([run[name] for run in runs], axis=0) for name in METRICS}
    n = data.split.train.shape[1]
    relevant = ~np.isnan(people["ndcg"])
    row = {
        "data": data.name,
        "id": model.id,
        "name": model.name,
        "settings": settings,
        "tried": len(tried),
        "ndcg_validation": round(best, 4) if best >= 0 else None,
        "ndcg_seeds": [round(float(np.nanmean(run["ndcg"])), 4) for run in runs],
        "coverage": round(float(np.mean([len(np.unique(run["lists"][relevant])) / n for run in runs])), 4),
        "seconds_tuning": round(tuned - start, 1),
        "seconds_training": round((trained - tuned) / model.seeds, 1),
    }
    print(data.name, model.name, row["ndcg_seeds"], settings, f"{trained - start:.0f} s", flush=True)
    return row, people


def interval(values: np.ndarray) -> list[float]:
    """Mean over people and the ends of its 95 % bootstrap interval."""
    return [round(x, 4) for x in ads.lecture("09").bootstrap_interval(values)]


def table(data: Data) -> list[dict[str, Any]]:
    """All rows for one log, with intervals and paired differences."""
    found = [row_of(data, model) for model in models(data)]
    by_id = {row["id"]: people for row, people in found}
    best = max(by_id, key=lambda id: float(np.nanmean(by_id[id]["ndcg"])))
    rows = []
    for row, people in found:
        row |= {name: interval(people[name]) for name in METRICS}
        for other in ("popularity", best, "dot"):
            key = "best" if other == best else other
            row[f"minus_{key}"] = {
                name: interval(people[name] - by_id[other][name]) for name in ("recall", "ndcg")
            }
        rows.append(row | {"best": row["id"] == best})
    return rows


def splits(data: Data, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same tuned models under three ways to split: by time, by each person's events, at random."""
    cf = ads.lecture("08")
    split = data.split
    others = ~np.isin(split.train_users, split.test_users)
    own_end = csr_matrix(vstack([split.train[others], split.history]))
    users, items, values, _ = data.events
    known = np.isin(items, split.items)
    users, items, values = users[known], items[known], values[known]
    people, row = np.unique(users, return_inverse=True)
    column = np.searchsorted(split.items, items)
    hidden = np.random.default_rng(9).random(len(row)) < 0.3
    shape = (len(people), len(split.items))
    train, targets = (cf.count_matrix(row[w], column[w], values[w], shape) for w in (~hidden, hidden))
    both = (np.diff(train.indptr) > 0) & (np.diff(targets.indptr) > 0)
    cut: Any = cf.Split(train, train[both], targets[both], people, people[both], split.items, None)
    three = {
        "time": split,
        "events": cf.Split(own_end, split.history, split.targets, None, split.test_users, split.items, None),
        "random": cut,
    }
    settings = {row["id"]: row["settings"] for row in rows}
    found = []
    for model in models(data):
        if model.id in ("popularity", "item", "ials", "ease"):
            for name, one in three.items():
                quality = measure(data, one, model.fit(data, one, 0, **settings[model.id]))
                means = {metric: interval(quality[metric]) for metric in ("recall", "ndcg")}
                users_measured = int((~np.isnan(quality["ndcg"])).sum())
                found.append(
                    {"id": model.id, "name": model.name, "split": name, "users": users_measured} | means
                )
    return found


def describe(data: Data) -> dict[str, Any]:
    """Sizes of a log and of its split."""
    split, cf = data.split, ads.lecture("08")
    relevant = cf.positive(split.targets, data.threshold)
    return {
        "train_users": split.train.shape[0],
        "items": split.train.shape[1],
        "train_pairs": int(split.train.nnz),
        "test_users": split.history.shape[0],
        "test_users_new": int((~np.isin(split.test_users, split.train_users)).sum()),
        "test_users_measured": int((relevant.getnnz(axis=1) > 0).sum()),
        "relevant": int(relevant.nnz),
    }


def main() -> None:
    """Make the table."""
    argparse.ArgumentParser(prog=COMMAND, description=__doc__).parse_args()
    ads.setup(9, torch=True)
    start = time.process_time()
    result: dict[str, Any] = {"k": 10, "budget": BUDGET, "data": {}, "rows": []}
    for name in ("movielens", "retail"):
        data = load(name)
        result["data"][name] = describe(data)
        print(name, result["data"][name], flush=True)
        rows = table(data)
        result["rows"] += rows
        if name == "movielens":
            result["splits"] = splits(data, rows)
    result["seconds"] = round(time.process_time() - start)
    write_results(
        "09_recommenders",
        result,
        summary=f"Quality of {len({row['id'] for row in result['rows']})} recommenders on two logs, for lecture 9.",
        shape=f"{len(result['rows'])} rows, each a model on a log with its tuned settings and metrics; sizes of the logs; "
        f"{len(result['splits'])} rows on the choice of split",
        units="recall, nDCG, average precision, hit rate and novelty (bits) of the first 10 items: mean over people and the ends "
        "of its 95 % bootstrap interval; coverage: share of the catalogue; times in seconds of one thread",
        origin="models exported by lectures 8 and 9, tuned and measured on splits by time",
        licence=LICENCE,
        command=COMMAND,
    )


if __name__ == "__main__":
    main()
