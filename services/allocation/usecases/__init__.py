"""The order of things in allocation: storing teams and roadmap, hearing of incidents, and deciding."""
