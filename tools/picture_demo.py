"""Draw the demo in a terminal: docs/assets/demo.svg, from the output that README.md shows.

    .venv/bin/python tools/picture_demo.py

The README's output is a recorded run of `make demo`; record a new one there first, and then draw it.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "assets" / "demo.svg"
# Rich's export links its font from a CDN; the picture uses the viewer's own monospaced font.
FONT_FACE = re.compile(r"@font-face\s*\{.*?\}", re.DOTALL)
FONT = re.compile(r"Fira Code, monospace|Fira Code")
# What the terminal shows in color.
STYLES = {r"^\$ .*": "bold", r"✓": "green", r"^(Every row.*|gold\..*|Look further)$": "bold", r"█+": "cyan"}


def main() -> None:
    TARGET.write_text(picture(recorded()), encoding="utf-8")
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size:,} bytes")


def recorded() -> str:
    """The demo's output in the README: the first block of the language text."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    if block is None:
        raise SystemExit("error: README.md shows no output of the demo")
    return f"$ make demo\n{block[1]}"


def picture(output: str) -> str:
    """The output as an SVG that loads nothing."""
    console = Console(record=True, width=100, file=io.StringIO(), force_terminal=True)
    text = Text(output.rstrip())
    for pattern, style in STYLES.items():
        for match in re.finditer(pattern, output, re.MULTILINE):
            text.stylize(style, match.start(), match.end())
    console.print(text)
    svg = console.export_svg(title="make demo", unique_id="demo")
    return FONT.sub("monospace", FONT_FACE.sub("", svg))


if __name__ == "__main__":
    main()
