"""The stack in a real browser, on Airflow's pages."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from tests.acceptance.stacks import Airflow

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE_MS = 30_000  # the first page makes the api-server import what it shows it with
DBT_MS = 200_000
# The copy's square in the grid, and its bar in the Gantt chart beside it.
COPY = "a[href*='/runs/'][href*='/tasks/copy_sales?']"

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine: apt-get install chromium"),
]


@pytest.fixture
def page() -> Iterator[Page]:
    """A page in a browser without a login; a failing script fails the test."""
    with sync_playwright() as playwright:
        # Chromium refuses to run its sandbox as root; it visits this machine's own server only.
        words = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=BROWSER, args=words)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        failed: list[str] = []
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 500 else None)
        yield page
        browser.close()
        assert failed == []


def log_in(page: Page, password: str) -> None:
    page.get_by_label("Username").fill("airflow")
    page.locator("input[type=password]").fill(password)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.soak
def test_a_wrong_password_stays_out(page: Page, gallery: Airflow) -> None:
    page.goto(gallery.url)
    expect(page).to_have_url(re.compile("/auth/login"))
    log_in(page, "hunter2")
    expect(page.get_by_text("Invalid credentials")).to_be_visible()
    page.goto(f"{gallery.url}/dags")
    expect(page).to_have_url(re.compile("/auth/login"))
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_log_in_trigger_watch_it_turn_green_and_look_at_it(page: Page, gallery: Airflow) -> None:
    page.goto(gallery.url)
    log_in(page, "airflow")
    expect(page.get_by_text("Welcome")).to_be_visible()
    for part in ("MetaDatabase", "Scheduler", "Triggerer", "Dag Processor"):
        expect(page.get_by_text(part, exact=True)).to_be_visible()
    expect(page.get_by_text("Dag Import Error")).to_have_count(0)
    see_every_dag(page, gallery)

    page.goto(f"{gallery.url}/dags/sales_warehouse")
    page.get_by_role("button", name="Trigger").first.click()
    page.get_by_test_id("trigger-dag-submit").click()
    expect(page).to_have_url(re.compile("/runs/manual__"))
    expect(page.get_by_test_id("state-badge").first).to_have_text("Success", timeout=DBT_MS)

    see_grid_and_gantt(page)
    see_graph(page)
    see_log(page)


def see_every_dag(page: Page, gallery: Airflow) -> None:
    files = (gallery.project.root / "dags").rglob("*.py")
    named = {name for file in files for name in re.findall(r'\bDAG\(\s*"(\w+)"', file.read_text())}
    assert {"sales_warehouse", "check_dag", "catchup_on", "catchup_off"} <= named
    page.goto(f"{gallery.url}/dags?limit=100")
    for name in sorted(named):
        expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()


def see_grid_and_gantt(page: Page) -> None:
    page.get_by_role("button", name="Show Gantt").click()
    cell, bar = page.locator(COPY).nth(0), page.locator(COPY).nth(1)
    expect(bar).to_be_visible()
    beside, chart = cell.bounding_box(), bar.bounding_box()
    assert beside is not None
    assert chart is not None
    assert abs(chart["y"] - beside["y"]) < beside["height"]
    assert chart["x"] > beside["x"]
    page.get_by_role("button", name="Show Grid").click()
    expect(page.locator(COPY)).to_have_count(1)
    for task in ("create_raw_sales", "copy_sales", "dbt"):
        expect(page.get_by_test_id(f"task-{task}")).to_be_visible()


def see_graph(page: Page) -> None:
    page.get_by_role("button", name="Show Graph").click()
    nodes = {"create_raw_sales": "SQLExecuteQueryOperator", "copy_sales": "CopyOperator", "dbt": "Task Group"}
    for task, kind in nodes.items():
        node = page.get_by_test_id(f"rf__node-{task}")
        expect(node).to_contain_text(kind)
        expect(node).to_contain_text("success")
    for edge in ("create_raw_sales-copy_sales", "copy_sales-dbt"):
        expect(page.get_by_test_id(f"rf__edge-{edge}")).to_be_attached()
    page.get_by_role("button", name="Show Grid").click()


def see_log(page: Page) -> None:
    page.locator(COPY).click()
    expect(page.get_by_role("link", name="Logs")).to_be_visible()
    account = re.compile(r"2000 read = \d+ loaded \+ \d+ duplicates \+ \d+ rejected")
    expect(page.get_by_text(account)).to_be_visible()
