// tests/clients/gateway.js - starts the scripted upstream and the real gateway for a test file.
import { spawn } from 'node:child_process';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const bin = process.env.SPASS_BUILD;
if (!bin)
	throw new Error('SPASS_BUILD must name the build directory; use make check-clients');
export const slow = Number(process.env.SPASS_SLOW ?? 1);
export const token = 'clients-token';

/* Calls look until it gives something true; fails after five seconds. */
export async function until(what, look) {
	const limit = Date.now() + 5000 * slow;
	for (;;) {
		const found = await look();
		if (found)
			return found;
		if (Date.now() > limit)
			throw new Error(`in vain waited for: ${what}`);
		await new Promise((done) => setTimeout(done, 2));
	}
}

function freePort() {
	return new Promise((done, failed) => {
		const server = createServer().listen(0, '127.0.0.1', () => {
			const { port } = server.address();
			server.close(() => done(port));
		}).on('error', failed);
	});
}

function listens(port) {
	return new Promise((done) => {
		const socket = connect(port, '127.0.0.1', () => { socket.destroy(); done(true); });
		socket.on('error', () => done(false));
	});
}

function firstLine(child) {
	return new Promise((done, failed) => {
		child.stdout.once('data', (data) => done(String(data).trim()));
		child.once('exit', (status) => failed(new Error(`ended with ${status}`)));
	});
}

/* script: of the upstream; settings: lines of spass.yaml; models: aliases of one chat chain. */
export async function startGateway({ script = '', settings = '', models = ['mock'] } = {}) {
	const dir = mkdtempSync(join(tmpdir(), 'spass-clients.'));
	const log = join(dir, 'upstream.log');
	writeFileSync(join(dir, 'script'), script);
	writeFileSync(log, '');
	const upstream = spawn(join(bin, 'tests/upstream'), ['--script', join(dir, 'script'), '--log', log, '--die-with-parent'],
		{ stdio: ['ignore', 'pipe', 'inherit'] });
	const address = (await firstLine(upstream)).split(' ')[1];
	const port = await freePort();
	mkdirSync(join(dir, 'config/spass'), { recursive: true });
	writeFileSync(join(dir, 'config/spass/spass.yaml'), [
		'workers: 1', 'discover: false', settings, 'backends:', '  main:', '    provider: openai',
		`    base_url: http://${address}/v1`, '    key_env: UPSTREAM_KEY', 'models:',
		...models.map((alias) => `  - alias: ${alias}\n    chain: [{backend: main, model: ${alias}}]`),
		'  - alias: embed\n    kind: embedding\n    chain: [{backend: main, model: embed}]', '',
	].join('\n'));
	const output = [];
	const gateway = spawn(join(bin, 'spass'), ['serve'], {
		cwd: dir, stdio: ['ignore', 'pipe', 'pipe'],
		env: {
			PATH: process.env.PATH, HOME: dir, XDG_CONFIG_HOME: join(dir, 'config'), XDG_DATA_HOME: join(dir, 'data'),
			XDG_RUNTIME_DIR: dir, SPASS_TOKEN: token, SPASS_LISTEN: `127.0.0.1:${port}`, UPSTREAM_KEY: 'upstream-key',
			...(process.env.ASAN_OPTIONS ? { ASAN_OPTIONS: process.env.ASAN_OPTIONS } : {}),
		},
	});
	gateway.stdout.on('data', (data) => output.push(data));
	gateway.stderr.on('data', (data) => output.push(data));
	const ended = new Promise((done) => gateway.once('exit', (status, signal) => done(signal ?? status)));
	await until('the gateway listens', async () => {
		if (gateway.exitCode !== null)
			throw new Error(`spass serve ended with ${gateway.exitCode}:\n${Buffer.concat(output)}`);
		return listens(port);
	});
	return {
		url: `http://127.0.0.1:${port}/v1`,
		/* Lines of the upstream's log. */
		log: () => readFileSync(log, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line)),
		/* Requests it saw, the gateway's own looks left out. */
		requests() {
			return this.log().filter((line) => line.ev === 'request' && line.method !== 'GET');
		},
		async stop() {
			gateway.kill('SIGTERM');
			const status = await ended;
			upstream.kill('SIGKILL');
			rmSync(dir, { recursive: true, force: true });
			if (status !== 0)
				throw new Error(`spass serve ended with ${status}:\n${Buffer.concat(output)}`);
		},
	};
}
