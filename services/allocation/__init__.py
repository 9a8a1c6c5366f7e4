"""Allocation: teams, capacity and roadmap, and the decisions that split each sprint between remediation and roadmap.

It owns teams, sprints, roadmap items, allocation policies, decisions and work records. It hears of incidents only through triage's
assessments, decides at every sprint's beginning and whenever an assessment matters, and says which roadmap items a decision moves and
what that costs. It never touches a flag or a template.
"""
