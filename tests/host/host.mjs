// SPDX-License-Identifier: Apache-2.0
//
// For the integration tests: the real tokenbridge-host as a browser starts it, in private
// directories, with a scripted pinentry in place of a person. Test code only; trusts its callers.

import assert from 'node:assert/strict';
import {execFileSync, spawn} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {endianness, tmpdir} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {readCertificate} from '../demo-site/certificate.mjs';

const source = fileURLToPath(new URL('../..', import.meta.url));
export const build = process.env.TB_TEST_BUILD ?? path.join(source, 'build');
const slow = Math.min(Math.max(Number(process.env.TB_TEST_SLOW ?? 1) || 1, 1), 100);

export const hostProgram = path.join(build, 'host', 'tokenbridge-host');
export const wrapperModule = path.join(build, 'tests', 'worker', 'tokenbridge-test-wrapper.so');
export const tokenModule = path.join(build, 'tests', 'token', 'token.so');
export const putPrivate = path.join(build, 'tests', 'host', 'put-private');
export const cliProgram = path.join(build, 'host', 'cli', 'tokenbridge');
export const noisyModule = path.join(build, 'tests', 'host', 'noisy-module.so');
const fakePinentry = path.join(build, 'tests', 'pinentry', 'fake-pinentry');

/** The extension's id, as the build has it. */
const buildConfig = readFileSync(path.join(build, 'tokenbridge-config.h'), 'utf8');
const define = name => new RegExp(`#define ${name} "(.*)"`).exec(buildConfig)[1];
export const chromiumId = define('TB_CHROMIUM_EXTENSION_ID');
export const firefoxId = define('TB_FIREFOX_EXTENSION_ID');
export const version = define('TB_VERSION');
export const chromium = `chrome-extension://${chromiumId}/`;

/** Milliseconds on this kind of build (sanitizers, valgrind). */
export const ms = milliseconds => milliseconds * slow;
export const sleep = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

