"""Every example in a docstring is run, and prints what the docstring says.

The examples run in a project with real servers: `source` and `warehouse` hold a table `product`, `source` also holds a
schema `shop`, and the API connection `openweathermap` leads to the sandbox. Each module starts in a directory of its
own with a file `sales.csv`.
"""

from __future__ import annotations

import doctest
import importlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import RUN_DIR, _remove, make_project

import penstock
from penstock.postgres.connect import connect
from penstock.project import Project
from penstock.stack import ensure

SOURCE = Path(penstock.__file__).parents[1]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
ENVIRONMENT = """
connections:
  openweathermap: {type: http, same_as: sandbox, password: sandbox-weather-paid}
"""
finder = doctest.DocTestFinder()
SALES = "sale_id,price\n1,2.50\n2,3.00\n3,0.99\n"
SHOP = """
CREATE SCHEMA shop;
CREATE TABLE shop.customer (id int PRIMARY KEY);
CREATE TABLE shop.sale (id int PRIMARY KEY, customer int REFERENCES shop.customer);
INSERT INTO shop.customer VALUES (1);
INSERT INTO shop.sale VALUES (1, 1), (2, 1);
"""


def modules() -> list[str]:
    """The modules whose text holds a prompt; nothing is imported to find them."""
    paths = [path for path in SOURCE.glob("penstock*/**/*.py") if ">>> " in path.read_text(encoding="utf-8")]
    names = [".".join(path.relative_to(SOURCE).with_suffix("").parts) for path in sorted(paths)]
    return [name.removesuffix(".__init__") for name in names]


@pytest.fixture(scope="module")
def world() -> Iterator[Project]:
    """A project whose servers hold what the examples read; the sandbox and the object store start on demand."""
    project = make_project(Path(os.environ[RUN_DIR], secrets.token_hex(4)))
    (project.root / "environments").mkdir()
    (project.root / "environments" / "base.yaml").write_text(ENVIRONMENT)
    with connect(ensure(project, "source")) as session:
        session.execute(SHOP)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENSTOCK_PROJECT", str(project.root))
        penstock.copy("source:product", "warehouse:product")
        yield project
    _remove(project.root)


@pytest.mark.parametrize("name", modules())
@pytest.mark.usefixtures("world")
def test_module(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sales.csv").write_text(SALES)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for test in finder.find(importlib.import_module(name)):
        runner.run(test, out=report.append)
    assert not runner.failures, "".join(report)


@pytest.mark.parametrize("name", modules())
def test_skipped_examples_say_why(name: str) -> None:
    for test in finder.find(importlib.import_module(name)):
        skipped = any(example.options.get(doctest.SKIP) for example in test.examples)
        assert not skipped or "Not run by the tests:" in (test.docstring or ""), test.name
