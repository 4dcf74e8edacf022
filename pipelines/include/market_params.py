"""Parameters of a manual run for a market day, and the templates that read them."""

from __future__ import annotations

from airflow.sdk import Param

PARAMS = {
    "day": Param(None, type=["null", "string"], description="A market day, such as 2013-02-04"),
    "again": Param(
        False, type="boolean", description="Request the prices again, even those that have landed"
    ),
}
# The market day of a run: the parameter `day`, or else the day on which the data interval begins.
DAY = "{{ params.day or ((dag_run.data_interval_start or dag_run.run_after) | ds) }}"
AGAIN = "{{ params.again }}"
