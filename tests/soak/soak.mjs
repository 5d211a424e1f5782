// SPDX-License-Identifier: Apache-2.0
//
// Thousands of requests through one host, and hundreds of starts: nothing may pile up. The real programs
// over pipes, a real module, and a scripted pinentry in place of a person; what they hold is read from
// /proc after the first requests and at the end. Test code only; trusts its callers.

import assert from 'node:assert/strict';
import {readdirSync, renameSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {verifyToken} from '../demo-site/verify.mjs';
import {Stage, build, frame, lengthWord, nonce, origin, reasonOf, sleep} from '../host/host.mjs';
import {sample, settled} from './sample.mjs';

const testToken = path.join(build, 'tests', 'token', 'token.so');

/** The modules that a soak can run with: their stage. */
const stages = {
  'SoftHSM': (t, lab) => new Stage(t, {lab, token: 'default'}),
  'test token': (t, lab) => testTokenStage(t, lab),
};
export const modules = Object.keys(stages);

/**
 * A stage with the test token (tests/token) that has the lab's first user, and never locks its PIN.
 * `script`: further members of its script; `token`: of its token; the rest: Stage's own options.
 */
export function testTokenStage(t, lab, {script = {}, token = {}, ...options} = {}) {
  const stage = new Stage(t, {lab, modules: {token: testToken}, ...options});
  const [user] = lab.made.users;
  stage.tokenLog = path.join(stage.dir, 'token.log');
  stage.env.TOKENBRIDGE_TEST_TOKEN = path.join(stage.dir, 'token.json');
  writeTokenScript(stage, {
    log: stage.tokenLog,
    slots: [{id: 1, token: {label: 'Staff card', serial: '0001', pin: lab.made.pin, pins: 'low_only', ...token, objects: [
      {class: 'certificate', file: user.certificate, id: '01'}, {class: 'private_key', file: user.private_key, id: '01'},
      {class: 'certificate', file: lab.made.intermediate, id: '02'},
    ]}}],
    ...script,
  });
  return stage;
}

/** Changes these members of the test token's script; the module sees it before its next call. */
export function writeTokenScript(stage, members) {
  const file = stage.env.TOKENBRIDGE_TEST_TOKEN;
  stage.tokenScript = {...stage.tokenScript, ...members};
  writeFileSync(`${file}.new`, JSON.stringify(stage.tokenScript));
  renameSync(`${file}.new`, file);
}

export async function assertSignsIn(host, lab) {
  const value = nonce();
  const token = await host.result('authenticate', {origin, nonce: value});
  const verdict = verifyToken(token, {origin, nonce: value, anchors: lab.anchors});
  assert.ok(verdict.ok, JSON.stringify(verdict.checks));
}

// --- the mix of requests ---

const ask = () => ({origin, nonce: nonce()});

async function cancelInFlight({stage, host}, turn) {
  stage.tellPinentry('--hang-at GETPIN');
  const reply = host.request('authenticate', ask());
  await sleep([0, 1, 3, 6, 12, 25, 50][turn % 7]); // from before the dialog's start to long after
  assert.deepEqual((await host.request('cancel', {id: reply.id})).result, {cancelled: true});
  assert.equal(reasonOf(await reply), 'aborted');
}

const badFrames = [ // ten: each is among the first hundred requests
  'x'.repeat(70_000), `"${'x'.repeat(60_000)}"`, '', '{', 'null', '[]', '{"jsonrpc":"2.0","id":1,"method":7}', '\u{feff}{}',
  '['.repeat(100), '{"jsonrpc":"2.0","id":1,"id":1,"method":"status"}',
];

async function badFrame({host}, turn) {
  const bytes = badFrames[turn % badFrames.length];
  host.write(Buffer.concat([lengthWord(Buffer.byteLength(bytes)), Buffer.from(bytes)]));
  assert.equal(reasonOf(await host.next()), 'invalid_request');
}

/** Ten requests in turn; each leaves the host as it was. */
const mix = [
  ['status', ({host}) => host.result('status')],
  ['listTokens', ({host}) => host.result('listTokens')],
  ['wrong PIN', async ({stage, host}, turn) => {
    stage.tellPinentry(`--pin ${9990 + turn % 10}`);
    assert.equal(await host.reason('authenticate', ask()), 'pin_incorrect');
  }],
  ['cancel in flight', cancelInFlight],
  ['right PIN', async ({stage, host, lab}) => {
    stage.tellPinentry(`--pin ${lab.made.pin}`);
    await assertSignsIn(host, lab);
  }],
  ['bad frame', badFrame],
  ['the user cancels', async ({stage, host}) => {
    stage.tellPinentry('--cancel-at GETPIN');
    assert.equal(await host.reason('authenticate', ask()), 'user_cancelled');
  }],
  ['bad parameters', async ({host}) => {
    assert.equal(await host.reason('authenticate', {origin, nonce: 'short'}), 'invalid_request');
    assert.equal(await host.reason('nothing', {}), 'unsupported');
  }],
  ['several at once', async ({stage, host, lab}) => {
    stage.tellPinentry(`--pin ${lab.made.pin} --delay 20`);
    const first = host.request('authenticate', ask());
    assert.equal(await host.reason('authenticate', ask()), 'busy');
    await Promise.all([host.result('status'), host.result('listTokens'), host.result('status')]);
    assert.ok((await first).result);
  }],
  ['status in two writes', async ({host}) => {
    const bytes = frame({jsonrpc: '2.0', id: 'halves', method: 'status'});
    host.write(bytes.subarray(0, 9));
    await sleep(1);
    host.write(bytes.subarray(9));
    assert.ok((await host.next()).result);
  }],
];

const difference = (before, after) => ({
  pid: after.pid,
  descriptors: after.descriptors - before.descriptors, threads: after.threads - before.threads,
  rss: after.rss - before.rss, anonymous: after.anonymous - before.anonymous,
});

/**
 * So many requests through one host with a module; what is more after the last one than after the first `warm`.
 * @returns {Promise<{requests: number, seconds: number, host: object, launcher: object, worker: object, processes: number, zombies: number, first: object, last: object}>}
 */
export async function soakRequests(t, lab, module, {requests, warm = 100, progress = () => {}}) {
  const stage = stages[module](t, lab);
  const place = {stage, host: stage.host(), lab};
  const begin = performance.now();
  let first;
  for (let n = 0; n < requests; n++) {
    const [name, act] = mix[n % mix.length];
    await act(place, Math.floor(n / mix.length)).catch(error => {
      throw new Error(`request ${n} (${name}): ${error.message}`, {cause: error});
    });
    if (n === warm - 1) first = await settled(place.host);
    if (n % 1000 === 999) progress(n + 1, place.host);
  }
  const last = await settled(place.host);
  const more = name => {
    const [before, after] = [first, last].map(one => one.children.find(child => child.name.startsWith(name)));
    assert.ok(before && after, `${name} has gone`);
    assert.equal(after.pid, before.pid, `${name} is another one`);
    return difference(before, after);
  };
  const {code} = await place.host.end();
  assert.equal(code, 0);
  await stage.nothingLeft(1000);
  return {
    requests, seconds: (performance.now() - begin) / 1000, first, last,
    host: difference(first.host, last.host), launcher: more('tokenbridge-lau'), worker: more('tokenbridge-wor'),
    processes: last.children.length - first.children.length, zombies: last.zombies.length,
  };
}

const median = numbers => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

/**
 * So many hosts, one after the other, each asked for its status and its tokens: each ends well, leaves no process and no
 * file behind, and needs no more than the first ones (of memory: the medians; where the kernel lays a program out differs).
 */
export async function soakStarts(t, lab, {starts, warm = Math.min(100, starts >> 1), progress = () => {}}) {
  const stage = stages.SoftHSM(t, lab);
  const files = () => ['runtime', 'state', 'home', 'config'].flatMap(name => readdirSync(path.join(stage.dir, name), {recursive: true})).sort();
  const begin = performance.now();
  const needs = [];
  let left;
  for (let n = 0; n < starts; n++) {
    const host = stage.host();
    assert.ok((await host.result('status')).version);
    assert.equal((await host.result('listTokens')).modules[0].state, 'ok');
    needs.push(sample(host.pid));
    const {code, signal} = await host.end();
    assert.deepEqual({code, signal}, {code: 0, signal: null});
    await stage.nothingLeft(1000);
    stage.hosts.pop();
    if (n === warm - 1) left = files();
    if (n % 100 === 99) progress(n + 1);
  }
  assert.deepEqual(files(), left, 'files are left behind');
  const more = (field, of) => of(needs.slice(warm).map(one => one[field])) - of(needs.slice(0, warm).map(one => one[field]));
  const most = numbers => Math.max(...numbers);
  return {
    starts, seconds: (performance.now() - begin) / 1000,
    host: {descriptors: more('descriptors', most), threads: more('threads', most), anonymous: more('anonymous', median)},
  };
}
