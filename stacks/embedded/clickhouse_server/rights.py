"""Who may do what, in the engine's own terms: roles, profiles and row filters of its one user, `default`.

    admin      creates, changes and reads everything, in any database; of the sources outside, Kafka and PostgreSQL only
    ingestion  inserts into and reads the pipeline's tables
    analyst    reads what it is given, in read-only mode 2: settings may change per query, data may not

Roles, and the filters on system tables, are the engine's configuration. A profile's constraints come into force with
SET profile, its values do not (in chDB a connection's own settings win), so `session_setup` sets both. Each profile
gives every constrained setting a value that the other profiles' constraints forbid, so that nobody can change to
another one's.
"""

from collections.abc import Mapping
from typing import get_args

from stacks.clickhouse_xml import configuration
from stacks.embedded.clickhouse_server.config import Config, UserName

EXTERNAL_DATA_ROLE = "external_data"
"""Taken on for the moment in which this endpoint makes a request's temporary tables, for users who may make none."""

_ADMIN_GRANTS = (
    "SHOW, SHOW ACCESS, SELECT, INSERT, ALTER, CREATE, DROP, UNDROP TABLE, TRUNCATE, OPTIMIZE, KILL QUERY, dictGet, "
    "SYSTEM MERGES, SYSTEM TTL MERGES, SYSTEM MOVES, SYSTEM VIEWS, SYSTEM FLUSH, SYSTEM DROP CACHE ON *.*",
    "KAFKA, POSTGRES ON *.*",
    "TABLE ENGINE ON *",
)

# Settings whose value is a file, a source or an expression: the engine would read the file, or run the expression.
_HOST_SETTINGS = (
    "format_schema",
    "format_schema_source",
    "format_schema_message_name",
    "format_template_resultset",
    "format_template_row",
    "format_template_resultset_format",
    "format_template_row_format",
    "format_avro_schema_registry_url",
    "output_format_schema",
    "input_format_record_errors_file_path",
    "rename_files_after_processing",
    "schema_inference_hints",
    "additional_table_filters",
    "additional_result_filter",
    "parallel_replicas_custom_key",
    "compatibility",
    "default_view_definer",
    "implicit_table_at_top_level",
    "allow_introspection_functions",
    "allow_ddl",
    "log_queries",
)
# For everybody: other dialects have other lexical rules, and these two would make DROP and KILL wait for ever.
_EVERYBODYS_CONSTANTS = ("dialect", "implicit_select", "database_atomic_wait_for_drop_and_detach_synchronously")
_EXPRESSIONS_IN_DATA = (
    "input_format_values_interpret_expressions",
    "input_format_values_deduce_templates_of_expressions",
)

# What tells of other users' queries, of this process or of the host.
_ADMINS_SYSTEM_TABLES = [
    "asynchronous_inserts",
    "crash_log",
    "detached_tables",
    "disks",
    "distributed_ddl_queue",
    "errors",
    "filesystem_cache",
    "filesystem_cache_settings",
    "jemalloc_bins",
    "named_collections",
    "part_moves_between_shards",
    "processes",
    "query_cache",
    "query_condition_cache",
    "query_metric_log",
    "remote_data_paths",
    "schema_inference_cache",
    "server_settings",
    "session_log",
    "stack_trace",
    "storage_policies",
    "symbols",
    "text_log",
    "trace_log",
    "user_processes",
    "view_refreshes",
    "warnings",
]
_IS_ADMIN = "has(currentRoles(), 'admin')"
_ROW_FILTERS = dict.fromkeys(_ADMINS_SYSTEM_TABLES, _IS_ADMIN) | {
    "query_log": f"{_IS_ADMIN} OR has(currentRoles(), user)"
}


def users_configuration(config: Config) -> str:
    """The engine's users file: three roles and profiles, all of `default`, which every connection is at first."""
    return configuration(
        {
            "profiles": _profiles(config),
            "quotas": {"default": {}},
            "roles": {
                role: {"grants": {"query": [f"GRANT {grant}" for grant in grants]}}
                for role, grants in _grants(config).items()
            },
            "users": {
                "default": {
                    "password": "",
                    "profile": "default",
                    "quota": "default",
                    "networks": {"ip": "::1"},
                    "grants": {"query": f"GRANT {', '.join(_grants(config))}"},
                    "databases": {
                        "system": {table: {"filter": condition} for table, condition in _ROW_FILTERS.items()}
                    },
                }
            },
        }
    )


def session_setup(config: Config, user: UserName) -> str:
    """Statements that make a new connection `user`'s; until they have run, it may do everything."""
    values = ", ".join(f"{name} = {value}" for name, value in _values(config, user).items())
    read_only = "; SET readonly = 2" if user == "analyst" else ""
    return f"USE {config.database}; SET {values}; SET profile = '{user}'{read_only}; {role_of(user)}"


def role_of(user: UserName, *further: str) -> str:
    """The statement that takes on the user's role, and `further` ones, instead of whatever is on."""
    return f"SET ROLE {', '.join((user, *further))}"


def _grants(config: Config) -> dict[str, tuple[str, ...]]:
    database = config.database
    ingested = config.ingestion_tables
    targets = ("*",) if ingested is None else ingested
    return {
        "admin": _ADMIN_GRANTS,
        "ingestion": tuple(f"SELECT, INSERT ON {database}.{table}" for table in targets),
        "analyst": tuple(f"SELECT ON {database}.{table}" for table in config.analyst_tables),
        EXTERNAL_DATA_ROLE: ("CREATE TEMPORARY TABLE ON *.*",),
    }


def _values(config: Config, user: UserName) -> dict[str, int]:
    share = 50 if user == "analyst" else 80
    interpreted = int(user == "admin")
    return {
        "max_memory_usage": config.max_memory_bytes * share // 100,
        "max_threads": config.threads,
        "implicit_select": 0,
        "enable_analyzer": 1,
        "allow_introspection_functions": 0,
        # Two threads more for every answer, which take longer to wake than a small one takes to write.
        "output_format_parallel_formatting": 0,
        **dict.fromkeys(_EXPRESSIONS_IN_DATA, interpreted),
    }


def _profiles(config: Config) -> dict[str, object]:
    """A profile for each user, and the one that every connection begins with, which is admin's."""
    profiles: dict[str, object] = {}
    for name in ("default", *get_args(UserName)):
        user: UserName = "admin" if name == "default" else name
        values: Mapping[str, int] = _values(config, user) | {"readonly": 2 if user == "analyst" else 0}
        if name == "default":
            # What runs in the background has this profile: a Kafka engine table plans its views for every block, and
            # the old analyzer does that several times faster for a view with many expressions.
            values = {**values, "enable_analyzer": 0}
        restricted = () if user == "admin" else (*_HOST_SETTINGS, *_EXPRESSIONS_IN_DATA)
        constraints = {
            "max_memory_usage": {"min": 1, "max": values["max_memory_usage"]},
            **{setting: {"const": {}} for setting in (*_EVERYBODYS_CONSTANTS, *restricted)},
        }
        profiles[name] = {**values, "constraints": constraints}
    return profiles
