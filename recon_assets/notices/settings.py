"""Settings of what is told, and where: `RECON_*` variables or `.env`. Without an address nothing is told."""

from decimal import Decimal
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from recon_assets.environment import EnvironmentSettings, HostName, MailAddress, is_loopback, is_secure, read_settings

Kind = Literal["run_failure", "failed_check", "month_final", "discrepancy"]
Channel = Literal["webhook", "mail"]


class NoticeSettings(EnvironmentSettings):
    model_config = SettingsConfigDict(env_prefix="RECON_")

    webhook_url: SecretStr | None = Field(None, description="Where notices are posted; off when empty.")
    webhook_kind: Literal["json", "slack", "teams"] = Field("json", description="What the webhook understands.")
    mail_to: list[MailAddress] = Field(
        default_factory=list,
        examples=['["finance@example.com"]'],
        description="Who gets notices by e-mail; nobody when empty.",
    )
    mail_from: MailAddress | None = Field(None, description="Sender of the e-mails.")
    smtp_host: HostName | None = Field(None, description="Mail server.")
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = Field("starttls", description="none: this computer alone.")
    smtp_user: str | None = Field(None, description="User of the mail server, if it asks for one.")
    smtp_password: SecretStr | None = Field(None, description="Password of that user.")
    notices: list[Kind] = Field(
        ["run_failure", "failed_check", "month_final", "discrepancy"],
        examples=['["run_failure", "failed_check", "month_final", "discrepancy"]'],
        description="What is told.",
    )
    notice_difference: Decimal | None = Field(
        None, gt=0, description="Smallest difference of a row that is told, in its currency; none when empty."
    )

    @field_validator("webhook_url")
    @classmethod
    def _secure_address(cls, value: SecretStr | None) -> SecretStr | None:
        url = value.get_secret_value() if value else ""
        if url and not is_secure(url):
            raise ValueError("write an https:// address (http:// is only for this computer itself)")
        return value if url else None

    @model_validator(mode="after")
    def _complete_mail(self) -> "NoticeSettings":
        if self.mail_to and not (self.smtp_host and self.mail_from):
            raise ValueError("RECON_MAIL_TO needs RECON_SMTP_HOST and RECON_MAIL_FROM")
        if self.smtp_user and self.smtp_password is None:
            raise ValueError("RECON_SMTP_USER needs RECON_SMTP_PASSWORD")
        if self.smtp_security == "none" and self.smtp_host and not is_loopback(f"smtp://{self.smtp_host}"):
            raise ValueError("RECON_SMTP_SECURITY: none is only for a mail server on this computer itself")
        return self

    @property
    def channels(self) -> list[Channel]:
        found: list[Channel] = ["webhook"] if self.webhook_url else []
        return [*found, "mail"] if self.mail_to else found


def load_notice_settings() -> NoticeSettings:
    """Settings from the environment; InputError names what is wrong, never a value."""
    return read_settings(NoticeSettings, "Nobody can be told anything with these settings.")
