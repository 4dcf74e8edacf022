"""Photograph the graph of a DAG in Airflow's web interface: docs/assets/dag.png.

    .venv/bin/python tools/picture_dag.py

Runs the gallery's stack in a temporary project, triggers the DAG and waits until its run has succeeded. Needs Chromium
(`apt-get install chromium`) and takes a minute or two.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "assets" / "dag.png"
PENSTOCK = Path(sys.executable).with_name("penstock")
DAG = "sales_warehouse"
PATIENCE_MS = 900_000  # on a busy machine


def main() -> None:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        raise SystemExit("error: no Chromium on this machine\nhint: apt-get install chromium")
    with tempfile.TemporaryDirectory(prefix="penstock-picture-") as folder:
        Path(folder).chmod(0o755)  # as root, Postgres runs as another account
        project = Path(folder, "gallery")
        penstock(Path(folder), "init", str(project), "--template", "gallery")
        try:
            penstock(project, "demo")  # it makes the file that the DAG copies
            started = penstock(project, "start")
            address = re.search(r"http://\S+", started)
            if address is None:
                raise SystemExit(f"error: no address in the output of penstock start:\n{started}")
            photograph(browser, address.group())
        finally:
            penstock(project, "reset", "--yes")
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size:,} bytes")


def penstock(directory: Path, *words: str) -> str:
    done = subprocess.run(
        [PENSTOCK, *words],
        cwd=directory,
        env={name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"error: penstock {' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def photograph(browser: str, url: str) -> None:
    with sync_playwright() as playwright:
        # Chromium refuses to run its sandbox as root; it visits this machine's own server only.
        words = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = playwright.chromium.launch(executable_path=browser, args=words)
        page = opened.new_page(viewport={"width": 1200, "height": 760})
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        run_to_success(page, url)
        page.get_by_role("button", name="Show Graph").click()
        expect(page.get_by_test_id("rf__node-dbt")).to_contain_text("success")
        page.wait_for_timeout(2_000)  # the graph moves into its place
        page.screenshot(path=TARGET)
        opened.close()


def run_to_success(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_label("Username").fill("airflow")
    page.locator("input[type=password]").fill("airflow")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Welcome")).to_be_visible()
    page.goto(f"{url}/dags/{DAG}")
    page.get_by_role("button", name="Trigger").first.click()
    page.get_by_test_id("trigger-dag-submit").click()
    expect(page).to_have_url(re.compile("/runs/manual__"))
    badge = page.get_by_test_id("state-badge").first
    expect(badge).to_have_text(re.compile("Success|Failed"))
    if badge.text_content() != "Success":
        raise SystemExit(f"error: the run of {DAG} has failed")


if __name__ == "__main__":
    main()
