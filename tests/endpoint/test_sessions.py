"""Sessions: what lasts in them, what does not, and whose they are."""

import threading
from uuid import uuid4

import httpx
import pytest
from clickhouse_connect.driver.client import Client
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from tests.endpoint.conftest import Server


class Session:
    """Requests in one session, over plain HTTP."""

    def __init__(self, http: httpx.Client, **options: str) -> None:
        self.http = http
        self.id = str(uuid4())
        self.options = {"session_id": self.id, **options}

    def ask(self, text: str, **parameters: str) -> httpx.Response:
        return self.http.post("/", params={**self.options, **parameters}, content=text)


@pytest.fixture
def session(http: httpx.Client) -> Session:
    return Session(http)


def code(answer: httpx.Response) -> str:
    return answer.headers.get("x-clickhouse-exception-code", "")


def test_a_temporary_table_lasts(session: Session) -> None:
    session.ask("CREATE TEMPORARY TABLE t (a Int32)")
    session.ask("INSERT INTO t VALUES (1), (2)")
    assert session.ask("SELECT sum(a) FROM t").text == "3\n"


def test_a_temporary_table_is_not_seen_outside(session: Session, http: httpx.Client) -> None:
    session.ask("CREATE TEMPORARY TABLE only_here (a Int32)")
    assert code(http.post("/", content="SELECT * FROM only_here")) == "60"


def test_set_lasts(session: Session) -> None:
    session.ask("SET max_block_size = 555")
    assert session.ask("SELECT getSetting('max_block_size')").text == "555\n"


def test_a_parameter_that_was_set_lasts(session: Session) -> None:
    session.ask("SET param_a = 5")
    assert session.ask("SELECT {a:Int32}").text == "5\n"


def test_use_lasts(session: Session) -> None:
    session.ask("USE system")
    assert session.ask("SELECT currentDatabase()").text == "system\n"


def test_a_requests_setting_does_not_last(session: Session) -> None:
    session.ask("SET max_block_size = 555")
    assert session.ask("SELECT getSetting('max_block_size')", max_block_size="444").text == "444\n"
    assert session.ask("SELECT getSetting('max_block_size')").text == "555\n"


def test_a_setting_of_a_request_that_failed_does_not_last(session: Session) -> None:
    session.ask("SET max_block_size = 555")
    assert code(session.ask("SELECT nope", max_block_size="444")) == "47"
    assert code(session.ask("SELECT 1", max_block_size="444", nonsense="1")) == "115"
    assert session.ask("SELECT getSetting('max_block_size')").text == "555\n"


def test_a_requests_database_does_not_last(session: Session) -> None:
    assert session.ask("SELECT currentDatabase()", database="system").text == "system\n"
    assert session.ask("SELECT currentDatabase()").text == "experiments\n"


def test_a_requests_database_does_not_undo_use(session: Session) -> None:
    session.ask("USE system")
    assert session.ask("SELECT currentDatabase()", database="default").text == "default\n"
    assert session.ask("SELECT currentDatabase()").text == "system\n"


def test_use_in_a_request_with_a_database_lasts(session: Session) -> None:
    session.ask("USE default", database="system")
    assert session.ask("SELECT currentDatabase()").text == "default\n"


def test_readonly_does_not_last(session: Session, tables: None) -> None:
    assert code(session.ask("INSERT INTO others VALUES (1)", readonly="1")) == "164"
    assert code(session.ask("CREATE TEMPORARY TABLE t (a Int32)")) == ""


def test_an_error_leaves_nothing_for_the_next_answer(session: Session) -> None:
    assert code(session.ask("SELECT throwIf(number = 100000) FROM numbers(1000000)")) == "395"
    assert session.ask("SELECT 2").text == "2\n"
    assert code(session.ask("SHOW CREATE TABLE nope")) == "390"
    assert session.ask("SHOW DATABASES LIKE 'default'").text == "default\n"


def test_a_session_that_must_exist_has_to(session: Session) -> None:
    answer = session.ask("SELECT 1", session_check="1")
    assert (answer.status_code, code(answer), "not found" in answer.text) == (500, "372", True)
    session.ask("SELECT 1")
    assert session.ask("SELECT 1", session_check="1").text == "1\n"


def test_a_session_is_for_one_request_at_a_time(server: Server, session: Session, admin: Client) -> None:
    answers: list[httpx.Response] = []
    asked = "SELECT 1 AS holds_the_session, sleepEachRow(0.1) FROM numbers(20) FORMAT Null SETTINGS max_block_size = 1"

    def hold() -> None:
        with server.http() as http:
            answers.append(http.post("/", params={"session_id": session.id}, content=asked))

    holding = threading.Thread(target=hold)
    holding.start()
    counted = (
        "SELECT count() FROM system.processes WHERE position(query, 'holds_the_session') > 0 AND query_id != queryID()"
    )
    while holding.is_alive() and not admin.query(counted).first_row[0]:
        pass
    second = session.ask("SELECT 1")
    admin.command("KILL QUERY WHERE position(query, 'holds_the_session') > 0 AND query_id != queryID()")
    holding.join()
    assert (code(second), "is locked by a concurrent client" in second.text) == ("373", True)


def test_a_session_ends_when_its_time_is_over(http: httpx.Client) -> None:
    session = Session(http, session_timeout="1")
    session.ask("CREATE TEMPORARY TABLE t (a Int32)")

    @retry(retry=retry_if_result(lambda code: code != "372"), wait=wait_fixed(1.1), stop=stop_after_delay(10))
    def ask() -> str:
        return code(session.ask("SELECT * FROM t", session_check="1"))

    assert ask() == "372"


def test_a_time_out_can_be_too_long(session: Session) -> None:
    assert code(session.ask("SELECT 1", session_timeout="3601")) == "374"


@pytest.mark.parametrize("timeout", ["-1", "soon", "1e3"])
def test_a_time_out_is_a_number(session: Session, timeout: str) -> None:
    assert session.ask("SELECT 1", session_timeout=timeout).status_code == 400


def test_a_session_ends_when_asked_to(session: Session) -> None:
    session.ask("CREATE TEMPORARY TABLE t (a Int32)")
    assert session.ask("SELECT count() FROM t", close_session="1").text == "0\n"
    assert code(session.ask("SELECT 1", session_check="1")) == "372"


def test_a_session_is_its_users_own(server: Server, session: Session, tables: None) -> None:
    session.ask("CREATE TEMPORARY TABLE t (a Int32)")
    with server.http("analyst") as http:
        assert code(http.post("/", params={"session_id": session.id}, content="SELECT * FROM t")) == "60"
        assert (
            http.post("/", params={"session_id": session.id}, content="SELECT currentRoles()").text == "['analyst']\n"
        )


def test_the_client_library_keeps_a_session_of_its_own(server: Server) -> None:
    with server.client() as client:
        client.command("CREATE TEMPORARY TABLE mine (a Int32, b DateTime('Asia/Tokyo'))")
        client.insert("mine", [[1, 0], [2, 0]], column_names=["a", "b"])
        result = client.query("SELECT * FROM mine ORDER BY a")
    assert [row[0] for row in result.result_rows] == [1, 2]
    assert result.column_types[1].name == "DateTime('Asia/Tokyo')"
