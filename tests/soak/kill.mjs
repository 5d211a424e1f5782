// SPDX-License-Identifier: Apache-2.0
//
// kill -9 of each process at each step of a request. The step is exact: the test token (tests/token) hangs in the
// call that is named, and writes so down; the pinentry hangs in the dialog that is named; a stand-in for a child
// writes half a frame. Afterwards the next request works, whoever asks; nothing is left of the old one.
// Test code only; trusts its callers.

import assert from 'node:assert/strict';
import {copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, statSync, symlinkSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {Host, build, chromium, frame, hostProgram, nonce, origin, reasonOf, startedFrom, until} from '../host/host.mjs';
import {assertSignsIn, testTokenStage, writeTokenScript} from './soak.mjs';

const LAUNCHER = 'launcher', WORKER = 'tokenbridge-worker', PROMPT = 'tokenbridge-prompt';

const isIn = (stage, call) => existsSync(stage.tokenLog) &&
  readFileSync(stage.tokenLog, 'utf8').split('\n').some(line => line.includes(`"${call}"`) && line.includes('"hang"'));
const hangsIn = call => ({faults: [{call, do: 'hang'}], reached: stage => isIn(stage, call)});
const dialog = {pinentry: '--hang-at GETPIN', reached: stage => stage.recorded().includes('GETPIN')};

/**
 * What brings a request to its step (`faults` of the token, `pinentry` options, `standIn` for a child, or `act` in place of
 * an ordinary request), how it is seen that it is there, and how the request ends when a child was killed: `result` when it
 * goes on by itself, a reason, or 'open' when the dialog still waits for the person.
 */
const steps = {
  'host: before it reads': {victim: 'host', reached: () => true},
  'host: half a request read': {victim: 'host', act: halfARequest, reached: () => true},
  'host: dialog open': {victim: 'host', ...dialog},
  'host: listing': {victim: 'host', ...hangsIn('C_FindObjectsInit')},
  'host: C_Login': {victim: 'host', ...hangsIn('C_Login')},
  'host: C_Sign': {victim: 'host', ...hangsIn('C_Sign')},
  'host: half a reply written': {victim: 'host', act: halfAReply, reached: () => true},
  'launcher: before it is asked': {victim: LAUNCHER, reached: () => true},
  'launcher: dialog open': {victim: LAUNCHER, ...dialog},
  'launcher: listing': {victim: LAUNCHER, ...hangsIn('C_FindObjectsInit')},
  'launcher: C_Login': {victim: LAUNCHER, ...hangsIn('C_Login')},
  'launcher: C_Sign': {victim: LAUNCHER, ...hangsIn('C_Sign')},
  'worker: before it reads': {victim: WORKER, ...hangsIn('C_Initialize'), ends: 'result'},
  'worker: dialog open': {victim: WORKER, ...dialog, ends: 'open'},
  'worker: listing': {victim: WORKER, ...hangsIn('C_FindObjectsInit'), ends: 'result'},
  'worker: C_Login': {victim: WORKER, ...hangsIn('C_Login'), ends: 'module_failed'},
  'worker: C_Sign': {victim: WORKER, ...hangsIn('C_Sign'), ends: 'module_failed'},
  'worker: half a frame written': {victim: WORKER, standIn: WORKER, ends: 'result'},
  'prompt: before it reads': {victim: PROMPT, reached: () => true, pinentry: '--hang-at GETPIN', ends: 'internal'},
  'prompt: dialog open': {victim: PROMPT, ...dialog, ends: 'internal'},
  'prompt: listing': {victim: PROMPT, ...hangsIn('C_FindObjectsInit'), ends: 'internal'},
  'prompt: C_Login': {victim: PROMPT, ...hangsIn('C_Login'), ends: 'internal'},
  'prompt: C_Sign': {victim: PROMPT, ...hangsIn('C_Sign'), ends: 'internal'},
  'prompt: half a frame written': {victim: PROMPT, standIn: 'tokenbridge-prompt-pinentry', ends: 'internal'},
};
export const names = Object.keys(steps);
/** A module whose worker went while it listed is left alone for ten seconds; one that hangs is given up after five. */
export const waits = name => steps[name].ends === 'result' || name === 'prompt: listing';

function halfARequest(stage, host) {
  const bytes = frame({jsonrpc: '2.0', id: 'half', method: 'status'});
  host.write(bytes.subarray(0, bytes.length >> 1));
}

/**
 * Asks for more answers than the pipe takes. Those that do not fit wait in the host; when some are read, it writes all of
 * them at once, and the pipe takes a part.
 */
async function halfAReply(stage, host) {
  const {stdin, stdout} = host.process;
  stdout.pause();
  for (let n = 0; n < 3000; n++) host.write(frame({jsonrpc: '2.0', id: n, method: 'status'}));
  await until('the host has read all', () => stdin.writableLength === 0);
  await atRest(host.pid);
  stdout.on('data', () => { if (host.messages.length >= 1000) stdout.pause(); });
  stdout.resume();
  await until('answers', () => stdout.isPaused());
  await atRest(host.pid);
}

/** Until it waits for something: on a loaded machine a process that is ready to run does not sleep. */
async function atRest(pid) {
  let calm = 0;
  await until('the host waits', () => {
    calm = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').startsWith('S') ? calm + 1 : 0;
    return calm >= 5;
  }, 60_000);
}

/** The last answer that came out is not whole. */
async function assertCut(host) {
  host.process.stdout.removeAllListeners('data').on('data', chunk => host.take(chunk));
  host.process.stdout.resume();
  await host.closed;
  assert.ok(host.buffer.length > 0, 'no answer was cut');
}

/** The host among links to the programs that it starts, except for one, which writes half a frame and waits. */
function withStandIn(stage, name) {
  const dir = path.join(stage.dir, 'programs');
  const wrote = path.join(stage.dir, 'wrote');
  mkdirSync(dir);
  for (const folder of ['host', 'host/worker', 'host/prompt', 'host/prompt/pinentry', 'host/readers']) {
    for (const file of readdirSync(path.join(build, folder)).filter(one => /^tokenbridge-[a-z-]+$/.test(one))) {
      if (statSync(path.join(build, folder, file)).isFile()) symlinkSync(path.join(build, folder, file), path.join(dir, file));
    }
  }
  const host = path.join(dir, 'tokenbridge-host');
  renameSync(host, `${host}.real`);
  copyFileSync(hostProgram, host); // it looks for programs beside its own file
  const real = path.join(dir, name);
  renameSync(real, `${real}.real`);
  // It ends with its channel, as a real one does.
  writeFileSync(real, `#!/bin/sh\nprintf '\\100\\000\\000\\000{"to' >&3\n: >'${wrote}'\nwhile read -r line <&3; do :; done\n`, {mode: 0o700});
  return {program: host, reached: () => existsSync(wrote), repair: () => renameSync(`${real}.real`, real)};
}

const isZombie = one => one.state === 'Z';
const isDialog = one => one.name.startsWith('tokenbridge-pro') || one.name.startsWith('pinentry');

/** In time nothing is left but the host's own children, none of them dead or a dialog. */
async function assertTidy(stage, host, milliseconds) {
  let left = [];
  await until('the end of what is left', () => {
    const children = host.descendants();
    const own = children.map(one => one.pid);
    left = [...startedFrom(stage.dir).filter(one => ![host.pid, host.launcher.pid].includes(one.pid) && !own.includes(one.pid)), ...children.filter(one => isZombie(one) || isDialog(one))];
    return left.length === 0;
  }, milliseconds).catch(error => {
    throw new Error(`${error.message}: ${left.map(one => `${one.name} ${one.state} (${one.pid})`).join(', ')}`);
  });
}

async function afterAChild(host, reply, ends) {
  if (ends === 'open') {
    await host.result('cancel', {id: reply.id});
    assert.equal(reasonOf(await reply), 'aborted');
  } else if (ends === 'result') {
    assert.ok((await reply).result, JSON.stringify((await reply).error));
  } else {
    assert.equal(reasonOf(await reply), ends);
  }
}

async function processOf(host, name) {
  await until('the launcher', () => host.descendants() && host.launcher); // nothingLeft() looks for it, too
  if (name === 'host') return host.pid;
  if (name === LAUNCHER) return host.launcher.pid;
  return (await until(name, () => host.descendants().find(one => one.state !== 'Z' && runs(one.pid, name)))).pid;
}

/** Whether that is the program: the kernel keeps 15 characters of its name, and a script has its interpreter's. */
function runs(pid, name) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').some(word => path.basename(word).startsWith(name));
  } catch {
    return false;
  }
}

