"""Import of Job Orchestra, the system that Orchestra's data model comes from.

    files of an export ──read──► Export ──plan (with what is stored here)──► Plan: what to store, and a report

    exported        the records of an export, as values
    reading         JSON text → records, with every problem at once
    format_string   Python format strings → our substitutions
    definition      commands and pipelines
    expression      cron expressions
    translation     what a record becomes here, and what of it is lost
    history         runs that have ended there
    plan            which of it to store; the report

All of it is pure. Everything that an export says is either taken over or told in the report.
Source: the ancestor's repository, release 3.0 to 4.0 (`import_export.py`, `sql_database_model.py`,
`job_executor.py`, `pipeline_executor.py`, `authentication_provider.py`).
"""
