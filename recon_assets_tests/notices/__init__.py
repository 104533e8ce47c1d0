"""Telling people: what a message looks like, and that nothing is told twice."""
