"""Tells people what became of a run: in the log, by e-mail or by a webhook, as a connection says."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from email.message import EmailMessage
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
    """One message, by the connection that is named: of type ``smtp`` an e-mail, of type ``http`` a webhook. Where the
    environment has no such connection, the log alone: a machine of one's own needs no mail server.

    It is one of Airflow's notifiers: use it as ``on_failure_callback``, or call ``notify(context)`` in a task.

    Args:
        message: A template.
        subject: A template, of the e-mail.
        connection: Its name. An ``smtp`` connection has ``extra.from`` and ``extra.to`` (addresses, by commas); a
            webhook is sent ``{"text": message}``, which Slack, Teams and others understand.

    Raises:
        ConnectionFailed: When it notifies: the mail server or the webhook did not take it.

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
        """Send it."""
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
                f"{found.name} is of type {found.type}, which takes no message", hint="use smtp or http"
            )


def send_mail(connection: Connection, subject: str, text: str) -> None:
    """Send one e-mail.

    Raises:
        ConnectionFailed: If the server does not take it.
    """
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = (
        subject,
        connection.extra.get("from", "penstock@localhost"),
        connection.extra.get("to", ""),
    )
    mail.set_content(text)
    try:
        with smtplib.SMTP(
            connection.host or "localhost", connection.port or _SMTP_PORT, timeout=_TIMEOUT_S
        ) as server:
            if connection.extra.get("starttls") == "true":
                server.starttls()
            if connection.login and connection.password:
                server.login(connection.login, connection.password.reveal())
            server.send_message(mail)
    except (OSError, smtplib.SMTPException) as error:
        raise ConnectionFailed(
            f"{connection.name} did not take the e-mail: {type(error).__name__}",
            hint="check its server, extra.from and extra.to",
        ) from None


def post(connection: Connection, body: dict[str, Any]) -> None:
    """Send JSON to a webhook, whose address is a secret as a whole.

    Raises:
        ConnectionFailed: If it is not taken.
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
    """A task that sends one message by :class:`Notifier`; it fails where the message is not taken.

    Args:
        message: A template.
        subject: A template, of the e-mail.
        connection: As of :class:`Notifier`.
        then_fail: Fail once it is sent. A run is judged by its last tasks: one that only tells of a failure, and
            succeeds in that, would make the run a success.

    Raises:
        AirflowFailException: When the task runs and ``then_fail`` is set.
        ConnectionFailed: When the task runs: the mail server or the webhook did not take it.

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
        """Send it."""
        Notifier(self.message, self.subject, self.connection).notify(context)
        if self.then_fail:
            raise AirflowFailException(self.message)
