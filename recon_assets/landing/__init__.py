"""Where files land: stores of files, and which source and month each file belongs to."""
