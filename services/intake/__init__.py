"""Intake: takes alerts in, groups them into incidents, and keeps the incidents' lives; it never judges how bad one is."""
