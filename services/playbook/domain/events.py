"""What playbook tells others."""

from dataclasses import dataclass

from services.playbook.domain.bundle import Bundle


@dataclass(frozen=True, slots=True)
class BundleRendered:
    """A bundle was stored; its files' bytes stay here."""

    bundle: Bundle


Event = BundleRendered