/** A stage of its own, which is cleared whatever happens: a process that stays would keep the test from ending. */
async function onStage(lab, options, act) {
  const stage = testTokenStage({after() {}}, lab, options);
  try {
    await act(stage);
  } catch (error) {
    await stage.clear().catch(() => {}); // what is left is told by the error that comes first
    throw error;
  }
  await stage.clear();
}

/** One request, brought to the step; its process is killed; what must hold then, and `milliseconds` later at most. */
export function killAt(lab, name, milliseconds = 1000) {
  const {faults = [], pinentry} = steps[name];
  return onStage(lab, {script: {faults, log_all: true}, token: {pins: 'standard'}, pinentry}, stage => killOn(stage, name, milliseconds));
}

async function killOn(stage, name, milliseconds) {
  const {victim, reached, act, standIn, ends} = steps[name];
  const {program, reached: wrote, repair} = standIn ? withStandIn(stage, standIn) : {program: hostProgram};
  const host = new Host(stage.env, [chromium], program);
  stage.hosts.push(host);
  const reply = act ? await act(stage, host) : host.request('authenticate', {origin, nonce: nonce()});
  await until(name, () => (wrote ?? reached)(stage, host), 30_000);
  const pid = await processOf(host, standIn ?? victim);
  // A worker is started anew at once, and must find all well; a call that hangs does not see it any more.
  if (victim === PROMPT) process.kill(pid, 'SIGKILL');
  writeTokenScript(stage, {faults: []});
  stage.tellPinentry('');
  repair?.();
  if (victim !== PROMPT) process.kill(pid, 'SIGKILL');
  if (victim === 'host' || victim === LAUNCHER) { // without its launcher a host can serve nobody, and ends
    const {code, signal} = await host.exit;
    assert.deepEqual({code, signal}, victim === 'host' ? {code: null, signal: 'SIGKILL'} : {code: 1, signal: null});
    if (act === halfAReply) await assertCut(host);
    await stage.nothingLeft(milliseconds);
  } else {
    await afterAChild(host, reply, ends);
    await assertTidy(stage, host, milliseconds);
    await assertSignsIn(host, stage.lab);
    await assertTidy(stage, host, milliseconds);
  }
  // No lock is left, and the token has not lost a try.
  await assertSignsIn(stage.host(), stage.lab);
  const refused = readFileSync(stage.tokenLog, 'utf8').split('\n').filter(line => line.includes('"C_Login"') && line.includes('"CKR_PIN'));
  assert.deepEqual(refused, []);
}

/** Where the dialog is drawn by the desktop's own, its window goes too. `display`: tests/browser/display.mjs. */
export function killWithWindow(lab, display, victim, milliseconds = 1000) {
  const options = {prompt: '[prompt]\nprogram=gtk\n', env: {DISPLAY: display.name, GTK_A11Y: 'none'}};
  return onStage(lab, options, async stage => {
    const host = stage.host();
    const reply = host.request('authenticate', {origin, nonce: nonce()});
    await display.window();
    process.kill(await processOf(host, victim), 'SIGKILL');
    await display.noWindow(milliseconds);
    if (victim === PROMPT) {
      await afterAChild(host, reply, 'internal');
      await assertTidy(stage, host, milliseconds);
    } else {
      await host.exit;
      await stage.nothingLeft(milliseconds);
    }
    stage.configure('', stage.modules);
    await assertSignsIn(stage.host(), lab);
  });
}
export const windowVictims = ['host', LAUNCHER, PROMPT];
