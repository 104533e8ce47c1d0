"""How services are talked to, whichever they are: HTTP, retries, downloads, locks, and secrets kept out of texts."""
