"""An experiment as the application knows it: its variants, and how users are to be divided among them."""

from contextlib import closing

from psycopg.rows import dict_row

from pipeline_lib import sql
from pipeline_lib.hops.postgres import connect
from pipeline_lib.model.endpoints import PostgresEndpoint
from pipeline_lib.model.errors import UserError
from pipeline_lib.model.journey import Experiment, Variant


def find_experiment(endpoint: PostgresEndpoint, wanted: str) -> Experiment:
    """The experiment of this name or id; raises UserError if there is none."""
    with closing(connect(endpoint, "application")) as connection, connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(sql.read("postgres", "experiment").encode(), {"wanted": wanted}).fetchall()
        known = cursor.execute("SELECT name FROM experiments ORDER BY name LIMIT 20").fetchall()
    if not rows:
        names = ", ".join(f"'{row['name']}'" for row in known) or "none at all"
        raise UserError(f"There is no experiment '{wanted}', by id or by name. There are: {names}.")
    first = rows[0]
    variants = (
        Variant(row["variant_id"], row["variant"], row["weight"])
        for row in rows
        if row["id"] == first["id"] and row["variant"]
    )
    return Experiment(first["id"], first["name"], tuple(variants), first["status"])
