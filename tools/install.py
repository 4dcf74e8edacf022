"""Make a virtual environment from `requirements.lock`: hash-checked, byte-compiled, safe to interrupt and to repeat.

`install.py [DIRECTORY]`; the directory is `.venv` unless given, and is recreated if it has another Python version.
Runs on a bare Python 3.11 to 3.13, so it uses the standard library only. `make install` calls it.
"""

from __future__ import annotations

import fcntl
import functools
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
STAMP = ".installed"
SUPPORTED = ((3, 11), (3, 13))


def main() -> int:
    started = time.monotonic()
    complaint = unsuitable()
    if complaint:
        print(f"error: {complaint}", file=sys.stderr)
        return 1
    venv = ROOT / (sys.argv[1] if len(sys.argv) > 1 else ".venv")
    if is_current(venv):
        return 0
    # Concurrent installs wait on a lock file, which exists before the environment does.
    with LOCK.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_current(venv):
            install(venv)
    print(f"installed into {venv.name} in {time.monotonic() - started:.1f} s")
    return 0


def unsuitable() -> str | None:
    """What makes this interpreter unfit, or None."""
    here = ".".join(map(str, sys.version_info[:3]))
    low, high = (".".join(map(str, version)) for version in SUPPORTED)
    if not SUPPORTED[0] <= sys.version_info[:2] <= SUPPORTED[1]:
        return (
            f"Python {low} to {high} is needed, {sys.executable} is {here}.\n"
            "hint: name another one, for example: make install PYTHON=python3.12"
        )
    if importlib.util.find_spec("ensurepip") is None:
        return (
            f"{sys.executable} ({here}) has no ensurepip, so it cannot make a virtual environment.\n"
            f"hint: on Debian and Ubuntu, apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv; "
            "or name another one, for example: make install PYTHON=python3.12"
        )
    return None


def is_current(venv: Path) -> bool:
    """Whether everything is installed, for the Python asked for."""
    stamp = venv / STAMP
    if not stamp.exists() or stamp.read_text() != interpreter():
        return False
    newest = max(path.stat().st_mtime for path in (LOCK, ROOT / "pyproject.toml", Path(__file__)))
    return stamp.stat().st_mtime >= newest


def interpreter() -> str:
    """What the environments of this Python have in common, and no others: `3 12 /usr`."""
    return " ".join([*map(str, sys.version_info[:2]), sys.base_prefix])


def install(venv: Path) -> None:
    print(f"installing what requirements.lock names into {venv.name} ...", flush=True)
    stamp = venv / STAMP
    stamp.unlink(missing_ok=True)
    python = venv / "bin" / "python"
    if not is_healthy(python):
        # --clear: what an interrupted install or another interpreter left behind is not built upon.
        # Never by the environment's own interpreter, which is the `python3` of a shell that activated it.
        run(python, getattr(sys, "_base_executable", sys.executable), "-m", "venv", "--clear", venv)
    bootstrap_uv(python)
    uv = [venv / "bin" / "uv", "--no-config", "--quiet", "pip"]
    target = ["--python", python]
    run(python, *uv, "sync", *target, "--require-hashes", "--compile-bytecode", LOCK)
    # The project is built by the locked backend, so nothing is fetched without a hash.
    run(python, *uv, "install", *target, "--no-deps", "--no-build-isolation", "--editable", ROOT)
    # uv compiles what it installs, and an editable project is not among that.
    run(python, python, "-m", "compileall", "-q", ROOT / "src")
    stamp.write_text(interpreter())


def is_healthy(python: Path) -> bool:
    """Whether the environment answers, has pip, and is of the Python asked for."""
    probe = "import pip, sys; print(*sys.version_info[:2], sys.base_prefix)"
    if not python.exists():
        return False
    answer = subprocess.run([python, "-c", probe], capture_output=True, text=True, check=False)
    return answer.returncode == 0 and answer.stdout.strip() == interpreter()


def bootstrap_uv(python: Path) -> None:
    """Install the locked uv with pip, which checks its hash."""
    pin = re.search(r"^uv==(?:.*\\\n)*.*", LOCK.read_text(), re.MULTILINE)
    if pin is None:
        raise SystemExit("error: requirements.lock does not pin uv\nhint: make lock")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(pin.group() + "\n")
        requirements.flush()
        pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        run(python, *pip, "install", "--no-deps", "--require-hashes", "-r", requirements.name)


def run(python: Path, *argv: object) -> None:
    done = subprocess.run([str(word) for word in argv], env=environment(python), check=False)
    if done.returncode:
        raise SystemExit(f"error: installing stopped at: {' '.join(str(word) for word in argv)}")


def environment(python: Path) -> dict[str, str]:
    """The caller's environment; pip's index and certificates are passed on to uv, which does not read its settings."""
    variables = dict(os.environ)
    variables.pop("VIRTUAL_ENV", None)
    variables.pop("PYTHONPATH", None)
    index = variables.get("PIP_INDEX_URL") or pip_setting(python, "index-url")
    if index and not any(name in variables for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL")):
        variables["UV_DEFAULT_INDEX"] = index
    certificates = variables.get("PIP_CERT") or pip_setting(python, "cert")
    if certificates:
        variables.setdefault("SSL_CERT_FILE", certificates)
    variables.setdefault("UV_HTTP_TIMEOUT", "180")
    return variables


def pip_setting(python: Path, name: str) -> str | None:
    return pip_settings(python).get(f"global.{name}") if python.exists() else None


@functools.cache
def pip_settings(python: Path) -> dict[str, str]:
    # `pip config get` does not find every key that `list` shows.
    words = [python, "-m", "pip", "config", "list"]
    answer = subprocess.run(words, capture_output=True, text=True, check=False)
    lines = (line.partition("=") for line in answer.stdout.splitlines())
    return {name: value.strip().strip("'\"") for name, _, value in lines}


if __name__ == "__main__":
    sys.exit(main())
