"""`penstock test`: runs the project's tests."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import typer

from penstock.model.errors import NothingDone, PenstockError
from penstock.project import find_project

app = typer.Typer()

PLUGIN = "penstock.testing"
NO_TESTS = 5  # pytest's exit code


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Run the project's tests with pytest. All arguments are passed to pytest.

    Exit codes are pytest's: see docs/reference/exit-codes.md.

    Fixtures: warehouse and source (a fresh Postgres database each), dag_bag, run_dag and sandbox.

    Example: penstock test -k sales -x
    """
    project = find_project()
    if find_spec("pytest") is None:
        raise PenstockError("pytest is not installed", hint="pip install 'penstock[test]'")
    from penstock.devtools.throwaway_databases import stop_servers

    words = ["-p", PLUGIN, *context.args]
    try:
        code = subprocess.run(
            [sys.executable, "-m", "pytest", *words],
            cwd=project.root,
            env={**os.environ, "PENSTOCK_PROJECT": str(project.root)},
            check=False,
        ).returncode
    finally:
        stop_servers(project.root)  # also if pytest was killed
    if code == NO_TESTS:
        raise NothingDone(f"no tests found in {project.root}", hint="put tests in tests/test_*.py")
    raise typer.Exit(code)
