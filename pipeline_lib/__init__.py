"""What a team uses in its own tests: the pipeline's values, its hops, waiting, the ledger and the verdict.

Imports neither pytest nor pulumi; `stacks/` and `steps/` import it, never the other way round.
"""
