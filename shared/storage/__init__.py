"""PostgreSQL: engine and transactions, migrations, idempotency by request_id, and the tables every service has."""
