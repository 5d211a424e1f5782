// SPDX-License-Identifier: Apache-2.0
//
// End to end: demo site, page library, extension, native host, worker, SoftHSM, and the real dialog, in
// each browser of $TOKENBRIDGE_BROWSERS (default: both). The person is xdotool.

import assert from 'node:assert/strict';
import {after, afterEach, before, describe, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import {readFileSync} from 'node:fs';
import {readCertificate} from '../demo-site/certificate.mjs';
import {verifyToken} from '../demo-site/verify.mjs';
import {gone, named} from './processes.mjs';
import {browsers, makeLab, Stage} from './stage.mjs';
import {SitePage} from './site-page.mjs';
import {BarePage, nonce, testPages} from './test-pages.mjs';

let lab;
before(() => { lab = makeLab(); });
after(() => lab?.remove());
const userNamed = name => lab.users.find(one => one.user === name);
const subjectOf = name => userNamed(name).subject;
const allPassed = {nonce: 'passed', format: 'passed', signature: 'passed', validity: 'passed', purpose: 'passed',
  chain: 'passed', revocation: 'skipped'};

for (const name of browsers) {
  describe(name, () => {
    let stage;
    const ours = what => named(stage.browser.pid, what);
    before(async () => { stage = await Stage.set(name, lab, {extraPages: testPages}); });
    after(() => stage?.close());
    afterEach(async () => {
      await stage.browser.closePages();
      // What a failed test left open must not spoil the next one.
      await stage.display.noWindow(2000).catch(async () => {
        await stage.display.press('Escape');
        await stage.display.noWindow();
      });
      stage.sessions.endAll();
      stage.remove();
      stage.insert('default');
    });

    /** Signs in on a fresh page; the dialog is there when `act` runs. */
    async function signIn(act = () => stage.display.typePin(stage.pin), where = {}) {
      const site = await SitePage.open(stage, where);
      await site.start();
      const window = await stage.display.window();
      await act(site, window);
      return site.outcome();
    }

    /** What the dialog's processes do after a request's end: they go, and soon. */
    async function dialogGoes(milliseconds = 1000) {
      await stage.display.noWindow(milliseconds);
      assert.deepEqual(await gone(ours('tokenbridge-prompt'), milliseconds), []);
    }

    test('signs in with the PIN typed into the dialog', async () => {
      const site = await SitePage.open(stage);
      assert.deepEqual(await site.ready(), {state: 'ready', text: 'Tokenbridge 0.1.0 is ready.'});
      await site.start();
      const window = await stage.display.window();
      assert.match(window.title, /localhost/);
      await stage.display.typePin(stage.pin);
      const outcome = await site.outcome();
      assert.equal(outcome.subject, subjectOf('p256'), JSON.stringify(outcome));
      assert.deepEqual(outcome.checks, allPassed);
      assert.deepEqual(stage.signedIn.splice(0), [subjectOf('p256')]);
      await dialogGoes(5000);
    });

    test('signs in again on the same page after signing out', async () => {
      const site = await SitePage.open(stage);
      for (const time of [1, 2]) {
        await site.start();
        await stage.display.window();
        await stage.display.typePin(stage.pin);
        assert.equal((await site.outcome()).subject, subjectOf('p256'), `time ${time}`);
        await stage.display.noWindow();
        await site.press('signout-button');
        await site.state('signin', 'idle');
      }
    });

    for (const user of ['rsa', 'ed25519', 'persian']) {
      test(`signs in with the certificate of "${user}"`, async () => {
        stage.remove();
        stage.insert(user);
        const outcome = await signIn();
        assert.equal(outcome.subject, subjectOf(user), JSON.stringify(outcome));
        assert.deepEqual(outcome.checks, allPassed);
      });
    }

    test('signs in on http://127.0.0.1, with that origin', async () => {
      const outcome = await signIn(async (site, window) => {
        assert.match(window.title, /127\.0\.0\.1/);
        await stage.display.typePin(stage.pin);
      }, {origin: `http://127.0.0.1:${stage.site.port}`});
      assert.equal(outcome.subject, subjectOf('p256'), JSON.stringify(outcome));
    });

    test('a wrong PIN, then the right one', async () => {
      const outcome = await signIn(async () => {
        await stage.display.typePin('9999');
        await stage.display.settled();
        assert.equal((await stage.display.windows()).length, 1);
        await stage.display.typePin(stage.pin);
      });
      assert.equal(outcome.subject, subjectOf('p256'), JSON.stringify(outcome));
    });

    test('Escape in the dialog is user_cancelled', async () => {
      const outcome = await signIn(() => stage.display.press('Escape'));
      assert.equal(outcome.code, 'user_cancelled');
      assert.match(outcome.text, /You cancelled/);
      await dialogGoes();
    });

    test('Cancel on the page (AbortSignal) closes the dialog', async () => {
      const outcome = await signIn(site => site.press('signin-cancel'));
      assert.equal(outcome.code, 'aborted');
      await dialogGoes();
    });

    test('closing the tab closes the dialog', async () => {
      const site = await SitePage.open(stage);
      await site.start();
      await stage.display.window();
      await site.page.close();
      await dialogGoes();
    });

    test('leaving the page closes the dialog', async () => {
      const site = await SitePage.open(stage);
      await site.start();
      await stage.display.window();
      await site.page.goto(`${stage.site.origin}/bare`);
      await dialogGoes();
    });

    test('no token: the dialog waits, and goes on when one is inserted', async () => {
      stage.remove();
      const outcome = await signIn(async () => {
        assert.equal((await stage.display.windows()).length, 1);
        stage.insert('default');
        await stage.display.settled();
        await stage.display.typePin(stage.pin);
      });
      assert.equal(outcome.subject, subjectOf('p256'), JSON.stringify(outcome));
    });

    test('the token is exchanged while the dialog is open', async () => {
      const outcome = await signIn(async () => {
        stage.remove();
        await stage.display.settled();
        stage.insert('rsa');
        await stage.display.settled();
        await stage.display.typePin(stage.pin);
      });
      assert.equal(outcome.subject, subjectOf('rsa'), JSON.stringify(outcome));
    });

    test('an expired certificate is shown, and cannot sign in', async () => {
      stage.remove();
      stage.insert('expired');
      // There is no field for a PIN, and the only button that can be pressed is Cancel.
      const outcome = await signIn(async () => {
        await stage.display.type(stage.pin);
        await stage.display.press('Return');
      });
      assert.equal(outcome.code, 'user_cancelled', JSON.stringify(outcome));
    });

    test('a document is signed with the signing certificate', async () => {
      stage.remove();
      stage.insert('card');
      const site = await SitePage.open(stage);
      await site.start('document');
      await stage.display.window();
      await stage.display.agree();
      await site.until(() => /hash of the text/.test(document.getElementById('document-waiting').textContent),
        'the page to ask for the signature');
      await stage.display.window({title: /^Sign a document/});
      await stage.display.typePin(stage.pin);
      const outcome = await site.outcome('document');
      assert.deepEqual(outcome.checks, {format: 'passed', signature: 'passed', validity: 'passed', purpose: 'passed',
        chain: 'passed', revocation: 'skipped'}, JSON.stringify(outcome));
      assert.equal(await site.text('#document-done-title'), 'Signed by Sara Mohebbi');
    });

    test('a sign-in certificate does not sign documents', async () => {
      const bare = await BarePage.open(stage);
      const certificate = readFileSync(userNamed('p256').der).toString('base64');
      await bare.click((one, hash) => window.tokenbridge.sign(one, hash, 'SHA-256', {timeout: 3000}), certificate, nonce);
      const outcome = await bare.outcome();
      assert.equal(outcome.code, 'no_certificate', JSON.stringify(outcome));
    });

    test('the user does not act in time', async () => {
      const bare = await BarePage.open(stage);
      await bare.click(one => window.tokenbridge.authenticate(one, {timeout: 1500}), nonce);
      await stage.display.window();
      assert.equal((await bare.outcome()).code, 'user_timeout');
      assert.equal((await stage.display.windows()).length, 1); // it says so, until it is closed
      await stage.display.press('Escape');
      await dialogGoes();
    });

    test('a second request while the dialog is open is busy, and disturbs nothing', async () => {
      const bare = await BarePage.open(stage);
      const outcome = await signIn(async () => {
        await bare.page.bringToFront();
        await bare.click(one => window.tokenbridge.authenticate(one), nonce);
        assert.equal((await bare.outcome()).code, 'busy');
        await stage.display.typePin(stage.pin);
      });
      assert.equal(outcome.subject, subjectOf('p256'), JSON.stringify(outcome));
    });

    test('without a click or key there is no dialog: gesture_required', async () => {
      const page = await stage.browser.open(`${stage.site.origin}/eager`);
      await sleep(1500);
      assert.equal(await page.title(), 'gesture_required');
      assert.deepEqual(await stage.display.windows(), []);
    });

    for (const id of ['same', 'other']) {
      test(`a frame of ${id === 'same' ? 'the same' : 'another'} origin is refused`, async () => {
        const page = await stage.browser.open(`${stage.site.origin}/frames`);
        const frame = await (await page.waitForSelector(`#${id}`)).contentFrame();
        await frame.waitForFunction(() => window.tokenbridge);
        const framed = new BarePage(page, frame);
        await framed.key(one => window.tokenbridge.authenticate(one), nonce);
        const outcome = await framed.outcome();
        assert.equal(outcome.code, 'origin_refused', JSON.stringify(outcome));
        assert.deepEqual(await stage.display.windows(), []);
      });
    }

    test('wrong arguments are refused before anything is asked', async () => {
      const bare = await BarePage.open(stage);
      for (const bad of ['short', 'x'.repeat(200), null]) {
        await bare.click(one => window.tokenbridge.authenticate(one), bad);
        assert.equal((await bare.outcome()).code, 'invalid_request');
      }
      assert.deepEqual(await stage.display.windows(), []);
    });

    test("Web eID's messages: status and authenticate", async () => {
      const bare = await BarePage.open(stage);
      await bare.click(() => window.webEid('web-eid:status'));
      const status = (await bare.outcome()).result;
      assert.deepEqual(status.seen, ['web-eid:status-ack', 'web-eid:status-success']);
      await bare.click(challengeNonce => window.webEid('web-eid:authenticate', {challengeNonce, options: {lang: 'en'}}), nonce);
      await stage.display.window();
      await stage.display.typePin(stage.pin);
      const answer = (await bare.outcome()).result;
      assert.equal(answer.action, 'web-eid:authenticate-success', JSON.stringify(answer));
      const anchors = [readCertificate(readFileSync(lab.root.replace(/pem$/, 'der')))];
      const token = answer.response ?? answer;
      const verified = verifyToken(token, {origin: stage.site.origin, nonce, anchors});
      assert.equal(verified.ok, true, JSON.stringify({answer, verified}));
      assert.equal(verified.certificate.subject, subjectOf('p256'));
    });

    test("Web eID's messages: a cancel is ERR_WEBEID_USER_CANCELLED", async () => {
      const bare = await BarePage.open(stage);
      await bare.click(challengeNonce => window.webEid('web-eid:authenticate', {challengeNonce, options: {}}), nonce);
      await stage.display.window();
      await stage.display.press('Escape');
      const answer = (await bare.outcome()).result;
      assert.equal(answer.action, 'web-eid:authenticate-failure');
      assert.equal(answer.error.code, 'ERR_WEBEID_USER_CANCELLED');
      await signIn(); // a success, so that the cancels counted so far are forgotten
    });

    test('after three cancels the origin waits, another one does not', async () => {
      const origin = `http://127.0.0.1:${stage.site.port}`;
      for (const time of [1, 2, 3]) {
        const outcome = await signIn(() => stage.display.press('Escape'), {origin});
        assert.equal(outcome.code, 'user_cancelled', `time ${time}`);
        await stage.browser.closePages();
        await stage.display.noWindow();
      }
      const site = await SitePage.open(stage, {origin});
      await site.start();
      const outcome = await site.outcome();
      assert.equal(outcome.code, 'origin_refused');
      assert.match(outcome.text, /minutes/);
      assert.deepEqual(await stage.display.windows(), []);
      assert.equal((await signIn()).subject, subjectOf('p256'));
    });

    test('the host is let go when nothing needs it', async () => {
      assert.equal((await SitePage.open(stage).then(site => site.ready())).state, 'ready');
      const hosts = ours('tokenbridge-');
      assert.ok(hosts.length > 0);
      assert.deepEqual(await gone(hosts, 30000), []);
    });

    test('a killed browser takes the dialog and everything else with it', async () => {
      const site = await SitePage.open(stage);
      await site.start();
      await stage.display.window();
      const ended = ours('tokenbridge-');
      assert.ok(ended.length >= 3, `host, worker and prompt: ${ended.map(one => one.name)}`);
      await stage.browser.crash();
      assert.deepEqual(await gone(ended, 2000), []);
      await stage.display.noWindow(1000);
    });
  });
}

for (const name of browsers) {
  describe(`${name}, where something is missing`, () => {
    /** The demo page on a stage of its own: what it shows on opening, and what the button brings. */
    async function askOn(options, look) {
      const stage = await Stage.set(name, lab, options);
      try {
        await look(await SitePage.open(stage), stage);
      } finally {
        await stage.close();
      }
    }

    test('no native host: host_unavailable, and what to do', () => askOn({manifests: false}, async site => {
      const {state, text} = await site.ready();
      assert.equal(state, 'missing');
      assert.match(text, /the Tokenbridge program is not/);
      await site.start();
      assert.equal((await site.outcome()).code, 'host_unavailable');
    }));

    test('no extension: extension_unavailable, and what to do', () => askOn({extension: false}, async site => {
      assert.equal((await site.ready()).state, 'missing');
      await site.start();
      const outcome = await site.outcome();
      assert.equal(outcome.code, 'extension_unavailable');
      assert.match(outcome.text, /Install it/);
    }));

    test('a broken configuration: the message names file and line', () => askOn({config: 'nonsense\n'}, async site => {
      await site.start();
      const outcome = await site.outcome();
      assert.equal(outcome.code, 'internal');
      assert.match(outcome.text, /tokenbridge\.conf/);
      assert.match(outcome.text, /\b8\b/);
    }));

    test('a module that is no library: the dialog waits and says so', () => askOn({
      config: '', module: '/etc/passwd'}, async (site, stage) => {
      await site.start();
      await stage.display.window();
      await stage.display.press('Escape');
      assert.equal((await site.outcome()).code, 'user_cancelled');
    }));
  });
}