/** Fails with `what` unless the promise settles in time. */
export function within(milliseconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms(milliseconds)} ms`)), ms(milliseconds));
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Waits until test() is true (or returns something); returns it. */
export async function until(what, test, milliseconds = 10_000) {
  const deadline = Date.now() + ms(milliseconds);
  for (;;) {
    const value = test();
    if (value) return value;
    assert.ok(Date.now() < deadline, `${what}: not within ${ms(milliseconds)} ms`);
    await sleep(3);
  }
}

export const nonce = () => randomBytes(32).toString('base64');
export const origin = 'https://example.org';

// --- processes ---

const stat = pid => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'));
    return {pid: Number(pid), parent: Number(parent), state, name};
  } catch {
    return null;
  }
};

const processes = () => readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(stat).filter(Boolean);

/** Everything below a process, zombies included, with names. */
export function descendants(pid) {
  const all = processes();
  const found = [];
  const add = parent => {
    for (const one of all.filter(other => other.parent === parent)) {
      found.push(one);
      add(one.pid);
    }
  };
  add(pid);
  return found;
}

/** Whether it runs: a zombie, whoever is to collect it, does not. */
export const isRunning = pid => !['Z', 'X', undefined].includes(stat(pid)?.state);

export const allGone = (list, milliseconds = 1000) =>
  until(`ends of ${list.map(one => one.name).join(', ')}`, () => !list.some(one => isRunning(one.pid)), milliseconds);

/** The processes that were started with something below this folder in their arguments. */
export const startedFrom = dir => processes().filter(one => {
  try {
    return readFileSync(`/proc/${one.pid}/cmdline`, 'utf8').includes(dir) && !['Z', 'X'].includes(one.state);
  } catch {
    return false;
  }
});

// --- frames ---

const little = endianness() === 'LE';

export function lengthWord(length) {
  const word = Buffer.alloc(4);
  if (little) word.writeUInt32LE(length);
  else word.writeUInt32BE(length);
  return word;
}

export const bytesOf = message =>
  Buffer.isBuffer(message) ? message : Buffer.from(typeof message === 'string' ? message : JSON.stringify(message));

export const frame = message => Buffer.concat([lengthWord(bytesOf(message).length), bytesOf(message)]);

// --- the host ---

let requests = 0;

export class Host {
  constructor(env, argv, program = hostProgram) {
    this.stderr = '';
    this.stray = null; // what came on standard output that is no frame
    this.waiting = []; // for the next messages, in order
    this.messages = [];
    this.replies = new Map();
    this.buffer = Buffer.alloc(0);
    this.process = spawn(program, argv, {env, stdio: ['pipe', 'pipe', 'pipe']});
    this.pid = this.process.pid;
    this.process.stdin.on('error', () => {});
    this.process.stderr.on('data', chunk => { this.stderr += chunk; });
    this.process.stdout.on('data', chunk => this.take(chunk));
    this.exit = new Promise(resolve => {
      this.process.on('exit', (code, signal) => {
        this.ended = true;
        resolve({code, signal, at: performance.now()});
      });
    });
    this.closed = new Promise(resolve => this.process.on('close', resolve));
  }

  take(chunk) {
    this.buffer = Buffer.concat([this.buffer, chunk]);
    while (this.buffer.length >= 4) {
      const length = little ? this.buffer.readUInt32LE() : this.buffer.readUInt32BE();
      if (length > 1_048_576) {
        this.stray ??= this.buffer;
        return;
      }
      if (this.buffer.length < 4 + length) return;
      const text = this.buffer.subarray(4, 4 + length).toString('utf8');
      this.buffer = this.buffer.subarray(4 + length);
      this.deliver(JSON.parse(text));
    }
  }

  deliver(message) {
    assert.equal(message.jsonrpc, '2.0');
    const resolve = this.replies.get(message.id);
    if (resolve) {
      this.replies.delete(message.id);
      resolve(message);
    } else if (this.waiting.length) {
      this.waiting.shift()(message);
    } else {
      this.messages.push(message);
    }
  }

  /** The next message that no request() waits for. */
  next() {
    if (this.messages.length) return Promise.resolve(this.messages.shift());
    return within(10_000, 'a reply', new Promise(resolve => this.waiting.push(resolve)));
  }

  write(bytes) {
    this.process.stdin.write(bytes);
  }

  /** Sends a request; the promise is of the whole reply, and has the request's id. */
  request(method, params, id = `r${++requests}`) {
    const reply = new Promise((resolve, reject) => {
      this.replies.set(id, resolve);
      this.closed.then(() => reject(new Error(`the host ended before its reply to ${method}\n${this.stderr}`)));
    });
    this.write(frame({jsonrpc: '2.0', id, method, ...params && {params}}));
    const promise = within(30_000, `${method}'s reply`, reply).catch(error => {
      const below = this.descendants().map(one => `${one.name} ${one.state}`).join(', ');
      throw new Error(`${id}: ${error.message}; below it: ${below || 'nothing'}\n${this.stderr}`);
    });
    promise.catch(() => {}); // a test may end the host and not ask for the reply
    return Object.assign(promise, {id});
  }

  /** The result of a request that must succeed. */
  async result(method, params) {
    const reply = await this.request(method, params);
    assert.ok(reply.result, `${method}: ${JSON.stringify(reply.error)}\n${this.stderr}`);
    return reply.result;
  }

  /** The reason of a request that must fail. */
  async reason(method, params) {
    return reasonOf(await this.request(method, params));
  }

  /** What it has had started; the launcher, which is there from the beginning, is kept apart. */
  descendants() {
    const all = descendants(this.pid);
    this.launcher ??= all.find(one => one.name === 'tokenbridge-lau');
    return all.filter(one => one.name !== 'tokenbridge-lau');
  }

  /** Waits for a descendant of that name. */
  child(name) {
    return until(name, () => this.descendants().find(one => one.name.startsWith(name.slice(0, 15)) && one.state !== 'Z'));
  }

  /** Ends the input; returns the exit status and how long it took. */
  async end() {
    const start = performance.now();
    this.process.stdin.end();
    const {code, signal, at} = await within(5000, 'the host\'s end', this.exit);
    return {code, signal, took: at - start};
  }
}

