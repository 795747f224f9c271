-- A database of schema 21 as the spass of that time left it.  Never edited.
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
	bytes_out BIGINT NOT NULL, cost_usd BIGINT, cost_eur BIGINT, cost_billed_usd BIGINT, cost_billed_eur BIGINT, rate BIGINT, rate_source TEXT
);
CREATE TABLE conversation (
	number INTEGER PRIMARY KEY,
	id TEXT NOT NULL UNIQUE,
	tenant_id TEXT NOT NULL,
	user_id TEXT NOT NULL,
	owner TEXT NOT NULL,
	title TEXT NOT NULL,
	model TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	used_at BIGINT NOT NULL,
	message_count BIGINT NOT NULL,
	last_seq BIGINT NOT NULL,
	sent_from BIGINT NOT NULL,
	parent_id TEXT,
	parent_message TEXT
);
CREATE INDEX conversation_by_user ON conversation (tenant_id, user_id, used_at, number);
CREATE INDEX conversation_by_tenant ON conversation (tenant_id, used_at, number);
CREATE TABLE message (
	number INTEGER PRIMARY KEY,
	conversation BIGINT NOT NULL,
	seq BIGINT NOT NULL,
	id TEXT NOT NULL,
	role TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	tokens BIGINT NOT NULL,
	bytes BIGINT NOT NULL,
	interrupted INTEGER NOT NULL,
	finish_reason TEXT,
	model TEXT,
	prompt_tokens BIGINT,
	completion_tokens BIGINT,
	text TEXT,
	body TEXT,
	images TEXT
);
CREATE UNIQUE INDEX conversation_by_id ON conversation (tenant_id, id, user_id);
CREATE TABLE message_indexed (up_to BIGINT NOT NULL);
INSERT INTO message_indexed VALUES (3);
CREATE VIEW message_said (number, text, owner) AS
	SELECT m.number, substr(m.text, 1, 32768), c.owner
	FROM message AS m JOIN conversation AS c ON c.number = m.conversation
	WHERE m.role IN ('user', 'assistant') AND m.text IS NOT NULL
		AND m.number <= (SELECT up_to FROM message_indexed);
CREATE VIRTUAL TABLE message_index USING fts5(
	text, owner, content='message_said', content_rowid='number', columnsize=0,
	tokenize='unicode61 remove_diacritics 2'
);
CREATE TABLE memory (
	tenant_id TEXT NOT NULL,
	scope_id TEXT NOT NULL,
	user_id TEXT NOT NULL,
	name TEXT NOT NULL,
	content TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, scope_id, user_id, name)
);
CREATE TABLE system_prompt (
	tenant_id TEXT NOT NULL,
	layer TEXT NOT NULL,
	scope_id TEXT NOT NULL,
	user_id TEXT NOT NULL,
	content TEXT NOT NULL,
	enabled INTEGER NOT NULL,
	version BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	updated_by TEXT NOT NULL,
	PRIMARY KEY (tenant_id, layer, scope_id, user_id)
);
CREATE TABLE tenant_key (
	id TEXT PRIMARY KEY,
	tenant_id TEXT NOT NULL,
	prefix TEXT NOT NULL,
	label TEXT NOT NULL,
	created_by TEXT NOT NULL,
	sha256 BLOB NOT NULL UNIQUE,
	old_sha256 BLOB,
	role TEXT NOT NULL,
	extra_scopes TEXT,
	deny_scopes TEXT,
	constraints TEXT,
	created_at BIGINT NOT NULL,
	rotated_at BIGINT,
	expires_at BIGINT,
	revoked_at BIGINT,
	old_until BIGINT,
	version BIGINT NOT NULL
);
CREATE INDEX tenant_key_of_tenant ON tenant_key (tenant_id, created_at, id);
CREATE UNIQUE INDEX tenant_key_by_id ON tenant_key (tenant_id, id);
CREATE TABLE conversation_count (
	tenant_id TEXT NOT NULL,
	user_id TEXT NOT NULL,
	count BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, user_id)
);
INSERT INTO conversation_count (tenant_id, user_id, count)
	SELECT tenant_id, user_id, count(*) FROM conversation GROUP BY tenant_id, user_id;
