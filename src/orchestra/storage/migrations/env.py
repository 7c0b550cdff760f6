"""What Alembic executes for each migration: on the connection that `storage.migrate` brings, in its transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
