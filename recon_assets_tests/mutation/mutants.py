"""Small wrongs put into SQL one by one: which places, and what stands there instead. Knows nothing of tests."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Pattern of what is replaced -> what it becomes. Only outside of texts, comments and Jinja's own signs.
_OPERATORS: tuple[tuple[str, str], ...] = (
    (r"(?<![<>=!])<=(?!=)", "<"),
    (r"(?<![<>=!])>=(?!=)", ">"),
    (r"(?<![<>=!])<(?![<>=])", "<="),
    (r"(?<![<>=!-])>(?![<>=])", ">="),
    (r"(?<![<>=!])=(?![<>=])", "<>"),
    (r"<>", "="),
    (r"(?<= )\+(?= )", "-"),
    (r"(?<= )-(?= )", "+"),
    (r"(?<= )\*(?= )", "+"),
    (r"\band\b", "or"),
    (r"\bor\b", "and"),
    (r"\bgreatest\(", "least("),
    (r"\bleast\(", "greatest("),
    (r"\babs\(", "("),
    (r"\bis not null\b", "is null"),
    (r"\bis null\b", "is not null"),
    (r"\bis distinct from\b", "is not distinct from"),
    (r"\bnot \(", "("),
    (r"\btrue\b", "false"),
    (r"\bfalse\b", "true"),
)
_NUMBER = re.compile(r"(?<![\w.'])\d+(?![\w.'])")
_BRANCH = re.compile(r"\bwhen .+? then\b")
_HIDDEN = re.compile(r"\{#.*?#\}|'[^'\n]*'|\{\{-?|-?\}\}|\{%.*?%\}|--[^\n]*", re.DOTALL)
_TYPE = re.compile(r"decimal\(\d+, \d+\)")


@dataclass(frozen=True)
class Mutant:
    start: int
    end: int
    becomes: str

    def of(self, text: str) -> str:
        return text[: self.start] + self.becomes + text[self.end :]

    def described(self, text: str) -> str:
        """`line: old line` and what the place becomes."""
        first = text.rfind("\n", 0, self.start) + 1
        line = text.count("\n", 0, self.start) + 1
        column = self.start - first
        was = text[first : text.find("\n", self.start)].strip()
        return f"{line}:{column} `{text[self.start : self.end]}` becomes `{self.becomes}` in `{was}`"


def mutants(text: str, first: int = 0, last: int | None = None) -> Iterator[Mutant]:
    """Every mutant of text[first:last], in order of kind."""
    last = len(text) if last is None else last
    hidden = [(m.start(), m.end()) for m in _HIDDEN.finditer(text)]
    # The set statements of Jinja hold SQL as texts: of these only the functions are looked at.
    for pattern, becomes in _OPERATORS:
        into_texts = becomes in ("least(", "greatest(", "(") and pattern.startswith(r"\b")
        for match in re.compile(pattern).finditer(text, first, last):
            if (into_texts and not _is_comment(text, match.start())) or not _within(match.start(), hidden):
                yield Mutant(match.start(), match.end(), becomes)
    types = [(m.start(), m.end()) for m in _TYPE.finditer(text)]
    for match in _NUMBER.finditer(text, first, last):
        if not _within(match.start(), hidden) and not _within(match.start(), types):
            yield Mutant(match.start(), match.end(), str(int(match[0]) + 1))
    for match in _BRANCH.finditer(text, first, last):
        if not _is_comment(text, match.start()):
            yield Mutant(match.start(), match.end(), "when false then")


def _within(place: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)


def _is_comment(text: str, place: int) -> bool:
    return text.rfind("{#", 0, place) > text.rfind("#}", 0, place)
