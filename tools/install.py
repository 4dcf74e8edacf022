"""Make `.venv` from `requirements.lock`: hash-checked, byte-compiled, safe to interrupt and to call twice at once.

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
VENV = ROOT / ".venv"
STAMP = VENV / ".installed"
SUPPORTED = ((3, 11), (3, 13))


def main() -> int:
    started = time.monotonic()
    complaint = unsuitable()
    if complaint:
        print(f"error: {complaint}", file=sys.stderr)
        return 1
    # The lock file itself is what two installs at once queue on: it is there before `.venv` is.
    with LOCK.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_current():
            install()
    print(f"installed into .venv in {time.monotonic() - started:.1f} s")
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


def is_current() -> bool:
    """Whether another install finished while this one was waiting."""
    if not STAMP.exists():
        return False
    newest = max(path.stat().st_mtime for path in (LOCK, ROOT / "pyproject.toml", Path(__file__)))
    return STAMP.stat().st_mtime >= newest


def install() -> None:
    print("installing what requirements.lock names into .venv ...", flush=True)
    STAMP.unlink(missing_ok=True)
    python = VENV / "bin" / "python"
    if not is_healthy(python):
        # --clear: what an interrupted install or another interpreter left behind is not built upon.
        # Never by the environment's own interpreter, which is the `python3` of a shell that activated it.
        run(getattr(sys, "_base_executable", sys.executable), "-m", "venv", "--clear", VENV)
    bootstrap_uv(python)
    uv = [VENV / "bin" / "uv", "--no-config", "--quiet", "pip"]
    target = ["--python", python]
    run(*uv, "sync", *target, "--require-hashes", "--compile-bytecode", LOCK)
    # The project is built by the locked backend, so nothing is fetched without a hash.
    run(*uv, "install", *target, "--no-deps", "--no-build-isolation", "--editable", ROOT)
    # uv compiles what it installs, and an editable project is not among that.
    run(python, "-m", "compileall", "-q", ROOT / "src")
    STAMP.touch()


def is_healthy(python: Path) -> bool:
    """Whether `.venv` answers, has pip, and is of the Python asked for."""
    probe = "import pip, sys; print(*sys.version_info[:2], sys.base_prefix)"
    expected = " ".join([*map(str, sys.version_info[:2]), sys.base_prefix])
    if not python.exists():
        return False
    answer = subprocess.run([python, "-c", probe], capture_output=True, text=True, check=False)
    return answer.returncode == 0 and answer.stdout.strip() == expected


def bootstrap_uv(python: Path) -> None:
    """Install the locked uv with pip, which checks its hash."""
    pin = re.search(r"^uv==(?:.*\\\n)*.*", LOCK.read_text(), re.MULTILINE)
    if pin is None:
        raise SystemExit("error: requirements.lock does not pin uv\nhint: make lock")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(pin.group() + "\n")
        requirements.flush()
        pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        run(*pip, "install", "--no-deps", "--require-hashes", "-r", requirements.name)


def run(*argv: object) -> None:
    done = subprocess.run([str(word) for word in argv], env=environment(), check=False)
    if done.returncode:
        raise SystemExit(f"error: installing stopped at: {' '.join(str(word) for word in argv)}")


def environment() -> dict[str, str]:
    """The caller's environment; pip's index settings are told to uv too, which does not read them itself."""
    variables = dict(os.environ)
    variables.pop("VIRTUAL_ENV", None)
    variables.pop("PYTHONPATH", None)
    index = variables.get("PIP_INDEX_URL") or pip_setting("index-url")
    if index and not any(name in variables for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL")):
        variables["UV_DEFAULT_INDEX"] = index
    variables.setdefault("UV_HTTP_TIMEOUT", "180")
    return variables


@functools.cache
def pip_setting(name: str) -> str | None:
    python = VENV / "bin" / "python"
    if not python.exists():
        return None
    answer = subprocess.run(
        [python, "-m", "pip", "config", "get", f"global.{name}"], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None


if __name__ == "__main__":
    sys.exit(main())
