"""Tests, one folder per ring of the code; `oracle` is an independent implementation they compare with."""
