-- What every process on this database has to hear of.  kind: 0 = a tenant's key, whose id name is,
-- 1 = a tenant's settings.  number: greater than that of every change before it.
CREATE TABLE change (
	kind INTEGER NOT NULL,
	tenant_id TEXT NOT NULL,
	name TEXT NOT NULL,
	number BIGINT NOT NULL,
	PRIMARY KEY (kind, tenant_id, name)
);
CREATE UNIQUE INDEX change_number ON change (number);
