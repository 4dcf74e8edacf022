"""What Airflow says of a file that cannot be imported, as one line: file, line and the cause's own message."""

from __future__ import annotations

import re
from pathlib import Path

_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)


def cause(report: str, path: Path, root: Path) -> str:
    r"""`dags/sales.py:3: ModuleNotFoundError: No module named 'pandsa'`.

    Args:
        report: A traceback as text, or a message.
        path: The DAG file, for where the traceback tells no better place of the project.
        root: The project's directory.

    Example:
        >>> cause("KeyError: 'x'", Path("/p/dags/a.py"), Path("/p"))
        "dags/a.py: KeyError: 'x'"
    """
    file, line = place(report, path, root)
    return f"{file}{f':{line}' if line else ''}: {message(report)}"


def place(report: str, path: Path, root: Path) -> tuple[str, int | None]:
    """The last place in the project's own files that the traceback goes through; a module below `include/` counts."""
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    for match in reversed(list(_FRAME.finditer(report))):
        file = Path(match["file"])
        if file.is_relative_to(root) and ".penstock" not in file.parts and ".venv" not in file.parts:
            return file.relative_to(root).as_posix(), int(match["line"])
    return shown, None


def message(report: str) -> str:
    r"""The last error of the traceback, without its frames.

    Example:
        >>> message('Traceback (most recent call last):\n  File "a.py", line 1, in f\nValueError: two\nlines')
        'ValueError: two lines'
    """
    lines = report.strip().splitlines()
    frames = [at for at, line in enumerate(lines) if _FRAME.match(line)]
    after = lines[frames[-1] + 1 :] if frames else lines
    begins = next((at for at, line in enumerate(after) if not line.startswith(" ")), 0)
    return " ".join(line.strip() for line in after[begins:] if line.strip())
