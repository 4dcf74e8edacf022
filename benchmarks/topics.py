"""What `make bench` measures, topic by topic.

To add one: write `benchmarks/NAME.py` with the constants `TITLE` and `ABOUT` (what is measured, and how) and
`measure(bench: Bench, rounds: int, findings: Findings) -> None`, and add its name to `TOPICS`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.findings import Findings

TOPICS = ("files", "dialects", "tables", "objects", "large", "comparing", "stack", "orchestration", "api")

_RESULTS = Path(__file__).parent / "RESULTS.md"
_HEAD = """# How fast, how large

Written by `make bench`. Ratios are medians over rounds in which the rivals took turns, least and greatest in brackets.
Times are those of whole processes, where nothing else is said; processor times are medians, and `others` is the share
of the machine that other programs took meanwhile. Rivals that Penstock does not need are installed into an environment
of their own for the run.
"""


@dataclass(frozen=True, slots=True)
class Topic:
    """One section of RESULTS.md, and the function that measures it."""

    name: str
    title: str
    about: str
    measure: Callable[[Bench, int, Findings], None]


def load(name: str) -> Topic:
    """The topic of this name."""
    module = importlib.import_module(f"benchmarks.{name}")
    return Topic(name, module.TITLE, module.ABOUT, module.measure)


def write(name: str, text: str) -> None:
    """Put a topic's section in the place of its last one; the others stay as they are."""
    kept = _sections() | {name: text}
    ordered = [f"{_mark(topic)}\n{kept[topic]}" for topic in TOPICS if topic in kept]
    _RESULTS.write_text("\n".join([_HEAD, *ordered]))


def _sections() -> dict[str, str]:
    if not _RESULTS.exists():
        return {}
    parts = re.split(r"^<!-- topic: (\w+) -->\n", _RESULTS.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.rstrip() + "\n" for part in parts[2::2]), strict=True))


def _mark(name: str) -> str:
    return f"<!-- topic: {name} -->"
