"""Notifications about runs: in the log and, depending on a connection, by e-mail or webhook."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from ipaddress import ip_address
from typing import Any, ClassVar

import httpx
from airflow.sdk import BaseNotifier, BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from penstock import lookup
from penstock.airflow.connections import as_airflow
from penstock.environments.url_policy import allowed, base_url
from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed

_TIMEOUT_S = 10
_SMTP_PORT = 25


class Notifier(BaseNotifier):
    """Send one message: by e-mail if the connection has the type ``smtp``, to a webhook if it has the type ``http``.
    If the environment does not have the connection, the message is only logged, so a development machine needs no mail
    server.

    This is an Airflow notifier: use it as ``on_failure_callback``, or call ``notify(context)`` in a task.

    Args:
        message: Text of the message; a template.
        subject: Subject of the e-mail; a template.
        connection: Name of the connection. An ``smtp`` connection needs ``extra.from`` and ``extra.to`` (addresses
            separated by commas); see :func:`send_mail` for TLS. A webhook receives ``{"text": message}``, which Slack,
            Teams and others accept.

    Raises:
        ConnectionFailed: When it notifies: the mail server or the webhook did not accept the message.

    Example:
        DAG("refresh", on_failure_callback=Notifier("{{ dag.dag_id }} failed for {{ ds }}", connection="alerts"))
    """

    template_fields: ClassVar[Sequence[str]] = ("message", "subject")

    def __init__(self, message: str, subject: str = "{{ dag.dag_id }}", connection: str = "alerts") -> None:
        super().__init__()
        self.message = message
        self.subject = subject
        self.connection = connection

    def notify(self, context: Context) -> None:  # noqa: ARG002 Airflow calls it so
        """Send the message."""
        self.log.info("%s: %s", self.subject, self.message)
        with as_airflow():
            found = lookup.find(self.connection)
        if found is None:
            return
        if found.type == "smtp":
            send_mail(found, self.subject, self.message)
        elif found.type == "http":
            post(found, {"text": self.message})
        else:
            raise ConnectionFailed(
                f"connection {found.name!r} of type {found.type} cannot send messages",
                hint="use type smtp or http",
            )


def send_mail(connection: Connection, subject: str, text: str) -> None:
    """Send one e-mail, with STARTTLS if the connection has a password or ``extra.starttls``. To another machine, a
    password is never sent without TLS. The server's certificate is checked, by ``extra.cafile`` if it is set.

    Raises:
        ConnectionFailed: The server does not accept it, or has no valid certificate.
    """
    host = connection.host or "localhost"
    has_login = bool(connection.login and connection.password)
    tls = connection.extra.get("starttls", str(has_login and not _is_loopback(host)).lower()) == "true"
    if has_login and not tls and not _is_loopback(host):
        raise ConnectionFailed(
            f"{connection.name} would send its password without TLS", hint="remove extra.starttls"
        )
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = (
        subject,
        connection.extra.get("from", "penstock@localhost"),
        connection.extra.get("to", ""),
    )
    mail.set_content(text)
    try:
        with smtplib.SMTP(host, connection.port or _SMTP_PORT, timeout=_TIMEOUT_S) as server:
            if tls:
                server.starttls(context=ssl.create_default_context(cafile=connection.extra.get("cafile")))
            if connection.login and connection.password:
                server.login(connection.login, connection.password.reveal())
            server.send_message(mail)
    except ssl.SSLCertVerificationError as error:
        raise ConnectionFailed(
            f"invalid certificate of {connection.name}: {error.verify_message}",
            hint="check the host name, or set extra.cafile to the certificate of the server's authority",
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        raise ConnectionFailed(
            f"{connection.name} did not accept the e-mail: {type(error).__name__}",
            hint="check host, login, extra.from and extra.to of the connection",
        ) from None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def post(connection: Connection, body: dict[str, Any]) -> None:
    """Send JSON to a webhook. The whole address is treated as a secret.

    Raises:
        ConnectionFailed: The webhook does not accept it.
    """
    url = base_url(connection)
    allowed(url, connection)
    headers = {}
    if connection.password is not None:
        headers["Authorization"] = f"Bearer {connection.password.reveal()}"
    try:
        httpx.post(url, json=body, headers=headers, timeout=_TIMEOUT_S).raise_for_status()
    except httpx.HTTPStatusError as error:
        raise ConnectionFailed(
            f"{connection.name} answers {error.response.status_code}", hint="check the webhook's address"
        ) from None
    except httpx.HTTPError as error:
        raise ConnectionFailed(
            f"{connection.name} cannot be reached: {type(error).__name__}", hint="check the webhook's address"
        ) from None


class NotifyOperator(BaseOperator):
    """A task that sends one message with :class:`Notifier`, and fails if the message is not accepted.

    Args:
        message: Text of the message; a template.
        subject: Subject of the e-mail; a template.
        connection: Name of the connection; see :class:`Notifier`.
        then_fail: Fail after sending the message. The state of a run depends on its last tasks: if the last task
            reports a failure and succeeds, the run would count as a success.

    Raises:
        AirflowFailException: When the task runs and ``then_fail`` is set.
        ConnectionFailed: When the task runs: the mail server or the webhook did not accept the message.

    Example:
        NotifyOperator(task_id="closed", message="No prices for {{ ds }}", trigger_rule="one_failed")
    """

    template_fields = ("message", "subject")
    ui_color = "#f3e3c3"

    def __init__(
        self,
        *,
        message: str,
        subject: str = "{{ dag.dag_id }}",
        connection: str = "alerts",
        then_fail: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.then_fail = then_fail
        self.message = message
        self.subject = subject
        self.connection = connection

    def execute(self, context: Context) -> None:
        """Send the message."""
        Notifier(self.message, self.subject, self.connection).notify(context)
        if self.then_fail:
            raise AirflowFailException(self.message)
