/*
 * server/api/augment.c - see augment.h.
 */
#include "server/api/augment.h"

#include "common/base/log.h"
#include "common/base/sfield.h"
#include "common/chat/augment.h"

enum { MESSAGES_MAX = 512 * KIB };

static const char *const keys[AUGMENT_COUNT] = {
	[AUGMENT_system_prompt] = "system-prompt",
	[AUGMENT_server_tools] = "server-tools",
	[AUGMENT_memory] = "memory",
};

static int read_members(struct span text, bool off[AUGMENT_COUNT], struct err *err)
{
	struct sfield_member members[8];
	int count = sfield_dictionary(text, members, 8, err);

	if (count < 0)
		return err_set(err, E_invalid_field, "headers.spass-augment",
			       "SPASS-Augment is not a dictionary of RFC 8941");
	for (int i = 0; i < count; i++) {
		size_t k;

		for (k = 0; k < AUGMENT_COUNT && !span_is(members[i].key, keys[k]); k++)
			;
		if (k == AUGMENT_COUNT || members[i].type != SFIELD_TOKEN ||
		    (!span_is(members[i].value, "off") && !span_is(members[i].value, "default")))
			return err_set(err, E_invalid_field, "headers.spass-augment",
				       "SPASS-Augment takes system-prompt, server-tools and memory, each "
				       "=default or =off, such as \"memory=off, system-prompt=off\"");
		off[k] = span_is(members[i].value, "off");
	}
	return 0;
}

/* Lines of one field are one value (RFC 9110 5.3). */
static struct span read_joined(struct exchange *x, const char *name)
{
	struct span parts[2 * HTTP1_FIELDS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < x->head->field_count; i++) {
		if (!span_is_nocase(http1_field_at(x->head, i).name, name))
			continue;
		if (count > 0)
			parts[count++] = SPAN_LIT(", ");
		parts[count++] = http1_field_at(x->head, i).value;
	}
	if (count <= 1)
		return count ? parts[0] : SPAN_NONE;
	return arena_join(&x->arena, parts, count);
}

int augment_read(struct exchange *x, struct call *c, struct err *err)
{
	static const char name[] = "SPASS-Augment";
	struct span text = http1_may_have(x->head, span_str(name)) ? read_joined(x, name) : SPAN_NONE;

	c->augment_asked = text.ptr != NULL;
	return text.ptr ? read_members(text, c->augment_off, err) : 0;
}

static void add_message(struct buf *out, const char *content)
{
	if (out->len)
		buf_add_char(out, ',');
	buf_add_str(out, "{\"role\":\"system\",\"content\":");
	jtext_string(out, span_str(content));
	buf_add_char(out, '}');
}

static int write_messages(struct exchange *x, const struct augmentation *t, const bool off[AUGMENT_COUNT],
			  struct span *messages, struct err *err)
{
	struct buf out;

	buf_init(&out, MESSAGES_MAX);
	if (*t->prompt && !off[AUGMENT_system_prompt])
		add_message(&out, t->prompt);
	if (*t->memory && !off[AUGMENT_memory])
		add_message(&out, t->memory);
	if (out.len)
		*messages = arena_span(&x->arena, buf_span(&out));
	if (buf_failed(&out) || (out.len && !messages->ptr))
		err_used_up(err);
	buf_free(&out);
	return err->code == E_none ? 0 : -1;
}

/* t: NULL when nothing was asked for or, which is told, nothing could be read. */
static void tell(struct exchange *x, const struct call *c, const struct augmentation *t)
{
	const bool *off = c->augment_off;
	const char *prompt = off[AUGMENT_system_prompt] ? "off" :
			     !t				? "unavailable" :
			     *t->prompt			? "on" :
							  "none";
	const char *tools = off[AUGMENT_server_tools] ? "off" : "0";
	const char *memory = off[AUGMENT_memory] ? "off" :
			     !t			 ? "unavailable" :
						   arena_printf(&x->arena, "%zu", t->memory_bytes);

	reply_header(x, "SPASS-Augment-Applied",
		     span_str(arena_printf(&x->arena, "system-prompt=%s, server-tools=%s, memory=%s", prompt,
					   tools, memory)));
}

/* What the tenant does not want is off for all its requests. */
static void ask_tenant(struct call *c)
{
	const struct settings s = snapshot_settings(c->snapshot, c->identity.tenant);

	c->augment_off[AUGMENT_system_prompt] |= !settings_bool(&s, SETTING_KEY_system_prompt_inject);
	c->augment_off[AUGMENT_memory] |= !settings_bool(&s, SETTING_KEY_memory_inject);
}

int augment_messages(struct exchange *x, struct call *c, struct span *messages, struct err *err)
{
	const struct owner owner = { c->identity.tenant_id, c->identity.scope_id, c->identity.user_id };
	struct core *core = c->worker->core;
	bool is_wanted;
	struct augmentation *t = NULL;
	struct err fault;
	int result = 0;

	err_clear(&fault);
	*messages = SPAN_NONE;
	ask_tenant(c);
	is_wanted = !c->augment_off[AUGMENT_system_prompt] || !c->augment_off[AUGMENT_memory];
	if (is_wanted)
		t = augment_get(core->augment, core->store, core->jobs, &owner, &fault);
	if (t)
		result = write_messages(x, t, c->augment_off, messages, err);
	else if (is_wanted)
		log_warn("augment", "%s: the answer goes without system prompts and memories: %s", x->request_id,
			 fault.message);
	if (result == 0 && (c->augment_asked || messages->len || (is_wanted && !t)))
		tell(x, c, t);
	augmentation_unref(t);
	return result;
}
