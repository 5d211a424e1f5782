// SPDX-License-Identifier: Apache-2.0
// The extension's background and the real native program, over real pipes: that both keep to
// docs/protocol.md. Only the browser between them is a stand-in. TOKENBRIDGE_HOST names the program;
// otherwise it is the one in build/.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {Browser, EXTENSION_ID, NONCE, Page, outcome, settle} from './fakes.mjs';

const program = process.env.TOKENBRIDGE_HOST ?? fileURLToPath(new URL('../../build/host/tokenbridge-host', import.meta.url));
const skip = !process.env.TOKENBRIDGE_HOST && !fs.existsSync(program) && `there is no ${program}: build first, or set TOKENBRIDGE_HOST`;

/** A pinentry that agrees to everything and never comes back from asking the user. */
const PINENTRY = `#!/bin/sh
echo "OK ready"
while read -r word rest; do
  case $word in
    CONFIRM|GETPIN|MESSAGE) echo $$ >> "$(dirname "$0")/asking"; exec sleep 60 ;;
    GETINFO) echo "D 1.0"; echo OK ;;
    BYE) echo OK; exit 0 ;;
    *) echo OK ;;
  esac
done
`;

/** The end of a native port that a process is behind, as a browser runs it. */
class ProcessPort {
  constructor(env) {
    this.child = spawn(program, [`chrome-extension://${EXTENSION_ID}/`], {env, stdio: ['pipe', 'pipe', 'ignore']});
    this.exited = new Promise(resolve => this.child.once('exit', (code, signal) => resolve({code, signal})));
    let data = Buffer.alloc(0);
    const listeners = new Set();
    const gone = new Set();
    this.onMessage = {addListener: listener => listeners.add(listener)};
    this.onDisconnect = {addListener: listener => gone.add(listener)};
    this.child.stdout.on('data', chunk => {
      data = Buffer.concat([data, chunk]);
      while (data.length >= 4) {
        const end = 4 + (os.endianness() === 'LE' ? data.readUInt32LE() : data.readUInt32BE());
        if (data.length < end) return;
        const message = JSON.parse(data.subarray(4, end));
        data = data.subarray(end);
        for (const listener of listeners) listener(message);
      }
    });
    this.child.once('exit', () => { for (const listener of gone) listener(this); });
    this.child.stdin.on('error', () => {});
  }
  postMessage(message) {
    const body = Buffer.from(JSON.stringify(message));
    const length = Buffer.alloc(4);
    if (os.endianness() === 'LE') length.writeUInt32LE(body.length); else length.writeUInt32BE(body.length);
    this.child.stdin.write(Buffer.concat([length, body]));
  }
  disconnect() { this.child.stdin.end(); }
}

let folder;
let browser;
let port;

before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tokenbridge-extension-'));
  fs.chmodSync(folder, 0o700);
  fs.mkdirSync(path.join(folder, 'config/tokenbridge'), {recursive: true});
  fs.writeFileSync(path.join(folder, 'pinentry'), PINENTRY, {mode: 0o755});
  fs.writeFileSync(path.join(folder, 'config/tokenbridge/tokenbridge.conf'),
    `[prompt]\nprogram=pinentry\npinentry=${folder}/pinentry\n\n[modules]\np11-kit=false\nwell-known=false\n`);
  const env = {PATH: process.env.PATH, HOME: folder, LANG: 'C.UTF-8', XDG_CONFIG_HOME: `${folder}/config`, XDG_RUNTIME_DIR: folder};
  browser = new Browser();
  browser.api.runtime.connectNative = () => {
    port = new ProcessPort(env);
    return port;
  };
});

after(async () => {
  browser.bridge.host.close();
  await port?.exited;
  fs.rmSync(folder, {recursive: true, force: true});
});

/** Waits until something is so, or fails after five seconds. */
async function until(condition, what) {
  for (const end = Date.now() + 5_000; Date.now() < end;) {
    if (condition()) return;
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  assert.fail(`not within 5 s: ${what}`);
}

const asking = () => {
  const file = path.join(folder, 'asking');
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim().split('\n').map(Number) : [];
};
const alive = pid => {
  try {
    return !fs.readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
};

test('status', {skip}, async () => {
  const {host, protocol} = await new Page(browser).library.status();
  assert.match(host, /^\d+\.\d+\.\d+/);
  assert.equal(protocol, 1);
});

test('listTokens for the popup', {skip}, async () => {
  const popup = browser.connectAs('popup', {id: EXTENSION_ID, url: `chrome-extension://${EXTENSION_ID}/popup/popup.html`});
  popup.postMessage({method: 'listTokens'});
  await until(() => popup.messages.length, 'an answer to listTokens');
  const {method, result: {modules, readers}} = popup.messages[0];
  assert.deepEqual({method, modules}, {method: 'listTokens', modules: []});
  // Whether there is a reader service is this machine's matter.
  assert.ok(readers === undefined || Array.isArray(readers.readers), JSON.stringify(readers));
});

test('the program\'s own refusals arrive with their words', {skip}, async () => {
  const page = new Page(browser);
  const ask = (method, params) => {
    const id = `${Math.random()}`;
    page.ask(id, method, params);
    return until(() => page.answers(id).length, method).then(() => page.answers(id)[0].error.code);
  };
  assert.equal(await ask('authenticate', {nonce: 'short'}), 'invalid_request');
  assert.equal(await ask('authenticate', {}), 'invalid_request');
  assert.equal(await ask('authenticate', {nonce: NONCE, issuers: [7]}), 'invalid_request');
  assert.equal(await ask('sign', {certificate: 'MIIB', hash: 'AA==', hashFunction: 'SHA-224'}), 'unsupported');
  const plain = new Page(browser, {origin: 'http://plain.example'});
  assert.equal((await outcome(plain.library.authenticate(NONCE))).code, 'origin_refused');
});

test('AbortSignal closes the dialog and the request is aborted', {skip}, async () => {
  const controller = new AbortController();
  const earlier = asking().length;
  const promise = outcome(new Page(browser).library.authenticate(NONCE, {signal: controller.signal}));
  await until(() => asking().length > earlier, 'the dialog');
  controller.abort();
  assert.equal((await promise).error.name, 'AbortError');
  await until(() => !asking().some(alive), 'the end of the dialog');
});

test('closing the tab closes the dialog; the next page can ask at once', {skip}, async () => {
  const page = new Page(browser);
  const earlier = asking().length;
  page.ask('x', 'authenticate', {nonce: NONCE});
  await until(() => asking().length > earlier, 'the dialog');
  const second = await outcome(new Page(browser, {origin: 'https://second.example'}).library.authenticate(NONCE, {timeout: 1_000}));
  assert.equal(second.code, 'busy');
  page.close();
  await until(() => !asking().some(alive), 'the end of the dialog');
  const dialogs = asking().length;
  const third = new Page(browser, {origin: 'https://third.example'});
  third.ask('y', 'authenticate', {nonce: NONCE});
  await until(() => asking().length > dialogs, 'the next dialog');
  third.close();
  await until(() => !asking().some(alive), 'its end');
});

test('letting the port go ends the program', {skip}, async () => {
  browser.bridge.host.close();
  await settle();
  assert.deepEqual(await port.exited, {code: 0, signal: null});
});