export function reasonOf(reply) {
  assert.ok(reply.error, `a result where an error should be: ${JSON.stringify(reply.result)}`);
  const {code, message, data} = reply.error;
  assert.ok(Number.isInteger(code) && code <= -32_000, `code ${code}`);
  assert.match(message, /\.$/, `"${message}" is no sentence`);
  return data.reason;
}

// --- the stage ---

/** A lab of certificates and tokens, made once for the file that asks. */
export function makeLab(...options) {
  const dir = mkdtempSync(path.join(tmpdir(), 'tokenbridge-lab-'));
  const made = JSON.parse(execFileSync(path.join(source, 'tests', 'lab', 'make-lab'), ['--json', ...options, dir], {encoding: 'utf8'}));
  const der = name => readFileSync(made.users.find(one => one.user === name).der);
  return {
    made, der,
    base64: name => der(name).toString('base64'),
    anchors: [readCertificate(readFileSync(made.root.replace(/pem$/, 'der')))],
    store: name => made.tokens.find(one => one.token === name).store,
    remove: () => rmSync(dir, {recursive: true, force: true}),
  };
}

/**
 * Private directories, a configuration and a scripted pinentry for one test.
 * `token`: the lab's token that is inserted; `pinentry`: fake-pinentry's options; `config`: lines after
 * those that every test has; `modules`: {name: path}, SoftHSM when left out.
 */
