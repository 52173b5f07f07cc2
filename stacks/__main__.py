"""What `pulumi up` runs."""

from stacks.program import run

run()
