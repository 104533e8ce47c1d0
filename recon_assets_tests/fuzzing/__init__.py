"""Mutated files through the load of every source: nothing raises, hangs or swells, and every record is somewhere."""
