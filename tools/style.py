"""Find phrases that CONTRIBUTING.md bans; `make lint` calls it.

Fenced blocks and inline code of Markdown are not checked.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUFFIXES = {".md", ".py", ".sql", ".toml", ".yaml", ".yml"}
ITSELF = Path("tools/style.py")
BANNED = {
    r"(?<!here )\b(?:is|are|was|were) no (?!(?:longer|more|less|fewer|later|earlier)\b)\w+": "say what it is: 'not a'",
    r"(?<![.\w])(?<!def )(?:tell(?:s|ing)?|told)\b(?![(\"])": "prints, reports, logs, shows",
    r"\bmend(?:s|ed|ing)?\b": "fix",
    r"\b[Ff]or who(?:ever)?\b": "if you ...",
    r"\bgone? on with\b|\bgoes on with\b": "continue",
    r"\banew\b": "again",
    r"\bshall\b": "should, must, or the plain verb",
    r"\bto be had\b|\bhad better\b": "can be had: is available; had better: should",
}
FENCED = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`[^`\n]+`")
# CONTRIBUTING.md's own table shows what not to write.
PAIRS = re.compile(r"^\| not \| but \|\n(?:\|.*\n)+", re.MULTILINE)


def main() -> int:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    paths = [Path(name) for name in listed if name and Path(name) != ITSELF]
    found = [
        line for path in paths if path.suffix in SUFFIXES and (ROOT / path).exists() for line in phrases(path)
    ]
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


def phrases(path: Path) -> list[str]:
    """The banned phrases of a file, each with its line."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.suffix == ".md":
        for pattern in (FENCED, PAIRS, INLINE):
            text = pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)
    return [
        f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()!r}: {better}"
        for pattern, better in BANNED.items()
        for match in re.finditer(pattern, text)
    ]


if __name__ == "__main__":
    sys.exit(main())
