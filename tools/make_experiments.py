"""Keep two randomised experiments: ``python -m tools.make_experiments`` writes ``data/hiv_results.parquet`` and
``data/job_training.parquet`` with their cards.

Both come from the source package causaldata, fetched by pip with its hash checked; nothing of it is installed or imported.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import tempfile
from pathlib import Path

import pandas as pd

from tools.kept import DATA, fetch, write_card, write_whole

COMMAND = "python -m tools.make_experiments"
CAUSALDATA = (
    "causaldata",
    "0.1.5",
    "5604fb84000c6a8ae3e93630b3624e9f2af4f8700e4465ec3586998b3522fd1c",
)
MEMBERS = {
    "thornton_hiv": "add8c0410f44f0561257c0024e768c3036b1183aa58299e47a80a24d17ba4b62",
    "nsw_mixtape": "e4a64e4436c2c178f47d6c82a371d20f1596b82b44862ce24bf13c71ac797339",
}


def tables() -> dict[str, pd.DataFrame]:
    """The tables of the package by name, as they are there."""
    with (
        tempfile.TemporaryDirectory() as folder,
        tarfile.open(fetch(CAUSALDATA, Path(folder), "--no-binary=:all:")) as archive,
    ):
        found = {}
        for name, digest in MEMBERS.items():
            member = archive.extractfile(f"causaldata-{CAUSALDATA[1]}/causaldata/{name}/{name}.dta")
            assert member is not None
            content = member.read()
            if hashlib.sha256(content).hexdigest() != digest:
                raise SystemExit(f"{name}.dta is not the file that was looked at: not used")
            found[name] = pd.read_stata(io.BytesIO(content))
    return found


def write(name: str, table: pd.DataFrame, **card: str) -> None:
    """One table as Parquet, with its card."""
    file = io.BytesIO()
    table.to_parquet(file, index=False, compression="brotli", compression_level=11)
    target = DATA / f"{name}.parquet"
    write_whole(target, file.getvalue())
    shape = f"{len(table):,} lines; columns {', '.join(table.columns)}"
    write_card(target, shape=shape, command=COMMAND, **card)


def main() -> None:
    """Fetch, name the columns, and write both files with their cards."""
    found = tables()
    hiv = found["thornton_hiv"].rename(
        columns={
            "villnum": "village",
            "got": "came",
            "distvct": "distance",
            "tinc": "incentive",
            "any": "any_incentive",
            "hiv2004": "result",
        }
    )
    write(
        "hiv_results",
        hiv[["village", "distance", "age", "any_incentive", "incentive", "came", "result"]],
        summary="An experiment in Malawi: does a small reward bring people to learn the result of their HIV test?",
        units="village: number; distance in kilometres to the centre that tells results; age in years; incentive in US dollars, "
        "drawn by lot; any_incentive and came: 1 yes, 0 no; result: 1 positive, 0 negative, -1 unclear; empty: not known",
        origin="Thornton 2008, doi:10.1257/aer.98.5.1829, as the package causaldata 0.1.5 carries it",
        licence="causaldata is MIT",
    )
    jobs = found["nsw_mixtape"].rename(
        columns={
            "educ": "school",
            "hisp": "hispanic",
            "marr": "married",
            "nodegree": "no_degree",
            "re74": "earned_1974",
            "re75": "earned_1975",
            "re78": "earned_1978",
        }
    )
    columns = ["treat", "age", "school", "black", "hispanic", "married", "no_degree"]
    write(
        "job_training",
        jobs[[*columns, "earned_1974", "earned_1975", "earned_1978"]],
        summary="An experiment in the United States: a job of 9 to 18 months offered by lot, and what people earned later.",
        units="treat: 1 offered a job by lot, 0 not; age and school in years; earned in US dollars of 1982 a year, before "
        "(1974, 1975) and after (1978); the others: 1 yes, 0 no",
        origin="National Supported Work Demonstration: LaLonde 1986, in the sample of Dehejia and Wahba 1999 "
        "(doi:10.1080/01621459.1999.10473858), as the package causaldata 0.1.5 carries it",
        licence="causaldata is MIT",
    )


if __name__ == "__main__":
    main()
