"""Events between services: recorded with the change that caused them, delivered at least once, applied once."""
