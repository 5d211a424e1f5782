// SPDX-License-Identifier: Apache-2.0
//
// scripts/bench soak: the long form of the tests beside this file, with its figures. Trusts its command line and the build.

import {makeLab} from '../host/host.mjs';
import {modules, soakRequests, soakStarts} from './soak.mjs';

const usage = `Usage: scripts/bench soak [--requests N] [--starts N] [--json]

Sends thousands of requests (status, tokens, right and wrong PINs, cancels, broken frames) through one
host, for each of some modules, and starts hundreds of hosts. Prints what host, launcher and worker hold
after the first tenth, and what they hold more at the end. Takes some minutes.

  --requests N   through one host, 100 at least (default 10000)
  --starts N     of hosts, 10 at least (default 1000)
  --json         print one JSON object (memory in KiB)
  --help         this text

Exit status: 0 nothing has piled up, 1 something has or a request failed, 2 wrong arguments.
`;

/**
 * What may be more at the end: nothing, and of the host's own memory this. In the first thousand requests the allocator's
 * holes come to some 50 KiB, in the next nine thousand to as much again, and then no more. The worker's is the module's.
 */
const HOST_KIB = 64;
const warm = requests => Math.max(100, Math.floor(requests / 10));

function parseArguments(words) {
  const options = {requests: 10_000, starts: 1000, json: false};
  while (words.length) {
    const word = words.shift();
    if (word === '--json') options.json = true;
    else if (word === '--requests' && /^[1-9]\d{2,6}$/.test(words[0] ?? '')) options.requests = Number(words.shift());
    else if (word === '--starts' && /^[1-9]\d{1,6}$/.test(words[0] ?? '')) options.starts = Number(words.shift());
    else if (word === '--help') {
      process.stdout.write(usage);
      process.exit(0);
    } else {
      process.stderr.write(`soak: unknown or incomplete argument ${word}; see scripts/bench soak --help\n`);
      process.exit(2);
    }
  }
  return options;
}

const clean = [];
const t = {after: act => clean.push(act)};
const options = parseArguments(process.argv.slice(2));
const signed = number => `${number >= 0 ? '+' : ''}${number}`;
const columns = ['descriptors', 'threads', 'rss', 'anonymous'];
const row = (what, before, after) => `  ${what.padEnd(9)}` + columns.map(field => `${before[field]} ${signed(after[field])}`.padStart(15)).join('');
const say = text => { if (!options.json) console.log(text); };
const tell = text => { if (process.stderr.isTTY) process.stderr.write(`${text}   \r`); };

const lab = makeLab('--only', 'p256');
let bad = 0;
const results = {};
try {
  for (const module of modules) {
    const result = await soakRequests(t, lab, module, {requests: options.requests, warm: warm(options.requests), progress: done => tell(`${module}: ${done}`)});
    const before = one => result.first.children.find(child => child.pid === one.pid);
    say(`${module}: ${result.requests} requests in ${result.seconds.toFixed(0)} s; after ${warm(result.requests)}, and at the end:`);
    say(`           ${['descriptors', 'threads', 'resident KiB', 'its own KiB'].map(one => one.padStart(15)).join('')}`);
    say(row('host', result.first.host, result.host));
    for (const name of ['launcher', 'worker']) say(row(name, before(result[name]), result[name]));
    say(`  child processes: ${result.first.children.length} ${signed(result.processes)}, zombies: ${result.zombies}\n`);
    if ([result.host, result.launcher].some(one => one.anonymous >= HOST_KIB) || result.processes || result.zombies) bad++;
    if ([result.host, result.launcher, result.worker].some(one => one.descriptors || one.threads)) bad++;
    results[module] = {requests: result.requests, seconds: result.seconds, host: result.host, launcher: result.launcher, worker: result.worker, processes: result.processes, zombies: result.zombies};
  }
  const starts = await soakStarts(t, lab, {starts: options.starts, progress: done => tell(`starts: ${done}`)});
  say(`${starts.starts} starts in ${starts.seconds.toFixed(0)} s: all ended well, nothing left; later ones held ${starts.host.descriptors} descriptors, ` +
    `${starts.host.threads} threads and ${starts.host.anonymous} KiB more than the first ones.`);
  if (starts.host.descriptors || starts.host.threads || starts.host.anonymous >= HOST_KIB) bad++;
  results.starts = starts;
  if (options.json) console.log(JSON.stringify(results));
} catch (error) {
  process.stderr.write(`soak: ${error.stack}\n`);
  bad++;
} finally {
  for (const act of clean) await act();
  lab.remove();
}
process.exitCode = bad ? 1 : 0;
