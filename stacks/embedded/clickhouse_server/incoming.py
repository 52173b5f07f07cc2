"""From a request's URL and body to a statement and its data.

The text is the URL's `query`, and after it, on a new line, the body: so a SELECT may come in either, and an INSERT
may have its head in the URL and its rows in the body, or both in the body.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from pathlib import Path

from stacks.embedded.clickhouse_server.body import Upload
from stacks.embedded.clickhouse_server.errors import ClickHouseError
from stacks.embedded.clickhouse_server.lexer import tokens
from stacks.embedded.clickhouse_server.parsing import parse, refuse_statements_behind
from stacks.embedded.clickhouse_server.statement import InsertWithData, Statement

_HEAD = 1 << 20
"""Bytes of a body within which an INSERT's rows have to begin."""
_LONG = 1 << 16
_MAY_FOLLOW_A_TARGET = frozenset({"VALUES", "FORMAT", "SELECT", "WITH", "SETTINGS"})


async def read_statement(
    query: bytes, body: AsyncIterator[bytes], formats: Iterable[str], folder: Path
) -> tuple[Statement, Upload | None]:
    """The statement, and the rows if it is an INSERT with data; the whole body has been read then."""
    head, complete = await _head(body)
    statement: Statement | None = await _insert_in_url(query, head, formats)
    text = query + b"\n" + head if query else head
    if isinstance(statement, InsertWithData):
        rows = (query + b"\n")[statement.data_start :] + head
    else:
        statement, text = await _in_text(text, body, complete, formats)
        if not isinstance(statement, InsertWithData):
            return statement, None
        rows = text[statement.data_start :]
    if statement.format == "Values":
        refuse_statements_behind(rows)
    upload = Upload(folder)
    try:
        upload.write(rows)
        async for piece in body:
            upload.write(piece)
    except BaseException:
        upload.close()
        raise
    return statement, upload


async def _in_text(
    text: bytes, body: AsyncIterator[bytes], complete: bool, formats: Iterable[str]
) -> tuple[Statement, bytes]:
    """The statement in `text`, and the text; unless it is an INSERT with rows, the rest of the body is part of it."""
    if not complete:
        if _is_insert(text):
            with suppress(ClickHouseError):
                statement = await _parsed(text, formats)
                if isinstance(statement, InsertWithData):
                    return statement, text
        text += b"".join([piece async for piece in body])
    return await _parsed(text, formats), text


async def _head(body: AsyncIterator[bytes]) -> tuple[bytes, bool]:
    """The first megabyte of the body, and whether that is all of it."""
    read = bytearray()
    async for piece in body:
        read += piece
        if len(read) >= _HEAD:
            return bytes(read), False
    return bytes(read), True


async def _insert_in_url(query: bytes, body: bytes, formats: Iterable[str]) -> InsertWithData | None:
    """The URL's statement, if it is an INSERT whose rows the body is, so that the body must not be read as SQL."""
    if not _is_insert(query):
        return None
    try:
        statement = await _parsed(query + b"\n", formats)
    except ClickHouseError:
        # Its end may be in the body.
        return None
    if not isinstance(statement, InsertWithData):
        return None
    return statement if statement.format or not _goes_on(body) else None


def _is_insert(text: bytes) -> bool:
    try:
        return next((token.word for token in tokens(text)), "") == "INSERT"
    except ClickHouseError:
        return False


def _goes_on(body: bytes) -> bool:
    """Whether the body continues an INSERT's text rather than being its rows."""
    try:
        first = next(tokens(body), None)
    except ClickHouseError:
        return False
    return first is not None and first.word in _MAY_FOLLOW_A_TARGET


async def _parsed(text: bytes, formats: Iterable[str]) -> Statement:
    if len(text) < _LONG:
        return parse(text, formats)
    return await asyncio.to_thread(parse, text, formats)
