"""Files as people have them: what a file holds before it is known what its columns mean (spec/intake.md)."""
