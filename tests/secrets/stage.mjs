// SPDX-License-Identifier: Apache-2.0
//
// A host with its worker and prompt, started as a browser starts it, in one temporary folder: its own
// copies of the programs (so that another user may run them), a token whose PIN nobody would hit upon,
// and a pinentry that enters it. The PIN is in files and in the stand-in for a person; never in an
// environment or command line of ours. Trusts the build it is pointed at. close() ends and removes
// everything.

import assert from 'node:assert/strict';
import {execFileSync, spawn, spawnSync} from 'node:child_process';
import {randomInt} from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {alive, family, gone, kill, named} from '../browser/processes.mjs';

const source = fileURLToPath(new URL('../..', import.meta.url));
export const build = path.resolve(process.env.TB_TEST_BUILD ?? path.join(source, 'build'));
export const probe = process.env.TB_TEST_PROBE ?? path.join(build, 'tests/secrets/probe');
const EXTENSION = 'chrome-extension://ccefchpnjpglhijhmdpndlfcgnhjebni/';
const PROGRAMS = {
  host: 'host/tokenbridge-host', worker: 'host/worker/tokenbridge-worker',
  pinentry: 'host/prompt/pinentry/tokenbridge-prompt-pinentry', gtk: 'host/prompt/tokenbridge-prompt',
};
export const hasGtk = fs.existsSync(path.join(build, PROGRAMS.gtk));

/** 40 digits: when half of a freed copy is written over, enough of it is left to be found. */
const digits = () => Array.from({length: 40}, () => randomInt(10)).join('');
export const PIN = digits();
export const WRONG_PIN = digits();
const SHORTEST = 12; // digits in a row that are called a leak, as in probe.c

/** Whether a text has enough of one of the PINs in it to be called a leak. */
export const holdsPin = (text, pins = [PIN, WRONG_PIN]) => pins.some(pin => {
  for (let i = 0; i + SHORTEST <= pin.length; i++) if (text.includes(pin.slice(i, i + SHORTEST))) return true;
  return false;
});

/** Waits until something is so; gives it. */
export async function until(what, condition, milliseconds = 15_000) {
  for (const end = Date.now() + milliseconds; Date.now() < end; await sleep(5)) {
    const found = condition();
    if (found) return found;
  }
  throw new Error(`${what}: not within ${milliseconds} ms`);
}

/** Where a process has one of these PINs in its memory: [{pin, encoding, address, mapping}]. Needs root. */
export function scan(pid, pins = [PIN, WRONG_PIN]) {
  const done = spawnSync(probe, ['scan', String(pid)], {input: pins.map(pin => `${pin}\n`).join(''), encoding: 'utf8', timeout: 60_000});
  assert.equal(done.status, 0, `the memory of process ${pid} cannot be read: ${done.stderr}`);
  const lines = done.stdout.trim().split('\n');
  const bytes = Number(/^BYTES (\d+)$/.exec(lines.pop())?.[1] ?? 0);
  assert.ok(bytes > 1e6, `only ${bytes} bytes of process ${pid} were looked at`);
  return lines.map(line => {
    const [number, encoding, address, ...mapping] = line.split(' ');
    return {pin: pins[number], encoding, address: parseInt(address, 16), mapping: mapping.join(' ')};
  });
}

/** A lab with one token that has this file's PIN. */
export function makeLab() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tokenbridge-secrets-lab-'));
  const lab = JSON.parse(execFileSync(path.join(source, 'tests/lab/make-lab'), ['--json', '--only', 'p256', dir], {encoding: 'utf8'}));
  const token = lab.tokens.find(one => one.token === 'default');
  execFileSync('pkcs11-tool', ['--module', lab.module, '--login', '--pin', lab.pin, '--change-pin', '--new-pin', PIN],
    {env: {...process.env, SOFTHSM2_CONF: path.join(dir, 'tokens/default/softhsm2.conf')}, stdio: 'pipe'});
  return {dir, module: lab.module, store: token.store, user: lab.users.find(one => one.user === 'p256'),
    remove: () => fs.rmSync(dir, {recursive: true, force: true})};
}

