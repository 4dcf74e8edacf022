"""Tests of the sandbox that the pipelines call on this machine."""

from __future__ import annotations

import httpx

from penstock import lookup


def test_the_price_service_knows_the_month(sandbox: str) -> None:
    asked = {"adjusted": "true", "apiKey": "sandbox-prices-paid"}
    answer = httpx.get(f"{sandbox}/v1/open-close/IBM/2013-02-05", params=asked).json()
    assert (answer["status"], answer["symbol"], answer["from"]) == ("OK", "IBM", "2013-02-05")


def test_connections_lead_to_the_sandbox_of_the_tests(sandbox: str) -> None:
    for name in ("polygon", "openweathermap"):
        found = lookup.find(name)
        assert found is not None
        assert f"{found.host}:{found.port}" == sandbox
