"""Three tasks in sequence: write a file, check that it exists, read it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task

FOLDER = Path(__file__).resolve().parents[2] / ".penstock" / "course"
# One file per run, so that concurrent runs do not read each other's file.
FILE = f"{FOLDER}/{{{{ run_id | replace(':', '-') }}}}.txt"

with DAG(
    "check_dag",
    description="Writes a file, checks it, reads it",
    doc_md=__doc__,
    schedule="@daily",
    start_date=datetime(2013, 2, 1, tzinfo=UTC),
    catchup=False,
    tags=["course"],
):
    create_file = BashOperator(
        task_id="create_file", bash_command=f"mkdir -p '{FOLDER}' && echo 'Hi there!' > '{FILE}'"
    )
    check_file_exists = BashOperator(task_id="check_file_exists", bash_command=f"test -s '{FILE}'")

    @task
    def read_file(file: str) -> str:
        """Return the file's text. Airflow stores the return value as the XCom `return_value`."""
        return Path(file).read_text(encoding="utf-8").strip()

    create_file >> check_file_exists >> read_file(FILE)