export class Stage {
  #replies = new Map();
  #data = Buffer.alloc(0);
  #next = 1;
  #seen = [];
  stderr = '';

  /**
   * @param {ReturnType<typeof makeLab>} lab
   * @param {{prompt?: 'pinentry' | 'gtk', pinentry?: string, faults?: object[], prying?: string, user?: number, env?: object, wrapper?: string[]}} [options]
   *   pinentry: further options of fake-pinentry; faults: uses the test token, with these, in place of
   *   SoftHSM; prying: uses the module that pries, with these lines of configuration; user: the user and group that everything runs as; wrapper: a command put before the host's
   */
  constructor(lab, {prompt = 'pinentry', pinentry = '', faults, prying, user, env = {}, wrapper = []} = {}) {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tokenbridge-secrets-'));
    this.record = path.join(this.dir, 'record');
    this.cwd = path.join(this.dir, 'cwd');
    const copy = (from, to) => fs.copyFileSync(path.join(build, from), path.join(this.dir, to));
    for (const folder of ['cwd', 'home', 'run', 'config/tokenbridge', 'token']) fs.mkdirSync(path.join(this.dir, folder), {recursive: true, mode: 0o700});
    copy(PROGRAMS.host, 'tokenbridge-host');
    copy(PROGRAMS.worker, 'tokenbridge-worker');
    copy(PROGRAMS.pinentry, 'tokenbridge-prompt-pinentry');
    if (prompt === 'gtk') copy(PROGRAMS.gtk, 'tokenbridge-prompt');
    copy('tests/pinentry/fake-pinentry', 'pinentry');
    fs.copyFileSync(probe, path.join(this.dir, 'probe'));
    this.#write('fake-pinentry.options', `--record ${this.record} --pin ${PIN} ${pinentry}`);
    const module = prying !== undefined ? this.#pryingModule(copy, prying) : faults ? this.#scriptToken(lab, copy, faults) : this.#softToken(lab);
    this.#write('config/tokenbridge/tokenbridge.conf', `[prompt]\nprogram=${prompt}\npinentry=${this.dir}/pinentry\n` +
      `[modules]\np11-kit=false\nwell-known=false\n[module test]\npath=${module}\n`);
    if (user !== undefined) execFileSync('chown', ['-R', `${user}:${user}`, this.dir]);
    const [program, ...args] = [...wrapper, path.join(this.dir, 'tokenbridge-host'), EXTENSION];
    this.child = spawn(program, args, {
      cwd: this.cwd, uid: user, gid: user, stdio: 'pipe',
      env: {
        PATH: process.env.PATH, LANG: 'C.UTF-8', TOKENBRIDGE_LOG: 'debug', HOME: path.join(this.dir, 'home'),
        XDG_CONFIG_HOME: path.join(this.dir, 'config'), XDG_RUNTIME_DIR: path.join(this.dir, 'run'),
        SOFTHSM2_CONF: path.join(this.dir, 'softhsm2.conf'), TOKENBRIDGE_TEST_TOKEN: path.join(this.dir, 'script.json'),
        TB_TEST_PRYING: path.join(this.dir, 'token/pried'), ...env,
      },
    });
    this.ended = new Promise(resolve => this.child.once('close', (status, signal) => resolve({status, signal})));
    this.child.once('error', error => { this.stderr += error; });
    this.child.stdin.on('error', () => {});
    this.child.stderr.on('data', part => { this.stderr += part; });
    this.child.stdout.on('data', part => this.#receive(part));
    this.child.once('close', () => {
      for (const {reject} of this.#replies.values()) reject(new Error(`the host has ended\n${this.stderr}`));
    });
  }

  #write(name, text) {
    fs.writeFileSync(path.join(this.dir, name), text, {mode: 0o600});
  }

