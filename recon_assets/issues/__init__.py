"""The issue store: discrepancies that somebody reported. No part of the published tables."""
