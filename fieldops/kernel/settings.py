"""Settings of one installation, read from the environment (prefix FIELDOPS_)."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting of FieldOps; `fieldops settings` prints them with their sentences."""

    model_config = SettingsConfigDict(env_prefix="FIELDOPS_", extra="ignore")

    environment: Literal["production", "demo", "test"] = Field(
        "production",
        description="What this installation is for; demo and test allow a clock that can be moved.",
    )
    database_url: str = Field(
        "postgresql+psycopg:///fieldops",
        validation_alias=AliasChoices("FIELDOPS_DATABASE_URL", "DATABASE_URL"),
        description="SQLAlchemy URL of the PostgreSQL database; PostGIS must be available in it.",
    )
    database_pool_size: int = Field(
        10,
        ge=1,
        le=200,
        description="Connections one process may open to the database: so many for sessions, and"
        " so many for the direct statements of sync.",
    )
    statement_timeout_ms: int = Field(
        30_000, ge=100, description="A statement running longer is cancelled (milliseconds)."
    )
    secret: SecretStr = Field(
        SecretStr(""),
        description="Key that signs access tokens and sync cursors; at least 32 characters.",
    )
    access_token_minutes: int = Field(
        30, ge=1, le=1440, description="How long an access token is good for (minutes)."
    )
    refresh_token_days: int = Field(
        60, ge=1, le=400, description="How long an unused refresh token is good for (days)."
    )
    login_attempts: int = Field(
        10, ge=1, description="Failed logins of one account in 15 minutes before it has to wait."
    )
    clock_file: Path | None = Field(
        None,
        description="Demo and test only: a file with the seconds by which the clock is moved.",
    )
    files_store: Literal["disk", "s3"] = Field(
        "disk", description="Where photos and signatures lie: disk (a folder) or s3 (a bucket)."
    )
    files_path: Path = Field(
        Path(".fieldops/files"),
        description="disk: the folder, shared by all API processes and workers.",
    )
    s3_endpoint: str = Field(
        "", description="s3: URL of the store; empty: Amazon's own of the region."
    )
    s3_region: str = Field("us-east-1", description="s3: region of the bucket.")
    s3_bucket: str = Field("fieldops", description="s3: name of the bucket; it must exist.")
    s3_prefix: str = Field("", description="s3: what all keys in the bucket begin with.")
    s3_access_key: str = Field(
        "",
        description="s3: access key id; empty: what the machine's role or AWS_... variables give.",
    )
    s3_secret_key: SecretStr = Field(SecretStr(""), description="s3: secret access key.")
    outside_path: Path = Field(
        Path(".fieldops/outside"),
        description="Folder outside the database and its backups: the ledger of erasures, "
        "and the mark by which a restored database is noticed.",
    )
    upload_max_bytes: int = Field(
        50 * 1024 * 1024, ge=1024, description="Largest single upload (bytes)."
    )
    outbox_path: Path = Field(
        Path(".fieldops/outbox"),
        description="Folder that the file channel writes customer messages to.",
    )
    message_channels: list[str] = Field(
        ["file"],
        description="Channels that customer messages go out by, in order: sms, email, voice, file.",
    )
    smtp_host: str = Field("127.0.0.1", description="Mail server that e-mails are handed to.")
    smtp_port: int = Field(25, ge=1, le=65535, description="Port of the mail server.")
    smtp_from: str = Field(
        "appointments@fieldops.example", description="Sender address of e-mails to customers."
    )
    smtp_username: str = Field("", description="Login at the mail server; empty: none.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password at the mail server.")
    smtp_starttls: bool = Field(False, description="Whether STARTTLS is demanded of the server.")
    smpp_host: str = Field("127.0.0.1", description="Short message centre (SMSC) of the operator.")
    smpp_port: int = Field(2775, ge=1, le=65535, description="Port of the SMSC.")
    smpp_system_id: str = Field("fieldops", description="System id at the SMSC.")
    smpp_password: SecretStr = Field(SecretStr(""), description="Password at the SMSC.")
    smpp_source: str = Field("FieldOps", description="Sender shown on text messages.")
    voice_url: str = Field(
        "", description="Address that a voice platform takes automatic calls at, by POST."
    )
    voice_key: SecretStr = Field(
        SecretStr(""), description="Bearer token that the voice platform knows us by; empty: none."
    )
    push_private_key: SecretStr = Field(
        SecretStr(""),
        description="Key that web push is signed with (VAPID), as `fieldops push-key` makes it;"
        " empty: browsers are not woken.",
    )
    push_contact: str = Field(
        "mailto:operations@fieldops.example",
        description="Whom a push service writes to when something is wrong: mailto: or https:.",
    )
    push_hosts: list[str] = Field(
        [
            "fcm.googleapis.com",
            "updates.push.services.mozilla.com",
            "push.apple.com",
            "notify.windows.com",
        ],
        description="Push services that browsers may name; their subdomains too.",
    )
    public_url: str = Field(
        "http://127.0.0.1:8000", description="Address that links in customer messages begin with."
    )
    travel_server_url: str = Field(
        "", description="Routing server that driving times are worked out by; empty: none."
    )
    travel_server_dialect: Literal["osrm", "valhalla"] = Field(
        "osrm", description="What the routing server speaks: osrm (table) or valhalla (matrix)."
    )
    travel_server_timeout_s: float = Field(
        30, gt=0, le=600, description="How long the routing server may take for one answer (s)."
    )
    travel_server_places: int = Field(
        50,
        ge=2,
        le=10_000,
        description="Places on each side of one question to the routing server; it is asked for"
        " fewer where it says that these are too many.",
    )
    roads_path: Path = Field(
        Path(".fieldops/roads"),
        description="Folder of the road graphs that `fieldops import osm` makes; workers read it.",
    )
    public_name: str = Field(
        "FieldOps",
        min_length=1,
        max_length=60,
        description="Name of the operator on the customer's page and in calendar files.",
    )
    public_phone: str = Field(
        "",
        max_length=40,
        description="Phone number on the customer's page for everything else; empty: none.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level of the log lines that are written."
    )
    log_format: Literal["json", "console"] = Field(
        "json", description="json: one object a line; console: for a person at a terminal."
    )


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the settings of this process, read once."""
    return Settings()  # every field has a default or is read from the environment
