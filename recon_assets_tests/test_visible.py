"""Texts of files and requests on terminals, in logs, mails and Dagster's Markdown: shown, never acting."""

import io
import logging

import duckdb
import pytest

from recon_assets.cli.console import show_findings
from recon_assets.defs.metadata import _cell, _markdown
from recon_assets.doctor import Finding
from recon_assets.logs import RedactedFormatter
from recon_assets.query import _write_table
from recon_assets.visible import one_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, \u00fcn\u00efcode \u4e2d", "plain, \u00fcn\u00efcode \u4e2d"),
        ("a\nb\tc", "a\nb\tc"),
        ("\x1b[31mred\x07\r", "\\x1b[31mred\\x07\\r"),
        ("\x9b2J\x7f\u2028\u202e", "\\x9b2J\\x7f\\u2028\\u202e"),
    ],
)
def test_control_characters_are_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_one_line_is_one_line() -> None:
    assert one_line("a\r\nBcc: b\rc\x0bd\u2028e \t f") == "a Bcc: b\\rc\\x0bd\\u2028e f"


@pytest.mark.parametrize("value", ["[/a]", "[bold]b[/bold]", "[link=http://evil.example]c", "\\[x"])
def test_a_value_in_the_shape_of_markup_is_shown_as_it_is(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The bug this fixes: `recon query` ended with a MarkupError on such a value."""
    out = io.StringIO()
    _write_table(duckdb.sql("select $1 as a", params=[value]), ["a"], out)
    assert value in out.getvalue()
    assert show_findings([Finding("ok", "file", value)]) == 0
    assert value in capsys.readouterr().out


def test_only_a_record_begins_a_line_of_its_own() -> None:
    text = "no page /a\n2025-01-01 00:00:00,000 ERROR recon.app: forged\r\x1b[2J"
    record = logging.LogRecord("recon.app", logging.WARNING, __file__, 1, "%s", (text,), None)
    first, second = RedactedFormatter("text").format(record).split("\n")
    assert first.endswith("WARNING recon.app: no page /a")
    assert second == "    2025-01-01 00:00:00,000 ERROR recon.app: forged\\r\\x1b[2J"


def test_a_preview_holds_neither_pictures_nor_links_nor_further_cells() -> None:
    shown = _cell("![x](http://evil.example/a.png)|<img src=x>\\|\n`")
    assert shown == "\\!\\[x\\](http://evil.example/a.png)\\|\\<img src=x\\>\\\\\\| \\`"
    table = _markdown(duckdb.sql("select 'a' as x, null as y, 1.50 as z")).md_str
    assert table == "| x | y | z |\n|---|---|---|\n| a |  | 1.50 |"
