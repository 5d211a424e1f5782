// SPDX-License-Identifier: Apache-2.0
// kill -9 of host, launcher, worker and prompt at each step of a request, three times each; scripts/bench kill does it a hundred
// times. Several at once, as they wait more than they work.
import {existsSync} from 'node:fs';
import path from 'node:path';
import {after, before, describe, test} from 'node:test';
import {Display} from '../browser/display.mjs';
import {build, makeLab} from '../host/host.mjs';
import {killAt, killWithWindow, names, waits, windowVictims} from './kill.mjs';

const PATIENCE = 5000; // ms; beside other tests it takes longer
const lab = makeLab('--only', 'p256');
after(() => lab.remove());

describe('kill -9', {concurrency: 4}, () => {
  for (const name of [...names.filter(waits), ...names.filter(one => !waits(one))]) {
    test(name, () => Promise.all([1, 2, 3].map(() => killAt(lab, name, PATIENCE))));
  }
});

describe('kill -9 with a window', {skip: !existsSync(path.join(build, 'host/prompt/tokenbridge-prompt')) && 'built without GTK'}, () => {
  let display;
  before(async () => { display = await Display.start(); });
  after(() => display?.close());
  for (const victim of windowVictims) test(victim, () => killWithWindow(lab, display, victim, PATIENCE));
});
