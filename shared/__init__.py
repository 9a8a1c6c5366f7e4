"""The floor every service stands on: mechanism, never policy, and no noun of the domain."""