export class Stage {
  constructor(t, {lab, token, pinentry = '', config = '', modules, env = {}, prompt} = {}) {
    this.lab = lab;
    this.dir = mkdtempSync(path.join(tmpdir(), 'tokenbridge-stage-'));
    this.hosts = [];
    this.record = path.join(this.dir, 'record');
    this.log = path.join(this.dir, 'calls');
    this.script = path.join(this.dir, 'script');
    this.store = path.join(this.dir, 'store');
    for (const name of ['home', 'config/tokenbridge', 'state', 'runtime', 'store']) {
      mkdirSync(path.join(this.dir, name), {recursive: true, mode: 0o700});
    }
    if (token) this.insert(token);
    writeFileSync(path.join(this.dir, 'softhsm2.conf'),
      `directories.tokendir = ${this.store}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = true\n`);
    symlinkSync(fakePinentry, path.join(this.dir, 'pinentry'));
    this.tellPinentry(pinentry);
    this.modules = modules ?? (lab ? {softhsm: lab.made.module} : {});
    this.configure(config, this.modules, prompt);
    this.env = {
      PATH: process.env.PATH, LANG: 'C.UTF-8', HOME: path.join(this.dir, 'home'),
      XDG_CONFIG_HOME: path.join(this.dir, 'config'), XDG_STATE_HOME: path.join(this.dir, 'state'),
      XDG_RUNTIME_DIR: path.join(this.dir, 'runtime'), SOFTHSM2_CONF: path.join(this.dir, 'softhsm2.conf'),
      TOKENBRIDGE_TEST_TOKEN: path.join(this.dir, 'token.json'),
      TB_WRAPPER_REAL: lab?.made.module ?? '', TB_WRAPPER_LOG: this.log, TB_WRAPPER_SCRIPT: this.script,
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => /^(ASAN|UBSAN|LSAN)_OPTIONS$/.test(name))),
      ...env,
    };
    t.after(() => this.clear());
  }

  configure(lines, modules, prompt = `[prompt]\nprogram=pinentry\npinentry=${this.dir}/pinentry\n`) {
    // By a link, so that each stage's workers can be told apart in the list of processes.
    const place = (name, file) => {
      if (file.startsWith(this.dir) || !existsSync(file) || !file.endsWith('.so')) return file;
      const link = path.join(this.dir, `${name}.so`);
      if (!existsSync(link)) symlinkSync(file, link);
      return link;
    };
    const groups = Object.entries(modules).map(([name, file]) => `[module ${name}]\npath=${place(name, file)}\n`).join('');
    writeFileSync(path.join(this.dir, 'config', 'tokenbridge', 'tokenbridge.conf'),
      `${prompt}[modules]\np11-kit=false\nwell-known=false\n${groups}${lines}`, {mode: 0o600});
  }

  tellPinentry(options) {
    writeFileSync(path.join(this.dir, 'fake-pinentry.options'), `--record ${this.record} ${options}`);
  }

  /** What the pinentry was asked, a command a line. */
  recorded() {
    return existsSync(this.record) ? readFileSync(this.record, 'utf8').trim().split('\n') : [];
  }

  /** What the wrapper module was asked. */
  calls(name) {
    const lines = existsSync(this.log) ? readFileSync(this.log, 'utf8').split('\n') : [];
    return lines.filter(line => line.startsWith(name));
  }

  /** At once, as with a real one: half a token is no token that a module should see. */
  insert(token) {
    const aside = mkdtempSync(path.join(this.dir, 'in-'));
    cpSync(this.lab.store(token), aside, {recursive: true});
    for (const name of readdirSync(aside)) renameSync(path.join(aside, name), path.join(this.store, name));
  }

  takeTokenOut() {
    const aside = mkdtempSync(path.join(this.dir, 'out-'));
    for (const name of readdirSync(this.store)) renameSync(path.join(this.store, name), path.join(aside, name));
  }

  /** What is in the slots of the test token (tests/token); `tokens` may be null for an empty slot. this.faults go with it. */
  putTokens(...tokens) {
    this.putScript({slots: tokens.map((token, index) => ({id: index + 1, reader: `Reader ${index + 1}`, token})), faults: this.faults ?? []});
  }

  /** The test token's whole script. Its record is read by tokenCalls(). */
  putScript(script) {
    const file = this.env.TOKENBRIDGE_TEST_TOKEN;
    writeFileSync(`${file}.new`, JSON.stringify({log: 'token.log', ...script}));
    renameSync(`${file}.new`, file);
  }

  tokenCalls(name) {
    const file = path.join(this.dir, 'token.log');
    const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(line => JSON.parse(line)) : [];
    return lines.filter(line => line.call === name);
  }

  /** A test token with the certificates and keys of these people of the lab; `hide`: certificates show only after login. */
  tokenOf(users, {hide = false, ...members} = {}) {
    const objects = users.flatMap((name, index) => {
      const user = this.lab.made.users.find(one => one.user === name);
      const id = String(index + 1).padStart(2, '0');
      return [{class: 'certificate', file: user.certificate, id, label: name, private: hide},
        {class: 'private_key', file: user.private_key, id, label: name}];
    });
    objects.push({class: 'certificate', file: this.lab.made.intermediate, id: 'ff', private: hide});
    return {label: 'Test token', serial: '0001', pin: '1234', objects, ...members};
  }

  host(argv = [chromium], env = this.env) {
    const host = new Host(env, argv);
    this.hosts.push(host);
    return host;
  }

  /** Waits until no launcher, worker, prompt or pinentry of this stage runs any more. */
  async nothingLeft(milliseconds) {
    let left = [];
    const launchers = this.hosts.map(host => host.ended && host.launcher).filter(Boolean);
    await until('the end of all processes',
      () => (left = [...startedFrom(this.dir), ...launchers.filter(one => isRunning(one.pid))]).length === 0, milliseconds)
      .catch(error => { throw new Error(`${error.message}: ${left.map(one => `${one.name} (${one.pid})`).join(', ')}`); });
  }

  async clear() {
    for (const host of this.hosts) {
      if (!host.ended) host.process.kill('SIGKILL');
      await host.exit;
      host.process.stdout.destroy();
      host.process.stderr.destroy();
    }
    await this.nothingLeft(3000);
    rmSync(this.dir, {recursive: true, force: true});
  }
}
