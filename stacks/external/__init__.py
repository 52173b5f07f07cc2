"""The external backend: four systems that run elsewhere, and are neither made nor taken away.

Where they are and how one gets in is told by the stack's config or by the environment (`settings.py`). Each is asked
whether it answers (`target.py`); the pipeline is put on them only if the config says `pipeline: true`.
"""
