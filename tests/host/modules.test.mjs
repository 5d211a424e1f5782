// SPDX-License-Identifier: Apache-2.0
// Modules that are missing, no libraries, of another architecture, that crash, hang or fail: each costs its own
// tokens only.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {after, test} from 'node:test';
import {Stage, allGone, isRunning, makeLab, ms, nonce, origin, reasonOf, until, wrapperModule} from './host.mjs';

const lab = makeLab('--only', 'p256');
after(() => lab.remove());

/** Files that are no modules, below the stage's folder. */
function badFiles(stage) {
  const place = name => path.join(stage.dir, name);
  const library = readFileSync(lab.made.module);
  const foreign = Buffer.from(library);
  foreign.writeUInt16LE(library.readUInt16LE(18) === 183 ? 62 : 183, 18); // e_machine: AArch64 here, x86-64 there
  writeFileSync(place('text.so'), 'this is no library\n');
  writeFileSync(place('empty.so'), '');
  writeFileSync(place('cut.so'), library.subarray(0, 4000));
  writeFileSync(place('foreign.so'), foreign);
  mkdirSync(place('directory.so'));
  symlinkSync('nowhere.so', place('dangling.so'));
  copyFileSync(process.execPath, place('program.so'));
  return {
    missing: place('missing.so'), text: place('text.so'), empty: place('empty.so'), cut: place('cut.so'),
    foreign: place('foreign.so'), directory: place('directory.so'), dangling: place('dangling.so'),
    program: place('program.so'), full: '/dev/full', zero: '/dev/null',
  };
}

/** A library that is no PKCS#11 module. */
const noModule = /=> (\/\S*libcrypto\S*)/.exec(execFileSync('ldd', [lab.made.module], {encoding: 'utf8'}))[1];

test('files that are no modules are each told, and the good module serves', async t => {
  const stage = new Stage(t, {lab, token: 'default'});
  const bad = {...badFiles(stage), other: noModule};
  stage.configure('', {...bad, good: lab.made.module});
  const host = stage.host();
  const {modules} = await host.result('listTokens');
  assert.equal(modules.length, Object.keys(bad).length + 1);
  for (const one of modules) {
    if (one.name === 'good') {
      assert.equal(one.state, 'ok');
      assert.equal(one.tokens.length, 1);
    } else {
      assert.equal(one.state, 'module_failed', one.name);
      assert.deepEqual(one.tokens, []);
      assert.ok(one.message.includes(bad[one.name]) || one.message.includes(one.name), `${one.name}: ${one.message}`);
      assert.match(one.message, /\.$/);
    }
  }
  assert.ok((await host.request('authenticate', {origin, nonce: nonce()})).result);
});

test('without a good one the word is module_failed', async t => {
  const stage = new Stage(t, {lab});
  for (const [name, file] of Object.entries(badFiles(stage))) {
    stage.configure('', {[name]: file});
    const reply = await stage.host().request('authenticate', {origin, nonce: nonce(), timeout: ms(1000)});
    assert.equal(reasonOf(reply), 'module_failed', name);
  }
});

test('no module at all', async t => {
  const stage = new Stage(t, {modules: {}});
  const host = stage.host();
  assert.deepEqual((await host.result('listTokens')).modules, []);
  assert.equal(await host.reason('authenticate', {origin, nonce: nonce(), timeout: ms(1000)}), 'module_failed');
});

test('a module that hangs is ended at its deadline, and the other one\'s token serves meanwhile', async t => {
  const stage = new Stage(t, {lab, token: 'default', config: `[limits]\nlist-timeout=${ms(1500)}\n`,
    modules: {good: lab.made.module, wrapper: wrapperModule}});
  writeFileSync(stage.script, '[do]\nC_GetSlotList-hang=true\n');
  const host = stage.host();
  const start = performance.now();
  const listing = host.request('listTokens');
  const reply = await host.request('authenticate', {origin, nonce: nonce()});
  assert.ok(reply.result, JSON.stringify(reply.error));
  assert.ok(performance.now() - start < ms(1400), 'it was held up');
  const {modules} = (await listing).result;
  assert.deepEqual(modules.map(one => one.state), ['ok', 'module_timeout']);
  await until('the worker\'s end', () => host.descendants().filter(one => one.name.startsWith('tokenbridge-wor')).length <= 1);
});

test('a module that hangs while it signs', async t => {
  const stage = new Stage(t, {lab, token: 'default', config: `[limits]\nsign-timeout=${ms(1000)}\n`, modules: {wrapper: wrapperModule}});
  const host = stage.host();
  await host.result('listTokens');
  const workers = host.descendants().filter(one => one.name.startsWith('tokenbridge-wor'));
  for (const call of ['C_Login', 'C_Sign']) {
    writeFileSync(stage.script, `[do]\n${call}-hang=true\n`);
    const start = performance.now();
    const reply = await host.request('authenticate', {origin, nonce: nonce()});
    const took = performance.now() - start;
    assert.equal(reasonOf(reply), 'module_timeout', call);
    assert.ok(took >= ms(1000) - 10 && took < ms(2000), `${call}: ${took} ms`);
  }
  await allGone(workers);
  writeFileSync(stage.script, '');
  assert.ok((await host.request('authenticate', {origin, nonce: nonce()})).result, 'the next request works');
});

test('a worker that is killed, while it is idle and while it signs', async t => {
  const stage = new Stage(t, {lab, token: 'default', modules: {wrapper: wrapperModule}});
  const host = stage.host();
  await host.result('listTokens');
  const idle = await host.child('tokenbridge-worker');
  process.kill(idle.pid, 'SIGKILL');
  await until('its end', () => !isRunning(idle.pid));
  assert.ok((await host.request('authenticate', {origin, nonce: nonce()})).result);
  writeFileSync(stage.script, '[do]\nC_Sign-hang=true\n');
  const signatures = () => stage.calls('C_Sign').filter(line => line === 'C_Sign').length;
  const before = signatures();
  const reply = host.request('authenticate', {origin, nonce: nonce()});
  await until('the signature', () => signatures() > before);
  process.kill((await host.child('tokenbridge-worker')).pid, 'SIGSEGV');
  const answer = await reply;
  assert.equal(reasonOf(answer), 'module_failed');
  assert.match(answer.error.message, /wrapper/);
  writeFileSync(stage.script, '');
  assert.ok((await host.request('authenticate', {origin, nonce: nonce()})).result);
});

test('a module that fails', async t => {
  const stage = new Stage(t, {lab, token: 'default', modules: {wrapper: wrapperModule}});
  for (const script of ['C_Initialize=0x5', 'C_GetSlotList=0x30', 'C_Initialize=0x6']) {
    writeFileSync(stage.script, `[do]\n${script}\n`);
    const host = stage.host();
    const {modules: [module]} = await host.result('listTokens');
    assert.equal(module.state, 'module_failed', script);
  }
});

test('a signature that does not fit the certificate is not passed on', async t => {
  const stage = new Stage(t, {lab, token: 'default', modules: {wrapper: wrapperModule}});
  writeFileSync(stage.script, '[do]\ncorrupt=true\n');
  assert.equal(await stage.host().reason('authenticate', {origin, nonce: nonce()}), 'module_failed');
});
