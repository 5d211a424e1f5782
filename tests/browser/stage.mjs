// SPDX-License-Identifier: Apache-2.0
//
// What an end-to-end test needs, in one temporary folder: lab, display, demo site, and a HOME with the
// native host's manifests and configuration. Trusts the build it is pointed at. close() ends and
// removes everything, whatever happened.

import {execFileSync} from 'node:child_process';
import {cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {homedir, tmpdir} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {startServer} from '../demo-site/server.mjs';
import {Sessions} from '../demo-site/sessions.mjs';
import {startBrowser} from './browsers.mjs';
import {Display} from './display.mjs';

export const source = fileURLToPath(new URL('../..', import.meta.url));
export const build = path.resolve(process.env.TOKENBRIDGE_BUILD ?? path.join(source, 'build'));
const extensionFolder = path.join(source, 'extension-js');

/** The browsers to test: $TOKENBRIDGE_BROWSERS, a list with commas; default: all. */
export const browsers = (process.env.TOKENBRIDGE_BROWSERS || 'chromium,firefox').split(',');

/** A lab for all tests of a process: making one takes two seconds. */
export function makeLab() {
  const dir = mkdtempSync(path.join(tmpdir(), 'tokenbridge-lab-'));
  const lab = JSON.parse(execFileSync(path.join(source, 'tests/lab/make-lab'), ['--json', dir], {encoding: 'utf8'}));
  return {...lab, remove: () => rmSync(dir, {recursive: true, force: true})};
}

export class Stage {
  #closers = [];

  /**
   * @param {'chromium' | 'firefox' | null} browserName null: no browser
   * @param {ReturnType<typeof makeLab>} lab
   * @param {{token?: string, config?: string, extraPages?: object, env?: Record<string, string>, headless?: boolean,
   *   ownDisplay?: boolean, onSignIn?: (subject: string) => void, manifests?: boolean, extension?: boolean, module?: string, dark?: boolean}} [options]
   *   token: which token of the lab is in the reader ("" for none); config: more lines for tokenbridge.conf;
   *   ownDisplay: the display of the person who runs this, instead of a private one; manifests, extension:
   *   whether the native host and the extension are installed; module: another PKCS#11 module; dark: GTK's dark theme
   */
  static async set(browserName, lab, options = {}) {
    const stage = new Stage();
    try {
      await stage.#set(browserName, lab, options);
    } catch (error) {
      await stage.close().catch(() => {});
      throw error;
    }
    return stage;
  }

  async #set(browserName, lab, {token = 'default', config = '', extraPages = {}, env = {}, headless = true, ownDisplay = false,
    onSignIn, manifests = true, extension = true, module = lab.module, dark = false}) {
    const host = path.join(build, 'host/tokenbridge-host');
    if (!existsSync(host)) throw new Error(`${host} is not built: meson setup build && ninja -C build`);
    this.lab = lab;
    this.pin = lab.pin;
    this.dark = dark;
    this.dir = mkdtempSync(path.join(tmpdir(), 'tokenbridge-stage-'));
    this.#closers.push(() => rmSync(this.dir, {recursive: true, force: true, maxRetries: 5, retryDelay: 200}));
    this.home = this.#folder('home');
    const home = this.home;
    const runtime = this.#folder('run');
    this.store = this.#folder('token');
    writeFileSync(path.join(this.dir, 'softhsm2.conf'),
      `directories.tokendir = ${this.store}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n`);
    if (token) this.insert(token);
    this.env = {
      ...process.env, HOME: home, SOFTHSM2_CONF: path.join(this.dir, 'softhsm2.conf'),
      ...ownDisplay ? this.#ownDisplay() : await this.#privateDisplay(runtime), ...env,
    };
    for (const name of ['XDG_CONFIG_HOME', 'XDG_STATE_HOME', 'XDG_DATA_HOME', 'XDG_CACHE_HOME']) delete this.env[name];
    if (manifests) this.#install();
    this.#configure(module, config);

    this.signedIn = [];
    this.sessions = new Sessions();
    this.site = await startServer({
      anchors: [readFileSync(lab.root)], extraPages, sessions: this.sessions, onSignIn: certificate => {
        this.signedIn.push(certificate.subject);
        onSignIn?.(certificate.subject);
      },
    });
    this.#closers.push(() => this.site.close());
    if (!browserName) return;
    this.browser = await startBrowser(browserName, {home, env: this.env, extension: extension && extensionFolder, headless});
    this.#closers.push(() => this.browser.close());
  }

  /** What a program needs to find the display of the person, though HOME is another. */
  #ownDisplay() {
    const authority = path.join(homedir(), '.Xauthority');
    return !process.env.XAUTHORITY && existsSync(authority) ? {XAUTHORITY: authority} : {};
  }

  async #privateDisplay(runtime) {
    this.display = await Display.start();
    this.#closers.push(() => this.display.close());
    return {
      DISPLAY: this.display.name, WAYLAND_DISPLAY: undefined, DBUS_SESSION_BUS_ADDRESS: undefined, XDG_RUNTIME_DIR: runtime,
      LANGUAGE: 'en', LC_ALL: 'C.UTF-8', GTK_A11Y: 'none',
    };
  }

  #folder(name) {
    const folder = path.join(this.dir, name);
    mkdirSync(folder, {mode: 0o700});
    return folder;
  }

  /** Makes the host known to the browsers as a user does. */
  #install() {
    execFileSync(path.join(build, 'host/cli/tokenbridge'), ['install', '--user', '--browser', 'chromium', 'firefox'],
      {env: this.env, stdio: ['ignore', 'ignore', 'pipe']});
  }

  /** Tokenbridge's and GTK's settings; written after the manifests, as a test may want broken ones. */
  #configure(module, config) {
    const put = (file, text) => {
      const whole = path.join(this.home, '.config', file);
      mkdirSync(path.dirname(whole), {recursive: true});
      writeFileSync(whole, text, {mode: 0o600});
    };
    put('tokenbridge/tokenbridge.conf', `[modules]\np11-kit=false\nwell-known=false\n\n[module lab]\npath=${module}\n\n${config}`);
    // A blinking cursor would keep the display from ever standing still.
    put('gtk-4.0/settings.ini', `[Settings]\ngtk-cursor-blink=false\ngtk-application-prefer-dark-theme=${this.dark}\n`);
  }

  /** Puts a token of the lab into the reader. */
  insert(token) {
    const found = this.lab.tokens.find(one => one.token === token);
    cpSync(found.store, this.store, {recursive: true});
  }

  /** Takes every token out. */
  remove() {
    rmSync(this.store, {recursive: true});
    mkdirSync(this.store, {mode: 0o700});
  }

  async close() {
    let first;
    for (const closer of this.#closers.splice(0).reverse()) {
      try {
        await closer();
      } catch (error) {
        first ??= error;
      }
    }
    if (first) throw first;
  }
}
