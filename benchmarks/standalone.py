"""`airflow standalone`, the rival that everybody has: Airflow alone, on SQLite."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.processes import Failed
from penstock.stack.health import fetch
from penstock.stack.port_config import free_port
from penstock.stack.processes import Identity, end, identify

_PARTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
_UP_TIMEOUT_S, _STOP_TIMEOUT_S = 180.0, 30.0
_POLL_S = 0.1


class Standalone:
    """One installation of it.

    Args:
        home: Its own directory.
        dags: The files that it reads.
    """

    def __init__(self, home: Path, dags: Path) -> None:
        self._port = free_port(0, 0)
        self._log = home / "standalone.log"
        ports = {
            "API__PORT": str(self._port),
            "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{self._port}/execution/",
            "LOGGING__WORKER_LOG_SERVER_PORT": str(free_port(0, 0)),
            "LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port(0, 0)),
        }
        settings = ports | {"CORE__DAGS_FOLDER": str(dags), "CORE__LOAD_EXAMPLES": "False"}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
        own = {f"AIRFLOW__{name}": value for name, value in settings.items()}
        programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self._environment = inherited | own | {"AIRFLOW_HOME": str(home), "PATH": programs}
        self._process: subprocess.Popen[bytes] | None = None
        self._leader: Identity | None = None

    def start(self) -> float:
        """Seconds until the four parts are healthy by Airflow's own report, as `penstock start` waits for them.

        Raises:
            Failed: They did not become so.
        """
        began, since = time.perf_counter(), time.time()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["airflow", "standalone"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._leader = identify(self._process.pid)
        while not self._is_healthy(since):
            if time.perf_counter() - began > _UP_TIMEOUT_S or self._process.poll() is not None:
                raise Failed(f"airflow standalone did not come up: {self._log.read_text()[-1000:]}")
            time.sleep(_POLL_S)
        return time.perf_counter() - began

    def _is_healthy(self, since: float) -> bool:
        report = fetch(f"http://127.0.0.1:{self._port}/api/v2/monitor/health")
        if any(report.get(part, {}).get("status") != "healthy" for part in _PARTS):
            return False
        return all(_beat(report[part], part) >= since for part in _PARTS[1:])

    def stop(self) -> None:
        """End it; what it leaves running is killed."""
        if self._process is None or self._leader is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        end([self._leader], grace_s=0)
        self._process.wait()
        self._process = None


def _beat(part: dict[str, str], name: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(part[f"latest_{name}_heartbeat"]).timestamp()
