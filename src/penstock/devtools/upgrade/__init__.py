"""What breaks in a project under other versions, tried in a throwaway environment; nothing of the project changes."""

from penstock.devtools.upgrade.check import check
from penstock.devtools.upgrade.report import Kind, Problem, Report

__all__ = ["Kind", "Problem", "Report", "check"]
