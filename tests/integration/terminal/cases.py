"""Every command, in a form that costs little and still does or refuses something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from penstock.cli.lazy_commands import COMMANDS, LazyGroup


@dataclass(frozen=True)
class Case:
    """How a command is called.

    Args:
        words: Behind the command's name. ``{rejected}`` is the id of a copy that has rows in quarantine.
        says: What stands on the screen in the end, blanks aside.
        code: Of its end.
        lost: Called outside of any project.
    """

    words: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    code: int = 0
    lost: bool = False


def case(words: str = "", *says: str, code: int = 0, lost: bool = False) -> Case:
    return Case(tuple(words.split()), says, code, lost)


def refused(words: str = "") -> Case:
    """Commands that start a stack fail immediately outside a project."""
    return case(words, "error: no project", "hint: ", code=2, lost=True)


CASES = {
    "init": case("made", "made"),
    "start": refused(),
    "stop": case("", "nothing was running"),
    "restart": refused(),
    "status": case("", "part", "state", code=1),
    "logs": case(""),
    "reset": case("--yes", "removed"),
    "test": refused(),
    "run": refused("hello"),
    "backfill": case("hello", "error: give --from and --to", code=2),
    "parse": refused(),
    "doctor": case("--no-connect", "project"),
    "upgrade-check": refused(),
    "copy": case("sales.csv warehouse:raw.sales", "loaded", "rejected", "rejects show"),
    "preview": case("sales.csv", "decided by", "CREATE TABLE"),
    "diff": case("warehouse:raw.sales warehouse:raw.sales --key id", "the same"),
    "rejects list": case("", "{rejected}", "bad_type"),
    "rejects show": case("{rejected}", "bad_type", "Zoë"),
    "rejects export": case("{rejected} bad.csv", "in bad.csv"),
    "rejects replay": case("ffff", "error: ", "hint: ", code=2),
    "ledger list": case("", "{rejected}", "warehouse:raw.sales"),
    "ledger show": case("{rejected}", "warehouse:raw.sales"),
    "lake list": case("", "nothing has landed"),
    "lake show": case("lake:weather", "error: ", "hint: ", code=2),
    "lake prune": case("lake:", "0 landings removed"),
    "env list": case("", "inherits"),
    "env show": case("", "shop", "region"),
    "env explain": case("region", "nord"),
    "env diff": case("dev dev", "the same"),
    "env schema": case("", '"$schema"'),
    "env encrypt": case(""),
    "env rotate": case(""),
    "env check": case(""),
    "env import": case("given.env", "environments/dev.yaml"),
    "env export": case("", "AIRFLOW_VAR_REGION"),
    "env exec": case("-- echo inside", "inside"),
    "connection add": case(
        "orders --type postgres --host db --login etl --database orders --no-input", "orders: added to"
    ),
    "connection set": case("shop --port 5433", "shop: port changed"),
    "connection test": case("warehouse", "database"),
    "connection show": case("shop", "field", "host", "environments/"),
    "connection remove": case("shop", "shop: removed"),
    "connection list": case("", "shop", "postgres"),
    "variable set": case("region eu", "region: written to"),
    "variable get": case("region", "nord"),
    "variable list": case("", "region", "nord"),
    "variable remove": case("region", "region: removed"),
    "demo": refused(),
    "sandbox start": refused(),
    "sandbox stop": case("", "sandbox: was not running"),
    "sandbox status": case("", "sandbox: "),
    "sandbox set": case("", "error: ", "hint: ", code=1),
    "sandbox calls": case("", "error: ", "hint: ", code=1),
    "db start": refused(),
    "db stop": case("", "warehouse: was not running"),
    "db status": case("", "warehouse: absent"),
    "db psql": case("nope", "error: ", "hint: ", code=2),
    "airflow": refused("version"),
    "dbt": refused("--version"),
}


def commands() -> Iterator[str]:
    """Every command of `penstock --help`, those of groups included."""
    group = LazyGroup(name="penstock")
    for name in COMMANDS:
        members = getattr(group.get_command(None, name), "commands", None)
        yield from (f"{name} {member}" for member in members) if members else [name]
