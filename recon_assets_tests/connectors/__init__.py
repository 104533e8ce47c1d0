"""Tests of the connectors, against services of our own on this computer."""
