"""Checks what breaks in a project under other versions, in a temporary environment. Does not change the project."""

from penstock.devtools.upgrade.check import Kind, Problem, Report, check

__all__ = ["Kind", "Problem", "Report", "check"]
