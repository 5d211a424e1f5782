// SPDX-License-Identifier: Apache-2.0
//
// Chromium and Firefox with the extension, hermetic: a HOME of their own that holds the profile, the
// native-messaging manifests and Tokenbridge's configuration.

import {mkdirSync} from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import puppeteer from 'puppeteer-core';
import {family, gone, kill} from './processes.mjs';

/** The fixed ids of the extension, which the host has compiled in. */
export const extensionIds = {chromium: 'ccefchpnjpglhijhmdpndlfcgnhjebni', firefox: '{5a0f6a1e-6c1b-4d5e-9f0e-8d1f0b8a7c42}'};

const programs = {
  chromium: ['/usr/bin/chromium', '/usr/bin/chromium-browser'],
  firefox: ['/usr/bin/firefox-esr', '/usr/bin/firefox'],
};

/** The host of the extension's own pages in Firefox, which else makes one up. */
const firefoxHost = '3b1f8c52-6f0e-4d1a-9c55-2f7f0c8b1d10';

async function launch(name, program, home, env, headless) {
  if (name === 'chromium') {
    const userDataDir = path.join(home, '.config/chromium');
    mkdirSync(userDataDir, {recursive: true});
    return puppeteer.launch({
      executablePath: program, headless, pipe: true, enableExtensions: true, userDataDir, env,
      // A sandbox needs a user that is not root; everybody else keeps it.
      args: ['--no-first-run', '--disable-gpu', ...process.getuid() === 0 ? ['--no-sandbox'] : []],
    });
  }
  const profile = path.join(home, 'firefox-profile');
  mkdirSync(profile, {recursive: true});
  return puppeteer.launch({
    browser: 'firefox', executablePath: program, headless, userDataDir: profile, env,
    args: ['--remote-allow-system-access'], // or no page of the extension's can be opened
    extraPrefsFirefox: {
      'datareporting.policy.dataSubmissionEnabled': false, 'intl.accept_languages': 'en',
      'extensions.webextensions.uuids': JSON.stringify({[extensionIds.firefox]: firefoxHost}),
    },
  });
}

/**
 * @param {'chromium' | 'firefox'} name
 * @param {{home: string, env: Record<string, string>, extension: string | false, headless?: boolean, program?: string}} options
 */
export async function startBrowser(name, {home, env, extension, headless = true, program = programs[name][0]}) {
  const browser = await launch(name, program, home, {...env, HOME: home}, headless);
  const pid = browser.process().pid;
  let id;
  let crashed = false;
  try {
    if (extension) id = await browser.installExtension(extension);
  } catch (error) {
    await browser.close();
    throw error;
  }
  return {
    name, browser, pid, extensionId: id,

    /** Opens a page and waits until it has loaded. */
    async open(url) {
      const page = await browser.newPage();
      await page.goto(url, {waitUntil: 'load'});
      return page;
    },

    /** Opens the extension's popup, as a page in a tab. */
    async openPopup() {
      if (name === 'chromium') return this.open(`chrome-extension://${id}/popup/popup.html`);
      const page = await browser.newPage();
      // The page comes in a process of its own, and Firefox does not tell when.
      page.goto(`moz-extension://${firefoxHost}/popup/popup.html`).catch(() => {});
      for (const end = Date.now() + 20000; Date.now() < end; await sleep(100)) {
        if (await page.evaluate(() => location.protocol === 'moz-extension:' && document.readyState === 'complete').catch(() => false)) return page;
      }
      throw new Error('the popup did not open within 20 s');
    },

    /** Closes every page but one empty one, without which the browser might end. */
    async closePages() {
      if (crashed) return;
      const pages = await browser.pages();
      await browser.newPage();
      await Promise.all(pages.map(page => page.close()));
    },

    /** Ends the browser; throws when something of it lives on. */
    async close() {
      if (crashed) return;
      const members = family(pid);
      await Promise.race([browser.close().catch(() => {}), new Promise(resolve => setTimeout(resolve, 15000).unref())]);
      const rest = await gone(members, 5000);
      kill(rest);
      if (rest.length) throw new Error(`still running after the browser: ${rest.map(one => `${one.name} (${one.pid})`).join(', ')}`);
    },

    /** Ends the browser as a crash would: no process of its own says goodbye. */
    async crash() {
      crashed = true;
      const members = family(pid).filter(one => !one.name.startsWith('tokenbridge-'));
      browser.process().kill('SIGKILL');
      await gone(members, 3000);
      kill(members);
    },
  };
}
