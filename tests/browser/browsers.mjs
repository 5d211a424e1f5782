// SPDX-License-Identifier: Apache-2.0
//
// Chromium and Firefox with the extension, hermetic: a HOME of their own that holds the profile, the
// native-messaging manifests and Tokenbridge's configuration.

import {mkdirSync} from 'node:fs';
import path from 'node:path';
import puppeteer from 'puppeteer-core';
import {family, gone, kill} from './processes.mjs';

const programs = {
  chromium: ['/usr/bin/chromium', '/usr/bin/chromium-browser'],
  firefox: ['/usr/bin/firefox-esr', '/usr/bin/firefox'],
};

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
    extraPrefsFirefox: {'datareporting.policy.dataSubmissionEnabled': false, 'intl.accept_languages': 'en'},
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
