"""A dbt project as a task group: each model and its tests are tasks, and a single `dbt build` runs them all."""

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
    """Build a task group from the models and tests of a dbt project.

    One task, the producer, runs `dbt build` in its own process; the other tasks report the result of their model. They
    start after the producer has finished instead of polling while it runs, so no task holds a worker slot while it
    waits, and the order is the same with every executor.

    Args:
        manifest: The file that `dbt parse` wrote. Parsing the DAG file only reads this file.
        profile: Name of the profile in the project's `profiles.yml`.
        target: Name of the target in the profile, and of the connection that is passed to it in PENSTOCK_DBT_HOST and
            the other PENSTOCK_DBT variables.

    Raises:
        UsageError: The manifest does not exist yet.
    """
    if not manifest.is_file():
        raise UsageError(f"missing dbt manifest {manifest}", hint="create it with penstock demo or dbt parse")
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
    # This includes tasks that only report: on a retry they run dbt themselves.
    enter_for_dbt(connection)
    if is_producer:
        _tell_only_what_is_asked(context)


def _report_after_build(producer: Any, tasks: list[Any]) -> None:
    for task in tasks:
        if task is not producer and not task.upstream_task_ids:
            producer >> task
            # The task also runs if the producer failed, because models that were built still report success. It does
            # not run if the producer never ran, because it would wait forever.
            task.trigger_rule = TriggerRule.ONE_DONE


def _report_shared_tests(producer: Any, tasks: list[Any]) -> None:
    """Report the result of tests that belong to several models. Cosmos adds their tasks but reports only on models."""
    reporting = {task.model_unique_id for task in tasks if isinstance(task, DbtTestWatcherOperator)}
    known = {test for tests in producer.tests_per_model.values() for test in tests}
    shared = reporting & known
    for model, tests in producer.tests_per_model.items():
        producer.tests_per_model[model] = [test for test in tests if test not in shared]
    producer.tests_per_model |= {test: [test] for test in shared}


def _tell_only_what_is_asked(context: Any) -> None:
    """Skip XComs that no task pulls: nodes that start or compile, and passed tests, which the models summarize.

    Each push is a request to Airflow's API of at least 10 ms. With all of them, a build of 2 s took 5 s.
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
