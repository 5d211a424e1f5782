// SPDX-License-Identifier: Apache-2.0
//
// How long the dialog takes from its start to its first paint, on a private X server. The dialog says
// `ready` on its channel when it has painted; here a socket plays the host.

import {execFileSync} from 'node:child_process';
import path from 'node:path';
import {Display} from '../browser/display.mjs';
import {build} from '../browser/stage.mjs';

/** Milliseconds of each of so many starts, after one that warms the caches. */
export async function measurePaint(program, env, runs) {
  const display = await Display.start();
  try {
    const text = execFileSync(path.join(build, 'tests/bench/paint'), [program, String(runs + 1)], {
      env: {...env, DISPLAY: display.name, WAYLAND_DISPLAY: undefined, GTK_A11Y: 'none', LC_ALL: 'C.UTF-8'}, encoding: 'utf8',
    });
    return text.trim().split('\n').slice(1).map(Number);
  } finally {
    await display.close();
  }
}
