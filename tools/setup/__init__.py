"""Set-up: from a clean clone to everything that a stack needs, from package registries alone.

Three steps, each of which does nothing if its result is there already and goes on where an interrupted one stopped:

1. `python_env` (run by the machine's own Python, so only with the standard library): uv, and with it `.venv`.
2. `jars` (run in `.venv`, as the next): Kafka, Connect and Debezium, into the cache.
3. `pulumi`: Pulumi's command line and its language host for Python, into the cache.

Whatever is fetched is held against a committed checksum before it gets its final name.
"""
