// SPDX-License-Identifier: Apache-2.0
//
// The PIN stays where it belongs. Not a digit row of it is left in the memory of host, worker and
// prompt once it has been passed on; it is written to the PIN pipe and nowhere else; no log has it; no
// process of ours leaves a core file, or lets others of the same user look into it. Each search is
// first shown to find what is there. The fake pinentry stands for a person and knows the PIN.
//
// Needs make-lab's programs; root, to read undumpable processes; strace and, for the GTK dialog, Xvfb
// and xdotool. What cannot run is skipped with the reason.

import assert from 'node:assert/strict';
import {spawn, spawnSync} from 'node:child_process';
import {createPublicKey, createHash, verify, X509Certificate} from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import {Display} from '../browser/display.mjs';
import {hasGtk, holdsPin, makeLab, PIN, probe, scan, Stage, until, WRONG_PIN} from './stage.mjs';

const OURS = ['host', 'worker', 'prompt'];
const isRoot = process.getuid() === 0;
const notRoot = !isRoot && 'only root can read the memory of undumpable processes (strace too); run this test as root';
const without = program => spawnSync(program, ['--version'], {stdio: 'ignore'}).error && `${program} is not installed`;

let lab;
before(() => { lab = makeLab(); });
after(() => lab.remove());

/** Runs a body with a stage, and takes the stage down. */
async function on(options, body) {
  const stage = new Stage(lab, options);
  try {
    await body(stage);
  } finally {
    await stage.close();
  }
}

/** No process of ours that is there now has either PIN. */
function assertClean(pids, when, names = OURS) {
  for (const name of names) {
    assert.ok(pids[name], `${when}: there is no ${name} to look into`);
    assert.deepEqual(scan(pids[name]), [], `${when}: the PIN is in the ${name}'s memory`);
  }
}

function assertSignedIn(reply) {
  assert.ok(reply.result, JSON.stringify(reply));
  const hash = data => createHash('sha256').update(data).digest();
  const certificate = new X509Certificate(Buffer.from(reply.result.unverifiedCertificate, 'base64'));
  const signed = Buffer.concat([hash('https://login.example.org'), hash(Buffer.alloc(32, 7).toString('base64'))]);
  assert.ok(verify('sha256', signed, {key: createPublicKey(certificate.publicKey.export({type: 'spki', format: 'pem'})), dsaEncoding: 'ieee-p1363'},
    Buffer.from(reply.result.signature, 'base64')));
}

const stop = pid => process.kill(pid, 'SIGSTOP');
const go = pid => process.kill(pid, 'SIGCONT');

test('control: the scanner finds a PIN that is there', {skip: notRoot}, async t => {
  const holder = spawn(probe, ['hold'], {stdio: ['pipe', 'pipe', 'inherit']});
  t.after(() => holder.kill('SIGKILL'));
  holder.stdin.end(`${PIN}\n`);
  await new Promise(resolve => holder.stdout.once('data', resolve));
  const hits = scan(holder.pid, [PIN]);
  for (const encoding of ['bytes', 'utf-16', 'utf-32']) assert.ok(hits.some(hit => hit.encoding === encoding), encoding);
  assert.deepEqual(scan(holder.pid, [WRONG_PIN]), []);
});

test('control: the scanner finds the PIN in the worker while it logs in, in locked memory', {skip: notRoot}, async () => {
  await on({faults: [{call: 'C_Login', do: 'hang'}]}, async stage => {
    stage.authenticate();
    await stage.called('"C_Login"');
    const {worker} = stage.pids;
    const hits = scan(worker, [PIN]);
    const maps = fs.readFileSync(`/proc/${worker}/smaps`, 'utf8').split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/);
    assert.notEqual(hits.length, 0);
    for (const {address} of hits) {
      const map = maps.find(text => {
        const [start, end] = text.split(' ')[0].split('-').map(number => parseInt(number, 16));
        return address >= start && address < end;
      });
      assert.match(/^VmFlags:.*$/m.exec(map)[0], / lo .*dd /, 'locked, and not dumped');
    }
    assertClean(stage.pids, 'while the worker logs in', ['host', 'prompt']);
  });
});

