// SPDX-License-Identifier: Apache-2.0
//
// scripts/bench kill: the long form of kill.test.mjs. Trusts its command line and the build.

import {existsSync} from 'node:fs';
import path from 'node:path';
import {Display} from '../browser/display.mjs';
import {build, makeLab} from '../host/host.mjs';
import {killAt, killWithWindow, names, waits, windowVictims} from './kill.mjs';

const usage = `Usage: scripts/bench kill [--times N]

Ends host, launcher, worker and prompt with kill -9 at each step of a request, and checks each time that
the next request works and that nothing is left a second later: no process, zombie, lock or window.
Takes some ten minutes.

  --times N   of each (default 100)
  --help      this text

Exit status: 0 all went well, 1 something did not, 2 wrong arguments.
`;
const AT_ONCE = 2; // more would measure the machine

function parseArguments(words) {
  if (words.length === 0) return 100;
  if (words.length === 2 && words[0] === '--times' && /^[1-9]\d{0,4}$/.test(words[1])) return Number(words[1]);
  const help = words[0] === '--help';
  process[help ? 'stdout' : 'stderr'].write(help ? usage : `kill: unknown or incomplete argument ${words[0]}; see scripts/bench kill --help\n`);
  process.exit(help ? 0 : 2);
}

let bad = 0;

/** So many times, so many at once; prints how many went well, and what went wrong. */
async function repeat(name, times, atOnce, act) {
  const begin = performance.now();
  const wrong = [];
  let started = 0;
  const lane = async () => {
    while (started < times) {
      started++;
      await act().catch(error => wrong.push(error.message.split('\n')[0]));
    }
  };
  await Promise.all(Array.from({length: Math.min(atOnce, times)}, lane));
  bad += wrong.length;
  console.log(`${name.padEnd(34)} ${String(times - wrong.length).padStart(4)} of ${times} (${((performance.now() - begin) / 1000).toFixed(0)} s)`);
  for (const what of new Set(wrong)) console.log(`    ${wrong.filter(one => one === what).length} times: ${what}`);
}

const times = parseArguments(process.argv.slice(2));
const lab = makeLab('--only', 'p256');
let display;
try {
  for (const name of names) await repeat(name, times, waits(name) ? 20 : AT_ONCE, () => killAt(lab, name));
  if (existsSync(path.join(build, 'host/prompt/tokenbridge-prompt'))) {
    display = await Display.start();
    for (const victim of windowVictims) await repeat(`${victim}: window open`, times, 1, () => killWithWindow(lab, display, victim));
  }
} finally {
  await display?.close();
  lab.remove();
}
console.log(bad ? `${bad} went wrong.` : 'All went well.');
process.exitCode = bad ? 1 : 0;
