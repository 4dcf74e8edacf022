"""Two tasks each push a value under the key `character_info`; a third task pulls both.

An XCom is identified by its task and its key, so neither value overwrites the other.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, task

KEY = "character_info"


def person(number: int) -> dict[str, str]:
    """Fetch a person from the connection `sandbox`, or any other server that has `/course/people/NUMBER`."""
    import httpx
    from airflow.sdk import Connection

    found = Connection.get("sandbox")
    answer = httpx.get(f"{found.host}:{found.port}/course/people/{number}", timeout=10)
    return dict(answer.raise_for_status().json())


with DAG(
    "xcoms_demo",
    description="Two tasks push under one key, a third task pulls both",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2013, 2, 1, tzinfo=UTC),
    catchup=False,
    tags=["course"],
):

    @task
    def transform(ti: Any) -> None:
        """Push the first person, transformed."""
        found = person(1)
        changed = {
            "height": int(found["height"]) - 20,
            "mass": int(found["mass"]) - 13,
            "hair_color": "black" if found["hair_color"] == "blond" else "blond",
            "eye_color": "hazel" if found["eye_color"] == "blue" else "blue",
        }
        ti.xcom_push(KEY, changed)

    @task
    def transform2(ti: Any) -> None:
        """Push the second person, transformed differently."""
        found = person(2)
        changed = {
            "height": int(found["height"]) - 50,
            "mass": int(found["mass"]) - 20,
            "hair_color": "burgundy" if found["hair_color"] == "blond" else "brown",
            "eye_color": "green" if found["eye_color"] == "blue" else "black",
        }
        ti.xcom_push(KEY, changed)

    @task
    def load(ti: Any) -> list[dict[str, Any]]:
        """Pull both values, in the order in which the tasks are listed."""
        return list(ti.xcom_pull(task_ids=["transform", "transform2"], key=KEY))

    [transform(), transform2()] >> load()
