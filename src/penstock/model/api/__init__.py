"""Plans for web APIs: what to request, and how to read the answers."""

from __future__ import annotations

from penstock.model.api.plan import ApiPlan
from penstock.model.api.rate_limit import Auth, Limit, Retries
from penstock.model.api.requests import Action, Answers, Each, Pages, Since

__all__ = ["Action", "Answers", "ApiPlan", "Auth", "Each", "Limit", "Pages", "Retries", "Since"]
