"""Three tasks, one after the other: a file is written, its being there is checked, and it is read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task

FOLDER = Path(__file__).resolve().parents[2] / ".penstock" / "course"
# A file for each run: two runs at a time do not read each other's.
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
        """The file's text; Airflow keeps what a task returns as its XCom `return_value`."""
        return Path(file).read_text(encoding="utf-8").strip()

    create_file >> check_file_exists >> read_file(FILE)
