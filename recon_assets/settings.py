"""Every setting, once: `RECON_*` environment variables, or a `.env` file, with their defaults.

Settings that change numbers are handed to dbt as vars (`dbt_vars`) and travel as columns of the marts.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from recon_assets.azure.urls import is_azure, parse_azure_url
from recon_assets.environment import (
    DuckDBMemory,
    EnvironmentSettings,
    JavaMemory,
    Month,
    WebAddress,
    matching,
    read_settings,
)
from recon_assets.errors import InputError
from recon_assets.logs import LogFormat

_DAYS = 36_500  # a hundred years: beyond, instants cannot be computed
Database = Annotated[
    str, matching(r"(sqlite|postgresql)(\+\w+)?:///?\S+", "an address that begins with postgresql+psycopg://")
]
Currency = Annotated[str, matching(r"[A-Z]{3}", "a currency as three capital letters, such as MYR")]
_MASTER = r"local(\[(\d+|\*)\])?|spark://[^\s/:]+:\d+"


class Settings(EnvironmentSettings):
    model_config = SettingsConfigDict(env_prefix="RECON_", hide_input_in_errors=False)

    home: Path = Field(Path("recon_home"), description="Where everything lives unless a setting moves it.")
    landing_url: str | None = Field(
        None, description="Folder of the landing zone, or az://<container>/<folder>; default <home>/landing."
    )
    published_url: str | None = Field(
        None, description="Folder of the published tables, or az://<container>/<folder>; default <home>/published."
    )
    issues_url: Database | None = Field(
        None, description="Database of the issues (SQLAlchemy URL); default: SQLite, <home>/issues.db."
    )
    first_month: Month | None = Field(
        None, description="Oldest month partition in Dagster; default: the oldest landed month."
    )

    selection_method: Literal["overlap", "touch"] = "overlap"
    coverage_method: Literal["thirty_360", "days_over_30"] = "thirty_360"
    usage_tolerance_factor: Decimal = Field(
        Decimal(0),
        ge=0,
        le=10**6,
        description="Minor units of difference allowed per usage line; at least one unit is.",
    )
    usage_tolerance_cap: Decimal = Field(
        Decimal(100), ge=1, le=10**9, description="Most minor units of difference allowed."
    )
    canceled_stages: list[str] = Field(
        ["canceled", "cancelled"],
        examples=['["canceled", "cancelled"]'],
        description="Invoice stages that exclude an invoice.",
    )
    partner_names: dict[str, str] = Field(
        default_factory=dict,
        examples=['{"5d1c7a10": "Contoso Cloud"}'],
        description="Names of partners, by PartnerId; else the files' own.",
    )
    approval_above: dict[Currency, Annotated[Decimal, Field(ge=0)]] = Field(
        default_factory=dict,
        examples=['{"MYR": "10000"}'],
        description="Amount per currency above which accept and ignore need a second person who approves.",
    )
    open_item_months: int = Field(
        24, ge=0, le=120, description="Months that a register document waits for an e-invoice that is dated later."
    )
    einvoices_expected_from: Month | None = Field(
        None,
        examples=["2025-01"],
        description="First month that is reconciled without any e-invoice of it, provisionally; unset: it waits.",
    )
    quarantine_limit: Decimal = Field(
        Decimal("0.01"), ge=0, le=1, description="Share of rejected rows a month may hold."
    )

    company_tins: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        examples=["C20830570210"],
        description="TINs of the companies whose registers land here, separated by commas: for registers without them.",
    )
    register_date_orders: dict[str, Literal["day_first", "month_first"]] = Field(
        default_factory=dict,
        examples=['{"erp/sales_register/*": "day_first"}'],
        description="Order of dates of ERP registers, by path pattern; default: decided per file.",
    )
    register_decimal_marks: dict[str, Literal[".", ","]] = Field(
        default_factory=dict,
        examples=['{"erp/sales_register/*": ","}'],
        description="Decimal mark of ERP registers, by path pattern, where their values leave it open.",
    )

    max_unpack_ratio: int = Field(200, ge=1, description="Largest ratio of unpacked to packed size of a file.")
    max_unpacked_bytes: int = Field(20 * 1000**3, ge=1, description="Largest unpacked size of a file, in bytes.")
    raw_keep_hours: int = Field(
        24, ge=0, le=24 * _DAYS, description="How long replaced raw loads are kept for builds that read them."
    )
    build_keep_days: int = Field(
        7, ge=0, le=_DAYS, description="How long the build folder of a failed run is kept for a look."
    )
    published_keep_days: int = Field(
        400,
        ge=0,
        le=_DAYS,
        description="How long what a publication replaced can be read; `recon vacuum` removes the rest.",
    )
    file_stable_seconds: int = Field(
        30, ge=0, le=86_400, description="How long a landed file must be unchanged before it is taken."
    )
    sensor_seconds: int = Field(
        30, ge=1, le=86_400, description="How often the sensors look at the landing zone, in seconds."
    )
    load_memory_limit: DuckDBMemory = Field(
        "1GB", description="DuckDB memory limit while landed files are loaded, of any source."
    )
    build_memory_limit: DuckDBMemory = Field(
        "1600MB", description="DuckDB memory limit of one build and of publishing it; beyond, it spills to disk."
    )

    engine: Literal["duckdb", "spark"] = Field(
        "duckdb", description="What builds run on; spark needs dbt-spark, pyspark and Java (docs/scaling.md)."
    )
    spark_master: Annotated[str, matching(_MASTER, "local[<cores>] or spark://<host>:<port>")] = Field(
        "local[2]", description="Spark's master: local[<cores>], or spark://<host>:<port>."
    )
    spark_driver_memory: JavaMemory = Field("2g", description="Memory of Spark's driver, the build's own process.")
    spark_executor_memory: JavaMemory = Field("2g", description="Memory of each Spark executor.")
    spark_partitions: int = Field(200, ge=1, le=10**6, description="Most tasks into which Spark cuts a join or a sum.")

    close_day: int = Field(6, ge=1, le=28, description="Day of the month on which the month before is reconciled.")
    close_hour: int = Field(6, ge=0, le=23, description="Hour (UTC) of the month's close and of the daily refresh.")
    log_format: LogFormat = Field("text", description="Log lines of the console script and of runs: text or JSON.")
    app_url: WebAddress = Field(
        "http://127.0.0.1:8050", description="Address of the reporting app, for links in Dagster."
    )
    dagster_url: WebAddress = Field("http://127.0.0.1:3000", description="Address of the Dagster UI.")

    @field_validator("home")
    @classmethod
    def _some_folder(cls, value: Path) -> Path:
        if value == Path():
            raise ValueError("write the path of a folder, for example ./recon_home")
        return _expanded(value)

    @field_validator("issues_url", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None

    @field_validator("company_tins", mode="before")
    @classmethod
    def _separated(cls, value: Any) -> Any:
        """One TIN, several separated by commas, or a JSON list."""
        if not isinstance(value, str):
            return value
        return [tin for part in value.split(",") if (tin := part.strip(" []\"'"))]

    @field_validator("landing_url", "published_url")
    @classmethod
    def _known_storage(cls, value: str | None) -> str | None:
        """A folder, or a well-formed az:// URL; the message leaves the value out, which may hold a SAS token."""
        if value is not None and "://" in value:
            return str(parse_azure_url(value))
        return str(_expanded(Path(value))) if value else None

    @property
    def landing(self) -> Path:
        return _folder("RECON_LANDING_URL", self.landing_url) if self.landing_url else self.home / "landing"

    @property
    def published(self) -> Path:
        return _folder("RECON_PUBLISHED_URL", self.published_url) if self.published_url else self.home / "published"

    @property
    def raw(self) -> Path:
        return self.home / "raw"

    @property
    def build(self) -> Path:
        return self.home / "build"

    @property
    def dagster_home(self) -> Path:
        return self.home / "dagster"

    def spark_environment(self) -> dict[str, str]:
        """What the target `spark` of dbt_project/profiles.yml reads."""
        return {
            "RECON_SPARK_MASTER": self.spark_master,
            "RECON_SPARK_DRIVER_MEMORY": self.spark_driver_memory,
            "RECON_SPARK_EXECUTOR_MEMORY": self.spark_executor_memory,
            "RECON_SPARK_PARTITIONS": str(self.spark_partitions),
        }

    def dbt_vars(self) -> dict[str, object]:
        """The settings that change numbers, by the names of the dbt vars they set."""
        return {
            "selection_method": self.selection_method,
            "coverage_method": self.coverage_method,
            "usage_tolerance_factor": format(self.usage_tolerance_factor, "f"),
            "usage_tolerance_cap": format(self.usage_tolerance_cap, "f"),
            "partner_names": self.partner_names,
            "open_item_months": self.open_item_months,
            "einvoices_expected_from": self.einvoices_expected_from or "",
            "canceled_stages": [stage.strip().lower() for stage in self.canceled_stages],
        }


def load_settings() -> Settings:
    """Settings from the environment with an absolute home; InputError names each variable that is wrong."""
    settings = read_settings(Settings, "A setting is wrong.")
    return settings.model_copy(update={"home": settings.home.resolve()})


def _folder(name: str, url: str) -> Path:
    """The folder a setting names; InputError for one on Azure, which has no path on this computer."""
    if is_azure(url):
        raise InputError(f"{name} is on Azure ({url}), where this needs a folder.")
    return Path(url)


def _expanded(path: Path) -> Path:
    """With `~` as a shell would write it out, which does not see what is in `.env`."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"nobody knows the home folder that {path.parts[0]} stands for") from error
