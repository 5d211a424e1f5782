// SPDX-License-Identifier: Apache-2.0
// That nothing piles up in hundreds of requests through one host, or in dozens of starts. scripts/bench soak does
// the same with thousands.
import assert from 'node:assert/strict';
import {after, test} from 'node:test';
import {makeLab} from '../host/host.mjs';
import {modules, soakRequests, soakStarts} from './soak.mjs';

const lab = makeLab('--only', 'p256');
after(() => lab.remove());

/** Of its own, in KiB: which pages of programs and libraries are mapped is the kernel's matter. A sanitizer keeps freed memory, on purpose. */
function assertMemory(name, {anonymous}, most) {
  if (!process.env.TB_TEST_SLOW) assert.ok(anonymous < most, `${name}: ${anonymous} KiB more`);
}

for (const module of modules) {
  test(`300 requests through one host, ${module}`, async t => {
    const {host, launcher, worker, processes, zombies} = await soakRequests(t, lab, module, {requests: 300});
    assert.deepEqual({processes, zombies}, {processes: 0, zombies: 0});
    for (const one of [host, launcher, worker]) assert.deepEqual([one.descriptors, one.threads], [0, 0]);
    assertMemory('host', host, 64);
    assertMemory('launcher', launcher, 64);
    assertMemory('worker', worker, 128); // it holds a module that is not ours
  });
}

test('50 starts', async t => {
  const {host} = await soakStarts(t, lab, {starts: 50});
  assert.deepEqual([host.descriptors, host.threads], [0, 0]);
  assertMemory('host', host, 64);
});
