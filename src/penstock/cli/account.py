"""The account of a copy, for people."""

from __future__ import annotations

from penstock.model.result import CopyResult

_LABEL_WIDTH = 12


def print_account(result: CopyResult, target: str) -> None:
    """Print what became of every row, and where to look next."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    state = (
        "already copied, nothing changed; the first account:"
        if result.already
        else f"in {result.seconds:.1f} s"
    )
    console.print(f"[bold]{target}[/bold] {state}")
    for label, count, note in _lines(result):
        console.print(f"  {label:<{_LABEL_WIDTH}}{count:>12,}  {note}".rstrip())
    if result.visible_rows_only:
        console.print("  visible rows only: what row security hides from the login is not counted")
    console.print(f"  copy {result.id[:12]}")
    if result.rejected:
        console.print(f"  look at the rejects: penstock rejects show {result.id[:12]}")


def _lines(result: CopyResult) -> list[tuple[str, int, str]]:
    parts = [("inserted", result.inserted), ("updated", result.updated), ("unchanged", result.unchanged)]
    loaded = ", ".join(f"{count:,} {name}" for name, count in parts if count)
    rejected = ", ".join(f"{count:,} {reason}" for reason, count in result.rejects.items())
    lines = [
        ("read", result.read, ""),
        ("loaded", result.loaded, loaded),
        ("duplicates", result.duplicates, ""),
        ("rejected", result.rejected, rejected),
    ]
    if result.deleted:
        lines.append(("deleted", result.deleted, "rows that were there before"))
    if result.filtered:
        lines.append(("filtered", result.filtered, "left out by the filter"))
    return lines
