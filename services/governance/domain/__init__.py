"""The rules of governance: how ledger entries are chained and verified, and which lineage an event shows."""
