"""Tests of what every service is talked to with."""
