"""What breaks in a project under other versions, tried in a throwaway environment; nothing of the project changes."""

from penstock.projects.upgrade.report import Kind, Problem, Report
from penstock.projects.upgrade.trial import check

__all__ = ["Kind", "Problem", "Report", "check"]
