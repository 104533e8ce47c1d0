"""The console script `recon`: thin, the same code paths as the Dagster UI."""

from recon_assets.cli.commands import main

__all__ = ["main"]
