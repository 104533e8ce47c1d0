"""Text of files and requests where control characters would act: terminals, logs, mail headers.

A value that moves the cursor, or begins a line of its own in a log, says something that nobody wrote.
"""

import re

_ACTING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """The text with control characters written out; line feeds and tabs stay."""
    return _ACTING.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def one_line(text: str) -> str:
    """The text with control characters written out and every run of blanks as one space."""
    return " ".join(visible(text.replace("\r\n", "\n")).split())
