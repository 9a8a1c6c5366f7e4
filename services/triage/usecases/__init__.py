"""The order of things in triage: keeping the catalogue, keeping the matrix, assessing incidents."""
