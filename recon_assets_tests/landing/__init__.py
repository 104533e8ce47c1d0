"""Tests of the landing zone: what is found there, and which months a sensor loads."""
