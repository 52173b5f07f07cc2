"""Who may do what: the three users, passwords, roles, and the doors to the host.

Each test of a refusal asks for something that is there, so that the refusal is what it meets.
"""

from pathlib import Path

import httpx
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.endpoint.conftest import PASSWORDS, Server

USERS = ("admin", "ingestion", "analyst")
RESTRICTED = ("ingestion", "analyst")


def asked(server: Server, user: str, text: str | bytes, **parameters: str) -> httpx.Response:
    with server.http(user) as http:
        return http.post("/", params=parameters, content=text)


def code(answer: httpx.Response) -> str:
    return answer.headers.get("x-clickhouse-exception-code", "")


@pytest.fixture(scope="module")
def host_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the host that no query may show."""
    file = tmp_path_factory.mktemp("host") / "private.csv"
    file.write_text("the-hosts-secret\n")
    return file


@pytest.mark.parametrize("user", USERS)
def test_a_user_has_its_own_role(server: Server, tables: None, user: str) -> None:
    assert asked(server, user, "SELECT currentRoles()").text == f"['{user}']\n"


@pytest.mark.parametrize(
    ("user", "password"),
    [("admin", "wrong"), ("admin", ""), ("nobody", "x"), ("default", ""), ("", ""), ("analyst", PASSWORDS["admin"])],
)
def test_a_wrong_name_or_password_is_refused(server: Server, user: str, password: str) -> None:
    by_header = {"X-ClickHouse-User": user, "X-ClickHouse-Key": password.encode()}
    for answer in (
        httpx.post(server.url, auth=(user, password.encode()), content="SELECT 1"),
        httpx.post(server.url, headers=by_header, content="SELECT 1"),
        httpx.post(server.url, params={"user": user, "password": password}, content="SELECT 1"),
    ):
        assert (answer.status_code, code(answer)) == (403, "516")
        assert "Authentication failed: password is incorrect, or there is no user with such name." in answer.text


@pytest.mark.parametrize("authorization", ["Basic", "Basic !!!", "Basic /w==", "Bearer x", "Digest x"])
def test_a_broken_authorization_is_refused(server: Server, authorization: str) -> None:
    answer = httpx.post(server.url, headers={"Authorization": authorization}, content="SELECT 1")
    assert (answer.status_code, code(answer)) == (403, "516")


def test_a_user_may_be_named_in_headers_or_in_the_url(server: Server) -> None:
    by_header = {"X-ClickHouse-User": "admin", "X-ClickHouse-Key": "admin's pass"}
    in_url = {"user": "admin", "password": PASSWORDS["admin"]}
    assert code(httpx.post(server.url, headers=by_header, content="SELECT 1")) == "516"
    assert httpx.post(server.url, params=in_url, content="SELECT 1").text == "1\n"
    by_header = {"X-ClickHouse-User": "ingestion", "X-ClickHouse-Key": PASSWORDS["ingestion"]}
    assert httpx.post(server.url, headers=by_header, content="SELECT 1").text == "1\n"


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize(
    "text",
    [
        "SET ROLE admin",
        "set\n/* a */role -- b\nadmin",
        "SET/**/ROLE/**/ALL",
        "SET\u00a0ROLE\u2003DEFAULT",
        "SET ROLE NONE;",
        "SET DEFAULT ROLE admin TO default",
        "\ufeffSET ROLE admin",
        "SELECT 1; SET ROLE admin",
        "SELECT ';' ; SET ROLE admin",
        "SELECT 'a\\'' ; SET ROLE admin --'",
        "SELECT 1 /* /* */ ; */ ; SET ROLE admin",
        "SELECT $a$ ; $a$; SET ROLE admin",
        "SELECT x'41'; SET ROLE admin --'",
        "SELECT ‘a'’; SET ROLE admin --'",
        'SELECT "a;\\"" ; SET ROLE admin',
        "EXPLAIN SET ROLE admin",
        "CREATE TEMPORARY TABLE x (a Int8) PARALLEL WITH SET ROLE admin",
        "INSERT INTO visits SELECT 9, 'x', now() FORMAT CSV 1\nSET ROLE admin",
    ],
)
def test_nobody_changes_roles(server: Server, tables: None, user: str, text: str) -> None:
    answer = asked(server, user, text, session_id=f"roles {user}")
    assert code(answer) in ("62", "512")
    assert asked(server, user, "SELECT currentRoles()", session_id=f"roles {user}").text == f"['{user}']\n"


@pytest.mark.parametrize("user", USERS)
def test_data_are_never_read_as_a_statement(server: Server, admin: Client, tables: None, user: str) -> None:
    """The engine would take what follows the first line of an INSERT's data for further statements."""
    data = "INSERT INTO visits (page) FORMAT CSV\n/a\n; SET ROLE admin\nSELECT 1; DROP TABLE visits\n"
    answer = asked(server, user, data, session_id=f"data {user}")
    assert code(answer) == ("497" if user == "analyst" else "")
    assert asked(server, user, "SELECT currentRoles()", session_id=f"data {user}").text == f"['{user}']\n"
    admin.command("DELETE FROM visits WHERE id = 0 SETTINGS mutations_sync = 2")


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize(
    "name", ["CSV; SET ROLE admin", "CSV SETTINGS max_threads = 1", "'CSV'", "CSV\nSET ROLE admin", ""]
)
def test_a_formats_name_is_a_name(server: Server, tables: None, user: str, name: str) -> None:
    session = {"session_id": f"format {user}"}
    for text in ("INSERT INTO visits (page)", "SELECT 1"):
        assert code(asked(server, user, text, default_format=name, **session)) in (("73",) if name else ("", "497"))
    assert asked(server, user, "SELECT currentRoles()", **session).text == f"['{user}']\n"


