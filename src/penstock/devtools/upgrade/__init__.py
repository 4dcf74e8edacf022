"""Checks what breaks in a project under other versions, in a temporary environment. Does not change the project."""

from penstock.devtools.upgrade.check import check
from penstock.devtools.upgrade.problem import Kind, Problem, Report

__all__ = ["Kind", "Problem", "Report", "check"]
