"""PostgreSQL as a target: contract, stage, settling, ledger and quarantine, all in one transaction."""
