"""Frozen values that every other part of Penstock speaks in. Imports nothing of Penstock beyond itself."""
