"""What has become of an object's labels: the engine cannot change them, but another object can have got the name."""

from collections.abc import Mapping

from tools.docker_plugin.arguments import Labels, as_dict
from tools.docker_plugin.values import Props


def changed_labels(wanted: Labels, found: Mapping[str, str] | None) -> Props:
    """`labels` as they are now, if they are not those that are wanted."""
    if as_dict(wanted) == dict(found or {}):
        return {}
    return {"labels": [{"label": label, "value": value} for label, value in sorted((found or {}).items())]}
