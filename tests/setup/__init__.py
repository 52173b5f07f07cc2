"""Set-up: what it refuses, what it survives, and that a second one has nothing to do."""
