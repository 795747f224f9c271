-- What a key spends is its maker's, too: the keys of each are looked for; and the revoked ones of a
-- tenant, which are counted apart and go after a time.
CREATE INDEX tenant_key_of_maker ON tenant_key (created_by);
CREATE INDEX tenant_key_revoked ON tenant_key (tenant_id, revoked_at) WHERE revoked_at IS NOT NULL;
