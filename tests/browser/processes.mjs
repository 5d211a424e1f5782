// SPDX-License-Identifier: Apache-2.0
//
// Which processes a browser has started, and whether they are gone. Reads /proc; sends signals only
// to processes that were seen as its descendants. A process is known by its id and start time, so that
// an id used anew is not mistaken for the old one.

import {readdirSync, readFileSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';

/** {pid, parent, started, name} from /proc/PID/stat, or null when it is gone (zombies count as gone). */
function look(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const close = text.lastIndexOf(')');
    const fields = text.slice(close + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return {pid, parent: Number(fields[1]), started: fields[19], name: text.slice(text.indexOf('(') + 1, close)};
  } catch {
    return null;
  }
}

/** The process and all that descend from it. */
export function family(pid) {
  const all = readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(name => look(Number(name))).filter(Boolean);
  const members = all.filter(one => one.pid === pid);
  for (let n = 0; n < members.length; n++) members.push(...all.filter(one => one.parent === members[n].pid));
  return members;
}

/** The descendants whose name (15 characters, from the kernel) begins so. */
export const named = (pid, prefix) => family(pid).filter(one => one.name.startsWith(prefix.slice(0, 15)));

export const alive = members => members.filter(one => look(one.pid)?.started === one.started);

/** Waits until all are gone; gives those that still live after the time. */
export async function gone(members, milliseconds) {
  const end = Date.now() + milliseconds;
  let rest = alive(members);
  while (rest.length && Date.now() < end) {
    await sleep(20);
    rest = alive(rest);
  }
  return rest;
}

/** Ends what still lives of these. */
export function kill(members) {
  for (const one of alive(members)) {
    try {
      process.kill(one.pid, 'SIGKILL');
    } catch {
      // It went by itself in between.
    }
  }
}
