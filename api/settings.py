"""Everything Echelon reads from the environment: one class, validated at start."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import SettingsConfigDict
from sqlalchemy import make_url

from api.domain.keys import DocumentsMode
from api.errors import InvalidInput
from api.root_secrets import SecretSettings
from api.setting_checks import exact_origins, known_zone


class Settings(SecretSettings):
    """Read once by the composition root (`api.cli`, `api.app`) and handed on as an argument."""

    model_config = SettingsConfigDict(env_prefix="ECHELON_", extra="ignore")

    database_url: str = Field(
        default="",
        description="SQLAlchemy URL of the database, `sqlite:///...` or `postgresql://...`. "
        "Default: `echelon.db` in the data folder.",
    )
    test_database_url: str = Field(
        default="",
        description="SQLAlchemy URL of the database with invented customers that test keys see. "
        "Default: beside the other database, its name with `_test`.",
    )
    mlflow_uri: str = Field(
        default="",
        description="MLflow tracking and registry URI. Default: `mlflow.db` in the data folder.",
    )
    oidc_issuer: str = Field(
        default="",
        description="Address of the OpenID Connect issuer whose tokens people send, `https://...`. "
        "Default: none, only keys open anything.",
    )
    oidc_audience: str = Field(
        default="", description="What the `aud` of people's tokens must name; set with the issuer."
    )
    oidc_jwks_url: str = Field(
        default="",
        description="Where the issuer's public keys are. Default: where its discovery document "
        "says.",
    )
    oidc_roles_claim: str = Field(
        default="roles",
        description="Claim with a person's roles, such as `roles` or `realm_access.roles`.",
    )
    oidc_owner_claim: str = Field(
        default="owner", description="Claim with the owner whose customers the person sees."
    )
    oidc_name_claim: str = Field(
        default="sub", description="Claim that names the person beside what they change."
    )
    host: str = Field(default="127.0.0.1", description="Address `echelon serve` listens on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port `echelon serve` listens on.")
    documents: DocumentsMode = Field(
        default="allow",
        description="Which GraphQL documents people with a token may send: any (`off`), any and "
        "stored ones by their ids (`allow`), or only stored ones (`only`). Keys have their own "
        "mode.",
    )
    cors_origins: str = Field(
        default="",
        description="Origins of browser applications that may ask this API, separated by commas, "
        "such as `https://app.example.com`. Default: none.",
    )
    base_currency: str = Field(
        default="USD",
        pattern=r"^[A-Z]{3}$",
        description="ISO 4217 code of the currency all stored amounts are in. "
        "Fixed when the database is created.",
    )
    time_zone: str = Field(
        default="UTC",
        description="IANA time zone of the business: a day begins and ends there, and times in "
        "files without an offset are read in it. Fixed when the database is created.",
    )
    churn_horizon_days: int = Field(
        default=90, ge=1, le=730, description="A customer churns who buys nothing for this long."
    )
    clv_horizon_days: int = Field(
        default=365,
        ge=1,
        le=1825,
        description="Lifetime value is what a customer brings in this long.",
    )
    score_validity_days: int = Field(
        default=35, ge=1, le=730, description="A prediction older than this is stale."
    )
    tombstone_days: int = Field(
        default=90,
        ge=1,
        le=3650,
        description="Partners who have not read the score feed for this long start anew: until "
        "then it tells them which scores have ended.",
    )
    replay_months: int = Field(
        default=12,
        ge=0,
        le=60,
        description="Past month ends that are kept of a sample of customers, so that policies can "
        "be tried on them; 0 keeps none.",
    )
    slow_request_seconds: float = Field(
        default=1.0,
        ge=0,
        description="A request that takes this long is written to the log with its operation's "
        "name and its document's hash.",
    )
    otlp_endpoint: str = Field(
        default_factory=lambda: os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
        pattern=r"^(https?://.+)?$",
        description="Where traces are sent, as OTLP over HTTP, such as `http://127.0.0.1:4318`. "
        "Default: `OTEL_EXPORTER_OTLP_ENDPOINT`; none are made where neither is set.",
    )
    max_threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        description="Threads for feature queries and training. Default: the number of cores.",
    )

    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Processes that `echelon serve` answers with. More than one needs PostgreSQL.",
    )
    slots: int = Field(
        default=8,
        ge=1,
        le=100,
        description="Requests that one process works on at once; each takes a connection to the "
        "database.",
    )
    most_waiting: int = Field(
        default=64,
        ge=0,
        le=10_000,
        description="Requests that may wait for a slot in one process; further ones are answered "
        "503 at once.",
    )
    execution_seconds: float = Field(
        default=30,
        gt=0,
        le=600,
        description="Seconds that one document may be worked on; then it and its statement are "
        "broken off.",
    )
    lock_seconds: float = Field(
        default=5,
        gt=0,
        le=600,
        description="Seconds that a change waits for another one, or for a publish; then it is "
        "answered BUSY.",
    )
    points_per_second: float = Field(
        default=250,
        ge=0,
        description="Points that each key gets back in a second; a small request costs 2 "
        "(docs/limits.md). 0 limits no key.",
    )
    points_at_once: float = Field(
        default=2_500,
        ge=1_100,
        description="Points that a key can save up; at least what the largest document costs.",
    )
    notice_seconds: float = Field(
        default=2,
        ge=0,
        le=600,
        description="Seconds that `echelon serve` still takes requests after SIGTERM, while "
        "`/health/ready` answers 503, so that balancers stop sending some.",
    )
    drain_seconds: float = Field(
        default=30,
        gt=0,
        le=3_600,
        description="Seconds after that for requests and exports under way; what takes longer is "
        "broken off.",
    )

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return known_zone(value)

    @field_validator("cors_origins")
    @classmethod
    def _exact_origins(cls, value: str) -> str:
        return exact_origins(value)

    @cached_property
    def resolved_database_url(self) -> str:
        """The database's URL, its path absolute, so that no command depends on the folder."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'echelon.db'}"

    @cached_property
    def resolved_mlflow_uri(self) -> str:
        return self.mlflow_uri or f"sqlite:///{self.data_dir.resolve() / 'mlflow.db'}"

    @cached_property
    def resolved_test_database_url(self) -> str:
        if self.test_database_url:
            return self.test_database_url
        live = make_url(self.resolved_database_url)
        name = live.database or ""
        beside = f"{name.removesuffix('.db')}_test" + (".db" if name.endswith(".db") else "")
        return live.set(database=beside).render_as_string(hide_password=False)

    @property
    def test_data_dir(self) -> Path:
        return self.data_dir / "test"

    def of_test_realm(self) -> Settings:
        """The same installation with invented customers: files, database and secret of its own."""
        from api.domain.personal_data import derive_key  # most commands need no cryptography

        secret, *previous = (
            derive_key(each, "test-realm").hex()
            for each in (self.root_secret(), *self.previous_secrets())
        )
        changed = {
            "data_dir": self.test_data_dir,
            "database_url": self.resolved_test_database_url,
            "mlflow_uri": "",
            "secret_key": SecretStr(secret),
            "previous_secret_keys": SecretStr(",".join(previous)),
        }
        # Made anew, as a copy would keep what this one has already resolved.
        return Settings.model_construct(**{**self.model_dump(), **changed})

    @property
    def allowed_origins(self) -> list[str]:
        return [each for each in (part.strip() for part in self.cors_origins.split(",")) if each]

    @property
    def fact_store(self) -> Path:
        return self.data_dir.resolve() / "facts"

    @property
    def export_parts(self) -> Path:
        """Encoded parts of the score feed, which exports are answered from."""
        return self.data_dir.resolve() / "exports"

    def export_parts_of(self, realm: str) -> Path:
        """The same of a realm: the data folder of test data is within the live one's."""
        folder = self.data_dir.resolve()
        return (folder / "test" if realm == "test" else folder) / "exports"

    @property
    def model_dir(self) -> Path:
        return self.data_dir.resolve() / "models"

    @property
    def artifact_root(self) -> Path:
        """Where MLflow keeps artifacts; absolute, or its store would be tied to a folder."""
        return self.data_dir.resolve() / "mlartifacts"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        InvalidInput: a variable holds something that can't be used; names each one.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(
            f"ECHELON_{str(item['loc'][0]).upper()}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors(include_input=False)
        )
        raise InvalidInput(f"The environment can't be used: {problems}.") from None
