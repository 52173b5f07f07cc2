"""The pipeline itself, the same on every backend, as Pulumi resources."""
