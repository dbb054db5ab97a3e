"""Alembic's environment: runs the revisions on the connection that `upgrade` hands over."""

from alembic import context

from headwater.storage.migrations import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
