"""Playbook's tables and template folders: the only code that knows SQL or files."""
