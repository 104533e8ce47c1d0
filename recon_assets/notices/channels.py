"""Webhook and e-mail: what a message looks like there, and sending it. Texts of errors name no address."""

import logging
import smtplib
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from email.message import EmailMessage
from email.utils import make_msgid
from typing import Any

import httpx

from recon_assets.notices.outbox import Message, NotDelivered, Send
from recon_assets.notices.settings import Channel, NoticeSettings
from recon_assets.visible import one_line

logger = logging.getLogger(__name__)

_SECONDS = 15
_LINES = 20  # of a message; a card of Teams holds 28 KB, a section of Slack 3000 characters
_LINE_LENGTH = 400
_SLACK_SECTION = 2900


def sender(channel: Channel, settings: NoticeSettings) -> Send:
    return webhook_sender(settings) if channel == "webhook" else mail_sender(settings)


def webhook_sender(settings: NoticeSettings, transport: httpx.BaseTransport | None = None) -> Send:
    assert settings.webhook_url is not None
    url = settings.webhook_url.get_secret_value()
    payload = PAYLOADS[settings.webhook_kind]

    def send(message: Message) -> None:
        with httpx.Client(timeout=_SECONDS, transport=transport) as client:
            try:
                answer = client.post(url, json=payload(message))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                raise NotDelivered(f"the webhook cannot be reached ({type(error).__name__})") from None
            except httpx.HTTPError:
                logger.warning("The webhook broke off; the message may have arrived and is not sent again.")
                return
        if not answer.is_success:
            raise NotDelivered(f"the webhook answered {answer.status_code}")

    return send


def mail_sender(settings: NoticeSettings) -> Send:
    def send(message: Message) -> None:
        mail = EmailMessage()
        mail["Subject"] = one_line(f"recon: {message.title}")[:200]  # a line break would end the header
        mail["From"] = settings.mail_from
        mail["To"] = ", ".join(settings.mail_to)
        mail["Message-ID"] = make_msgid(domain="recon")
        mail.set_content("\n".join([*_shown(message), "", message.url]))
        with ExitStack() as stack:
            try:
                server = stack.enter_context(_connected(settings))
                _log_in(server, settings)
            except (smtplib.SMTPException, OSError) as error:
                raise NotDelivered(f"the mail server cannot be used ({type(error).__name__})") from None
            _hand_over(server, mail)

    return send


def _connected(settings: NoticeSettings) -> smtplib.SMTP:
    host, port = settings.smtp_host or "", settings.smtp_port
    if settings.smtp_security == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=_SECONDS, context=ssl.create_default_context())
    return smtplib.SMTP(host, port, timeout=_SECONDS)


def _log_in(server: smtplib.SMTP, settings: NoticeSettings) -> None:
    if settings.smtp_security == "starttls":
        server.starttls(context=ssl.create_default_context())
    if settings.smtp_user and settings.smtp_password:
        server.login(settings.smtp_user, settings.smtp_password.get_secret_value())


def _hand_over(server: smtplib.SMTP, mail: EmailMessage) -> None:
    try:
        server.send_message(mail)
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
        raise NotDelivered(f"the mail server did not take it ({type(error).__name__})") from None
    except (smtplib.SMTPServerDisconnected, OSError):
        logger.warning("The mail server broke off; the mail may have arrived and is not sent again.")


def _shown(message: Message) -> list[str]:
    lines = [line if len(line) <= _LINE_LENGTH else line[: _LINE_LENGTH - 3] + "..." for line in message.lines]
    more = len(lines) - _LINES
    return [*lines[:_LINES], f"and {more} more"] if more > 0 else lines


def json_payload(message: Message) -> dict[str, Any]:
    return {"title": message.title, "text": "\n".join([message.title, *_shown(message)]), "run": message.url}


def slack_payload(message: Message) -> dict[str, Any]:
    """Block Kit: a header, the lines as mrkdwn, a link; `text` is what a notification shows."""
    lines = "\n".join(f"• {_slack_text(line)}" for line in _shown(message))[:_SLACK_SECTION]
    return {
        "text": _slack_text(message.title),
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": message.title[:150]}},
            {"type": "section", "text": {"type": "mrkdwn", "text": lines}},
            {"type": "section", "text": {"type": "mrkdwn", "text": f"<{message.url}|Open in Dagster>"}},
        ],
    }


def _slack_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def teams_payload(message: Message) -> dict[str, Any]:
    """An Adaptive Card, as a Teams workflow that is started by a webhook takes it."""
    title = {
        "type": "TextBlock",
        "size": "Medium",
        "weight": "Bolder",
        "text": _teams_text(message.title),
        "wrap": True,
    }
    lines = [{"type": "TextBlock", "text": _teams_text(line), "wrap": True} for line in _shown(message)]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [title, *lines],
        "actions": [{"type": "Action.OpenUrl", "title": "Open in Dagster", "url": message.url}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _teams_text(text: str) -> str:
    """Cards read Markdown: names with underscores and stars stay as they are."""
    return "".join(f"\\{sign}" if sign in "\\*_[]`" else sign for sign in text)


PAYLOADS: dict[str, Callable[[Message], dict[str, Any]]] = {
    "json": json_payload,
    "slack": slack_payload,
    "teams": teams_payload,
}
