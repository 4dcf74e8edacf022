"""A dbt project as a task group: every model and its tests are tasks, and one `dbt build` runs them all."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from airflow.sdk import TriggerRule
from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import ExecutionMode, InvocationMode, LoadMode, TestBehavior
from cosmos.operators.watcher import DbtProducerWatcherOperator, DbtTestWatcherOperator

from penstock.airflow.connections import enter_for_dbt
from penstock.model.errors import UsageError


def dbt_task_group(
    group_id: str, project_dir: Path, *, manifest: Path, profile: str, target: str
) -> DbtTaskGroup:
    """The models and tests of a dbt project as tasks.

    One task, the producer, runs `dbt build` in its own process; the others report what became of their model. They
    wait for the producer instead of polling beside it: no worker slot is held by waiting, the order is the same
    whatever runs the DAG, and what is polled once needs no interval.

    Args:
        manifest: What `dbt parse` wrote. Reading it is all that happens while the DAG file is parsed.
        profile: Name of the profile in the project's `profiles.yml`.
        target: Name of the target in it, and of the connection whose fields it takes from PENSTOCK_DBT_HOST and so on.

    Raises:
        UsageError: There is no manifest yet.
    """
    if not manifest.is_file():
        raise UsageError(
            f"the dbt project has no manifest {manifest}", hint="penstock demo, or dbt parse, makes it"
        )
    group = DbtTaskGroup(
        group_id=group_id,
        project_config=ProjectConfig(project_dir, manifest_path=manifest, install_dbt_deps=False),
        profile_config=ProfileConfig(
            profile_name=profile, target_name=target, profiles_yml_filepath=project_dir / "profiles.yml"
        ),
        execution_config=ExecutionConfig(
            execution_mode=ExecutionMode.WATCHER, invocation_mode=InvocationMode.DBT_RUNNER
        ),
        render_config=RenderConfig(
            load_method=LoadMode.DBT_MANIFEST,
            test_behavior=TestBehavior.AFTER_EACH,
            should_detach_multiple_parents_tests=True,
            emit_datasets=False,
        ),
        operator_args={"append_env": True, "deferrable": False, "poke_interval": 0.2},
    )
    tasks = list(group)
    producer = next(task for task in tasks if isinstance(task, DbtProducerWatcherOperator))
    for task in tasks:
        task.pre_execute = partial(_prepare, connection=target, is_producer=task is producer)
    _report_after_build(producer, tasks)
    _report_shared_tests(producer, tasks)
    return group


def _prepare(context: Any, *, connection: str, is_producer: bool) -> None:
    # Also those that only report: tried again, they run dbt themselves.
    enter_for_dbt(connection)
    if is_producer:
        _tell_only_what_is_asked(context)


def _report_after_build(producer: Any, tasks: list[Any]) -> None:
    for task in tasks:
        if task is not producer and not task.upstream_task_ids:
            producer >> task
            # It also runs where the producer failed, as a model that was built says so even then; but not where the
            # producer was never run, for then nobody would ever answer it.
            task.trigger_rule = TriggerRule.ONE_DONE


def _report_shared_tests(producer: Any, tasks: list[Any]) -> None:
    """Let a test of several models report for itself. Cosmos draws its task, yet only ever tells of whole models."""
    reporting = {task.model_unique_id for task in tasks if isinstance(task, DbtTestWatcherOperator)}
    known = {test for tests in producer.tests_per_model.values() for test in tests}
    shared = reporting & known
    for model, tests in producer.tests_per_model.items():
        producer.tests_per_model[model] = [test for test in tests if test not in shared]
    producer.tests_per_model |= {test: [test] for test in shared}


def _tell_only_what_is_asked(context: Any) -> None:
    """Push no value that no task pulls: nodes that begin or compile, and tests that pass, which models sum up.

    Each push is a request to Airflow's API, 10 ms and more. With all of them a build of 2 s took 5.
    """
    instance = context["ti"]
    push = instance.xcom_push

    def push_if_asked(key: str, value: Any, **more: Any) -> None:
        is_event = isinstance(value, dict) and "finish_time" in value
        is_passing_test = (
            key.startswith("test__") and isinstance(value, dict) and value.get("status") == "pass"
        )
        if not (is_passing_test or (is_event and not value["finish_time"])):
            push(key=key, value=value, **more)

    object.__setattr__(instance, "xcom_push", push_if_asked)
