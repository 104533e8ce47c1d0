"""Secrets do not reach a text, and log lines are one object each where that is asked for."""

import json
import logging

import pytest

from recon_assets.logs import log_to_stderr
from recon_assets.transport.redaction import redact

ENVIRONMENT = {
    "RECON_GRAPH_CLIENT_SECRET": "canary-graph",
    "RECON_SMTP_PASSWORD": "canary-mail",
    "RECON_WEBHOOK_URL": "https://hooks.example/canary-hook",
    "DAGSTER_POSTGRES_PASSWORD": "canary-postgres-long",
    "AZURE_STORAGE_ACCOUNT_KEY": "canary-postgres",
    "RECON_HOME": "/data",
    "RECON_BSS_TOKEN": "abc",  # too short to be told from a word
}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("login with canary-graph failed", "login with *** failed"),
        ("canary-postgres-long and canary-postgres", "*** and ***"),
        ("post to https://hooks.example/canary-hook", "post to ***"),
        (
            "https://x.blob.core.windows.net/a?sp=r&sig=Ab%2F1&se=2",
            "https://x.blob.core.windows.net/a?sp=r&sig=***&se=2",
        ),
        ("Authorization: Bearer eyJhbGciOi.J9_x-y", "Authorization: Bearer ***"),
        ("postgresql://dagster:hunter22@db:5432/x", "postgresql://dagster:***@db:5432/x"),
        ("AccountName=a;AccountKey=abc+/=;X=1", "AccountName=a;AccountKey=***;X=1"),
        ("/data/raw and abc, code 5, sign=3", "/data/raw and abc, code 5, sign=3"),
    ],
)
def test_secrets_become_stars_and_nothing_else_does(text: str, shown: str) -> None:
    assert redact(text, ENVIRONMENT) == shown


def test_a_log_line_is_one_json_object_without_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RECON_SMTP_PASSWORD", "canary-mail")
    log_to_stderr("json")
    try:
        raise ValueError("refused canary-mail")
    except ValueError:
        logging.getLogger("recon_assets.x").exception("not sent with %s", "canary-mail")
    (line,) = capsys.readouterr().err.splitlines()
    content = json.loads(line)
    assert (content["level"], content["logger"], content["message"]) == ("error", "recon_assets.x", "not sent with ***")
    assert content["exception"].endswith("ValueError: refused ***")
    assert "canary" not in line


def test_text_lines_hold_no_secrets_either_and_are_not_doubled(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RECON_SMTP_PASSWORD", "canary-mail")
    log_to_stderr("text")
    log_to_stderr("text")
    logging.getLogger("recon_assets.x").warning("not sent with canary-mail")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("WARNING recon_assets.x: not sent with ***")
