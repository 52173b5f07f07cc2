"""Steps that break a part of the stack; what has them is tagged with the ability that it needs."""

from pytest_bdd import parsers, when

from steps.fixtures import throughline


@when(parsers.parse("{part} is killed"))
def killed(stack: str, part: str) -> None:
    throughline("kill", part, "--stack", stack)
