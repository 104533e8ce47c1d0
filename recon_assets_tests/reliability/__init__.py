"""Whole runs on homes of their own: killed, at the same time, and on broken files. Readers never see half a month."""
