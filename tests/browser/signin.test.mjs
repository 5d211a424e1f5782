// SPDX-License-Identifier: Apache-2.0
//
// Signing in, end to end: demo site, page library, extension, native host, worker, SoftHSM, and the
// real dialog, in each browser of $TOKENBRIDGE_BROWSERS (default: both).

import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {browsers, makeLab, Stage} from './stage.mjs';
import {SitePage} from './site-page.mjs';

let lab;
before(() => { lab = makeLab(); });
after(() => lab.remove());
const subjectOf = name => lab.users.find(one => one.user === name).subject;

for (const name of browsers) {
  describe(name, () => {
    let stage;
    before(async () => { stage = await Stage.set(name, lab); });
    after(() => stage?.close());

    test('signs in with the PIN typed into the dialog', async () => {
      const site = await SitePage.open(stage);
      assert.deepEqual(await site.ready(), {state: 'ready', text: 'Tokenbridge 0.1.0 is ready.'});
      await site.start();
      const window = await stage.display.window();
      assert.match(window.title, /localhost/);
      await stage.display.typePin(stage.pin);
      const outcome = await site.outcome();
      assert.equal(outcome.subject, subjectOf('p256'), JSON.stringify(outcome));
      assert.deepEqual(outcome.checks, {nonce: 'passed', format: 'passed', signature: 'passed', validity: 'passed',
        purpose: 'passed', chain: 'passed', revocation: 'skipped'});
      assert.deepEqual(stage.signedIn.splice(0), [subjectOf('p256')]);
      await stage.display.noWindow();
      await site.page.close();
    });
  });
}
