"""What is asked: placeholders, rows from everywhere, every kind of page, caching, and parameters that grow."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.databases import Query
from tests.integration.apis.conftest import Plan, cities
from tests.integration.apis.service import KEY, Asked, Say, Service, weather

import penstock
from penstock.model.errors import PenstockError, UsageError

RECORDS = [{"id": number} for number in range(25)]


def page(asked: Asked) -> Say:
    size = int(asked.query.get("size", 10))
    first = (int(asked.query.get("page", 1)) - 1) * size
    return Say({"list": RECORDS[first : first + size]})


def offset(asked: Asked) -> Say:
    first = int(asked.query["skip"])
    return Say({"list": RECORDS[first : first + 10]})


def cursor(asked: Asked) -> Say:
    first = int(asked.query.get("after", 0))
    following = str(first + 10) if first + 10 < len(RECORDS) else None
    return Say({"list": RECORDS[first : first + 10], "meta": {"next": following}})


def link(asked: Asked) -> Say:
    first = int(asked.query.get("from", 0))
    more = f'<{asked.path}?from={first + 10}&appid={KEY}>; rel="next", </>; rel="start"'
    headers = {"Link": more} if first + 10 < len(RECORDS) else {}
    return Say({"list": RECORDS[first : first + 10]}, headers=headers)


def next_url(asked: Asked) -> Say:
    first = int(asked.query.get("from", 0))
    host = asked.headers["host"]
    more = {"next_url": f"http://{host}{asked.path}?from={first + 10}&appid={KEY}"}
    return Say({"list": RECORDS[first : first + 10], **(more if first + 10 < len(RECORDS) else {})})


PAGES: list[tuple[dict[str, Any], Callable[[Asked], Say], int]] = [
    ({"by": "page", "parameter": "page"}, page, 4),
    ({"by": "page", "parameter": "page", "size": 10, "size_parameter": "size"}, page, 3),
    ({"by": "offset", "parameter": "skip", "size": 10}, offset, 3),
    ({"by": "offset", "parameter": "skip"}, offset, 4),
    ({"by": "cursor", "parameter": "after", "path": "meta.next"}, cursor, 3),
    ({"by": "link"}, link, 3),
    ({"by": "next_url", "path": "next_url"}, next_url, 3),
]
KINDS = ["page", "page of a size", "offset of a size", "offset", "cursor", "link", "next_url"]


@pytest.mark.parametrize(("pages", "behave", "calls"), PAGES, ids=KINDS)
def test_pages(
    service: Service, lake: Path, plan: Plan, query: Query, pages: Any, behave: Any, calls: int
) -> None:
    service.behave = behave
    long = plan(parameters={}, records="list", columns={"id": "id"}, pages=pages)
    assert penstock.land(long, "lake:list").calls == calls
    assert all(asked.query["appid"] == KEY for asked in service.asked)
    assert penstock.copy("lake:list", "warehouse:list").loaded == 25
    assert query("SELECT count(DISTINCT id) FROM list") == [(25,)]


@pytest.mark.parametrize(("pages", "behave", "calls"), PAGES, ids=KINDS)
def test_a_long_answer_goes_on_where_it_was_broken_off(
    service: Service, lake: Path, plan: Plan, pages: Any, behave: Any, calls: int
) -> None:
    service.behave = lambda asked: Say(status=503) if asked.number >= 2 else behave(asked)
    once = {"attempts": 1}
    long = plan(parameters={}, records="list", columns={"id": "id"}, pages=pages, retries=once)
    with pytest.raises(PenstockError, match="1 of 1 request has"):
        penstock.land(long, "lake:list")
    service.behave = behave
    service.asked.clear()
    assert penstock.land(long, "lake:list").answers == calls
    assert len(service.asked) == calls - 2


def odata(asked: Asked) -> Say:
    first = int(asked.query.get("from", 0))
    more = {"@odata.nextLink": f"{asked.path}?from={first + 10}"} if first + 10 < len(RECORDS) else {}
    return Say({"list": RECORDS[first : first + 10], "a.b": {"next.link": more.get("@odata.nextLink")}})


@pytest.mark.parametrize("path", ["@odata.nextLink", "['@odata.nextLink']", "['a.b']['next.link']"])
def test_a_name_that_holds_dots(service: Service, lake: Path, plan: Plan, path: str) -> None:
    def behave(asked: Asked) -> Say:
        said = odata(asked)
        following = said.body["a.b"]["next.link"]
        return Say(said.body | ({"@odata.nextLink": following} if following else {}))

    service.behave = behave
    result = penstock.land(plan(parameters={}, pages={"by": "next_url", "path": path}), "lake:list")
    assert (result.answers, result.remark()) == (3, None)


def test_a_path_that_no_answer_holds_is_said(service: Service, lake: Path, plan: Plan) -> None:
    service.behave = next_url
    typo = plan(parameters={}, records="list", columns={"id": "id"}, pages={"by": "next_url", "path": "nxt"})
    result = penstock.land(typo, "lake:list")
    assert (result.answers, result.remark()) == (
        1,
        "only first pages: no answer holds 'nxt', the plan's path of the next page",
    )


@pytest.mark.parametrize("by", ["page", "offset"])
def test_an_api_that_ignores_the_page_is_not_asked_without_end(
    service: Service, lake: Path, plan: Plan, by: str
) -> None:
    service.behave = lambda asked: Say({"list": RECORDS[:10], "asked": asked.number})
    pages = {"by": by, "parameter": "page"}
    with pytest.raises(PenstockError, match="has the records of the page before it: the API ignores page"):
        penstock.land(plan(parameters={}, records="list", columns={"id": "id"}, pages=pages), "lake:list")
    assert len(service.asked) == 2


def test_an_error_in_an_answer_that_succeeds(service: Service, lake: Path, plan: Plan) -> None:
    limited = {"error": {"code": 17, "message": "quota"}}
    service.behave = lambda asked: Say({"error": None} if asked.query["id"] == "1" else limited)
    with pytest.raises(PenstockError, match="1 of 2 requests has no answer: 1 x status 200 with an error"):
        penstock.land(plan(error="error"), "lake:list", rows=cities(2))
    service.behave = lambda asked: Say({"error": {}})
    assert penstock.land(plan(error="error"), "lake:list", rows=cities(2)).answered == 2
    assert len(service.asked) == 3


def test_a_page_that_names_itself_is_no_endless_list(service: Service, lake: Path, plan: Plan) -> None:
    service.behave = lambda asked: Say({"next_url": "/weather?from=1"})
    with pytest.raises(PenstockError, match="names itself as the next page"):
        penstock.land(plan(parameters={}, pages={"by": "next_url", "path": "next_url"}), "lake:list")
    assert len(service.asked) == 2


def test_rows_of_a_product_a_file_and_a_query(
    service: Service, lake: Path, plan: Plan, query: Query, tmp_path: Path
) -> None:
    product = {"product": {"ticker": ["A/B", "C"], "day": ["2013-02-01", "2013-02-04"]}}
    prices = plan(source="api:/v1/{ticker}/{day}", each=product, parameters={"adjusted": "true"})
    penstock.land(prices, "lake:prices")
    assert {asked.path for asked in service.asked} == {
        f"/v1/{ticker}/2013-02-0{day}" for ticker in ("A%2FB", "C") for day in (1, 4)
    }
    service.asked.clear()
    (tmp_path / "rows.csv").write_text("id,name\n1,Zürich\n2,x y\n1,Zürich\n")
    (tmp_path / "plan.yaml").write_text(
        "source: api:/weather\nauth: {query: appid}\nparameters: {id: '{id}', q: '{name}', at: '{at}'}\n"
        "headers: {X-Name: 'n{id}'}\neach: {file: rows.csv}\n"
    )
    assert penstock.land(tmp_path / "plan.yaml", "lake:file", values={"at": 7}).requests == 2
    (one,) = [asked for asked in service.asked if asked.query["id"] == "1"]
    assert one.query == {"id": "1", "q": "Zürich", "at": "7", "appid": KEY}
    assert one.headers["x-name"] == "n1"
    service.asked.clear()
    query("CREATE TABLE cities AS SELECT n AS id FROM generate_series(1, 5) AS n")
    penstock.land(plan(each={"query": "SELECT id FROM cities WHERE id > 2"}), "lake:query")
    assert sorted(asked.query["id"] for asked in service.asked) == ["3", "4", "5"]


def test_a_placeholder_without_a_value(service: Service, lake: Path, plan: Plan) -> None:
    with pytest.raises(UsageError, match="unknown placeholder 'lat'"):
        penstock.land(plan(parameters={"lat": "{lat}"}), "lake:weather", rows=cities(2))
    assert not service.asked


def test_an_answer_that_is_still_good_is_not_asked_for(service: Service, lake: Path, plan: Plan) -> None:
    service.behave = lambda asked: Say(weather(asked).body, headers={"Cache-Control": "max-age=3600"})
    penstock.land(plan(), "lake:weather", rows=cities(4), label="10:00")
    second = penstock.land(plan(), "lake:weather", rows=cities(6), label="11:00")
    assert (second.requests, second.fresh, second.answered, second.calls) == (6, 4, 2, 2)
    assert penstock.land(plan(cache=False), "lake:weather", rows=cities(4), label="12:00").calls == 4
    assert penstock.land(plan(), "lake:weather", rows=cities(4), label="10:00", again=True).calls == 4
    assert penstock.land(plan(), "lake:elsewhere", rows=cities(4)).calls == 4


@pytest.mark.parametrize(
    ("validator", "question"),
    [
        ({"ETag": '"v1"'}, "if-none-match"),
        ({"Last-Modified": "Fri, 01 Feb 2013 10:00:00 GMT"}, "if-modified-since"),
    ],
)
def test_an_answer_is_asked_for_only_if_it_changed(
    service: Service, lake: Path, plan: Plan, query: Query, validator: dict[str, str], question: str
) -> None:
    def behave(asked: Asked) -> Say:
        unchanged = question in asked.headers and asked.query["id"] != "2"
        return (
            Say(status=304, headers=validator) if unchanged else Say(weather(asked).body, headers=validator)
        )

    service.behave = behave
    penstock.land(plan(), "lake:weather", rows=cities(4), label="10:00")
    for hour in ("11:00", "12:00"):
        later = penstock.land(plan(), "lake:weather", rows=cities(4), label=hour)
        assert (later.answers, later.unchanged) == (4, 3)
    assert all(asked.headers[question] == next(iter(validator.values())) for asked in service.asked[4:])
    assert penstock.copy("lake:weather", "warehouse:weather").read == 4 + 1 + 1


def test_what_was_pruned_is_asked_for_again(service: Service, lake: Path, plan: Plan) -> None:
    from penstock.lookup.stores import open_lake
    from penstock.rest.lake.listing import landings, remove

    service.behave = lambda asked: Say(weather(asked).body, headers={"Cache-Control": "max-age=3600"})
    penstock.land(plan(), "lake:weather", rows=cities(4), label="10:00")
    remove(open_lake(), list(landings(open_lake())))
    assert penstock.land(plan(), "lake:weather", rows=cities(4), label="11:00").calls == 4


def test_a_parameter_that_grows(service: Service, lake: Path, plan: Plan) -> None:
    def changes(asked: Asked) -> Say:
        since = int(asked.query["since"])
        return Say({"list": [{"id": one, "changed": one} for one in range(since + 1, since + 12)]})

    service.behave = changes
    growing = plan(
        records="list",
        columns={"id": "id"},
        since={"parameter": "since", "path": "changed", "start": "0"},
    )
    for label in ("a", "b", "b", "c"):
        penstock.land(growing, "lake:changes", label=label)
    assert [asked.query["since"] for asked in service.asked] == ["0", "11", "22"]


def test_without_a_label_an_unfinished_landing_is_gone_on_with(
    service: Service, lake: Path, plan: Plan
) -> None:
    service.behave = lambda asked: Say(status=401) if asked.number >= 10 else weather(asked)
    with pytest.raises(PenstockError):
        penstock.land(plan(concurrency=1), "lake:weather", rows=cities(20))
    penstock.land(plan(), "lake:weather", rows=cities(0), label="another", allow_empty=True)
    service.behave = weather
    whole = penstock.land(plan(), "lake:weather", rows=cities(20))
    assert (whole.landed_before, whole.calls) == (10, 10)
    assert penstock.land(plan(), "lake:weather", rows=cities(20)).calls == 20
    assert not list((lake / "weather" / "_open").glob("*"))


def test_a_second_process_is_kept_out(service: Service, lake: Path, plan: Plan) -> None:
    def again(asked: Asked) -> Say:
        with pytest.raises(PenstockError, match="another process is landing"):
            penstock.land(plan(), "lake:weather", rows=cities(1), label="x")
        penstock.land(plan(source="api:/other"), "lake:weather", rows=cities(0), label="x", allow_empty=True)
        return weather(asked)

    service.behave = again
    assert penstock.land(plan(), "lake:weather", rows=cities(1), label="x").answers == 1


def test_every_byte_is_kept_but_the_key(service: Service, lake: Path, plan: Plan) -> None:
    from penstock.cli.main import main

    body = json.dumps({"id": 1, "note": "  spaced  ", "you_sent": KEY}, indent=3).encode()
    service.behave = lambda asked: Say(body, headers={"X-Echo": KEY, "Set-Cookie": "a=b"})
    penstock.land(plan(), "lake:weather", rows=cities(1))
    from penstock.lookup.stores import open_lake
    from penstock.rest.lake.listing import answers, landings
    from penstock.rest.lake.listing import body as bodies

    (landing,) = landings(open_lake())
    (kept,) = bodies(open_lake(), landing.key, "id=0")
    assert kept == body.replace(KEY.encode(), b"***")
    (answer,) = answers(open_lake(), landing.key, limit=5)
    assert json.loads(answer["headers"])["x-echo"] == "***"
    assert "set-cookie" not in json.loads(answer["headers"])
    assert main(["lake", "list", "--json"]) == 0
