"""Tests of the e-invoice reconciliation, from landed files to marts."""
