"""Protocols between packages: the engine knows sources, targets and progress only by these."""

from penstock.ports.exports import (
    ExportFormat,
    ExportSession,
    ExportTarget,
    Reading,
    Rows,
    Selection,
    Unrepresentable,
)
from penstock.ports.object_store import ObjectStore, ObjectWriter, Stored
from penstock.ports.progress import (
    LandingProgress,
    Progress,
    SafeLandingProgress,
    SafeProgress,
    Underway,
    Unit,
)
from penstock.ports.rate_limiter import Granted, Permits, Return
from penstock.ports.sources import Batch, GrowingSource, Judged, Lines, Recognised, Source
from penstock.ports.targets import Entry, Load, Loaded, NeedsStage, RemembersFiles, Session, Target

__all__ = [
    "Batch",
    "Entry",
    "ExportFormat",
    "ExportSession",
    "ExportTarget",
    "Granted",
    "GrowingSource",
    "Judged",
    "LandingProgress",
    "Lines",
    "Load",
    "Loaded",
    "NeedsStage",
    "ObjectStore",
    "ObjectWriter",
    "Permits",
    "Progress",
    "Reading",
    "Recognised",
    "RemembersFiles",
    "Return",
    "Rows",
    "SafeLandingProgress",
    "SafeProgress",
    "Selection",
    "Session",
    "Source",
    "Stored",
    "Target",
    "Underway",
    "Unit",
    "Unrepresentable",
]
