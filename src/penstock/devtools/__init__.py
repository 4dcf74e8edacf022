"""Tools for projects: templates, checks, test databases, upgrade checks."""
