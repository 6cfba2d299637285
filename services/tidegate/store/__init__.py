"""The store: Postgres, and the only room that knows it.

`engine.Store` makes transactions; every operation is a function that takes one (`Tx` writes, `ReadTx` reads) and
belongs to a module named after what it keeps:

- for the API: `endpoints`, `revisions`, `intents`, `rollouts`, `models`, `tokens`, `idempotency`, `events`
- for the worker: `leases` (claim, extend, holds, wake), `rounds` (load, record), `housekeeping`
- between them: `inquiries`, `workers`, `notify`, `ledger`
- for whoever installs: `migrate`

Lost races and refusals are values (`values`), a database that does not serve is `errors.StoreUnavailable`.
"""
