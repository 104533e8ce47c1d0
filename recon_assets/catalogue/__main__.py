"""`python -m recon_assets.catalogue`: writes the files of the dbt project that follow from the catalogue."""

from recon_assets.catalogue.generated import generated_files

for path, text in generated_files().items():
    path.write_text(text, encoding="utf-8")
