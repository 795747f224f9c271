-- By owner and id: looking for what another has then takes the same way as for what nobody has, and
-- ids that begin alike are looked for among the tenant's own.
CREATE UNIQUE INDEX conversation_by_id ON conversation (tenant_id, id, user_id);
CREATE UNIQUE INDEX tenant_key_by_id ON tenant_key (tenant_id, id);
