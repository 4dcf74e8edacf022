import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_sandbox.sales import DIRT, HEADER, SalesTruth, write_sales

ROWS = 5_000


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SalesTruth]:
    path = tmp_path_factory.mktemp("sales") / "sales.csv"
    return path, write_sales(path, rows=ROWS)


@pytest.fixture(scope="module")
def rows(written: tuple[Path, SalesTruth]) -> list[list[str]]:
    """All rows as a reader that knows nothing of the generator sees them."""
    with written[0].open(encoding="utf-8", errors="replace", newline="") as file:
        return list(csv.reader(file))[1:]


def whole(rows: list[list[str]]) -> Iterator[dict[str, str]]:
    return (dict(zip(HEADER, row, strict=True)) for row in rows if len(row) == len(HEADER))


def test_header_is_the_documented_one(written: tuple[Path, SalesTruth]) -> None:
    first = written[0].read_text(encoding="utf-8", errors="replace").splitlines()[0]
    assert first == (
        "SaleID,ProductID,ProductName,Brand,Category,RetailerID,RetailerName,Channel,Location,Quantity,Price,Date"
    )


def test_the_account_covers_every_row(written: tuple[Path, SalesTruth], rows: list[list[str]]) -> None:
    truth = written[1]
    assert truth.rows == len(rows) == ROWS
    assert truth.rows == truth.loaded + truth.duplicates + truth.rejected
    assert truth.rejected == sum(truth.rejects.values())


def test_every_kind_of_dirt_is_there(written: tuple[Path, SalesTruth]) -> None:
    kinds = written[1].kinds
    assert set(DIRT) < set(kinds)
    assert all(count > 0 for count in kinds.values())


def test_kinds_are_counted_as_the_file_shows_them(
    written: tuple[Path, SalesTruth], rows: list[list[str]]
) -> None:
    truth, seen = written[1], list(whole(rows))
    assert sum(len(row) != len(HEADER) for row in rows) == truth.kinds["ragged"]
    assert (
        sum(row["Date"] in ("2013-02-30", "2013-13-01", "2013-02-29") for row in seen)
        == (truth.kinds["impossible_date"])
    )
    assert sum(row["Date"].strip() in ("", "None") for row in seen) == truth.kinds["missing_date"]
    assert (
        sum(row["Channel"] in ("Phone", "online", "Catalogue") for row in seen)
        == truth.kinds["unknown_channel"]
    )
    assert sum("�" in row["RetailerName"] for row in seen) == truth.kinds["bad_bytes"]
    repeated = Counter(map(tuple, rows))
    assert sum(count - 1 for count in repeated.values()) >= truth.duplicates


def test_good_rows_hold_what_trips_a_careless_reader(rows: list[list[str]]) -> None:
    seen = list(whole(rows))
    assert any("\n" in row["Location"] for row in seen)
    assert any("," in row["Brand"] for row in seen)
    assert any('"' in row["ProductName"] for row in seen)
    assert any(row["Location"] == "Cañon City" for row in seen)
    assert any(row["ProductID"].isdigit() and int(row["ProductID"]) > 32_767 for row in seen)
    names = {(row["ProductID"], row["ProductName"]) for row in seen if row["ProductName"].strip()}
    assert any((product, f"New {name}") in names for product, name in names)


def test_equal_seeds_give_equal_bytes(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in "abc")
    assert write_sales(first, rows=600, seed=1) == write_sales(second, rows=600, seed=1)
    write_sales(third, rows=600, seed=2)
    assert first.read_bytes() == second.read_bytes() != third.read_bytes()


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("before")

    def refuse(self: Path, target: Path) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        write_sales(path, rows=500)
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["sales.csv"]


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 500"):
        write_sales(tmp_path / "sales.csv", rows=10)
