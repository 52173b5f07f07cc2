"""The PostgreSQL side: database, roles, tables, publication, from the `.sql` files, applied in one transaction.

The files can be run again and again, but `CREATE TABLE IF NOT EXISTS` does not change a table that stands. So the
tables of the files are also made in a draft schema and compared with the real ones: columns that are new are added,
and any other difference is told, since only a person can say what should become of the rows.
"""

from collections.abc import Mapping

import psycopg
import pulumi
from psycopg import sql as compose
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from pipeline_lib import sql
from pipeline_lib.model.errors import UserError
from stacks.dynamic import Props, Provider

DRAFT = "throughline_draft"
TABLES_FILE = "tables"


class PostgresSchema(Resource, module="pipeline", name="PostgresSchema"):
    """`files` (name to text, in the order to run) applied to `database` of `server`, a URI; `passwords` by role."""

    def __init__(
        self,
        name: str,
        *,
        server: pulumi.Input[str],
        database: str,
        passwords: pulumi.Input[Mapping[str, str]],
        files: Mapping[str, str],
        within: pulumi.Input[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        inputs = {
            "server": server,
            "database": database,
            "passwords": passwords,
            "files": files,
            "within": within,
            "order": list(files),
            "objects": None,
        }
        super().__init__(PostgresSchemaProvider(), name, inputs, opts)


class PostgresSchemaProvider(Provider):
    """Schemas over psycopg. `objects` are the columns and publications that stood after the last update."""

    inputs = ("database", "passwords", "files", "order", "within")
    replaces = ("database", "within")

    def create(self, props: Props) -> CreateResult:
        """Applies the files, whatever of them stands already."""
        return CreateResult(props["database"], {**props, "objects": _apply(props)})

    def read(self, id_: str, props: Props) -> ReadResult:
        """Gone if any of its objects is, so that the files are applied again."""
        try:
            with psycopg.connect(props["server"], dbname=props["database"], connect_timeout=5) as connection:
                lost = set(props["objects"] or ()) - set(_objects(connection))
        except psycopg.OperationalError:
            return ReadResult("", {})
        return ReadResult("", {}) if lost else ReadResult(id_, props)

    def update(self, _id: str, _olds: Props, _news: Props) -> UpdateResult:
        """Applies the files again."""
        return UpdateResult({**_news, "objects": _apply(_news)})

    def delete(self, _id: str, _props: Props) -> None:
        """Nothing: it is called when the PostgreSQL it was in is gone, and a schema that stands holds users' rows."""


def _apply(props: Props) -> list[str]:
    with psycopg.connect(props["server"], autocommit=True) as server:
        known = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [props["database"]]).fetchone()
        if not known:
            server.execute(compose.SQL("CREATE DATABASE {}").format(compose.Identifier(props["database"])))
    values = {f"{role}_password": password for role, password in props["passwords"].items()}
    with psycopg.connect(props["server"], dbname=props["database"]) as connection:
        for name in props["order"]:
            text = sql.render(props["files"][name], "postgres", values)
            try:
                connection.execute(text.encode())
            except psycopg.Error as refused:
                raise UserError(
                    f"PostgreSQL refused pipeline_lib/sql/postgres/{name}.sql: "
                    f"{refused.diag.message_primary or refused}. Nothing was applied; correct the file and run "
                    "`throughline up` again."
                ) from None
            if name == TABLES_FILE:
                _add_new_columns(connection, text)
        return _objects(connection)


def _objects(connection: psycopg.Connection) -> list[str]:
    columns = [f"{table}.{column}" for table, column in _columns(connection, "public")]
    publications = connection.execute("SELECT pubname FROM pg_publication ORDER BY 1").fetchall()
    return sorted([*columns, *(f"publication {name}" for (name,) in publications)])


def _add_new_columns(connection: psycopg.Connection, tables: str) -> None:
    draft = compose.Identifier(DRAFT)
    owner = connection.execute("SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'public'").fetchone()
    connection.execute(
        compose.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(draft, compose.Identifier(owner[0] if owner else ""))
    )
    connection.execute(tables.replace("public.", f"{DRAFT}.").encode())
    wanted, standing = _columns(connection, DRAFT), _columns(connection, "public")
    connection.execute(compose.SQL("DROP SCHEMA {} CASCADE").format(draft))
    for (table, column), definition in wanted.items():
        if (table, column) not in standing:
            connection.execute(
                compose.SQL("ALTER TABLE public.{} ADD COLUMN {} {}").format(
                    compose.Identifier(table),
                    compose.Identifier(column),
                    compose.SQL(definition),  # PostgreSQL's own words for the draft's column
                )
            )
    different = [
        f"{table}.{column} is '{standing[table, column]}' and the file says '{definition}'"
        for (table, column), definition in wanted.items()
        if standing.get((table, column), definition) != definition
    ]
    dropped = [f"{table}.{column} stands and the file lacks it" for table, column in standing.keys() - wanted.keys()]
    if different or dropped:
        raise UserError(
            "pipeline_lib/sql/postgres/tables.sql changes columns in a way that only you can decide, since they hold "
            f"rows: {'; '.join(sorted(different + dropped))}. Make the change with ALTER TABLE in the database "
            "first, or start anew with `throughline down`."
        )


def _columns(connection: psycopg.Connection, schema: str) -> dict[tuple[str, str], str]:
    """Every column of the schema's tables with its definition as ALTER TABLE takes it."""
    rows = connection.execute(sql.read("postgres", "columns"), {"schema": schema}).fetchall()
    # A default names its sequence with the schema, where that is not on the search path.
    return {(table, column): definition.replace(f"{DRAFT}.", "") for table, column, definition in rows}