def test_no_request_names_a_role(server: Server, tables: None) -> None:
    for parameters in ({"role": "admin"}, {"role": ""}):
        assert code(asked(server, "analyst", "SELECT 1", **parameters)) == "512"
    with server.http("analyst") as http:
        assert code(http.post("/", files={"query": (None, "SELECT 1"), "role": (None, "admin")})) == "512"
        assert code(http.post("/", files={"query": (None, "SET ROLE admin")})) == "512"


@pytest.mark.parametrize("name", ["role", "ROLE", "default_role"])
def test_a_column_or_setting_may_be_called_role(server: Server, name: str) -> None:
    assert asked(server, "admin", f"SELECT 1 AS {name}").text == "1\n"
    assert code(asked(server, "admin", f"SET {name} = 'admin'")) == "115"


@pytest.mark.parametrize("user", RESTRICTED)
@pytest.mark.parametrize("profile", ["admin", "default", "ingestion"])
def test_no_restricted_user_takes_another_profile(server: Server, tables: None, user: str, profile: str) -> None:
    if profile == user:
        assert code(asked(server, user, "SELECT 1", profile=profile)) == ""
        return
    for answer in (
        asked(server, user, f"SET profile = '{profile}'"),
        asked(server, user, "SELECT 1", profile=profile),
        asked(server, user, f"SELECT 1 SETTINGS profile = '{profile}'"),
    ):
        assert code(answer) in ("164", "452")


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("value", ["0", "999999999999"])
def test_nobody_lifts_the_memory_limit(server: Server, tables: None, user: str, value: str) -> None:
    for answer in (
        asked(server, user, f"SET max_memory_usage = {value}"),
        asked(server, user, "SELECT 1", max_memory_usage=value),
        asked(server, user, f"SELECT 1 SETTINGS max_memory_usage = {value}"),
    ):
        assert code(answer) == "452"


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("dialect", ["kusto", "prql"])
def test_nobody_speaks_another_dialect(server: Server, tables: None, user: str, dialect: str) -> None:
    for answer in (
        asked(server, user, f"SET dialect = '{dialect}'"),
        asked(server, user, "SELECT 1", dialect=dialect),
        asked(server, user, f"SELECT 1 SETTINGS dialect = '{dialect}'"),
    ):
        assert code(answer) == "452"


@pytest.mark.parametrize("setting", ["readonly", "allow_ddl", "allow_introspection_functions"])
def test_an_analyst_stays_read_only(server: Server, tables: None, setting: str) -> None:
    value = "0" if setting == "readonly" else "1"
    for answer in (
        asked(server, "analyst", f"SET {setting} = {value}"),
        asked(server, "analyst", f"SELECT 1 SETTINGS {setting} = {value}"),
    ):
        assert code(answer) in ("164", "452") or (setting == "allow_ddl" and code(answer) == "")
    assert code(asked(server, "analyst", "INSERT INTO visits (page) VALUES ('x')", **{setting: value})) != ""


def test_an_analyst_reads_what_it_is_given(analyst: Client) -> None:
    assert analyst.query("SELECT count() FROM visits WHERE id > 0").first_row == (3,)
    assert analyst.query("SELECT * FROM visits_by_page WHERE page != '' ORDER BY page").result_rows == [
        ("/landing", 1),
        ("/product", 2),
    ]


def test_a_view_with_its_definers_rights_shows_what_is_behind_it(analyst: Client) -> None:
    assert analyst.query("SELECT total FROM secret_total").first_row == (42,)


