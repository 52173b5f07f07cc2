"""The stack that the module's tests share."""

from tests.stacks.conftest import warm, warm_lab

__all__ = ["warm", "warm_lab"]