test('no PIN is left in host, worker and prompt after the reply, and while the worker waits', {skip: notRoot}, async () => {
  await on({pinentry: `--pins ${WRONG_PIN},${PIN} --delay 300`}, async stage => {
    const reply = stage.authenticate();
    for (const [nth, pin] of [WRONG_PIN, PIN].entries()) {
      await stage.recorded('GETPIN', nth + 1);
      const {pinentry} = stage.pids;
      // While the pinentry stands still, what is there is what the PIN before has left.
      stop(pinentry);
      assert.notDeepEqual(scan(pinentry, [pin]), [], 'control: the pinentry knows the PIN');
      assertClean(stage.pids, `before PIN ${nth + 1}`);
      go(pinentry);
    }
    assertSignedIn(await reply);
    assertClean(stage.pids, 'after the reply', ['host', 'worker']);
    await sleep(500);
    assertClean(stage.pids, 'while the worker waits', ['host', 'worker']);
    assertSignedIn(await stage.authenticate());
    assertClean(stage.pids, 'after a second reply', ['host', 'worker']);
    assert.match(stage.stderr, /^tokenbridge-host: debug: /m, 'control: everything is logged');
    assert.ok(!holdsPin(stage.stderr), 'the PIN is in the log');
  });
});

/** A login that takes long enough to be found and stopped in. */
const SLOW_LOGIN = [{call: 'C_Login', do: 'sleep', ms: 2000}];

/** While the worker logs in with the PIN (and stands still there), host and prompt have none of it. */
async function lookDuringLogin(stage, pin, when) {
  const {worker} = stage.pids;
  await until(`${when}: the worker has the PIN`, () => scan(worker, [pin]).length);
  stop(worker);
  assertClean(stage.pids, when, ['host', 'prompt']);
  go(worker);
}

test('pinentry: the prompt has forgotten the PIN while the worker logs in', {skip: notRoot}, async () => {
  await on({pinentry: `--pins ${WRONG_PIN},${PIN}`, faults: SLOW_LOGIN}, async stage => {
    const reply = stage.authenticate();
    await stage.recorded('GETPIN');
    await lookDuringLogin(stage, WRONG_PIN, 'with the wrong PIN');
    await stage.recorded('GETPIN', 2);
    await lookDuringLogin(stage, PIN, 'with the right PIN');
    assertSignedIn(await reply);
  });
});

test('GTK: the prompt has forgotten the PIN while the worker logs in, and after the reply', {skip: notRoot ||
  !hasGtk && 'the GTK dialog is not built' || without('xdotool') || without('Xvfb')}, async t => {
  const display = await Display.start();
  t.after(() => display.close());
  await on({prompt: 'gtk', faults: SLOW_LOGIN, env: {DISPLAY: display.name, GSETTINGS_BACKEND: 'memory', NO_AT_BRIDGE: '1'}}, async stage => {
    const reply = stage.authenticate();
    await display.window({title: /login\.example\.org/});
    for (const pin of [WRONG_PIN, PIN]) {
      const {prompt, worker} = stage.pids;
      await display.type(pin);
      await display.settled();
      const hits = scan(prompt, [pin]);
      assert.notDeepEqual(hits, [], 'control: the prompt has the PIN that was typed');
      assert.ok(Math.max(...hits.map(hit => hit.address)) - Math.min(...hits.map(hit => hit.address)) < pin.length,
        `the prompt has the PIN in more than one place: ${JSON.stringify(hits)}`);
      await display.press('Return');
      await lookDuringLogin(stage, pin, pin === PIN ? 'with the right PIN' : 'with the wrong PIN');
      if (pin === PIN) break;
      await until('the worker is done with the wrong PIN', () => scan(worker, [pin]).length === 0);
      await display.settled();
      assertClean(stage.pids, 'after the wrong PIN');
    }
    assertSignedIn(await reply);
    const {prompt} = stage.pids;
    stop(prompt); // "done" can be read for a second only
    assertClean(stage.pids, 'after the reply');
    go(prompt);
    assert.ok(!holdsPin(stage.stderr), 'the PIN is in the log');
  });
});

/** The record of strace -f -xx: [{pid, program, text}], strings decoded, without NULs (UTF-16). */
function readTrace(file) {
  const programs = new Map();
  return fs.readFileSync(file, 'utf8').split('\n').filter(Boolean).map(line => {
    const [, pid, coded] = /^(\d+) +(.*)$/.exec(line);
    const text = coded.replace(/\\x00/g, '').replace(/\\x(..)/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
    const became = /^execve\("([^"]+)"/.exec(text);
    if (became) programs.set(pid, path.basename(became[1]));
    return {pid, program: programs.get(pid), text};
  });
}