@pytest.mark.parametrize("user", RESTRICTED)
def test_what_is_not_given_is_not_read(server: Server, tables: None, user: str) -> None:
    for text in (
        "SELECT * FROM others",
        "SELECT * FROM secrets",
        "SELECT * FROM merge('experiments', 'secrets')",
        "DESCRIBE TABLE secrets",
        "SHOW CREATE TABLE secrets",
        "SELECT count() FROM secrets",
    ):
        assert code(asked(server, user, text)) in ("497", "636"), text


def test_what_is_not_given_is_not_listed(analyst: Client) -> None:
    assert analyst.query(
        "SELECT name FROM system.tables WHERE database = 'experiments' ORDER BY name"
    ).result_columns == [["secret_total", "visits", "visits_by_page"]]
    assert analyst.query(
        "SELECT DISTINCT table FROM system.columns WHERE table IN ('visits', 'secrets')"
    ).result_rows == [("visits",)]
    assert "secrets" not in analyst.command("SHOW TABLES")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT name, value FROM system.settings LIMIT 1",
        "SELECT * FROM system.databases",
        "SELECT * FROM system.time_zones LIMIT 1",
        "SELECT count() FROM system.kafka_consumers",
        "SELECT * FROM system.functions LIMIT 1",
        "SELECT version(), timezone(), currentDatabase()",
        "SELECT 1 SETTINGS max_threads = 1, join_algorithm = 'hash'",
        "SET max_threads = 1",
        "EXPLAIN SELECT * FROM visits",
        "SHOW GRANTS",
    ],
)
def test_an_analysts_client_finds_what_it_needs(server: Server, tables: None, text: str) -> None:
    assert code(asked(server, "analyst", text)) == ""


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO visits (page) VALUES ('x')",
        "INSERT INTO visits SELECT * FROM visits",
        "CREATE TABLE mine (a Int8) ORDER BY a",
        "CREATE TABLE mine (a Int8) ENGINE = Memory",
        "CREATE TEMPORARY TABLE mine (a Int8)",
        "CREATE VIEW mine AS SELECT 1",
        "CREATE MATERIALIZED VIEW mine TO visits AS SELECT 1",
        "CREATE DATABASE mine",
        "CREATE FUNCTION mine AS a -> a",
        "CREATE DICTIONARY mine (a UInt64) PRIMARY KEY a SOURCE(NULL()) LAYOUT(FLAT()) LIFETIME(0)",
        "CREATE USER mine",
        "CREATE ROLE mine",
        "ALTER TABLE visits ADD COLUMN a Int8",
        "ALTER TABLE visits DELETE WHERE 1",
        "DELETE FROM visits WHERE 1",
        "UPDATE visits SET page = 'x' WHERE 1",
        "DROP TABLE visits",
        "TRUNCATE TABLE visits",
        "RENAME TABLE visits TO mine",
        "OPTIMIZE TABLE visits FINAL",
        "GRANT ALL ON *.* TO default",
        "GRANT admin TO default",
        "REVOKE ALL ON *.* FROM default",
        "SYSTEM SHUTDOWN",
        "SYSTEM STOP MERGES",
        "KILL QUERY WHERE 1",
        "KILL MUTATION WHERE 1",
        "BACKUP TABLE visits TO File('/tmp/x')",
        "ATTACH TABLE mine FROM '/tmp' (a Int8) ENGINE = MergeTree ORDER BY a",
    ],
)
def test_an_analyst_changes_nothing(server: Server, tables: None, text: str) -> None:
    assert code(asked(server, "analyst", text)) in ("164", "495", "497")
    assert asked(server, "admin", "SELECT count() FROM visits WHERE id > 0").text == "3\n"


def test_ingestion_inserts_and_reads_its_tables(ingestion: Client, admin: Client) -> None:
    assert ingestion.insert("visits", [[100, "/x"]], column_names=["id", "page"]).written_rows == 1
    assert ingestion.query("SELECT page FROM visits WHERE id = 100").first_row == ("/x",)
    admin.command("DELETE FROM visits WHERE id = 100 SETTINGS mutations_sync = 2")


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO others VALUES (1)",
        "INSERT INTO FUNCTION null('a Int8') SELECT 1",
        "CREATE TABLE mine (a Int8) ORDER BY a",
        "CREATE TEMPORARY TABLE mine (a Int8)",
        "ALTER TABLE visits ADD COLUMN a Int8",
        "DROP TABLE visits",
        "TRUNCATE TABLE visits",
        "KILL QUERY WHERE 1",
        "SYSTEM FLUSH LOGS",
    ],
)
def test_ingestion_does_nothing_else(server: Server, tables: None, text: str) -> None:
    assert code(asked(server, "ingestion", text)) == "497"


