// SPDX-License-Identifier: Apache-2.0
// That nothing piles up in hundreds of requests through one host, or in dozens of starts. scripts/bench soak does
// the same with thousands.
import assert from 'node:assert/strict';
import {after, test} from 'node:test';
import {makeLab} from '../host/host.mjs';
import {modules, soakRequests, soakStarts} from './soak.mjs';

const lab = makeLab('--only', 'p256');
after(() => lab.remove());

/** KiB. A sanitizer keeps freed memory, on purpose. */
function assertMemory(grown, most) {
  if (!process.env.TB_TEST_SLOW) assert.ok(grown < most, `${grown} KiB more`);
}

for (const module of modules) {
  test(`300 requests through one host, ${module}`, async t => {
    const {host, launcher, worker, processes, zombies} = await soakRequests(t, lab, module, {requests: 300});
    assert.deepEqual({processes, zombies}, {processes: 0, zombies: 0});
    for (const one of [host, launcher, worker]) assert.deepEqual([one.descriptors, one.threads], [0, 0]);
    for (const one of [host, launcher]) assertMemory(one.rss, 64);
    assertMemory(worker.rss, 128); // it holds a module that is not ours
  });
}

test('50 starts', async t => {
  const {host} = await soakStarts(t, lab, {starts: 50});
  assert.deepEqual([host.descriptors, host.threads], [0, 0]);
  assertMemory(host.rss, 64);
});
