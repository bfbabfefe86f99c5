"""Data of one's own, a block for each kind of source: files, and what scikit-learn fetches and keeps."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from overshoot.core.domain import RealRange
from overshoot.core.names import lookup
from overshoot.study.late import Late
from overshoot.study.problems.registry import table
from overshoot.study.problems.tables import Table, of_frame, read_arrays, read_parquet, read_text

if TYPE_CHECKING:
    import pandas as pd
    from sklearn import datasets as sk
else:
    pd = Late("pandas")
    sk = Late("sklearn.datasets")


@table(
    "csv",
    "a file of text, one column of it the target: CSV, TSV and the like",
    (".csv", ".tsv", ".txt", ".data"),
)
def _csv(
    path: str,
    header: Literal["auto", "yes", "no"] = "auto",
    separator: str = "auto",
    decimal: Literal["auto", ".", ","] = "auto",
    encoding: str = "auto",
) -> Table:
    return read_text(path, header, separator, decimal, encoding)


@table("parquet", "a Parquet file, one column of it the target", (".parquet", ".pq"))
def _parquet(path: str) -> Table:
    return read_parquet(path)


@table("npz", "NumPy arrays: (n, d) inputs and (n,) targets, each called as in the file", (".npz",))
def _npz(path: str) -> Table:
    return read_arrays(path)


@table("sklearn", "a dataset that scikit-learn fetches once and keeps, such as california_housing")
def _sklearn(fetch: str, cache: str = "") -> Table:
    """cache: scikit-learn's folder of data; its own default where empty."""
    known = {name.removeprefix("fetch_"): name for name in dir(sk) if name.startswith("fetch_")}
    fetcher = getattr(sk, lookup(known, fetch, "scikit-learn fetcher"))
    return _fetched(f"sklearn {fetch}", lambda: fetcher(data_home=cache or None, as_frame=True))


@table("openml", "a dataset of OpenML by its name, fetched once and kept")
def _openml(data: str, version: Annotated[int, RealRange(1)] = 1, cache: str = "") -> Table:
    """cache: scikit-learn's folder of data; its own default where empty."""
    return _fetched(
        f"openml {data}",
        lambda: sk.fetch_openml(data, version=version, data_home=cache or None, as_frame=True, parser="auto"),
    )


def _fetched(source: str, fetch: Callable[[], Any]) -> Table:
    """The frame of inputs and target; ValueError, in one sentence, where it cannot be fetched."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a cache that is fetched anew; where that fails is said below
            frame = fetch().frame
    except OSError as error:  # no network, no such host, no right to write the cache
        reason = getattr(error, "reason", None) or error
        raise ValueError(
            f"{source}: it is not in the cache and cannot be fetched ({reason}): is there a network?"
        ) from None
    except (TypeError, AttributeError):
        raise ValueError(f"{source}: it is not a table of inputs and a target") from None
    if not isinstance(frame, pd.DataFrame):
        raise ValueError(f"{source}: it is not a table of inputs and a target")
    return of_frame(source, frame, "fetched by scikit-learn")