@pytest.mark.parametrize("user", RESTRICTED)
@pytest.mark.parametrize(
    "source",
    [
        "file('{file}', 'LineAsString')",
        "File('{file}', 'LineAsString')",
        "`file`('{file}', 'LineAsString')",
        "file/**/('{file}', 'LineAsString')",
        "url('http://127.0.0.1:{port}/ping', 'LineAsString', 'a String')",
        "urlCluster('default', 'http://127.0.0.1:{port}/ping', 'LineAsString', 'a String')",
        "s3('http://127.0.0.1:{port}/bucket/x', 'CSV', 'a String')",
        "remote('127.0.0.1:{port}', 'system', 'one')",
        "cluster('default', 'system', 'one')",
        "postgresql('127.0.0.1:{port}', 'a', 'b', 'c', 'd')",
        "mysql('127.0.0.1:{port}', 'a', 'b', 'c', 'd')",
        "sqlite('{file}', 'x')",
        "executable('x.sh', 'TSV', 'a String')",
        "input('a String')",
        "python(config)",
        "Python(config)",
        "deltaLakeLocal('{file}')",
        "icebergLocal('{file}')",
        "hdfs('hdfs://127.0.0.1:{port}/x', 'CSV', 'a String')",
        "redis('127.0.0.1:{port}', 'a', 'a String')",
        "jdbc('x', 'y', 'z')",
        "odbc('x', 'y', 'z')",
        "dictionary('x')",
        "format(Values, 'a String', '(file(''{file}''))')",
        "format(JSONEachRow, 'a String DEFAULT file(''{file}'')', '{{}}')",
        "`{file}`",
        "'{file}'",
    ],
)
@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM {}", "DESCRIBE TABLE {}", "EXPLAIN SELECT * FROM {}", "SELECT (SELECT count() FROM {})"],
)
def test_a_restricted_user_reaches_no_source_outside(
    server: Server, tables: None, host_file: Path, user: str, source: str, statement: str
) -> None:
    text = statement.format(source.format(file=host_file, port=server.port))
    answer = asked(server, user, text)
    assert code(answer) in ("48", "60", "62", "497"), answer.text
    assert "the-hosts-secret" not in answer.text


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize(
    "text",
    [
        "SELECT file('{file}')",
        "SELECT `file`('{file}')",
        "SELECT arrayMap(p -> file(p), ['{file}'])",
        "SELECT * APPLY(file) FROM (SELECT '{file}' AS p)",
        "SELECT * APPLY file FROM (SELECT '{file}' AS p)",
        "SELECT COLUMNS('p') APPLY(`file`) FROM (SELECT '{file}' AS p)",
        "WITH '{file}' AS p SELECT file(p)",
        "SELECT * FROM file('{file}', 'LineAsString')",
        "SELECT * FROM python(config)",
        "INSERT INTO FUNCTION file('{file}.new', 'CSV', 'a Int8') SELECT 1",
        "SELECT 1 INTO OUTFILE '{file}.new'",
        "SELECT 1 INTO/**/OUTFILE/**/'{file}.new' TRUNCATE",
        "SELECT 1 INTO OUTFILE $a${file}.new$a$ APPEND",
        "SELECT 1 INTO OUTFILE ‘{file}.new’ FORMAT CSV",
        "INSERT INTO visits (page) FROM INFILE '{file}' FORMAT CSV",
        "INSERT INTO visits (page) FROM INFILE '{file}' COMPRESSION 'none' FORMAT CSV",
        "CREATE TEMPORARY TABLE t (a String) ENGINE = File(CSV, '{file}')",
    ],
)
def test_nobody_reads_or_writes_the_hosts_files(
    server: Server, tables: None, host_file: Path, user: str, text: str
) -> None:
    answer = asked(server, user, text.format(file=host_file))
    assert code(answer) in ("62", "78", "358", "497"), answer.text
    assert "the-hosts-secret" not in answer.text
    assert not host_file.with_name("private.csv.new").exists()


