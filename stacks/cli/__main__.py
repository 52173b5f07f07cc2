"""`python -m stacks.cli` is `throughline`."""

from stacks.cli import main

main()
