"""What governance does, in order: record, list, verify, trace."""
