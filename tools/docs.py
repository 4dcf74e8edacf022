"""Build the documentation site into `site/`, and fail on any warning or address of another host that a page would load.

`make docs` calls it. What it needs in addition is in `requirements-docs.lock` and is installed on first use.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from install import ROOT, environment, run

LOCK = ROOT / "requirements-docs.lock"
VENV = Path(sys.prefix)
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".installed-docs"
SITE = ROOT / "site"
# Resources that a browser loads: sources, style sheets, imports, fonts; not links.
LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio)\b[^>]*\ssrc=["']?(?:https?:)?//[^"'\s>]+"""
    r"""|<link\b[^>]*\srel=["']?(?:stylesheet|preload|preconnect|icon)[^>]*\shref=["']?(?:https?:)?//[^"'\s>]+"""
    r"""|<link\b[^>]*\shref=["']?(?:https?:)?//[^"'\s>]+["']?[^>]*\srel=["']?(?:stylesheet|preload|preconnect|icon)"""
    r"""|@import\s+(?:url\()?["']?(?:https?:)?//[^"')\s]+"""
    r"""|url\(["']?(?:https?:)?//[^"')\s]+""",
    re.IGNORECASE,
)


def main() -> int:
    install()
    # Material announces its successor on each build; that is nothing a reader of the build's output can act on.
    built = subprocess.run(
        [VENV / "bin" / "mkdocs", "build", "--quiet", "--strict", "--clean"],
        cwd=ROOT,
        env=environment(PYTHON) | {"NO_MKDOCS_2_WARNING": "1"},
        check=False,
    )
    if built.returncode:
        return built.returncode
    remote = sorted({found for page in pages() for found in loaded_from_elsewhere(page)})
    for line in remote:
        print(f"error: loaded from another host: {line}", file=sys.stderr)
    if not remote:
        print(f"built: {len(list(SITE.rglob('*.html')))} pages in {SITE.relative_to(ROOT)}/index.html")
        print("serve: python3 -m http.server --bind 127.0.0.1 --directory site 8000")
    return 1 if remote else 0


def install() -> None:
    """Add what the site needs to the environment; a new lock, or a rebuilt environment, is noticed."""
    newest = max(LOCK.stat().st_mtime, (VENV / ".installed").stat().st_mtime)
    if STAMP.exists() and STAMP.stat().st_mtime >= newest:
        return
    print(f"installing what requirements-docs.lock names into {VENV.name} ...", flush=True)
    uv = [VENV / "bin" / "uv", "--no-config", "--quiet", "pip", "install", "--python", PYTHON]
    run(PYTHON, *uv, "--require-hashes", "--requirements", LOCK)
    STAMP.touch()


def pages() -> list[Path]:
    """Every file of the site in which an address could stand."""
    return [path for path in SITE.rglob("*") if path.suffix in {".html", ".css", ".svg"}]


def loaded_from_elsewhere(page: Path) -> list[str]:
    """The addresses of other hosts that a browser would load with this file."""
    text = page.read_text(encoding="utf-8")
    return [f"{page.relative_to(SITE)}: {match.group()[:120]}" for match in LOADED.finditer(text)]


if __name__ == "__main__":
    sys.exit(main())
