// tests/clients/openai.test.js - the openai package against the real gateway.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { slow, startGateway, token, until } from './gateway.js';

const script = `
rule model=weather body="role":"tool"
  say It is 21 degrees in Berlin.
rule model=weather
  tool get_weather {"city":"Berlin"}
rule model=schema
  say {"city":"Berlin","degrees":21}
rule model=bad-request
  error 400 context_length_exceeded This model's maximum context length is 8 tokens.
rule model=limited
  status 429
  header Retry-After: 1
rule model=broken
  status 500
rule model=long
  tokens 2000
  pace 0 0 10
rule model=cut
  tokens 20
  cut-after 3
rule path=*/embeddings
  dimensions 32
`;
const models = ['mock', 'weather', 'schema', 'bad-request', 'limited', 'broken', 'long', 'cut'];
const messages = [{ role: 'user', content: 'What is the weather in Berlin?' }];
let gateway, client;

before(async () => {
	gateway = await startGateway({ script, models, settings: 'retries: 0' });
	client = new OpenAI({ baseURL: gateway.url, apiKey: token, maxRetries: 0 });
});
after(() => gateway?.stop());

test('a completion', async () => {
	const answer = await client.chat.completions.create({ model: 'mock', messages });
	assert.equal(answer.object, 'chat.completion');
	assert.equal(answer.choices[0].message.content, 'Hello from the upstream.');
	assert.equal(answer.choices[0].finish_reason, 'stop');
	assert.deepEqual([answer.usage.prompt_tokens, answer.usage.completion_tokens], [9, 4]);
});

test('a stream, with the usage that was asked for', async () => {
	const stream = await client.chat.completions.create({ model: 'mock', messages, stream: true,
		stream_options: { include_usage: true } });
	let text = '', usage, finish;
	for await (const chunk of stream) {
		text += chunk.choices[0]?.delta?.content ?? '';
		finish = chunk.choices[0]?.finish_reason ?? finish;
		usage = chunk.usage ?? usage;
	}
	assert.equal(text, 'Hello from the upstream.');
	assert.equal(finish, 'stop');
	assert.equal(usage.total_tokens, 13);
});

test('a stream has no usage when none was asked for', async () => {
	const stream = await client.chat.completions.create({ model: 'mock', messages, stream: true });
	for await (const chunk of stream) {
		assert.ok(!chunk.usage, JSON.stringify(chunk));
		assert.ok(chunk.choices.length > 0);
	}
});

const tools = [{ type: 'function', function: { name: 'get_weather', description: 'Weather of a city',
	parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } } }];

test('tools, there and back', async () => {
	const first = await client.chat.completions.create({ model: 'weather', messages, tools });
	const [call] = first.choices[0].message.tool_calls;
	assert.equal(first.choices[0].finish_reason, 'tool_calls');
	assert.equal(call.function.name, 'get_weather');
	assert.deepEqual(JSON.parse(call.function.arguments), { city: 'Berlin' });
	const second = await client.chat.completions.create({ model: 'weather', tools,
		messages: [...messages, first.choices[0].message, { role: 'tool', tool_call_id: call.id, content: '{"degrees":21}' }] });
	assert.equal(second.choices[0].message.content, 'It is 21 degrees in Berlin.');
});

test('tools in a stream, put together by the library', async () => {
	const runner = client.chat.completions.stream({ model: 'weather', messages, tools });
	const answer = await runner.finalChatCompletion();
	assert.equal(answer.choices[0].message.tool_calls.length, 1);
	assert.deepEqual(JSON.parse(answer.choices[0].message.tool_calls[0].function.arguments), { city: 'Berlin' });
});

test('structured output: the schema arrives as it was sent', async () => {
	const response_format = { type: 'json_schema', json_schema: { name: 'weather', strict: true, schema: { type: 'object',
		properties: { city: { type: 'string' }, degrees: { type: 'number' } }, required: ['city', 'degrees'],
		additionalProperties: false } } };
	const answer = await client.chat.completions.create({ model: 'schema', messages, response_format });
	assert.deepEqual(JSON.parse(answer.choices[0].message.content), { city: 'Berlin', degrees: 21 });
	const sent = JSON.parse(gateway.requests().findLast((line) => line.model === 'schema').body);
	assert.deepEqual(sent.response_format, response_format);
});

