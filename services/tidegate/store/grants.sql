-- The least rights of the two services. Run by the tables' owner after each migration; running it again is safe.
-- Make login roles that are members: CREATE ROLE api_login LOGIN PASSWORD '...' IN ROLE tidegate_api;
-- Row-level security here, not in a migration: without these roles the owner works alone and is not bound by it.

DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tidegate_api') THEN
        CREATE ROLE tidegate_api NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tidegate_worker') THEN
        CREATE ROLE tidegate_worker NOLOGIN;
    END IF;
END $$;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM tidegate_api, tidegate_worker;
GRANT USAGE ON SCHEMA public TO tidegate_api, tidegate_worker;

-- Both read everything but secrets, and add to the ledger.
GRANT SELECT ON alembic_version, installation, models, model_versions, endpoints, revisions, intents, rollouts,
    progress, samples, routed, actions, experiments, heartbeats, ledger, workers, inquiries, tenants, tenant_modes,
    tenant_acceptance TO tidegate_api, tidegate_worker;
GRANT INSERT ON ledger TO tidegate_api, tidegate_worker;

-- The API: what people ask for. Of an endpoint it may not touch what the worker found, nor a lease.
GRANT SELECT, INSERT ON tokens TO tidegate_api;
GRANT UPDATE (revoked_at) ON tokens TO tidegate_api;
GRANT SELECT, INSERT, DELETE ON users TO tidegate_api;
GRANT UPDATE (password_hash, tokens_since) ON users TO tidegate_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON bindings TO tidegate_api;
GRANT INSERT ON models, model_versions, revisions, intents, rollouts, actions, experiments, heartbeats TO tidegate_api;
GRANT UPDATE ON heartbeats TO tidegate_api;
GRANT INSERT, UPDATE ON tenants, tenant_modes, tenant_acceptance TO tidegate_api;
GRANT INSERT (namespace, name, mode, created_by, deleted_at) ON endpoints TO tidegate_api;
GRANT UPDATE (mode, spec, generation, next_revision, due_at, poked, deleted_at) ON endpoints TO tidegate_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO tidegate_api;
GRANT INSERT (kind, body) ON inquiries TO tidegate_api;

-- The worker: what it found and what the rollout controller decided.
GRANT INSERT ON intents TO tidegate_worker;
GRANT INSERT, UPDATE ON progress, workers TO tidegate_worker;
GRANT INSERT, DELETE ON samples, routed TO tidegate_worker;
GRANT DELETE ON workers, inquiries TO tidegate_worker;
GRANT UPDATE (outcome, tidy) ON rollouts TO tidegate_worker;
GRANT UPDATE (taken_until, answer, answered_at) ON inquiries TO tidegate_worker;
GRANT SELECT (expires_at), DELETE ON idempotency_keys TO tidegate_worker;
GRANT UPDATE (generation, memory, load, status, status_version, due_at, poked, lease_owner, lease_token, lease_until,
    deleted_at) ON endpoints TO tidegate_worker;

-- Nobody writes an intent in the other's name: the worker's authors are `worker` and `system:rollout:<id>`, and no
-- principal is called that.
ALTER TABLE intents ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS intents_read ON intents;
CREATE POLICY intents_read ON intents FOR SELECT USING (true);
DROP POLICY IF EXISTS intents_api ON intents;
CREATE POLICY intents_api ON intents FOR INSERT TO tidegate_api
    WITH CHECK (author <> 'worker' AND author NOT LIKE 'system:rollout:%');
DROP POLICY IF EXISTS intents_worker ON intents;
CREATE POLICY intents_worker ON intents FOR INSERT TO tidegate_worker
    WITH CHECK (author = 'worker' OR (author = 'system:rollout:' || rollout_id));
