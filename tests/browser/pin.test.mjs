// SPDX-License-Identifier: Apache-2.0
//
// End to end: a PIN changed and unblocked from the extension's popup, through the real dialog, on a
// SoftHSM token that then signs in with it; in each browser of $TOKENBRIDGE_BROWSERS (default: both).
// The person is xdotool. The popup is opened as a page in a tab, where a bubble cannot be driven.

import assert from 'node:assert/strict';
import {after, afterEach, before, describe, test} from 'node:test';
import {browsers, makeLab, Stage} from './stage.mjs';
import {SitePage} from './site-page.mjs';

let lab;
before(() => { lab = makeLab(); });
after(() => lab?.remove());

for (const name of browsers) {
  describe(name, () => {
    let stage;
    before(async () => { stage = await Stage.set(name, lab); });
    after(() => stage?.close());
    afterEach(async () => {
      await stage.browser.closePages();
      await stage.display.noWindow(2000).catch(async () => {
        await stage.display.press('Escape');
        await stage.display.noWindow();
      });
      stage.sessions.endAll();
      stage.remove();
      stage.insert('default');
    });

    /** The popup, once it shows the token. */
    async function openPopup() {
      const popup = await stage.browser.openPopup();
      await popup.waitForFunction(() => document.querySelector('button[data-pin]'), {timeout: 30000, polling: 50});
      return popup;
    }

    const press = (popup, method) => popup.click(`button[data-pin*="${method}"]`);

    /** How the popup says that it went: the state, once it is one of these, and the sentences. */
    async function told(popup, ...states) {
      await popup.waitForFunction(wanted => wanted.includes(document.getElementById('pin-task').dataset.state),
        {timeout: 30000, polling: 50}, states);
      return popup.$eval('#pin-task', element => element.innerText.replaceAll('\n', ' '));
    }

    /** Types into the dialog, a field after the other, and goes on. */
    async function type(...secrets) {
      for (const [number, secret] of secrets.entries()) {
        if (number) await stage.display.press('Tab');
        await stage.display.type(secret);
      }
      await stage.display.ready();
      await stage.display.press('Return');
    }

    /** Signs in on the demo site with the last of these PINs; the dialog refuses the ones before. */
    async function signIn(...pins) {
      const site = await SitePage.open(stage);
      await site.start();
      await stage.display.window({title: /localhost/});
      for (const [number, pin] of pins.entries()) {
        if (number) await stage.display.settled();
        await stage.display.typePin(pin);
      }
      const outcome = await site.outcome();
      assert.ok(outcome.subject, JSON.stringify(outcome));
    }

    test('the PIN is changed from the popup, and the new one signs in where the old one is refused', async () => {
      const popup = await openPopup();
      assert.match(await popup.$eval('.token', card => card.innerText), /The PIN is in order\./);
      await press(popup, 'changePin');
      await stage.display.window({title: /PIN/});
      assert.match(await told(popup, 'open'), /Changing the PIN of .* own window/);
      assert.equal(await popup.$$eval('button[data-pin]', buttons => buttons.filter(button => !button.disabled).length), 0);
      await type(stage.pin, '567890', '567890');
      assert.match(await told(popup, 'done', 'failed'), /The PIN of .* was changed\./);
      await popup.waitForFunction(() => document.activeElement?.dataset.pin?.includes('changePin'), {timeout: 10000, polling: 50});
      await stage.display.noWindow();
      await signIn(stage.pin, '567890');
    });

    test('the popup is closed meanwhile: the PUK unblocks all the same, and the next popup tells of it', async () => {
      const popup = await openPopup();
      await press(popup, 'unblockPin');
      await stage.display.window({title: /PIN/});
      await popup.close();
      await type(stage.lab.so_pin, '2468', '2468');
      await stage.display.noWindow();
      const again = await openPopup();
      assert.match(await told(again, 'done', 'failed'), /was unblocked/);
      await signIn('2468');
    });

    test('Escape changes nothing, and the popup says who it was', async () => {
      const popup = await openPopup();
      await press(popup, 'changePin');
      await stage.display.window({title: /PIN/});
      await stage.display.press('Escape');
      assert.match(await told(popup, 'failed', 'done'), /was not changed\. ?You cancelled\./);
    });
  });
}
