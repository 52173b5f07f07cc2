"""What all of our Pulumi resources have in common.

They are dynamic resources (https://www.pulumi.com/docs/iac/concepts/resources/dynamic-providers/): Python classes with
create, read, update and delete, run by Pulumi's own plugin for them. Three habits keep them honest:

* A provider is pickled by reference, so it lives in an importable module and holds no state.
* `create` takes over what already stands: after a refresh that found a resource gone, or after an interrupted `up`,
  something may still be there.
* A resource that lives inside another takes that one's identity as an input and is replaced when it changes.
"""

import sys
import traceback
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from pulumi.dynamic import ConfigureRequest, DiffResult, ResourceProvider

from pipeline_lib.model.errors import UserError

Props = dict[str, Any]


class Provider(ResourceProvider):
    """A dynamic provider whose `UserError`s reach the user as they are.

    `replaces` are the inputs whose change needs a new resource; all `inputs` are compared.
    """

    # Nothing secret is pickled with a provider: it holds nothing.
    serialize_as_secret_always = False

    inputs: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()

    def configure(self, req: ConfigureRequest) -> None:  # noqa: ARG002  the name is the interface's
        """Called once in the plugin's process, before anything else."""
        tell_user_errors_plainly()

    def diff(self, _id: str, _olds: Props, _news: Props) -> DiffResult:
        """What changed among the inputs."""
        changed = [name for name in self.inputs if _olds.get(name) != _news.get(name)]
        replaces = [name for name in changed if name in self.replaces]
        return DiffResult(changes=bool(changed), replaces=replaces, stables=[], delete_before_replace=True)


def tell_user_errors_plainly() -> None:
    """Lets Pulumi's plugin for dynamic resources report a `UserError` by its text.

    The plugin answers every exception with `traceback.format_exc()` (pulumi.dynamic.__main__, `_abort_with_traceback`)
    and offers no other way to fail; so in its process, and only there, that one call gets a say.
    """
    plugin = sys.modules.get("__main__")
    if plugin is None or not hasattr(plugin, "_abort_with_traceback"):
        return
    plugin.traceback = SimpleNamespace(format_exc=_reason)  # type: ignore[attr-defined]


def _reason() -> str:
    error = sys.exc_info()[1]
    return str(error) if isinstance(error, UserError) else traceback.format_exc()


def numbers(values: Mapping[str, Any]) -> dict[str, int]:
    """Pulumi hands every number over as a double; ports go in as text and come out as integers here."""
    return {key: int(value) for key, value in values.items()}


def texts(values: Mapping[str, object]) -> dict[str, str]:
    """Everything as text, for the way in."""
    return {key: str(value) for key, value in values.items()}
