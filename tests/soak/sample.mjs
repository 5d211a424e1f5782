// SPDX-License-Identifier: Apache-2.0
//
// What a host and its children hold at a moment, from /proc: descriptors, threads, memory, processes.
// Descriptors of undumpable processes can be counted by root only.

import assert from 'node:assert/strict';
import {readFileSync, readdirSync} from 'node:fs';
import {descendants, ms, sleep} from '../host/host.mjs';

export const seesDescriptors = process.getuid() === 0;

/** @returns {{pid: number, name: string, descriptors: number, threads: number, rss: number, anonymous: number}} memory in KiB */
export function sample(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const number = field => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)[1]);
  return {
    pid, name: /^Name:\s+(.*)$/m.exec(status)[1], threads: number('Threads'), rss: number('VmRSS'), anonymous: number('RssAnon'),
    descriptors: seesDescriptors ? readdirSync(`/proc/${pid}/fd`).length : 0,
  };
}

/** A host and everything below it; zombies are an error of their own. */
function family(host) {
  const children = descendants(host.pid);
  return {host: sample(host.pid), children: children.filter(one => one.state !== 'Z').map(one => sample(one.pid)), zombies: children.filter(one => one.state === 'Z')};
}

const shape = ({host, children, zombies}) => JSON.stringify([host.descriptors, zombies.length, children.map(one => [one.pid, one.descriptors])]);
const isDialog = one => one.name.startsWith('tokenbridge-pro') || one.name.startsWith('pinentry');

/** Measures when the last dialog has gone and nothing changes any more: a dialog that is closed has 100 ms of grace. */
export async function settled(host, milliseconds = 20_000) {
  const deadline = Date.now() + ms(milliseconds);
  let before = '', calm = 0;
  for (;;) {
    let now;
    try {
      now = family(host);
    } catch (error) {
      if (!['ENOENT', 'ESRCH'].includes(error.code)) throw error; // a child went while it was looked at
    }
    calm = now && !now.children.some(isDialog) && shape(now) === before ? calm + 1 : 0;
    if (calm >= 5) return now;
    before = now ? shape(now) : '';
    assert.ok(Date.now() < deadline, `the host and its children do not come to rest: ${before}`);
    await sleep(40);
  }
}
