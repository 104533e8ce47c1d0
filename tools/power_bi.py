"""The semantic model for Power BI, as text: a table for every published mart, by the contracts of the dbt project.

    python -m tools.power_bi        writes deploy/power_bi/ anew; a test holds it up to date

TMDL as Microsoft describes it (learn.microsoft.com/analysis-services/tmdl/tmdl-overview); never opened in Power BI.
"""

import re
from pathlib import Path

from recon_assets.catalogue.marts import Mart, MartColumn
from recon_assets.pipeline.marts import published_marts
from tools.written import write_folder

FOLDER = Path(__file__).parents[1] / "deploy" / "power_bi" / "reconciliation.SemanticModel"
_TYPES = {
    "varchar": "string",
    "boolean": "boolean",
    "integer": "int64",
    "bigint": "int64",
    "date": "dateTime",
    "timestamp with time zone": "dateTime",
}
_DECIMAL = re.compile(r"decimal\(\d+, (\d+)\)")
_FORMATS = {"date": "yyyy-mm-dd", "timestamp with time zone": "yyyy-mm-dd hh:nn:ss"}
_EXACT = 4  # decimals of TMDL's decimal, which is a fixed one; what has more is a double


def tmdl_type(sql_type: str) -> str:
    """The data type of a column; KeyError for one that no contract has had yet."""
    scale = _DECIMAL.fullmatch(sql_type)
    if scale:
        return "decimal" if int(scale[1]) <= _EXACT else "double"
    return _TYPES[sql_type]


def files() -> dict[Path, str]:
    """Content of every file of the model, by its path."""
    marts = sorted(published_marts().values(), key=lambda mart: mart.name)
    definition = FOLDER / "definition"
    refs = "".join(f"ref table {mart.name}\n" for mart in marts)
    return {
        FOLDER / "definition.pbism": '{\n  "version": "4.0",\n  "settings": {}\n}\n',
        definition / "database.tmdl": "database\n\tcompatibilityLevel: 1567\n",
        definition
        / "model.tmdl": f"model Model\n\tculture: en-US\n\tdefaultPowerBIDataSourceVersion: powerBI_V3\n\n{refs}",
        definition / "expressions.tmdl": (
            "/// Folder of the published tables; replace account and container.\n"
            'expression PublishedFolder = "https://account.dfs.core.windows.net/container/published" '
            'meta [IsParameterQuery=true, Type="Text", IsParameterQueryRequired=true]\n'
        ),
        **{definition / "tables" / f"{mart.name}.tmdl": _table(mart) for mart in marts},
    }


def _table(mart: Mart) -> str:
    return (
        f"{_described(mart.description, '')}table {mart.name}\n\n"
        + "".join(_column(column) for column in mart.columns)
        + f"\tpartition {mart.name} = m\n\t\tmode: import\n\t\tsource =\n\t\t\tlet\n"
        f'\t\t\t\tPlace = PublishedFolder & "/{mart.name}",\n'
        "\t\t\t\tFiles = AzureStorage.DataLake(Place, [HierarchicalNavigation = true]),\n"
        "\t\t\t\tMart = DeltaLake.Table(Files)\n\t\t\tin\n\t\t\t\tMart\n"
    )


def _column(column: MartColumn) -> str:
    shown = f"\t\tformatString: {_FORMATS[column.sql_type]}\n" if column.sql_type in _FORMATS else ""
    return (
        f"{_described(column.description, chr(9))}\tcolumn {column.name}\n"
        f"\t\tdataType: {tmdl_type(column.sql_type)}\n{shown}"
        f"\t\tsummarizeBy: none\n\t\tsourceColumn: {column.name}\n\n"
    )


def _described(text: str, indent: str) -> str:
    """Descriptions stand before what they describe, each line behind three slashes."""
    return "".join(f"{indent}/// {line.strip()}\n" for line in text.strip().splitlines() if line.strip())


if __name__ == "__main__":
    write_folder(FOLDER, files(), "*.tmdl")
