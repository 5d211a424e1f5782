// SPDX-License-Identifier: Apache-2.0
// Changing and unblocking a token's PIN: one request at a time, owned by the background, because the
// popup closes as soon as the native dialog takes the focus. Whoever watches is told how it stands;
// an outcome that nobody was there to see is kept for the next who looks. Only the popup reaches
// this (bridge.js); no PIN ever does: it is typed in the native dialog.
import {Fault, asFault} from './fault.js';
import {isObject, patienceFor} from './requests.js';

/** The methods of the host that this is about. */
export const PIN_METHODS = Object.freeze(['changePin', 'unblockPin']);
/** After so long an outcome is no news. */
export const NEWS_MS = 10 * 60 * 1000;

/**
 * @typedef {object} PinTask
 * @property {string} method one of PIN_METHODS
 * @property {string} module
 * @property {number} slot
 * @property {string} token the serial number
 * @property {string} name for people: how the popup calls the token
 * @property {'open'|'done'|'failed'} state
 * @property {{state: string}} [pin] when it is done: how the PIN is now
 * @property {{code: string, message: string}} [error] when it has failed
 */

export class PinCare {
  /**
   * @param {typeof chrome} api
   * @param {import('./host.js').Host} host
   */
  constructor(api, host) {
    this.api = api;
    this.host = host;
    /** @type {PinTask|null} under way */
    this.task = null;
    /** @type {Set<(task: PinTask) => void>} */
    this.watchers = new Set();
  }

  /**
   * Begins; throws busy or invalid_request. How it goes on is for those who watch.
   * @param {string} method one of PIN_METHODS
   * @param {unknown} params
   */
  start(method, params) {
    const {module, slot, token, name, lang} = isObject(params) ? params : {};
    if (typeof module !== 'string' || !Number.isSafeInteger(slot) || typeof token !== 'string' ||
        typeof name !== 'string' || typeof lang !== 'string') {
      throw new Fault('invalid_request', 'The popup named no token.');
    }
    if (this.task) throw new Fault('busy', 'Tokenbridge\'s window is open for a PIN already.');
    this.task = {method, module, slot: Number(slot), token, name, state: 'open'};
    this.run(this.task, {module, slot, token, lang});
    this.tell(this.task);
  }

  /**
   * @param {PinTask} task
   * @param {Record<string, unknown>} params
   */
  async run(task, params) {
    /** @type {PinTask} */
    let outcome;
    try {
      const {pin} = await this.host.call(task.method, params, {patience: patienceFor(params)});
      outcome = {...task, state: 'done', pin};
    } catch (thrown) {
      const {code, message} = asFault(thrown);
      outcome = {...task, state: 'failed', error: {code, message}};
    }
    this.task = null;
    if (this.watchers.size) this.tell(outcome);
    else await this.keep(outcome);
  }

  /** @param {PinTask} task */
  tell(task) {
    for (const watcher of this.watchers) watcher(task);
  }

  /** The background may be ended meanwhile; the browser's session outlives it. @param {PinTask|null} outcome */
  async keep(outcome) {
    await this.api.storage.session.set({pinOutcome: outcome && {outcome, at: Date.now()}}).catch(() => {});
  }

  /**
   * Tells of what is under way, or of an outcome not seen yet, and of all that follows.
   * @param {(task: PinTask) => void} watcher
   * @returns {() => void} ends it
   */
  watch(watcher) {
    this.watchers.add(watcher);
    if (this.task) watcher(this.task);
    else this.tellKept(watcher);
    return () => { this.watchers.delete(watcher); };
  }

  /** @param {(task: PinTask) => void} watcher */
  async tellKept(watcher) {
    /** @type {{pinOutcome?: {outcome: PinTask, at: number}|null}} */
    const {pinOutcome: kept} = await this.api.storage.session.get('pinOutcome').catch(() => ({}));
    if (!kept || !this.watchers.has(watcher)) return;
    await this.keep(null);
    if (Date.now() - kept.at < NEWS_MS) watcher(kept.outcome);
  }
}
