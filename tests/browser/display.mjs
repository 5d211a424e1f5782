// SPDX-License-Identifier: Apache-2.0
//
// A private X display (Xvfb) and the person in front of it (xdotool). The browsers run headless, so the
// only windows on it are Tokenbridge's.

import {execFile, spawn} from 'node:child_process';
import {promisify} from 'node:util';
import {setTimeout as sleep} from 'node:timers/promises';

const run = promisify(execFile);

export class Display {
  #process;

  /** @param {{width?: number, height?: number}} [size] */
  static async start({width = 1280, height = 1024} = {}) {
    const display = new Display();
    await display.#start(width, height);
    return display;
  }

  async #start(width, height) {
    this.#process = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', `${width}x${height}x24`, '-nolisten', 'tcp', '-noreset'],
      {stdio: ['ignore', 'ignore', 'ignore', 'pipe']});
    this.name = await new Promise((resolve, reject) => {
      let text = '';
      this.#process.stdio[3].on('data', part => {
        text += part;
        if (text.endsWith('\n')) resolve(`:${text.trim()}`);
      });
      this.#process.once('error', error => reject(new Error(`Xvfb: ${error.message}`)));
      this.#process.once('exit', code => reject(new Error(`Xvfb ended with ${code}`)));
      setTimeout(() => reject(new Error('Xvfb does not start')), 10000).unref();
    });
    // When the tests die of a signal, the display goes too.
    this.onExit = () => this.#process.kill();
    process.once('exit', this.onExit);
  }

  async close() {
    process.removeListener('exit', this.onExit);
    if (this.#process.exitCode !== null) return;
    const ended = new Promise(resolve => this.#process.once('exit', resolve));
    this.#process.kill();
    await ended;
  }

  #xdotool(...args) {
    return run('xdotool', args, {env: this.#env(), timeout: 10000});
  }

  #env() {
    return {...process.env, DISPLAY: this.name};
  }

  /** The ids of the windows that can be seen. */
  async windows() {
    try {
      return (await this.#xdotool('search', '--onlyvisible', '--name', '.')).stdout.split('\n').filter(Boolean);
    } catch (error) {
      if (error.code === 1) return []; // xdotool's "none found"
      throw error;
    }
  }

  /**
   * Waits for a window and gives it the keyboard, as the window manager of a desktop would.
   * @param {{title?: RegExp, milliseconds?: number}} [wanted] a window that goes may still be there when the next comes
   * @returns {Promise<{id: string, title: string}>}
   */
  async window({title: pattern = /./, milliseconds = 15000} = {}) {
    for (const end = Date.now() + milliseconds; Date.now() < end; await sleep(50)) {
      for (const id of await this.windows()) {
        // It may go while it is looked at.
        const title = await this.#xdotool('getwindowname', id).then(done => done.stdout.trim(), () => '');
        if (!pattern.test(title)) continue;
        await this.#xdotool('windowfocus', '--sync', id);
        await this.settled();
        return {id, title};
      }
    }
    throw new Error(`no window came up within ${milliseconds} ms`);
  }

  /** Waits until there is no window; throws when there still is one. */
  async noWindow(milliseconds = 5000) {
    const end = Date.now() + milliseconds;
    while ((await this.windows()).length) {
      if (Date.now() > end) throw new Error(`a window is still open after ${milliseconds} ms`);
      await sleep(20);
    }
  }

  /** What the display shows: 8-bit red, green, blue, row by row. */
  async #pixels() {
    const {stdout} = await run('convert', ['x:root', '-depth', '8', 'rgb:-'],
      {env: this.#env(), timeout: 10000, encoding: 'buffer', maxBuffer: 64 * 1024 * 1024});
    return stdout;
  }

  /**
   * Waits until what is shown is painted and stands still: a window has come up, or has taken in a change
   * of its list. Where something goes on turning, it comes back after a while.
   */
  async settled(milliseconds = 2500) {
    await sleep(300);
    let before = await this.#pixels();
    for (const end = Date.now() + milliseconds; Date.now() < end;) {
      await sleep(150);
      const now = await this.#pixels();
      if (now.equals(before) && now.some(byte => byte > 0)) return; // an empty display is black
      before = now;
    }
  }

  /** Waits until the button that goes on can be pressed: it is then coloured (in the light theme, blue). */
  async ready(milliseconds = 5000) {
    for (const end = Date.now() + milliseconds; Date.now() < end; await sleep(100)) {
      const pixels = await this.#pixels();
      let blue = 0;
      for (let n = 0; n < pixels.length; n += 3) if (pixels[n + 2] > 180 && pixels[n + 2] - pixels[n] > 120) blue++;
      if (blue > 1000) return;
    }
    throw new Error(`no button could be pressed within ${milliseconds} ms`);
  }

  /** Digits only: other characters make xdotool remap the keyboard, a race. */
  async type(digits) {
    if (!/^\d+$/.test(digits)) throw new Error('digits only');
    await this.#xdotool('type', '--delay', '20', digits);
  }

  async press(...keys) {
    await this.#xdotool('key', '--delay', '20', ...keys);
  }

  /** Types the PIN and goes on, as soon as the dialog lets one. */
  async typePin(pin) {
    await this.type(pin);
    await this.ready();
    await this.press('Return');
  }

  /** Agrees where no PIN is asked for: once the button can be pressed, it has the keyboard. */
  async agree() {
    await this.ready();
    await this.press('Return');
  }

  /** A picture of a window, or of the whole display, as PNG. */
  async picture(file, window = 'root') {
    await run('import', ['-window', window, '-silent', file], {env: this.#env(), timeout: 10000});
  }
}