test('embeddings: base64 (the default) and float give the same numbers', async () => {
	const exact = Array.from({ length: 32 }, (_, k) => ((31 + k * 7) % 2001 - 1000) / 1024);
	const coded = await client.embeddings.create({ model: 'embed', input: ['one', 'two'] });
	const plain = await client.embeddings.create({ model: 'embed', input: ['one', 'two'], encoding_format: 'float' });
	assert.deepEqual(Array.from(coded.data[1].embedding), exact);
	assert.deepEqual(plain.data[1].embedding, exact);
	assert.deepEqual(coded.data.map((row) => row.index), [0, 1]);
	const formats = gateway.requests().filter((line) => line.model === 'embed').map((line) => JSON.parse(line.body).encoding_format);
	assert.deepEqual(formats.slice(-2), ['base64', 'float']);
});

test('models: the list and one of them', async () => {
	const ids = [];
	for await (const model of client.models.list()) {
		assert.equal(model.object, 'model');
		ids.push(model.id);
	}
	assert.ok(ids.includes('mock') && ids.includes('embed'), ids.join());
	assert.equal((await client.models.retrieve('mock')).id, 'mock');
});

const faults = [
	['a wrong key is an AuthenticationError', OpenAI.AuthenticationError, 401, 'invalid_authorization',
		() => new OpenAI({ baseURL: gateway.url, apiKey: 'wrong', maxRetries: 0 }).chat.completions.create({ model: 'mock', messages })],
	['an unknown model is a NotFoundError', OpenAI.NotFoundError, 404, 'model_not_found',
		() => client.models.retrieve('no-such-model')],
	['a wrong field is a BadRequestError', OpenAI.BadRequestError, 400, 'missing_field',
		() => client.chat.completions.create({ model: 'mock' })],
	['a prompt that is too long is a BadRequestError', OpenAI.BadRequestError, 400, 'context_length_exceeded',
		() => client.chat.completions.create({ model: 'bad-request', messages })],
	['a quota that is used up is a RateLimitError', OpenAI.RateLimitError, 429, 'model_quota_exhausted',
		() => client.chat.completions.create({ model: 'limited', messages })],
	['a broken upstream is an InternalServerError', OpenAI.InternalServerError, 502, 'upstream_error',
		() => client.chat.completions.create({ model: 'broken', messages })],
];
for (const [title, type, status, code, call] of faults)
	test(title, async () => {
		await assert.rejects(call, (error) => {
			assert.ok(error instanceof type, `${error.constructor.name}: ${error.message}`);
			assert.equal(error.status, status);
			assert.equal(error.code, code);
			assert.ok(error.requestID);
			return true;
		});
	});

test('a stream that is cut does not look complete', async () => {
	const stream = await client.chat.completions.create({ model: 'cut', messages, stream: true });
	await assert.rejects(async () => {
		for await (const chunk of stream)
			assert.ok(chunk);
	});
});

test('an abort in the middle of a stream reaches the upstream within 100 ms', async () => {
	const stream = await client.chat.completions.create({ model: 'long', messages, stream: true });
	let count = 0, left;
	for await (const chunk of stream) {
		assert.ok(chunk);
		if (++count === 5) {
			left = Number(process.hrtime.bigint()) / 1e6; // the same clock as the log's
			stream.controller.abort();
		}
	}
	const request = gateway.requests().findLast((line) => line.model === 'long');
	const end = await until('the upstream is cancelled', () => gateway.log().find((line) => line.ev === 'end' && line.id === request.id));
	assert.match(end.how, /^client-/);
	assert.ok(end.t - left < 100 * slow, `it took ${end.t - left} ms`);
});

test('an abort before the first token reaches the upstream, too', async () => {
	const controller = new AbortController();
	const call = client.chat.completions.create({ model: 'long', messages }, { signal: controller.signal });
	call.catch(() => {});
	await until('the upstream got it', () => gateway.requests().filter((line) => line.model === 'long').length >= 1);
	controller.abort();
	await assert.rejects(call, OpenAI.APIUserAbortError);
});

test('fifty streams at once do not mix', async () => {
	const texts = await Promise.all(Array.from({ length: 50 }, async () => {
		const stream = await client.chat.completions.create({ model: 'mock', messages, stream: true });
		let text = '', id;
		for await (const chunk of stream) {
			assert.equal(id ??= chunk.id, chunk.id);
			text += chunk.choices[0]?.delta?.content ?? '';
		}
		return text;
	}));
	assert.deepEqual(new Set(texts), new Set(['Hello from the upstream.']));
});

test('the headers of an answer can be read', async () => {
	const { data, response, request_id } = await client.chat.completions.create({ model: 'mock', messages }).withResponse();
	assert.equal(data.choices.length, 1);
	assert.equal(response.headers.get('spass-resolved-backend'), 'main');
	assert.equal(response.headers.get('spass-resolved-model'), 'mock');
	assert.match(request_id, /^[0-9a-f-]{36}$/);
	assert.equal(response.headers.get('spass-request-id'), request_id);
});
