// SPDX-License-Identifier: Apache-2.0
//
// How long a page's call takes to the host and back, through Chromium, with the native port open.

import {makeLab, Stage} from '../browser/stage.mjs';

/** Milliseconds of each of so many status() calls, measured in the page. */
export async function measurePage(runs) {
  const lab = makeLab();
  try {
    const stage = await Stage.set('chromium', lab);
    try {
      const page = await stage.browser.open(stage.site.origin);
      return await page.evaluate(async count => {
        const {status} = await import('/tokenbridge.js');
        const samples = [];
        for (let n = 0; n < 5; n++) await status();
        for (let n = 0; n < count; n++) {
          const begin = performance.now();
          await status();
          samples.push(performance.now() - begin);
        }
        return samples;
      }, runs);
    } finally {
      await stage.close();
    }
  } finally {
    lab.remove();
  }
}
