// SPDX-License-Identifier: Apache-2.0
//
// The demo, once everything is built: scripts/demo calls this and checks its arguments.

import {parseArgs} from 'node:util';
import {makeLab, Stage} from './stage.mjs';
import {SitePage} from './site-page.mjs';

const {values: options} = parseArgs({options: {
  headless: {type: 'boolean', default: false},
  browser: {type: 'string', default: 'chromium'},
  language: {type: 'string', default: 'en'},
}});
const browserName = {chromium: 'Chromium', firefox: 'Firefox'}[options.browser];
const where = {query: `?lang=${options.language}`};

let stage, lab;
let ending = false;

/** Ends and removes everything, then the program; the last line is printed only when all of that went well. */
async function end(code, lastLine = null) {
  if (ending) return;
  ending = true;
  try {
    await stage?.close();
  } catch (error) {
    console.error(`demo: ${error.message}`);
    code ||= 1;
  }
  lab?.remove();
  if (lastLine && !code) console.log(lastLine);
  process.exit(code);
}
for (const [signal, number] of [['SIGINT', 2], ['SIGTERM', 15], ['SIGHUP', 1]]) {
  process.on(signal, () => end(options.headless ? 128 + number : 0));
}

async function headless() {
  const site = await SitePage.open(stage, where);
  const ready = await site.ready();
  if (ready.state !== 'ready') throw new Error(ready.text);
  await site.start();
  await stage.display.window();
  console.log('The dialog is open. Typing the PIN.');
  await stage.display.typePin(stage.pin);
  const outcome = await site.outcome();
  if (outcome.code) throw new Error(`not signed in: ${outcome.text.replace(/\s+/g, ' ')}`);
  await stage.display.noWindow();
  return outcome.subject;
}

async function forAPerson() {
  const page = await SitePage.open(stage, where);
  console.log(`
The demo site is open in ${browserName}: ${stage.site.origin}
Press "Sign in" there. The PIN of the soft token is ${stage.pin}.
Close the browser, or press Ctrl+C here, when you are done.
`);
  // The empty page that a browser starts with would only be in the way.
  for (const other of await stage.browser.browser.pages()) if (other !== page.page) await other.close().catch(() => {});
  await new Promise(resolve => stage.browser.browser.once('disconnected', resolve));
}

try {
  console.log('Making test certificates and a soft token.');
  lab = makeLab();
  console.log(`Starting ${browserName}.`);
  stage = await Stage.set(options.browser, lab, {
    token: 'card', headless: options.headless, ownDisplay: !options.headless,
    onSignIn: options.headless ? undefined : subject => console.log(`signed in: ${subject} (${options.browser})`),
  });
  const subject = await (options.headless ? headless() : forAPerson());
  await end(0, subject && `signed in: ${subject} (${options.browser})`);
} catch (error) {
  if (!ending) console.error(`demo: ${error.message}`);
  await end(1);
}
