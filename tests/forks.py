"""Processes of tests that are to be killed, or to be several: forked from one that imported what all of them need.

A process is there in milliseconds then, instead of a second. There is one such server for each worker, and what it
imports is decided before the first fork: one list serves all tests.
"""

from __future__ import annotations

import multiprocessing

PRELOADED = (
    "penstock.routes.load",
    "penstock.routes.export",
    "penstock.routes.relay",
    "penstock.routes.snowflake",
    "penstock.rest.landing",
    "penstock.rest.lake.source",
    "penstock.rest.ratelimit.sqlite",
    "penstock.rest.ratelimit.postgres",
    "anyio._backends._asyncio",
    "httpcore",
    "polars",
)

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(list(PRELOADED))
