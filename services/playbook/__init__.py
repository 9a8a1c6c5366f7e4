"""Renders playbooks for the people and agents who handle incidents: templates in, bundles of files out; it decides nothing."""
