"""The dbt project on a real warehouse: type-2 history, facts, and incremental builds that are right."""

import json
from pathlib import Path

import pytest
from tests.databases import Query
from tests.integration.sales.conftest import copy_sales, dbt

from penstock_sandbox.sales import SalesTruth, write_sales

pytestmark = pytest.mark.timeout(300)

TABLES = (
    "marts.dim_products",
    "marts.dim_brands",
    "marts.dim_categories",
    "marts.dim_retailers",
    "marts.dim_dates",
    "marts.fct_sales",
    "gold.year_month_product_sales",
)

# Late sales that rename a product earlier and a brand later, corrections, moves within and across months, deletions.
LATE = """
insert into raw.sales
select sale_id + 9000000, product_id, 'Old ' || product_name, brand, category, retailer_id, retailer_name || ' & Sons',
    channel, location, quantity, price, '2013-02-03'
from raw.sales where sale_id between 2000 and 2003;
insert into raw.sales
select sale_id + 9100000, product_id, product_name, upper(brand), upper(category), retailer_id, retailer_name, channel,
    location, quantity, price, '2013-03-02'
from raw.sales where sale_id between 3000 and 3003;
update raw.sales set quantity = quantity + 1, price = price + 1 where sale_id between 100 and 200;
update raw.sales set date = '2013-03-05' where sale_id between 400 and 450;
update raw.sales set date = '2013-02-27', product_name = 'Moved' where sale_id between 500 and 510;
update raw.sales set product_id = 6 where sale_id between 600 and 605;
delete from raw.sales where product_id = 5;
delete from raw.sales where sale_id between 1000 and 1100;
"""


@pytest.fixture
def loaded(gallery: Path, tmp_path: Path, query: Query) -> SalesTruth:
    query((gallery / "dags" / "sales" / "create_raw_sales.sql").read_text())
    path = tmp_path / "sales.csv"
    truth = write_sales(path, rows=8_000)
    copy_sales(path)
    return truth


def contents(query: Query) -> dict[str, list[tuple[object, ...]]]:
    return {table: query(f"select * from {table} as t order by t::text") for table in TABLES}


def build(gallery: Path, *words: str) -> None:
    done = dbt(gallery, "build", *words)
    assert done.returncode == 0, done.stdout


def test_the_star_schema_holds_what_the_generator_knows(
    gallery: Path, loaded: SalesTruth, query: Query
) -> None:
    build(gallery)
    assert query("select count(*), sum(quantity), sum(price) from marts.fct_sales") == [
        (loaded.loaded, loaded.quantity, loaded.revenue)
    ]
    assert query("select sum(sales), sum(quantity), sum(revenue) from gold.year_month_product_sales") == [
        (loaded.loaded, loaded.quantity, loaded.revenue)
    ]
    assert {
        dimension: query(f"select count(*) from marts.{dimension}")[0][0] for dimension in loaded.versions
    } == loaded.versions


def test_a_rename_closes_the_version_before_it(gallery: Path, loaded: SalesTruth, query: Query) -> None:
    build(gallery)
    first, second = query("""
        select product_name, valid_to, is_current, valid_from from marts.dim_products as versions
        where product_id = (select min(product_id) from marts.dim_products where product_name like 'New %')
        order by valid_from
    """)
    assert second[0] == f"New {first[0]}"
    assert (first[1], first[2]) == (second[3], False)
    assert (second[1], second[2]) == (None, True)
    # A sale before the rename keeps the name it was made under.
    names = query(f"""
        select distinct sales.date < '{first[1]}', versions.product_name
        from marts.fct_sales as facts
        join raw.sales as sales using (sale_id)
        join marts.dim_products as versions using (product_key)
        where versions.product_name in ('{first[0]}', '{second[0]}')
    """)
    assert set(names) == {(True, first[0]), (False, second[0])}


@pytest.mark.soak
def test_incremental_builds_equal_a_full_refresh(gallery: Path, loaded: SalesTruth, query: Query) -> None:
    build(gallery)
    before = contents(query)
    query(
        "create table raw.sales_2013_03 partition of raw.sales for values from ('2013-03-01') to ('2013-04-01')"
    )
    query(LATE)
    query("create table untouched as select sale_id, xmin::text as version from marts.fct_sales")
    build(gallery)
    incremental = contents(query)
    kept = query("""
        select count(*) from untouched join marts.fct_sales as facts using (sale_id)
        where untouched.version = facts.xmin::text
    """)
    assert kept[0][0] > loaded.loaded // 2, "rows that did not change were written again"
    build(gallery, "--full-refresh")
    assert incremental == contents(query)
    assert all(incremental[table] != before[table] for table in TABLES if table != "marts.dim_dates")


@pytest.mark.soak
def test_tests_find_damage(gallery: Path, loaded: SalesTruth, query: Query) -> None:
    build(gallery)
    query("""
        update marts.dim_products set valid_to = valid_to + 1 where valid_to is not null;
        update marts.dim_retailers set is_current = true;
        update marts.fct_sales set product_key = gen_random_uuid() where sale_id = 200;
        update marts.fct_sales set channel = 'Phone' where sale_id = 201;
        delete from marts.fct_sales where sale_id = 202;
        delete from gold.year_month_product_sales where product_id = 6;
    """)
    done = dbt(gallery, "test")
    failed = " ".join(line for line in done.stdout.splitlines() if "FAIL" in line)
    assert done.returncode == 1
    for test in (
        "no_overlapping_validity_dim_products",
        "one_current_version_dim_retailers",
        "every_sale_has_one_product_version",
        "accepted_values_fct_sales_channel",
        "fct_sales_totals_agree_with_staging",
        "gold_totals_agree_with_staging",
    ):
        assert test in failed


def test_every_column_and_model_is_described_typed_and_tested(gallery: Path) -> None:
    assert dbt(gallery, "parse").returncode == 0
    manifest = json.loads((gallery.parent / "dbt-target" / "manifest.json").read_text())
    models = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    tested = {
        parent
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        for parent in node["depends_on"]["nodes"]
    }
    assert len(models) == 8
    for key, model in models.items():
        assert key in tested
        assert model["description"]
        assert model["contract"]["enforced"]
        assert all(column["description"] and column["data_type"] for column in model["columns"].values())