/** Whatever could carry a PIN out of a process; those that this kernel or strace does not know are left out. */
const CALLS = `write writev pwrite64 pwritev pwritev2 send sendto sendmsg sendmmsg sendfile splice vmsplice tee process_vm_writev
  mq_timedsend msgsnd add_key keyctl io_uring_setup prctl connect bind open openat creat mkdir mkdirat rename renameat renameat2
  symlink symlinkat setxattr fsetxattr execve execveat pipe pipe2`.split(/\s+/);
const TRACE = ['-f', '-y', '-xx', '-v', '-s', '65536', '-e', `trace=${CALLS.map(name => `?${name}`).join()}`];

test('the PIN is written to the PIN pipe only', {skip: notRoot || without('strace')}, async t => {
  const trace = path.join(lab.dir, 'trace');
  const known = spawnSync('strace', [...TRACE, '-o', trace, 'true'], {encoding: 'utf8'});
  if (known.status !== 0) return t.skip(`strace cannot trace here: ${known.stderr.trim()}`);
  await on({pinentry: `--pins ${WRONG_PIN},${PIN}`, wrapper: ['strace', ...TRACE, '-o', trace]}, async stage => {
    assertSignedIn(await stage.authenticate());
    assert.ok(!holdsPin(stage.stderr), 'the PIN is in the log');
  });
  const calls = readTrace(trace);
  const from = name => calls.filter(call => call.program === name);
  assert.ok(from('tokenbridge-host').some(call => /^write.*unverifiedCertificate/s.test(call.text)), 'control: the reply is in the trace');
  assert.ok(from('pinentry').some(call => holdsPin(call.text)), 'control: what the pinentry wrote is in the trace');
  const leaks = calls.filter(call => call.program !== 'pinentry' && holdsPin(call.text));
  assert.deepEqual(leaks.map(call => call.program), Array(2).fill('tokenbridge-prompt-pinentry'), JSON.stringify(leaks));
  const pipes = leaks.map(call => /^write\(\d+<(pipe:\[\d+\])>, "(\d+)", 40\)? /.exec(call.text));
  assert.deepEqual(pipes.map(found => found?.[2]), [WRONG_PIN, PIN], JSON.stringify(leaks));
  for (const [, pipe] of pipes) {
    assert.ok(from('tokenbridge-host').some(call => call.text.startsWith('pipe2(') && call.text.includes(pipe)), 'it is a pipe that the host made');
    assert.equal(calls.filter(call => /^write/.test(call.text) && call.text.includes(pipe)).length, 1, 'one PIN for each pipe');
  }
});

/** Why a core file could not be seen here, or false. The folder is the working directory of the child. */
function noCoreSeen(folder) {
  const pattern = fs.readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();
  if (/[|/]/.test(pattern)) return `core files do not go to the working directory here (core_pattern is "${pattern}")`;
  fs.mkdirSync(folder);
  const done = spawnSync('prlimit', ['--core=unlimited:unlimited', probe, 'core'], {cwd: folder, encoding: 'utf8'});
  if (done.signal !== 'SIGABRT') return `no unlimited core files here: ${done.stderr || done.error}`;
  return fs.readdirSync(folder).length === 0 && 'a process that wants a core file gets none here';
}

/** Stages at a step: [name, options, how to come there, which processes there are]. */
const STEPS = [
  ['at rest', {}, stage => stage.request('status', {}), ['host']],
  ['while the PIN is asked for', {pinentry: '--hang-at GETPIN'}, stage => (stage.authenticate(), stage.recorded('GETPIN')), OURS],
  ['while the worker logs in', {faults: [{call: 'C_Login', do: 'hang'}]}, stage => (stage.authenticate(), stage.called('"C_Login"')), OURS],
  ['while the worker signs', {faults: [{call: 'C_Sign', do: 'hang'}]}, stage => (stage.authenticate(), stage.called('"C_Sign"')), OURS],
  ['after the reply', {}, stage => stage.authenticate(), ['host', 'worker']],
];

