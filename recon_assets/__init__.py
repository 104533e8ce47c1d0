"""recon_assets: where invoices do not agree, why, and by how much."""
