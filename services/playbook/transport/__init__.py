"""Where playbook meets the wire: its RPCs, the events it hears and tells, its spans."""
