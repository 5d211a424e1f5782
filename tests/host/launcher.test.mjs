// SPDX-License-Identifier: Apache-2.0
//
// The launcher: what it holds open, what becomes of what it started when it or the host goes, and
// that its own end is told to whoever waits.
import assert from 'node:assert/strict';
import {readFileSync, readdirSync, readlinkSync, statSync} from 'node:fs';
import {after, test} from 'node:test';
import {Stage, allGone, isRunning, makeLab, nonce, origin, reasonOf, until, within, wrapperModule} from './host.mjs';

const lab = makeLab();
after(() => lab.remove());

const ask = () => ({origin, nonce: nonce()});

/** A host with a dialog open, and what it has had started. */
async function withDialog(t) {
  const stage = new Stage(t, {lab, token: 'default', pinentry: '--hang-at GETPIN', modules: {wrapper: wrapperModule}});
  const host = stage.host();
  const reply = host.request('authenticate', ask());
  await until('the PIN dialog', () => stage.recorded().includes('GETPIN'));
  const children = host.descendants();
  return {stage, host, reply, children, launcher: host.launcher};
}

test('the launcher is there before the first byte from the browser, and holds nothing of the browser\'s', {
  skip: process.getuid() !== 0 && 'only root can see the descriptors of undumpable processes',
}, async t => {
  const host = new Stage(t).host();
  const launcher = await until('the launcher', () => host.descendants() && host.launcher);
  const of = pid => Object.fromEntries(readdirSync(`/proc/${pid}/fd`).map(fd => [fd, readlinkSync(`/proc/${pid}/fd/${fd}`)]));
  await host.result('status');
  const theirs = of(launcher.pid);
  const ours = Object.values(of(host.pid)).filter(name => /^(socket|pipe):/.test(name) && name !== theirs[2]);
  assert.ok(ours.length >= 4, 'control: the browser\'s two, and two to the launcher');
  assert.equal(theirs[0], '/dev/null');
  assert.equal(theirs[1], theirs[2]);
  assert.deepEqual(Object.values(theirs).filter(name => ours.includes(name)), []);
  assert.deepEqual(Object.entries(theirs).filter(([fd, name]) => fd > 2 && !/^(socket|anon_inode):/.test(name)), []);
  assert.match(readFileSync(`/proc/${launcher.pid}/status`, 'utf8'), /^NoNewPrivs:\t1$/m);
  assert.equal(statSync(`/proc/${launcher.pid}/mem`).uid, 0); // undumpable
});

for (const signal of ['SIGKILL', 'SIGTERM']) {
  test(`${signal} to the launcher: all it started goes, the request is answered, the host ends`, async t => {
    const {host, reply, children, launcher} = await withDialog(t);
    process.kill(launcher.pid, signal);
    assert.equal(reasonOf(await reply), 'internal');
    assert.equal((await within(2000, 'the host\'s end', host.exit)).code, 1);
    assert.match(host.stderr, /launcher-gone/);
    await allGone([...children, launcher]);
  });
}

test('kill -9 of the host while its launcher stands still: all goes all the same', async t => {
  const {stage, host, children, launcher} = await withDialog(t);
  process.kill(launcher.pid, 'SIGSTOP');
  host.process.kill('SIGKILL');
  await host.exit;
  process.kill(launcher.pid, 'SIGCONT');
  await allGone([...children, launcher]);
  stage.takeTokenOut();
  stage.insert('default');
  stage.tellPinentry('');
  assert.ok((await stage.host().request('authenticate', ask())).result, 'no lock is left');
});

test('a host that is killed while it starts leaves no launcher', async t => {
  const stage = new Stage(t);
  const seen = [];
  for (let delay = 0; delay < 4; delay += 0.2) {
    const host = stage.host();
    const end = performance.now() + delay;
    while (performance.now() < end); // a timer is too coarse
    host.descendants();
    host.process.kill('SIGKILL');
    await host.exit;
    if (host.launcher) seen.push(host.launcher);
  }
  await until('the launchers\' ends', () => !seen.some(one => isRunning(one.pid)), 1000);
});
