"""Run by Alembic: applies the migrations on the connection that `database.migrate` hands over."""

from alembic import context

if hasattr(context, "config"):  # not where this module is merely imported
    context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
