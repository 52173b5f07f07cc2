"""The page that stakeholders open: made by Cucumber's formatter, looked at in a real browser."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from playwright.sync_api import Page, expect, sync_playwright

from pipeline_lib.model.errors import UserError
from steps.report.page import FOLDER, FORMATTER, write_page
from tests.report.project import read, run

pytest_plugins = ["pytester"]


@pytest.fixture
def report(pytester: pytest.Pytester) -> Path:
    ran = run(pytester, "--report", "run.html")
    ran.stdout.fnmatch_lines(["report: run.html"])
    return pytester.path / "run.html"


@pytest.fixture
def page(report: Path) -> Iterator[Page]:
    """The report in Debian's browser."""
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        opened = browser.new_page()
        opened.goto(report.as_uri())
        yield opened
        browser.close()


def test_each_message_is_valid_by_the_official_schema(report: Path) -> None:
    schema = json.loads((FOLDER / FORMATTER.parent / "messages" / "messages.schema.json").read_text())
    validator = Draft202012Validator(schema)
    faults = [
        fault.message for message in read(report.with_suffix(".ndjson")) for fault in validator.iter_errors(message)
    ]
    assert faults == []


def test_a_reader_sees_what_failed_and_why(page: Page) -> None:
    expect(page.get_by_text("One that is lost")).to_be_visible()
    expect(page.get_by_text("1 of 5 events is lost between kafka and clickhouse").first).to_be_visible()


def test_a_reader_sees_what_a_step_saw(page: Page) -> None:
    page.get_by_text("Orders are delivered").first.click()
    page.get_by_text("rows", exact=True).first.click()
    expect(page.get_by_text("t-0@41").first).to_be_visible()
    assert page.locator("b", has_text="Grüße").count() == 0


def test_a_file_that_holds_no_messages_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.ndjson").write_text("no message\n")
    with pytest.raises(UserError, match="formatter failed with"):
        write_page(tmp_path / "run.ndjson", tmp_path / "run.html")