@pytest.mark.parametrize("user", RESTRICTED)
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("format_schema", "{file}:Message"),
        ("format_template_row", "{file}"),
        ("format_template_resultset", "{file}"),
        ("format_template_row_format", "x"),
        ("output_format_schema", "{file}.new"),
        ("input_format_record_errors_file_path", "{file}.new"),
        ("additional_result_filter", "file('{file}') != ''"),
        ("additional_table_filters", "{{'visits': 'file(''x'') != '''''}}"),
        ("schema_inference_hints", "a String DEFAULT file('{file}')"),
        ("input_format_values_interpret_expressions", "1"),
        ("compatibility", "21.1"),
        ("format_avro_schema_registry_url", "http://127.0.0.1/"),
    ],
)
def test_no_setting_of_a_restricted_user_reaches_the_host(
    server: Server, tables: None, host_file: Path, user: str, setting: str, value: str
) -> None:
    answer = asked(
        server, user, "SELECT * FROM visits LIMIT 1 FORMAT Template", **{setting: value.format(file=host_file)}
    )
    assert code(answer) == "452", answer.text


def test_values_that_ingestion_inserts_are_no_expressions(server: Server, tables: None, host_file: Path) -> None:
    answer = asked(server, "ingestion", f"INSERT INTO visits (page) VALUES (file('{host_file}'))")
    assert code(answer) != ""
    assert asked(server, "ingestion", "SELECT count() FROM visits WHERE page LIKE '%secret%'").text == "0\n"


def test_values_of_admin_may_be_expressions(admin: Client, new_table) -> None:
    table = new_table("a Int32, b Date")
    admin.command(f"INSERT INTO {table} VALUES (1 + 1, toDate('2026-11-22'))")
    assert admin.query(f"SELECT a, toString(b) FROM {table}").first_row == (2, "2026-11-22")


@pytest.mark.parametrize("user", RESTRICTED)
def test_others_queries_are_not_seen(server: Server, tables: None, user: str) -> None:
    assert asked(server, user, "SELECT count() FROM system.processes").text == "0\n"
    asked(server, "admin", "SELECT 'of admin'")
    seen = asked(server, user, "SELECT DISTINCT user FROM system.query_log").text
    assert set(seen.split()) <= {user}


@pytest.mark.parametrize("user", RESTRICTED)
@pytest.mark.parametrize(
    "table", ["users", "roles", "grants", "settings_profiles", "quotas", "row_policies", "role_grants"]
)
def test_accounts_are_not_seen(server: Server, tables: None, user: str, table: str) -> None:
    assert code(asked(server, user, f"SELECT * FROM system.{table}")) == "497"


def test_admin_makes_changes_and_drops(admin: Client) -> None:
    admin.command("CREATE DATABASE mine")
    admin.command("CREATE TABLE mine.t (a Int32) ORDER BY a")
    admin.command("ALTER TABLE mine.t ADD COLUMN b String")
    admin.command("INSERT INTO mine.t VALUES (1, 'x')")
    admin.command("CREATE VIEW mine.v AS SELECT * FROM mine.t")
    admin.command("RENAME TABLE mine.t TO mine.u")
    admin.command("TRUNCATE TABLE mine.u")
    admin.command("OPTIMIZE TABLE mine.u FINAL")
    admin.command("DROP TABLE mine.v")
    admin.command("DROP DATABASE mine")
    assert "mine" not in str(admin.command("SHOW DATABASES"))


def test_admin_attaches_kafka(admin: Client) -> None:
    admin.command("""
        CREATE TABLE queue (raw String) ENGINE = Kafka
        SETTINGS kafka_broker_list = '127.0.0.1:1', kafka_topic_list = 't', kafka_group_name = 'g',
            kafka_format = 'RawBLOB'
    """)
    admin.command("CREATE TABLE queued (raw String) ORDER BY tuple()")
    admin.command("CREATE MATERIALIZED VIEW queue_view TO queued AS SELECT raw FROM queue")
    assert admin.query("SELECT table FROM system.kafka_consumers").result_rows == [("queue",)]
    for name in ("queue_view", "queued", "queue"):
        admin.command(f"DROP TABLE {name}")


def test_admin_may_ask_postgres(admin: Client) -> None:
    with pytest.raises(DatabaseError, match="POSTGRESQL_CONNECTION_FAILURE"):
        admin.query("SELECT * FROM postgresql('127.0.0.1:1', 'd', 't', 'u', 'p')")


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE others SYNC",
        "DROP TABLE others NO DELAY",
        "KILL QUERY WHERE 0 SYNC",
        "KILL QUERY WHERE 0 SYNC FORMAT CSV",
        "DROP TABLE others SYNC;",
    ],
)
def test_what_would_never_return_is_refused(server: Server, tables: None, text: str) -> None:
    answer = asked(server, "admin", text)
    assert (answer.status_code, code(answer)) == (501, "48")
    setting = "database_atomic_wait_for_drop_and_detach_synchronously"
    assert code(asked(server, "admin", "DROP TABLE others", **{setting: "1"})) == "452"
    assert asked(server, "admin", "EXISTS others").text == "1\n"
