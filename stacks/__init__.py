"""Pulumi programs: what stands where.

`__main__.py` is what `pulumi up` runs; `program.py` reads the stack's config, picks a backend, puts the pipeline on it
and exports the endpoints. `embedded/` is a backend, `pipeline/` is what is the same on all of them, `cli/` is the
`throughline` command, which drives the same program through the Automation API.
"""
