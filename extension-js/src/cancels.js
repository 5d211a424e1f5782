// SPDX-License-Identifier: Apache-2.0
// Sites whose dialog the user keeps cancelling must wait, so that no page can wear a user down.
// The counts lie in storage.session: they outlive the worker and end with the browser.
import {Fault} from './fault.js';

export const CANCELS_ALLOWED = 3;
export const WAIT_MS = 10 * 60 * 1000;
/** A cancel is forgotten when the origin has been quiet for so long. */
export const FORGET_MS = 60 * 60 * 1000;
/** So that a page with many origins cannot fill the store. */
const ORIGINS_KEPT = 200;

/** @typedef {{count: number, last: number, until: number}} Entry */

export class Cancels {
  /** @param {typeof chrome} api */
  constructor(api) {
    this.api = api;
    /** One change at a time: read, alter and write are three steps. @type {Promise<unknown>} */
    this.turn = Promise.resolve();
  }

  /** @returns {Promise<Record<string, Entry>>} */
  async load() {
    const stored = await this.api.storage.session.get('cancels');
    return /** @type {Record<string, Entry>} */ (stored.cancels ?? {});
  }

  /**
   * Throws origin_refused while the origin has to wait.
   * @param {string} origin
   */
  async check(origin) {
    await this.turn;
    const entry = (await this.load())[origin];
    const left = entry ? entry.until - Date.now() : 0;
    // More than the whole wait can only come from a clock set back: let it pass.
    if (left <= 0 || left > WAIT_MS) return;
    const minutes = Math.ceil(left / 60000);
    throw new Fault('origin_refused',
      `The user cancelled ${CANCELS_ALLOWED} requests of ${origin}. It may ask again in ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}.`,
      {waitMs: left});
  }

  /** @param {string} origin */
  cancelled(origin) {
    return this.change(origin, (entry, now) => {
      const count = entry && now - entry.last < FORGET_MS ? entry.count + 1 : 1;
      return count >= CANCELS_ALLOWED ? {count: 0, last: now, until: now + WAIT_MS} : {count, last: now, until: 0};
    });
  }

  /** @param {string} origin */
  succeeded(origin) {
    return this.change(origin, () => null);
  }

  /**
   * @param {string} origin
   * @param {(entry: Entry|undefined, now: number) => Entry|null} alter
   */
  change(origin, alter) {
    const step = this.turn.then(async () => {
      const all = await this.load();
      const now = Date.now();
      const next = alter(all[origin], now);
      if (!next && !all[origin]) return;
      delete all[origin];
      if (next) all[origin] = next;
      const names = Object.keys(all);
      for (const name of names) {
        if (all[name].until < now && now - all[name].last > FORGET_MS) delete all[name];
      }
      for (const name of names.slice(0, -ORIGINS_KEPT)) delete all[name];
      await this.api.storage.session.set({cancels: all});
    });
    // A failed write must neither stop the changes that come after it, nor cost a page the
    // signature that the user has just made.
    this.turn = step.catch(() => {});
    return this.turn;
  }
}
