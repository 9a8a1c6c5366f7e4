"""What governance writes straight into its ledger: it is recorded nowhere else, and no manifest speaks of it."""

from dataclasses import dataclass

# Not that of governance's outbox, which claims what comes from there, and knows of none of these.
LEDGER_SOURCE = "/ballast/governance/ledger"
LINEAGE_SOURCE = "/ballast/governance/lineage"


@dataclass(frozen=True, slots=True)
class OwnRecord:
    """What was done, to what, and the record's data; not who did it, which the call under way tells."""

    source: str
    type: str
    subject: str
    payload: bytes
