"""ClickHouse over HTTP, the engine being chDB in this process, on loopback only.

Model. chDB is a ClickHouse without a server: one engine a process, any number of connections to it, each of which
runs one statement at a time with settings, roles and temporary tables of its own. This package puts ClickHouse's HTTP
interface in front of it:

    request → who asks → what (incoming, lexer, parsing, refusals) → with which data (body, external)
            → on a fresh connection or a session's (preparation, sessions, engine)
            → through a pipe, so that neither side runs ahead of the other (execution, pipe) → answer (compression)

A request gets a connection of its own, set up for its user and thrown away afterwards, so nothing of one request can
be seen by another; only a session keeps its connection, for its user alone. The engine knows one user, `default`;
what tells our three apart are the engine's own roles, profiles and row filters (`rights`), put on before any text of
a client runs. A client's text is never given to the engine before the lexer has found it to be one statement that
changes no role and names no file of the host. The data of an INSERT is never part of a text: the engine reads it from
a descriptor.

Run as `python -m stacks.embedded.clickhouse_server --config FILE`. FILE is JSON, readable by its owner only:

    {"path": "/data/of/the/stack",          folder of the engine, made if missing; one process at a time
     "port": 8123,                          bound on 127.0.0.1
     "certificate": "/of/the/stack.pem",    with its key: HTTPS instead of HTTP (default: none)
     "database": "experiments",             made if missing; where a user is who names no database
     "threads": 2,                          of one query (default 2)
     "concurrent_queries": 16,              running at once; further ones wait in turn (default 16)
     "max_memory_bytes": 3000000000,        of the whole engine; a query gets 80 %, an analyst's half (default 3e9)
     "kafka": {"session_timeout_ms": 3000}, librdkafka's settings, with underscores, for tables of the Kafka engine
     "users": {"admin": {"salt": "", "password_sha256": "…"}, "ingestion": {…}, "analyst": {…}},
     "ingestion_tables": ["events"],        of `database`: what ingestion may insert into and read (default: all)
     "analyst_tables": ["events"]}          of `database`: tables and views that an analyst may read

`config.password_hash()` makes a user's entry. An ordinary view needs its underlying tables in `analyst_tables` as
well; one that was created with `SQL SECURITY DEFINER` does not.

What chDB cannot do, and what is answered instead: custom `SQL_` settings (115), CREATE USER and the like (497), KILL
QUERY by the client's query id (the engine has its own), `DROP … SYNC` and `KILL … SYNC`, which would never return
(48), `input()` (48), data in ORC (48), blocks in ClickHouse's own compression, `compress=1` and `decompress=1` (48).
"""
