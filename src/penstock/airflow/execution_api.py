"""The execution API for tasks, which `dag.test()` builds in this process."""

from __future__ import annotations

from typing import Any

import httpx
from airflow.api_fastapi.execution_api.routes import execution_api_router
from airflow.sdk.execution_time.supervisor import in_process_api_server
from cadwyn import Version, VersionBundle
from cadwyn.exceptions import CadwynError

_ONLY_IN_OLDER = "_CADWYN_DELETED_ROUTE"  # Cadwyn's tag for routes that the newest version removed


def keep_newest_version() -> None:
    """Build the API in its newest version only, which the tasks of this Airflow use.

    A process that runs six short tasks takes 5.5 to 6.2 s with all nine versions, and 3.6 to 4.0 s with one. Only
    public names of Airflow and Cadwyn are used; if an Airflow version differs, all API versions are built.
    """
    routes = list(execution_api_router.routes)
    execution_api_router.routes[:] = [route for route in routes if not _is_old(route)]
    app = in_process_api_server().app
    every = getattr(app, "versions", None)
    if every is not None:
        newest = Version(every.versions[0].value)
        app.versions = VersionBundle(every.head_version, newest, api_version_var=every.api_version_var)
    if every is None or not _answers(every.versions[0].value):
        execution_api_router.routes[:] = routes
        in_process_api_server.cache_clear()


def _is_old(route: Any) -> bool:
    return _ONLY_IN_OLDER in getattr(route, "tags", ())


def _answers(version: str) -> bool:
    transport = in_process_api_server().transport
    with httpx.Client(transport=transport, base_url="http://in-process.invalid") as client:
        try:
            answer = client.get("/health", headers={"airflow-api-version": version})
        except CadwynError:  # the routes of this version depend on older ones
            return False
    return answer.is_success
