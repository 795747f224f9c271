-- A database of schema 1 as the spass of that time left it.  Never edited.
PRAGMA foreign_keys=OFF;
BEGIN;
CREATE TABLE usage (
	ts BIGINT NOT NULL,
	request_id TEXT NOT NULL,
	parent_request_id TEXT,
	depth INTEGER NOT NULL,
	tenant_id TEXT,
	token_id TEXT,
	user_id TEXT,
	scope_id TEXT,
	surface TEXT,
	method TEXT,
	route TEXT,
	status INTEGER NOT NULL,
	error_code TEXT,
	model TEXT,
	resolved_model TEXT,
	resolved_backend TEXT,
	prompt_tokens BIGINT,
	completion_tokens BIGINT,
	cached_tokens BIGINT,
	reasoning_tokens BIGINT,
	cost_source TEXT,
	attempts INTEGER NOT NULL,
	streamed INTEGER NOT NULL,
	finished INTEGER NOT NULL,
	latency_us BIGINT,
	first_byte_us BIGINT,
	upstream_us BIGINT,
	bytes_in BIGINT NOT NULL,
	bytes_out BIGINT NOT NULL
);
INSERT INTO usage VALUES (1763719200000,'req-1','req-0',1,'default','tok_1','ada','project','v1','POST','/v1/chat/completions',200,NULL,'mock','mock-1','main',812,256,0,NULL,'unknown',1,1,1,2345678,345678,2345000,4096,65000);
INSERT INTO usage VALUES (1763719201000,'req-2',NULL,0,NULL,NULL,NULL,NULL,'v1','GET','/v1/models',401,'missing_authorization',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,0,1,120,NULL,NULL,0,210);
INSERT INTO usage VALUES (1763719202000,'req-ü',NULL,0,'acme','tok_2','grace','','v1','POST','/v1/embeddings',499,'cancelled','embed','embed-1','main',3,NULL,NULL,NULL,'zero',2,0,0,9,NULL,9,9223372036854775807,0);
PRAGMA user_version=1;
COMMIT;
