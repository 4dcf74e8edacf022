"""Turns Airflow's import error for a file into one line: file, line number and message of the cause."""

from __future__ import annotations

import re
from pathlib import Path

_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)


def cause(report: str, path: Path, root: Path) -> str:
    r"""Return the error as one line, such as `dags/sales.py:3: ModuleNotFoundError: No module named 'pandsa'`.

    Args:
        report: The text of a traceback, or a message.
        path: The DAG file, used if the traceback names no other file of the project.
        root: The project's directory.

    Example:
        >>> cause("KeyError: 'x'", Path("/p/dags/a.py"), Path("/p"))
        "dags/a.py: KeyError: 'x'"
    """
    file, line = place(report, path, root)
    return f"{file}{f':{line}' if line else ''}: {message(report)}"


def place(report: str, path: Path, root: Path) -> tuple[str, int | None]:
    """Return file and line of the last traceback frame in the project; modules below `include/` count."""
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    for match in reversed(list(_FRAME.finditer(report))):
        file = Path(match["file"])
        if file.is_relative_to(root) and ".penstock" not in file.parts and ".venv" not in file.parts:
            return file.relative_to(root).as_posix(), int(match["line"])
    return shown, None


def message(report: str) -> str:
    r"""Return the last error of the traceback, without its frames.

    Example:
        >>> message('Traceback (most recent call last):\n  File "a.py", line 1, in f\nValueError: two\nlines')
        'ValueError: two lines'
    """
    lines = report.strip().splitlines()
    frames = [at for at, line in enumerate(lines) if _FRAME.match(line)]
    after = lines[frames[-1] + 1 :] if frames else lines
    begins = next((at for at, line in enumerate(after) if not line.startswith(" ")), 0)
    return " ".join(line.strip() for line in after[begins:] if line.strip())