  #pryingModule(copy, lines) {
    fs.mkdirSync(path.join(this.dir, 'module'));
    copy('tests/secrets/prying.so', 'module/prying.so');
    return `${this.dir}/module/prying.so\n${lines.replaceAll('STATE', `${this.dir}/token`)}`;
  }

  #softToken(lab) {
    fs.cpSync(lab.store, path.join(this.dir, 'token'), {recursive: true});
    this.#write('softhsm2.conf', `directories.tokendir = ${this.dir}/token\nobjectstore.backend = file\nlog.level = ERROR\n`);
    return lab.module;
  }

  /** The token that does what a script says knows the PIN's digest only. */
  #scriptToken(lab, copy, faults) {
    copy('tests/token/token.so', 'token.so');
    fs.copyFileSync(lab.user.certificate, path.join(this.dir, 'leaf.pem'));
    fs.copyFileSync(lab.user.private_key, path.join(this.dir, 'key.pem'));
    this.#write('script.json', JSON.stringify({
      log: 'calls.log', faults,
      slots: [{id: 1, token: {
        pin_sha256: execFileSync('sha256sum', {input: PIN, encoding: 'ascii'}).slice(0, 64), max_pin: 255,
        objects: [{class: 'certificate', file: 'leaf.pem', id: '01'}, {class: 'private_key', file: 'key.pem', id: '01'}],
      }}],
    }));
    return path.join(this.dir, 'token.so');
  }

  #receive(part) {
    this.#data = Buffer.concat([this.#data, part]);
    while (this.#data.length >= 4) {
      const end = 4 + (os.endianness() === 'LE' ? this.#data.readUInt32LE() : this.#data.readUInt32BE());
      if (this.#data.length < end) return;
      const reply = JSON.parse(this.#data.subarray(4, end));
      this.#data = this.#data.subarray(end);
      this.#replies.get(reply.id)?.resolve(reply);
      this.#replies.delete(reply.id);
    }
  }

  /** Sends a request; gives the whole reply. */
  request(method, params) {
    const id = this.#next++;
    const body = Buffer.from(JSON.stringify({jsonrpc: '2.0', id, method, params}));
    const length = Buffer.alloc(4);
    if (os.endianness() === 'LE') length.writeUInt32LE(body.length); else length.writeUInt32BE(body.length);
    this.child.stdin.write(Buffer.concat([length, body]));
    const reply = new Promise((resolve, reject) => this.#replies.set(id, {resolve, reject}));
    reply.catch(() => {}); // whoever awaits it is told; a test that ends earlier need not
    return reply;
  }

  authenticate() {
    return this.request('authenticate', {origin: 'https://login.example.org', nonce: Buffer.alloc(32, 7).toString('base64')});
  }

  /** The process ids of what runs now: {host, worker, prompt, pinentry}, undefined where there is none. */
  get pids() {
    const members = family(this.child.pid);
    this.#seen.push(...members);
    const of = name => named(this.child.pid, name)[0]?.pid;
    return {host: of('tokenbridge-host'), worker: of('tokenbridge-worker'), prompt: of('tokenbridge-prompt'), pinentry: of('pinentry')};
  }

  /** Waits for the n-th line of the pinentry's record that begins so. */
  recorded(beginning, nth = 1) {
    return until(`line ${nth} of "${beginning}" in the pinentry's record`, () => fs.existsSync(this.record) &&
      fs.readFileSync(this.record, 'utf8').split('\n').filter(line => line.startsWith(beginning)).length >= nth);
  }

  /** Waits until the token was asked this. Test token only. */
  called(name) {
    const log = path.join(this.dir, 'calls.log');
    return until(name, () => fs.existsSync(log) && fs.readFileSync(log, 'utf8').includes(name));
  }

  async close() {
    const members = [...this.#seen, ...family(this.child.pid)];
    for (const one of alive(members)) try { process.kill(one.pid, 'SIGCONT'); } catch { /* it has gone */ }
    this.child.stdin.end();
    if (await Promise.race([this.ended, sleep(3000)]) === undefined) this.child.kill('SIGKILL');
    await gone(members, 2000);
    kill(members);
    fs.rmSync(this.dir, {recursive: true, force: true});
  }
}
