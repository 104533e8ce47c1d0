"""Log lines of our own processes: text or JSON (`RECON_LOG_FORMAT`), on standard error, without secrets.

What is logged may quote a request or a file: only a record begins a line of its own.
"""

import datetime as dt
import json
import logging
import sys
from typing import Literal

from recon_assets.transport.redaction import redact
from recon_assets.visible import visible

LogFormat = Literal["text", "json"]


class RedactedFormatter(logging.Formatter):
    """Text, whose further lines are indented, or a JSON object per line: timestamp (UTC), level, logger, message..."""

    def __init__(self, form: LogFormat) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        if self._form == "text":
            return visible(redact(super().format(record))).replace("\n", "\n    ")
        content = {
            "timestamp": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            content["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(content, ensure_ascii=False)


class StandardErrorHandler(logging.Handler):
    """Writes to standard error as it is at the time, which programs and tests may have replaced."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr)


def log_to_stderr(form: LogFormat, level: int = logging.WARNING) -> None:
    """Send what this process logs from `level` on to standard error."""
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, StandardErrorHandler)]:
        root.removeHandler(handler)
    handler = StandardErrorHandler(level)
    handler.setFormatter(RedactedFormatter(form))
    root.addHandler(handler)
