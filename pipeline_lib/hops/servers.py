"""Which server of a system is asked, where it has several: the first that answers, for the life of whoever asks."""

from collections.abc import Sequence

import urllib3
from urllib3.exceptions import HTTPError

from pipeline_lib.model.endpoints import ClickHouseEndpoint

TIMEOUT_S = 2


def first_answering(urls: Sequence[str]) -> str:
    """The first of `urls` where HTTP is spoken, whatever is said; the first of all if none answers.

    The only one is not asked: whoever uses it will see.
    """
    answering = (url for url in urls if len(urls) == 1 or _answers(url))
    return next(answering, urls[0])


def answering_replica(endpoint: ClickHouseEndpoint) -> ClickHouseEndpoint:
    """The endpoint of the first replica that answers; readers that are to see the same rows share it."""
    return endpoint.at(first_answering(endpoint.urls)) if endpoint.is_replicated else endpoint


def _answers(url: str) -> bool:
    try:
        urllib3.request("GET", url, timeout=TIMEOUT_S, retries=False)
    except HTTPError:
        return False
    return True
