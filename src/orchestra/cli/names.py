"""What people type for a run or a job, and what it means."""

import click

from orchestra.client import Client
from orchestra.domain.ids import is_uuid
from orchestra.domain.run import Run


def split_job(text: str) -> tuple[str, str]:
    """`PROJECT/JOB` as its two parts."""
    project, sign, job = text.partition("/")
    if not (project and sign and job) or "/" in job:
        raise click.UsageError(f"'{text}' is not PROJECT/JOB")
    return project, job


def find_run(client: Client, text: str) -> Run:
    """The run that `text` names: its UUID, or `PROJECT/JOB#NUMBER`."""
    if is_uuid(text.lower()):
        return client.run(text.lower())
    job, sign, number = text.partition("#")
    if sign and number.isdigit():
        return client.run_by_number(*split_job(job), int(number))
    raise click.UsageError(f"'{text}' names no run: give its UUID, or PROJECT/JOB#NUMBER")
