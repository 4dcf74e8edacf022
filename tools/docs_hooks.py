"""What MkDocs calls while it builds the site: pages made from the commands and from files outside `docs/`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
# Pages of the site that stand elsewhere in the repository.
ELSEWHERE = {"changelog.md": "CHANGELOG.md", "background/benchmarks.md": "benchmarks/RESULTS.md"}
ROLE = re.compile(r":(?:class|func|mod|meth|attr):<code>~?([^<]+)</code>")


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages."""
    pages = {"reference/commands.md": commands()}
    for target, path in ELSEWHERE.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        pages[target] = text.replace("](docs/", "](")
    for target, text in pages.items():
        files.append(File.generated(config, target, content=text))
    return files


def on_page_content(html: str, page: Any, config: Any, files: Files) -> str:  # noqa: ARG001  # MkDocs's signature
    """Show a docstring's cross references as plain names."""
    return ROLE.sub(r"<code>\1</code>", html)


def commands() -> str:
    """Every command with its arguments and options, from their help texts."""
    from typer import Context
    from typer.cli import get_docs_for_click

    from penstock.cli.lazy_commands import COMMANDS, LazyGroup

    group = LazyGroup(name="penstock")
    context = Context(group, info_name="penstock")
    parts = ["# Commands\n\nEvery command with its options, generated from `penstock COMMAND --help`.\n\n"]
    for name in COMMANDS:
        command = group.get_command(context, name)
        parts.append(
            get_docs_for_click(obj=command, ctx=context, indent=1, name=name, call_prefix="penstock")
        )
    return plain("".join(parts))


def plain(text: str) -> str:
    """Without the markup of the terminal, and with placeholders that Markdown does not take for tags."""
    text = re.sub(r"\[/?(?:bold|dim|italic|red|green|yellow|cyan)[^\]]*\]", "", text)
    return re.sub(r"(?m)^(?!\$)(.*)$", lambda line: line[1], text)
