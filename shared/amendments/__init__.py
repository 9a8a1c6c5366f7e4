"""Change control: how a versioned document gets from a draft to a version in force, the same for every kind of document."""
