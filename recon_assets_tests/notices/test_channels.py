"""What arrives at a webhook and in a mailbox, and what counts as not arrived."""

import json
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default as mail_policy
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from recon_assets.errors import InputError
from recon_assets.notices.channels import PAYLOADS, mail_sender, webhook_sender
from recon_assets.notices.outbox import Message, NotDelivered
from recon_assets.notices.settings import NoticeSettings, load_notice_settings
from recon_assets_tests.machine import free_port

MESSAGE = Message("subscriptions 2025-01 failed", ["<b> & *row* in my_file", "second"], "http://dagster/runs/1")
SECRET = "canary-of-hook"


def settings(**changes: Any) -> NoticeSettings:
    return NoticeSettings(_env_file=None, **changes)  # type: ignore[call-arg]


def posted(kind: str, answer: httpx.Response | Exception, message: Message = MESSAGE) -> list[httpx.Request]:
    """Requests that sending a message made, answered as said."""
    requests = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    wanted = settings(webhook_url=f"https://hooks.example/{SECRET}", webhook_kind=kind)
    webhook_sender(wanted, httpx.MockTransport(respond))(message)
    return requests


def test_slack_gets_blocks_in_which_signs_of_markup_are_harmless() -> None:
    (request,) = posted("slack", httpx.Response(200, text="ok"))
    content = json.loads(request.content)
    header, lines, link = content["blocks"]
    assert content["text"] == header["text"]["text"] == MESSAGE.title
    assert lines["text"] == {"type": "mrkdwn", "text": "• &lt;b&gt; &amp; *row* in my_file\n• second"}
    assert link["text"]["text"] == "<http://dagster/runs/1|Open in Dagster>"


def test_teams_gets_an_adaptive_card_with_a_button() -> None:
    (request,) = posted("teams", httpx.Response(202))
    (attachment,) = json.loads(request.content)["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], [block["text"] for block in card["body"]]) == (
        "AdaptiveCard",
        [MESSAGE.title, "<b> & \\*row\\* in my\\_file", "second"],
    )
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Open in Dagster", "url": MESSAGE.url}]


def test_any_other_webhook_gets_title_text_and_address_as_json() -> None:
    (request,) = posted("json", httpx.Response(204))
    assert json.loads(request.content) == {
        "title": MESSAGE.title,
        "text": "\n".join([MESSAGE.title, *MESSAGE.lines]),
        "run": MESSAGE.url,
    }


@pytest.mark.parametrize("kind", sorted(PAYLOADS))
def test_a_message_of_a_thousand_lines_stays_within_what_the_services_take(kind: str) -> None:
    long = Message("x" * 500, ["y" * 5000] * 1000, MESSAGE.url)
    (request,) = posted(kind, httpx.Response(200), long)
    assert len(request.content) < 28_000
    assert kind == "slack" or "and 980 more" in request.content.decode()
    if kind == "slack":
        header, lines, _ = json.loads(request.content)["blocks"]
        assert len(header["text"]["text"]) <= 150
        assert len(lines["text"]["text"]) <= 3000


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(429), "answered 429"),
        (httpx.Response(500), "answered 500"),
        (httpx.ConnectError("refused"), "cannot be reached"),
    ],
)
def test_a_refused_message_counts_as_not_delivered_and_the_reason_holds_no_address(
    answer: httpx.Response | Exception, reason: str
) -> None:
    with pytest.raises(NotDelivered, match=reason) as problem:
        posted("json", answer)
    assert SECRET not in str(problem.value)
    assert problem.value.__cause__ is None


def test_a_message_that_may_have_arrived_is_not_sent_again() -> None:
    assert len(posted("json", httpx.ReadTimeout("no answer"))) == 1


class Mailbox:
    """Mails that a server took, and what clients logged in with."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.refuses = False

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.refuses:
            return "451 try again later"
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content, policy=mail_policy))
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, dict[str, Any]]]:
    box = Mailbox()

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        knows = isinstance(data, LoginPassword) and data.password == b"canary-of-mail"
        return AuthResult(success=knows, handled=False)

    port = free_port()
    server = Controller(box, hostname="127.0.0.1", port=port, authenticator=check, auth_require_tls=False)
    server.start()
    yield (
        box,
        {
            "mail_to": ["finance@example.com", "ops@example.com"],
            "mail_from": "recon@example.com",
            "smtp_host": "127.0.0.1",
            "smtp_port": port,
            "smtp_security": "none",
            "smtp_user": "recon",
            "smtp_password": "canary-of-mail",
        },
    )
    server.stop()


def test_a_mail_arrives_with_every_line_and_the_address(mailbox: tuple[Mailbox, dict[str, Any]]) -> None:
    box, access = mailbox
    mail_sender(settings(**access))(MESSAGE)
    (mail,) = box.mails
    assert mail["Subject"] == "recon: subscriptions 2025-01 failed"
    assert mail["To"] == "finance@example.com, ops@example.com"
    assert mail.get_content().splitlines() == [*MESSAGE.lines, "", MESSAGE.url]


def test_a_mail_that_the_server_or_the_login_refuses_is_not_delivered(mailbox: tuple[Mailbox, dict[str, Any]]) -> None:
    box, access = mailbox
    with pytest.raises(NotDelivered, match="SMTPAuthenticationError") as problem:
        mail_sender(settings(**access | {"smtp_password": "canary-of-mail-wrong"}))(MESSAGE)
    assert "canary" not in str(problem.value)
    box.refuses = True
    with pytest.raises(NotDelivered, match="SMTPDataError"):
        mail_sender(settings(**access))(MESSAGE)
    with pytest.raises(NotDelivered, match="ConnectionRefusedError"):
        mail_sender(settings(**access | {"smtp_port": free_port()}))(MESSAGE)
    assert box.mails == []


def test_a_subject_cannot_smuggle_in_a_header(mailbox: tuple[Mailbox, dict[str, Any]]) -> None:
    box, access = mailbox
    mail_sender(settings(**access))(Message("a\nBcc: thief@example.com", ["x"], MESSAGE.url))
    assert box.mails[0]["Bcc"] is None


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"RECON_WEBHOOK_URL": f"http://hooks.example/{SECRET}"}, "RECON_WEBHOOK_URL: write an https:// address"),
        ({"RECON_WEBHOOK_URL": SECRET}, "RECON_WEBHOOK_URL: write an https:// address"),
        ({"RECON_WEBHOOK_KIND": "irc"}, "RECON_WEBHOOK_KIND"),
        ({"RECON_MAIL_TO": '["a@example.com"]'}, "RECON_MAIL_TO needs RECON_SMTP_HOST and RECON_MAIL_FROM"),
        ({"RECON_SMTP_USER": "recon"}, "RECON_SMTP_USER needs RECON_SMTP_PASSWORD"),
        ({"RECON_SMTP_HOST": "mail.example", "RECON_SMTP_SECURITY": "none"}, "only for a mail server on this computer"),
        ({"RECON_NOTICE_DIFFERENCE": "0"}, "RECON_NOTICE_DIFFERENCE"),
        ({"RECON_NOTICES": '["weather"]'}, "RECON_NOTICES"),
    ],
)
def test_each_wrong_setting_is_named_and_no_value_is_shown(
    variables: dict[str, str], problem: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError) as raised:
        load_notice_settings()
    assert problem in str(raised.value)
    assert SECRET not in str(raised.value)


def test_nothing_is_told_unless_an_address_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_notice_settings().channels == []
    monkeypatch.setenv("RECON_WEBHOOK_URL", "")
    assert load_notice_settings().channels == []
