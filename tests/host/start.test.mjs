// SPDX-License-Identifier: Apache-2.0
// How the host is started: arguments of browsers and of persons, a terminal, a broken configuration.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {chmodSync, copyFileSync, mkdirSync, mkdtempSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {Host, Stage, chromium, chromiumId, firefoxId, hostProgram, nonce, origin, reasonOf, version} from './host.mjs';

const manifest = '/usr/lib/mozilla/native-messaging-hosts/tokenbridge.json';
const otherId = 'abcdefghijklmnopabcdefghijklmnop';

const run = (stage, ...argv) => spawnSync(hostProgram, argv, {env: stage.env, input: '', encoding: 'utf8', timeout: 10_000});

test('callers that are known', async t => {
  const stage = new Stage(t, {config: `[extensions]\nchromium=${otherId}\nfirefox=other@example.org\n`});
  for (const argv of [
    [chromium], [chromium, '--parent-window=0'], [`chrome-extension://${otherId}/`],
    [manifest, firefoxId], [manifest, firefoxId, 'more'], [manifest, 'other@example.org'],
  ]) {
    const host = stage.host(argv);
    assert.equal((await host.result('status')).version, version, argv.join(' '));
    assert.equal((await host.end()).code, 0);
  }
});

test('callers that are not: exit 2, and not a byte on standard output', t => {
  const stage = new Stage(t);
  for (const argv of [
    [], [''], [`chrome-extension://${otherId}/`], [chromium.slice(0, -1)], [`${chromium}x`], [`moz-extension://${chromiumId}/`],
    [chromiumId], [manifest], [manifest, 'other@example.org'], ['tokenbridge.json', firefoxId], [firefoxId, manifest],
    [`chrome-extension://${otherId}/`, firefoxId], ['--verbose'], ['status'],
  ]) {
    const {status, stdout, stderr} = run(stage, ...argv);
    assert.deepEqual({argv, status, stdout}, {argv, status: 2, stdout: ''});
    assert.match(stderr, /unknown-caller/);
  }
});

test('--help and --version', t => {
  const stage = new Stage(t);
  const help = run(stage, '--help');
  assert.equal(help.status, 0);
  assert.match(help.stdout, /^Usage: tokenbridge-host /);
  assert.equal(help.stderr, '');
  const printed = run(stage, '--version');
  assert.equal(printed.status, 0);
  assert.equal(printed.stdout, `tokenbridge-host ${version}\n`);
});

test('in a terminal it prints help', t => {
  const stage = new Stage(t);
  const {status, stdout, stderr} = spawnSync('script', ['-qec', `'${hostProgram}'`, '/dev/null'],
    {env: stage.env, input: '', encoding: 'utf8', timeout: 10_000});
  assert.equal(status, 2, stderr);
  assert.match(stdout, /Usage: tokenbridge-host /);
  assert.match(stdout, /tokenbridge status/);
});

test('a broken configuration is told, with file and line, to whoever asks', async t => {
  const stage = new Stage(t);
  const file = path.join(stage.dir, 'config', 'tokenbridge', 'tokenbridge.conf');
  for (const [text, line] of [
    ['[prompt]\nprogram=pinentry\ncolour=blue\n', 3],
    ['[prompt]\nprogram=telepathy\n', 2],
    ['\n# a comment\n[colours]\nx=y\n', 3],
    ['[prompt]\nwhat is this\n', 2],
    ['[limits]\nsign-timeout=soon\n', 2],
    ['[policy]\n\nallowed-origins=https://example.org/path\n', 3],
  ]) {
    writeFileSync(file, text, {mode: 0o600});
    const host = stage.host();
    for (const [method, params] of [['status'], ['authenticate', {origin, nonce: nonce()}], ['nothing']]) {
      const reply = await host.request(method, params);
      assert.equal(reasonOf(reply), 'internal');
      assert.match(reply.error.message, new RegExp(`${file}(:|, line )${line}\\b`), text);
    }
    assert.equal((await host.end()).code, 0);
  }
});

test('a configuration that others can write is not believed', async t => {
  const stage = new Stage(t);
  const file = path.join(stage.dir, 'config', 'tokenbridge', 'tokenbridge.conf');
  chmodSync(file, 0o666);
  const reply = await stage.host().request('status');
  assert.equal(reasonOf(reply), 'internal');
  assert.match(reply.error.message, /tokenbridge\.conf/);
});

test('the caller is checked even when the configuration is broken', t => {
  const stage = new Stage(t);
  writeFileSync(path.join(stage.dir, 'config', 'tokenbridge', 'tokenbridge.conf'), 'broken', {mode: 0o600});
  assert.equal(run(stage, `chrome-extension://${otherId}/`).status, 2);
});

test('a prompt or worker that is not installed is told', async t => {
  const stage = new Stage(t, {modules: {some: '/nowhere/some.so'}});
  const dir = path.join(mkdtempSync(path.join(stage.dir, 'bare-')), 'deeper');
  mkdirSync(dir);
  const bare = path.join(dir, 'tokenbridge-host');
  copyFileSync(hostProgram, bare);
  const host = new Host(stage.env, [chromium], bare);
  stage.hosts.push(host);
  const reply = await host.request('authenticate', {origin, nonce: nonce()});
  assert.equal(reasonOf(reply), 'internal');
  assert.match(reply.error.message, /tokenbridge-prompt-pinentry is not installed/);
  const {modules: [module]} = await host.result('listTokens');
  assert.equal(module.state, 'internal');
  assert.match(module.message, /tokenbridge-worker is not installed/);
});

test('closed standard streams do no harm', t => {
  const stage = new Stage(t);
  for (const closed of ['<&-', '>&-', '2>&-', '<&- >&- 2>&-']) {
    const {status, signal} = spawnSync('sh', ['-c', `"$0" "$1" ${closed}`, hostProgram, chromium],
      {env: stage.env, input: '', timeout: 10_000});
    assert.equal(signal, null, closed);
    assert.ok([0, 1].includes(status), `${closed}: ${status}`);
  }
});

test('what the browser has open is closed, and the process shows itself to nobody', async t => {
  const stage = new Stage(t);
  const host = stage.host();
  await host.result('status');
  if (process.getuid() === 0) {
    const {readdirSync, readlinkSync} = await import('node:fs');
    const open = readdirSync(`/proc/${host.pid}/fd`).map(fd => readlinkSync(`/proc/${host.pid}/fd/${fd}`));
    assert.deepEqual(open.filter(name => !/^(pipe|anon_inode|socket):/.test(name)), []);
    // Whatever prints goes to standard error; only the framer has the browser's pipe.
    assert.equal(readlinkSync(`/proc/${host.pid}/fd/1`), readlinkSync(`/proc/${host.pid}/fd/2`));
  }
  const {statSync} = await import('node:fs');
  assert.equal(statSync(`/proc/${host.pid}/mem`).uid, 0); // of an undumpable process, root owns it
});
