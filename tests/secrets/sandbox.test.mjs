// SPDX-License-Identifier: Apache-2.0
//
// The sandboxes of the real processes: each is made to try, itself, what it should be refused; what the
// kernel says of it; that nothing the host does in a sign-in needs more than it has; and what is said
// on a kernel that lacks the means.
//
// Needs make-lab's programs; root, to put calls into undumpable processes; strace and, for the GTK
// dialog, Xvfb and xdotool. What cannot run is skipped with the reason.

import assert from 'node:assert/strict';
import {spawn, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {Display} from '../browser/display.mjs';
import {build, hasGtk, makeLab, PIN, probe, Stage, until} from './stage.mjs';

const notRoot = process.getuid() !== 0 && 'only root can put a call into undumpable processes';
const without = program => spawnSync(program, ['--version'], {stdio: 'ignore'}).error && `${program} is not installed`;

let lab, folder;
before(() => {
  lab = makeLab();
  folder = fs.mkdtempSync('/var/tmp/tokenbridge-sandbox-'); // not in /tmp, where a prompt may write, nor in a clone that lies there
  fs.writeFileSync(path.join(folder, 'old'), 'x');
});
after(() => {
  lab.remove();
  fs.rmSync(folder, {recursive: true, force: true});
});

async function on(options, body) {
  const stage = new Stage(lab, options);
  try {
    await body(stage);
  } finally {
    await stage.close();
  }
}

/** What a process is told when it tries: {name: "ok" or the error's name}; null on an unknown machine. */
function tries(pid) {
  const done = spawnSync(probe, ['call', String(pid), path.join(folder, 'new'), path.join(folder, 'old')], {encoding: 'utf8', timeout: 30_000});
  if (done.status === 4) return null;
  assert.equal(done.status, 0, `process ${pid} cannot be made to try (${done.status ?? done.signal}): ${done.stdout}${done.stderr}`);
  return Object.fromEntries(done.stdout.trim().split('\n').map(line => line.split(' ')));
}

const NAMES = 'inet unix connect listen exec clone ptrace look-into keys signal make directory write read'.split(' ');
const all = (result, names) => Object.fromEntries(names.map(name => [name, result]));
const nothing = all('ok', NAMES);
const usual = all('EPERM', ['ptrace', 'look-into', 'keys']);
const noWriting = all('EACCES', ['make', 'directory', 'write']);
const refused = {
  host: {...all('ENOSYS', NAMES), ...noWriting, directory: 'ENOSYS', read: 'EACCES'},
  prompt: {...nothing, ...usual, ...noWriting},
  gtk: {...nothing, ...usual, ...noWriting, exec: 'EPERM'},
  readers: {...nothing, ...usual, ...noWriting, exec: 'EPERM', inet: 'EPERM'},
};

/** A process has its filter, gains no privileges, and is refused what it should be. */
function assertHeld(t, pid, what, log) {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  assert.match(status, /^NoNewPrivs:\t1$/m, what);
  assert.match(status, /^Seccomp:\t2$/m, what);
  const found = tries(pid);
  if (!found) return t.skip('calls can be put into processes of x86-64 only');
  if (/sandbox landlock=no/.test(log)) return t.skip('this kernel has no Landlock: calls are refused, files are not');
  assert.deepEqual(found, refused[what], what);
}

test('control: an ordinary process may do all of it', {skip: notRoot}, async t => {
  const ordinary = spawn('sleep', ['60'], {stdio: 'ignore'});
  t.after(() => ordinary.kill('SIGKILL'));
  await until('sleep runs', () => fs.readFileSync(`/proc/${ordinary.pid}/comm`, 'utf8') === 'sleep\n');
  const found = tries(ordinary.pid);
  if (!found) return t.skip('calls can be put into processes of x86-64 only');
  assert.deepEqual(found, nothing);
});

test('host and pinentry prompt are held, and go on working', {skip: notRoot}, async t => {
  await on({pinentry: `--pin ${PIN} --delay 1000`}, async stage => {
    const reply = stage.authenticate();
    await stage.recorded('GETPIN');
    const {host, prompt} = stage.pids;
    assertHeld(t, host, 'host', stage.stderr);
    assertHeld(t, prompt, 'prompt', stage.stderr);
    assert.ok((await reply).result, JSON.stringify(await reply));
    // What the configuration gives, and nothing else: the launcher has it from before the first byte.
    assert.equal((await stage.request('listTokens')).result.modules[0].state, 'ok');
  });
});

test('the GTK prompt is held', {skip: notRoot || !hasGtk && 'the GTK dialog is not built' || without('xdotool') || without('Xvfb')}, async t => {
  const display = await Display.start();
  t.after(() => display.close());
  await on({prompt: 'gtk', env: {DISPLAY: display.name, GSETTINGS_BACKEND: 'memory', NO_AT_BRIDGE: '1'}}, async stage => {
    const reply = stage.authenticate();
    await display.window({title: /login\.example\.org/});
    await display.settled();
    assertHeld(t, stage.pids.prompt, 'gtk', stage.stderr);
    await display.press('Escape');
    assert.equal((await reply).error?.data.reason, 'user_cancelled');
  });
});

test('tokenbridge-readers is held', {skip: notRoot}, async t => {
  const child = spawn(path.join(build, 'host/readers/tokenbridge-readers'), [],
    {stdio: ['ignore', 'ignore', 'pipe', 'pipe'], env: {...process.env, TOKENBRIDGE_LOG: 'info'}});
  t.after(() => child.kill('SIGKILL'));
  let log = '';
  child.stderr.on('data', part => { log += part; });
  await new Promise((resolve, reject) => {
    child.stdio[3].once('data', resolve);
    child.once('exit', () => reject(new Error(`it has ended: ${log}`)));
  });
  assertHeld(t, child.pid, 'readers', log);
});

for (const [lack, word] of [['landlock', 'landlock=no'], ['seccomp', 'seccomp=no']]) {
  test(`on a kernel without ${lack} each process says so, and a sign-in works`, async () => {
    await on({pinentry: `--pin ${PIN}`, wrapper: [probe, 'lack', lack]}, async stage => {
      const reply = await stage.authenticate();
      assert.ok(reply.result, JSON.stringify(reply));
      for (const line of ['host: warning', 'prompt-pinentry: info', 'worker: info'])
        assert.match(stage.stderr, new RegExp(`^tokenbridge-${line}: sandbox ${word} error="Function not implemented"`, 'm'));
    });
  });
}

const CALLS = `socket socketpair connect bind listen accept accept4 open openat creat mkdir mkdirat rename renameat renameat2 link linkat
  symlink symlinkat unlink unlinkat truncate ftruncate execve execveat fork vfork clone clone3 ptrace kill tkill`.split(/\s+/);

test('a whole sign-in: the host makes no socket, process or file', {skip: notRoot || without('strace')}, async t => {
  const trace = path.join(lab.dir, 'trace');
  const strace = ['strace', '-f', '-qq', '-e', `trace=${CALLS.map(name => `?${name}`).join()}`, '-o', trace];
  const known = spawnSync(strace[0], [...strace.slice(1), 'true'], {encoding: 'utf8'});
  if (known.status !== 0) return t.skip(`strace cannot trace here: ${known.stderr.trim()}`);
  await on({pinentry: `--pin ${PIN}`, wrapper: strace}, async stage => {
    const reply = await stage.authenticate();
    assert.ok(reply.result, JSON.stringify(reply));
    const used = path.join(stage.dir, 'home/.local/state/tokenbridge/last-used');
    await until('the certificate is remembered', () => fs.existsSync(used) && fs.readFileSync(used, 'utf8').includes('='));
    assert.ok((await stage.authenticate()).result, 'and a second one');
  });
  const lines = fs.readFileSync(trace, 'utf8').split('\n').filter(Boolean).map(line => /^(\d+) +(.*)$/.exec(line).slice(1));
  const host = lines[0][0];
  const fork = lines.findIndex(([pid, call]) => pid === host && /^(clone|fork|vfork)/.test(call));
  assert.ok(fork > 0, 'control: the launcher is forked');
  const by = pids => lines.slice(fork + 1).filter(([pid]) => pids(pid)).map(([, call]) => call).filter(call => !/^(<|\+\+\+|---)/.test(call));
  const more = calls => calls.filter(call => !/^open(at)?\(.*O_RDONLY[^)]*/.test(call) || /O_CREAT|O_TRUNC/.test(call));
  assert.ok(more(by(pid => pid !== host)).some(call => /^socketpair/.test(call)), 'control: the launcher makes channels');
  assert.ok(by(pid => pid !== host).some(call => /last-used.*O_/.test(call) && /O_WRONLY|O_RDWR/.test(call)), 'control: the launcher writes');
  assert.deepEqual(more(by(pid => pid === host)), []);
});
