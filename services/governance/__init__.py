"""Governance: records every event of the suite in a ledger where altering a row shows, and relates what led to what."""
