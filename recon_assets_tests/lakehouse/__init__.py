"""Tests of the raw and the published store."""
