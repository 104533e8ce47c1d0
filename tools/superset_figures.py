"""Imports deploy/superset/ into a Superset of its own and writes what its charts show; run by Superset's Python.

    build/superset/bin/python tools/superset_figures.py FOLDER

FOLDER holds `published.duckdb`; Superset's metadata and settings come beside it, and `figures.json`: CSV by the title
of a chart, asked of Superset's REST API, as its button Download does. CSV keeps every digit of DECIMALs, JSON does not.
"""

import io
import json
import os
import secrets
import subprocess
import sys
import zipfile
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "deploy" / "superset"
USER, PASSWORD = "admin", secrets.token_urlsafe()


def zipped(folder: Path) -> Path:
    """Write Superset's settings, and zip the dashboard's files, which shall read the database that lies there."""
    (folder / "superset_config.py").write_text(
        f"SECRET_KEY = {secrets.token_urlsafe(42)!r}\n"
        f"SQLALCHEMY_DATABASE_URI = 'sqlite:///{folder}/superset.db'\n"
        "WTF_CSRF_ENABLED = False\nTALISMAN_ENABLED = False\n",
        encoding="utf-8",
    )
    package = folder / "dashboard.zip"
    with zipfile.ZipFile(package, "w") as archive:
        for path in sorted(SOURCE.rglob("*.yaml")):
            text = path.read_text(encoding="utf-8").replace("/data/published.duckdb", f"{folder}/published.duckdb")
            archive.writestr(f"superset/{path.relative_to(SOURCE)}", text)
    return package


def main(folder: Path) -> None:
    package = zipped(folder)
    os.environ |= {"SUPERSET_CONFIG_PATH": str(folder / "superset_config.py"), "SUPERSET_HOME": str(folder)}
    subprocess.run([Path(sys.executable).parent / "superset", "db", "upgrade"], check=True)
    # Superset reads the settings above as it is imported.
    from superset.app import create_app

    app = create_app()
    with app.app_context():
        from superset import appbuilder, security_manager

        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        role = security_manager.find_role("Admin")
        security_manager.add_user(USER, "a", "b", "a@example.com", role, password=PASSWORD)
    client = app.test_client()
    login = {"username": USER, "password": PASSWORD, "provider": "db"}
    token = _answer(client.post("/api/v1/security/login", json=login)).json["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    given = {"formData": (io.BytesIO(package.read_bytes()), package.name), "overwrite": "true"}
    _answer(client.post("/api/v1/dashboard/import/", data=given, headers=headers))
    charts = _answer(client.get("/api/v1/dashboard/reconciliation/charts", headers=headers)).json["result"]
    figures = {
        chart["slice_name"]: _answer(client.get(f"/api/v1/chart/{chart['id']}/data/?format=csv", headers=headers)).text
        for chart in charts
    }
    (folder / "figures.json").write_text(json.dumps(figures, ensure_ascii=False, indent=1), encoding="utf-8")


def _answer(response):
    if response.status_code != 200:
        sys.exit(f"{response.request.path}: {response.status_code} {response.text[:2000]}")
    return response


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
