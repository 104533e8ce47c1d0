"""Mutations of the rules: which of them the tests notice."""