test('no process leaves a core file at SIGABRT', async t => {
  const unseen = noCoreSeen(path.join(lab.dir, 'core'));
  for (const [when, options, reach, names] of STEPS) {
    for (const name of names) {
      await t.test(`${name} ${when}`, async t => {
        // Without prlimit's leave the limits are those of whoever runs the tests.
        await on({...options, wrapper: unseen ? [] : ['prlimit', '--core=unlimited:unlimited']}, async stage => {
          await reach(stage);
          const pid = stage.pids[name];
          assert.ok(pid, `there is no ${name}`);
          assert.match(fs.readFileSync(`/proc/${pid}/limits`, 'utf8'), /^Max core file size +0 +0 /m);
          process.kill(pid, 'SIGABRT');
          await until(`the ${name} ends`, () => stage.pids[name] !== pid);
          await sleep(50);
          assert.deepEqual(fs.readdirSync(stage.cwd), [], 'a core file');
        });
        if (unseen) t.skip(`the limit is 0, but whether it holds cannot be seen: ${unseen}`);
      });
    }
  }
});

/** What another process of this user is told when it tries: {way: "ok" or the error's name}. */
function touch(file, pid, user) {
  const done = spawnSync(file, ['touch', String(pid)], {uid: user, gid: user, encoding: 'utf8', timeout: 10_000});
  assert.equal(done.status, 0, done.stderr);
  return Object.fromEntries(done.stdout.trim().split('\n').map(line => line.split(' ')));
}

test('debuggers and readers of the same user are refused', async t => {
  const user = isRoot ? 65534 : undefined; // nobody; root may read everything by nature
  await on({user, pinentry: '--hang-at GETPIN'}, async stage => {
    const file = path.join(stage.dir, 'probe');
    const control = spawn('sleep', ['60'], {uid: user, gid: user, stdio: 'ignore'});
    t.after(() => control.kill('SIGKILL'));
    await until('sleep runs', () => fs.readFileSync(`/proc/${control.pid}/comm`, 'utf8') === 'sleep\n');
    for (const [way, result] of Object.entries(touch(file, control.pid, user))) {
      // Yama may refuse an ordinary process as well; then it is not our doing, and said.
      if (result !== 'ok') t.diagnostic(`${way} of an ordinary process is refused here too (${result})`);
    }
    assert.equal(touch(file, control.pid, user).environ, 'ok', 'control: an ordinary process can be looked into');
    stage.authenticate();
    await stage.recorded('GETPIN');
    for (const name of OURS) {
      for (const [way, result] of Object.entries(touch(file, stage.pids[name], user)))
        assert.match(result, /^(EACCES|EPERM)$/, `${way} of the ${name}`);
    }
  });
});

/** What a module in the worker of this configuration can do: {way: "ok" or the error's name}. */
async function pry(lines) {
  let found;
  await on({prying: lines}, async stage => {
    const reply = await stage.request('listTokens');
    assert.equal(reply.result?.modules[0].state, 'module_failed', JSON.stringify(reply)); // it is no real module
    found = Object.fromEntries(fs.readFileSync(path.join(stage.dir, 'token/pried'), 'utf8').trim().split('\n').map(line => line.split(' ')));
    if (/sandbox landlock=no/.test(stage.stderr)) found.noLandlock = true;
    else if (found.listen === 'ok' && lines.indexOf('none') < 0) found.oldLandlock = true;
  });
  return found;
}

test('a module is held by its sandbox, as the configuration says', async t => {
  const none = await pry('sandbox=none\n');
  assert.equal(none.exec, 'ok', 'control: nothing but the sandbox refuses');
  assert.equal(none.listen, 'ok');
  assert.equal(none['read-home'], 'ok');
  const standard = await pry('');
  assert.equal(standard.exec, 'EPERM');
  assert.equal(standard['vm-read'], 'EPERM');
  assert.equal(standard['read-home'], 'ok');
  const strict = await pry('sandbox=strict\nstate=STATE\n');
  assert.equal(strict.exec, 'EPERM');
  if (strict.noLandlock) return t.skip('this kernel has no Landlock: calls are refused, files are not');
  assert.equal(strict['read-home'], 'EACCES');
  if (standard.oldLandlock) return t.skip("this kernel's Landlock knows no TCP: all but listening is refused");
  assert.equal(standard.listen, 'EACCES');
  assert.equal(strict.listen, 'EACCES');
});
