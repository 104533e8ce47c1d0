"""The reporting app: a page per reconciliation over the published tables, and the issues raised on their rows."""