INSERT INTO message_index (message_index, rank) VALUES ('automerge', 8);
CREATE TABLE image_blob (
	number INTEGER PRIMARY KEY,
	tenant_id TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	mime TEXT NOT NULL,
	bytes BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	complete INTEGER NOT NULL
);
CREATE UNIQUE INDEX image_blob_by_digest ON image_blob (tenant_id, sha256) WHERE complete = 1;
CREATE INDEX image_blob_unfinished ON image_blob (created_at) WHERE complete = 0;
CREATE TABLE image_part (
	blob_number BIGINT NOT NULL REFERENCES image_blob (number),
	seq INTEGER NOT NULL,
	content BLOB NOT NULL,
	PRIMARY KEY (blob_number, seq)
);
CREATE TABLE image (
	tenant_id TEXT NOT NULL,
	id TEXT NOT NULL,
	blob_number BIGINT NOT NULL REFERENCES image_blob (number),
	created_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, id)
);
CREATE INDEX image_by_blob ON image (blob_number);
CREATE TABLE image_total (
	tenant_id TEXT NOT NULL PRIMARY KEY,
	images BIGINT NOT NULL,
	bytes BIGINT NOT NULL
);
CREATE TABLE tenant_config (
	tenant_id TEXT NOT NULL,
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	updated_at BIGINT NOT NULL,
	updated_by TEXT NOT NULL,
	PRIMARY KEY (tenant_id, key)
);
CREATE TABLE usage_day (
	tenant_id TEXT NOT NULL,
	day BIGINT NOT NULL,
	user_id TEXT NOT NULL,
	token_id TEXT NOT NULL,
	model TEXT NOT NULL,
	requests BIGINT NOT NULL,
	prompt_tokens BIGINT NOT NULL,
	completion_tokens BIGINT NOT NULL,
	cost_usd BIGINT NOT NULL,
	cost_eur BIGINT NOT NULL,
	cost_billed_usd BIGINT NOT NULL,
	cost_billed_eur BIGINT NOT NULL,
	unknown BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, day, user_id, token_id, model)
);
INSERT INTO usage VALUES (1763719200000,'req-1','req-0',1,'default','tok_1','ada','project','v1','POST','/v1/chat/completions',200,NULL,'mock','mock-1','main',812,256,0,NULL,'unknown',1,1,1,2345678,345678,2345000,4096,65000,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO usage VALUES (1763719201000,'req-2',NULL,0,NULL,NULL,NULL,NULL,'v1','GET','/v1/models',401,'missing_authorization',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,0,1,120,NULL,NULL,0,210,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO usage VALUES (1763719202000,'req-ü',NULL,0,'acme','tok_2','grace','','v1','POST','/v1/embeddings',499,'cancelled','embed','embed-1','main',3,NULL,NULL,NULL,'zero',2,0,0,9,NULL,9,9223372036854775807,0,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO conversation VALUES (1,'conv_01','default','ada','taaaaaaaaaaaaaaaa uaaaaaaaaaaaaaaaa','A title','mock',1763719200000,1763719205000,3,3,1,NULL,NULL);
INSERT INTO conversation VALUES (2,'conv_02','default','ada','taaaaaaaaaaaaaaaa uaaaaaaaaaaaaaaaa','','mock',1763719206000,1763719206000,1,1,1,'conv_01','msg_01');
INSERT INTO conversation VALUES (5,'conv_05','acme','grace','tbbbbbbbbbbbbbbbb ubbbbbbbbbbbbbbbb','Entwürfe','',1763719207000,1763719207000,0,0,1,NULL,NULL);
INSERT INTO message VALUES (1,1,1,'msg_01','user',1763719200000,9,36,0,NULL,NULL,NULL,NULL,'How tall is the tower?',NULL,NULL);
INSERT INTO message VALUES (2,1,2,'msg_02','tool',1763719201000,2,9,0,NULL,NULL,NULL,NULL,'330','{"role":"tool","tool_call_id":"c1","content":"330"}',NULL);
INSERT INTO message VALUES (3,1,3,'msg_03','assistant',1763719205000,11,44,1,'length','mock-1',812,7,'It is 330 metres tall and',NULL,'[]');
INSERT INTO message VALUES (4,2,1,'msg_04','user',1763719206000,9,36,0,NULL,NULL,NULL,NULL,'How tall is the tower?',NULL,NULL);
INSERT INTO message_index (rowid, text, owner) SELECT number, text, owner FROM message_said;
INSERT INTO memory VALUES ('default','','ada','plans','Paint the tower in spring.',1763719200000,1763719201000);
INSERT INTO memory VALUES ('acme','project','grace','notes','',1763719202000,1763719202000);
INSERT INTO system_prompt VALUES ('default','tenant','','','Answer briefly.',1,3,1763719203000,'ada');
INSERT INTO system_prompt VALUES ('acme','scope','project','','Cite sources.',0,1,1763719204000,'grace');
INSERT INTO tenant_key VALUES ('tok_k1','acme','sk-acme-1','the wiki','grace',x'00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff',NULL,'tenant_user','memory:read memory:write',NULL,'{"models":["mock"]}',1763719200000,NULL,1795255200000,NULL,NULL,1);
INSERT INTO tenant_key VALUES ('tok_k2','default','sk-def-2','','ada',x'ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100',x'01','readonly',NULL,NULL,NULL,1763719201000,1763719202000,NULL,1763719203000,1763719204000,3);
INSERT INTO conversation_count (tenant_id, user_id, count) SELECT tenant_id, user_id, count(*) FROM conversation GROUP BY tenant_id, user_id;
INSERT INTO image_blob VALUES (1,'acme','5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9','image/png',6,1763719200000,1);
INSERT INTO image_part VALUES (1,1,x'000102'),(1,2,x'030405');
INSERT INTO image VALUES ('acme','img_01',1,1763719200000),('acme','img_02',1,1763719201000);
INSERT INTO image_total VALUES ('acme',2,6);
INSERT INTO tenant_config VALUES ('acme','ALLOWED_MODELS','["mock"]',1763719200000,'tok_2');
INSERT INTO tenant_config VALUES ('default','no_longer_known','0.1',1763719201000,'tok_1');
INSERT INTO usage VALUES (1763892000000,'req-4',NULL,0,'acme','tok_2','grace',NULL,'c1','POST','/c1/chat',200,NULL,'mock','mock-1','main',1000,500,200,NULL,'table',1,1,1,812345,90000,811000,512,9000,1750,1613,2100,1936,921659,'ecb 2025-11-20');
INSERT INTO usage VALUES (1763892001000,'req-5',NULL,0,'acme','tok_2','grace',NULL,'v1','POST','/v1/chat/completions',200,NULL,'mock','mock-1','main',10,5,NULL,NULL,'unknown',1,0,1,12345,NULL,11000,512,900,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO usage VALUES (1764064800000,'req-6',NULL,0,'default','tok_1','ada',NULL,'v1','POST','/v1/chat/completions',200,NULL,'mock','mock-1','main',1,1,NULL,NULL,'upstream',1,0,1,12345,NULL,11000,512,900,7,6,7,6,921659,'ecb 2025-11-24');
INSERT INTO usage_day VALUES ('default',20413,'ada','tok_1','mock',1,812,256,0,0,0,0,1);
INSERT INTO usage_day VALUES ('acme',20413,'grace','tok_2','embed',1,3,0,0,0,0,0,0);
INSERT INTO usage_day VALUES ('acme',20415,'grace','tok_2','mock',2,1010,505,1750,1613,2100,1936,1);
INSERT INTO usage_day VALUES ('default',20417,'ada','tok_1','mock',1,1,1,7,6,7,6,0);
CREATE TABLE usage_kind (
	number INTEGER PRIMARY KEY,
	since BIGINT NOT NULL,
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
	cost_source TEXT,
	attempts INTEGER NOT NULL,
	streamed INTEGER NOT NULL,
	finished INTEGER NOT NULL,
	rate BIGINT,
	rate_source TEXT
);
CREATE INDEX usage_kind_since ON usage_kind (since);
CREATE TABLE usage_row (
	number INTEGER PRIMARY KEY,
	ts BIGINT NOT NULL,
	request_id TEXT NOT NULL,
	parent_request_id TEXT,
	kind BIGINT NOT NULL,
	prompt_tokens BIGINT,
	completion_tokens BIGINT,
	cached_tokens BIGINT,
	reasoning_tokens BIGINT,
	cost_usd BIGINT,
	cost_eur BIGINT,
	cost_billed_usd BIGINT,
	cost_billed_eur BIGINT,
	latency_us BIGINT,
	first_byte_us BIGINT,
	upstream_us BIGINT,
	bytes_in BIGINT,
	bytes_out BIGINT
);
INSERT INTO usage_kind (since, depth, tenant_id, token_id, user_id, scope_id, surface, method, route,
		status, error_code, model, resolved_model, resolved_backend, cost_source, attempts,
		streamed, finished, rate, rate_source)
	SELECT (SELECT max(rowid) FROM usage), k.* FROM (SELECT DISTINCT depth, tenant_id, token_id,
		user_id, scope_id, surface, method, route, status, error_code, model, resolved_model,
		resolved_backend, cost_source, attempts, streamed, finished, rate, rate_source
		FROM usage) AS k;
INSERT INTO usage_row
	SELECT u.rowid, u.ts, u.request_id, u.parent_request_id, k.number, u.prompt_tokens,
		u.completion_tokens, u.cached_tokens, u.reasoning_tokens, u.cost_usd, u.cost_eur,
		u.cost_billed_usd, u.cost_billed_eur, u.latency_us, u.first_byte_us, u.upstream_us,
		u.bytes_in, u.bytes_out
	FROM usage AS u CROSS JOIN usage_kind AS k ON k.tenant_id IS u.tenant_id
		AND k.token_id IS u.token_id AND k.user_id IS u.user_id AND k.scope_id IS u.scope_id
		AND k.model IS u.model AND k.route IS u.route AND k.surface IS u.surface
		AND k.method IS u.method AND k.depth = u.depth AND k.status = u.status
		AND k.error_code IS u.error_code AND k.resolved_model IS u.resolved_model
		AND k.resolved_backend IS u.resolved_backend AND k.cost_source IS u.cost_source
		AND k.attempts = u.attempts AND k.streamed = u.streamed AND k.finished = u.finished
		AND k.rate IS u.rate AND k.rate_source IS u.rate_source
	ORDER BY u.rowid;
DROP TABLE usage;
CREATE VIEW usage (rowid, ts, request_id, parent_request_id, depth, tenant_id, token_id, user_id,
		scope_id, surface, method, route, status, error_code, model, resolved_model,
		resolved_backend, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens,
		cost_source, attempts, streamed, finished, latency_us, first_byte_us, upstream_us,
		bytes_in, bytes_out, cost_usd, cost_eur, cost_billed_usd, cost_billed_eur, rate,
		rate_source) AS
	SELECT r.number, r.ts, r.request_id, r.parent_request_id, k.depth, k.tenant_id, k.token_id,
		k.user_id, k.scope_id, k.surface, k.method, k.route, k.status, k.error_code, k.model,
		k.resolved_model, k.resolved_backend, r.prompt_tokens, r.completion_tokens,
		r.cached_tokens, r.reasoning_tokens, k.cost_source, k.attempts, k.streamed, k.finished,
		r.latency_us, r.first_byte_us, r.upstream_us, r.bytes_in, r.bytes_out, r.cost_usd,
		r.cost_eur, r.cost_billed_usd, r.cost_billed_eur, k.rate, k.rate_source
	FROM usage_row AS r CROSS JOIN usage_kind AS k ON k.number = r.kind;
CREATE TABLE change (
	kind INTEGER NOT NULL,
	tenant_id TEXT NOT NULL,
	name TEXT NOT NULL,
	number BIGINT NOT NULL,
	PRIMARY KEY (kind, tenant_id, name)
);
CREATE UNIQUE INDEX change_number ON change (number);
INSERT INTO change VALUES (0,'acme','tok_k1',1),(1,'acme','',2);
CREATE INDEX tenant_key_of_maker ON tenant_key (created_by);
CREATE INDEX tenant_key_revoked ON tenant_key (tenant_id, revoked_at) WHERE revoked_at IS NOT NULL;
ALTER TABLE usage_kind ADD COLUMN link_model TEXT;
DROP VIEW usage;
CREATE VIEW usage (rowid, ts, request_id, parent_request_id, depth, tenant_id, token_id, user_id,
		scope_id, surface, method, route, status, error_code, model, resolved_model,
		resolved_backend, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens,
		cost_source, attempts, streamed, finished, latency_us, first_byte_us, upstream_us,
		bytes_in, bytes_out, cost_usd, cost_eur, cost_billed_usd, cost_billed_eur, rate,
		rate_source, link_model) AS
	SELECT r.number, r.ts, r.request_id, r.parent_request_id, k.depth, k.tenant_id, k.token_id,
		k.user_id, k.scope_id, k.surface, k.method, k.route, k.status, k.error_code, k.model,
		k.resolved_model, k.resolved_backend, r.prompt_tokens, r.completion_tokens,
		r.cached_tokens, r.reasoning_tokens, k.cost_source, k.attempts, k.streamed, k.finished,
		r.latency_us, r.first_byte_us, r.upstream_us, r.bytes_in, r.bytes_out, r.cost_usd,
		r.cost_eur, r.cost_billed_usd, r.cost_billed_eur, k.rate, k.rate_source,
		k.link_model
	FROM usage_row AS r CROSS JOIN usage_kind AS k ON k.number = r.kind;
CREATE TABLE usage_link_day (
	tenant_id TEXT NOT NULL,
	day BIGINT NOT NULL,
	token_id TEXT NOT NULL,
	model TEXT NOT NULL,
	cost_billed_usd BIGINT NOT NULL,
	cost_billed_eur BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, day, token_id, model)
);
UPDATE usage_kind SET link_model = 'small' WHERE number = (SELECT kind FROM usage_row WHERE request_id = 'req-4');
INSERT INTO usage_link_day VALUES ('acme',20415,'tok_2','small',2100,1936);
ALTER TABLE usage_day ADD COLUMN estimated_usd BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_day ADD COLUMN estimated_eur BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_link_day ADD COLUMN estimated_usd BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_link_day ADD COLUMN estimated_eur BIGINT NOT NULL DEFAULT 0;
UPDATE usage_day SET estimated_usd = 1200, estimated_eur = 1105 WHERE tenant_id = 'acme' AND day = 20415;
UPDATE usage_link_day SET estimated_usd = 1200, estimated_eur = 1105;
ALTER TABLE usage_row ADD COLUMN audio_ms BIGINT;
ALTER TABLE usage_row ADD COLUMN characters BIGINT;
DROP VIEW usage;
CREATE VIEW usage (rowid, ts, request_id, parent_request_id, depth, tenant_id, token_id, user_id,
		scope_id, surface, method, route, status, error_code, model, resolved_model,
		resolved_backend, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens,
		cost_source, attempts, streamed, finished, latency_us, first_byte_us, upstream_us,
		bytes_in, bytes_out, cost_usd, cost_eur, cost_billed_usd, cost_billed_eur, rate,
		rate_source, link_model, audio_ms, characters) AS
	SELECT r.number, r.ts, r.request_id, r.parent_request_id, k.depth, k.tenant_id, k.token_id,
		k.user_id, k.scope_id, k.surface, k.method, k.route, k.status, k.error_code, k.model,
		k.resolved_model, k.resolved_backend, r.prompt_tokens, r.completion_tokens,
		r.cached_tokens, r.reasoning_tokens, k.cost_source, k.attempts, k.streamed, k.finished,
		r.latency_us, r.first_byte_us, r.upstream_us, r.bytes_in, r.bytes_out, r.cost_usd,
		r.cost_eur, r.cost_billed_usd, r.cost_billed_eur, k.rate, k.rate_source,
		k.link_model, r.audio_ms, r.characters
	FROM usage_row AS r CROSS JOIN usage_kind AS k ON k.number = r.kind;
UPDATE usage_row SET audio_ms = 61500 WHERE request_id = 'req-2';
UPDATE usage_row SET characters = 9223372036854775807 WHERE request_id = 'req-5';
PRAGMA defer_foreign_keys = ON;
CREATE TABLE conversation_kept AS SELECT * FROM conversation;
DROP TABLE conversation;
CREATE TABLE conversation (
	number INTEGER PRIMARY KEY,
	id TEXT NOT NULL,
	tenant_id TEXT NOT NULL,
	user_id TEXT NOT NULL,
	owner TEXT NOT NULL,
	title TEXT NOT NULL,
	model TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	used_at BIGINT NOT NULL,
	message_count BIGINT NOT NULL,
	last_seq BIGINT NOT NULL,
	sent_from BIGINT NOT NULL,
	parent_id TEXT,
	parent_message TEXT
);
INSERT INTO conversation SELECT number, id, tenant_id, user_id, owner, title, model, created_at, used_at,
	message_count, last_seq, sent_from, parent_id, parent_message FROM conversation_kept ORDER BY number;
DROP TABLE conversation_kept;
CREATE INDEX conversation_by_user ON conversation (tenant_id, user_id, used_at);
CREATE INDEX conversation_by_tenant ON conversation (tenant_id, used_at);
CREATE UNIQUE INDEX conversation_by_id ON conversation (tenant_id, id, user_id);
INSERT INTO conversation VALUES (6,'conv_01','acme','grace','tbbbbbbbbbbbbbbbb ubbbbbbbbbbbbbbbb','The same id','mock',1763719208000,1763719208000,0,0,1,NULL,NULL);
UPDATE conversation_count SET count = count + 1 WHERE tenant_id = 'acme';
ALTER TABLE conversation ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0;
UPDATE conversation SET bytes =
	(SELECT coalesce(sum(m.bytes + 512), 0) FROM message AS m WHERE m.conversation = conversation.number);
CREATE TABLE conversation_total (
	tenant_id TEXT PRIMARY KEY,
	bytes BIGINT NOT NULL
);
INSERT INTO conversation_total (tenant_id, bytes)
	SELECT tenant_id, sum(bytes) FROM conversation WHERE tenant_id <> '' GROUP BY tenant_id;
CREATE TABLE usage_day_users (
	tenant_id TEXT NOT NULL,
	day BIGINT NOT NULL,
	users BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, day)
);
INSERT INTO usage_day_users SELECT tenant_id, day, count(DISTINCT user_id) FROM usage_day GROUP BY tenant_id, day;
INSERT INTO usage_day_users VALUES ('acme',20419,2000);
ALTER TABLE conversation ADD COLUMN first_message BIGINT NOT NULL DEFAULT 0;
UPDATE conversation SET first_message = 1 WHERE number = 1;
UPDATE conversation SET first_message = 4 WHERE number = 2;
CREATE TABLE message_run (
	conversation BIGINT NOT NULL,
	seq BIGINT NOT NULL,
	number BIGINT NOT NULL,
	PRIMARY KEY (conversation, seq)
) WITHOUT ROWID;
INSERT INTO message VALUES (5,1,4,'msg_05','user',1763719209000,9,36,0,NULL,NULL,NULL,NULL,'And how old is the tower?',NULL,NULL);
INSERT INTO message_run VALUES (1,4,5);
UPDATE conversation SET message_count = 4, last_seq = 4, bytes = bytes + 36 + 512 WHERE number = 1;
UPDATE conversation_total SET bytes = bytes + 36 + 512 WHERE tenant_id = 'default';
PRAGMA user_version=21;
COMMIT;
