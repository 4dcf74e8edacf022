"""What a run by hand may ask of a market day, and the templates by which tasks read it."""

from __future__ import annotations

from airflow.sdk import Param

PARAMS = {
    "day": Param(None, type=["null", "string"], description="A market day, such as 2013-02-04"),
    "again": Param(False, type="boolean", description="Ask the service anew, even for what has landed"),
}
# The market day of a run is that on which its data interval begins, or the one that is asked for.
DAY = "{{ params.day or ((dag_run.data_interval_start or dag_run.run_after) | ds) }}"
AGAIN = "{{ params.again }}"
