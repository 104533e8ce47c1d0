"""Tests of the readers: landed file in, typed rows and rejected rows out."""
