// SPDX-License-Identifier: Apache-2.0
// What the administrator decided (storage.managed, managed_schema.json). Trusted in intent, checked
// in form: a policy that cannot be read as meant refuses everything and says which member is wrong,
// because guessing could open what was meant to be closed.
import {Fault} from './fault.js';

/**
 * @typedef {object} Policy
 * @property {string[]|null} allowedOrigins null: every site
 * @property {string[]} blockedOrigins
 * @property {string[]} gestureExemptOrigins
 * @property {string[]} framedOrigins
 * @property {boolean} webEid
 */

const LISTS = ['allowedOrigins', 'blockedOrigins', 'gestureExemptOrigins', 'framedOrigins'];

/**
 * True for `scheme://host[:port]` exactly as a browser writes an http or https origin.
 * @param {unknown} text
 * @returns {text is string}
 */
export function isExactOrigin(text) {
  // The pattern is for what URL lets pass in a host and browsers never write, such as an asterisk.
  if (typeof text !== 'string' || !/^https?:\/\/([a-z0-9._-]+|\[[0-9a-f:]+\])(:[0-9]+)?$/.test(text)) return false;
  try {
    return new URL(text).origin === text;
  } catch {
    return false;
  }
}

/**
 * Reads a policy; throws a Fault that names the wrong member.
 * @param {Record<string, unknown>} stored
 * @returns {Policy}
 */
export function parsePolicy(stored) {
  const wrong = (/** @type {string} */ what) => new Fault('origin_refused',
    `The administrator's policy for Tokenbridge is malformed: ${what}. Until it is mended every site is refused.`,
    {policy: what});
  /** @type {Record<string, any>} */
  const policy = {allowedOrigins: null, blockedOrigins: [], gestureExemptOrigins: [], framedOrigins: [], webEid: true};
  for (const [name, value] of Object.entries(stored)) {
    if (LISTS.includes(name)) {
      if (!Array.isArray(value)) throw wrong(`"${name}" is not a list of origins`);
      for (const entry of value) {
        if (!isExactOrigin(entry)) {
          throw wrong(`"${name}" holds ${JSON.stringify(entry)}, which is not an exact origin such as "https://example.org"`);
        }
      }
    } else if (name === 'webEid') {
      if (typeof value !== 'boolean') throw wrong('"webEid" is neither true nor false');
    } else {
      throw wrong(`"${name}" is not a known member`);
    }
    policy[name] = value;
  }
  return /** @type {Policy} */ (policy);
}

/** Reads storage.managed when first asked, and again after the administrator changed it. */
export class PolicyStore {
  /** @param {typeof chrome} api */
  constructor(api) {
    this.api = api;
    /** @type {Promise<Policy>|null} */
    this.loaded = null;
    api.storage.onChanged?.addListener((_changes, area) => {
      if (area === 'managed') this.loaded = null;
    });
  }

  /** @returns {Promise<Policy>} */
  get() {
    this.loaded ??= this.read();
    return this.loaded;
  }

  async read() {
    let stored;
    try {
      stored = await this.api.storage.managed.get(null);
    } catch {
      // Firefox rejects when no managed storage manifest is installed: there is no policy.
      stored = {};
    }
    return parsePolicy(stored ?? {});
  }
}

/**
 * Lets a caller pass or throws origin_refused.
 * @param {Policy} policy
 * @param {import('./caller.js').Caller} caller
 */
export function checkOrigin(policy, caller) {
  const {origin, topOrigin} = caller;
  if (policy.blockedOrigins.includes(origin)) {
    throw new Fault('origin_refused', `The administrator's policy does not let ${origin} use Tokenbridge.`);
  }
  if (policy.allowedOrigins && !policy.allowedOrigins.includes(origin)) {
    throw new Fault('origin_refused', `The administrator's policy does not list ${origin} among the sites that may use Tokenbridge.`);
  }
  if (!caller.framed) return;
  if (!policy.framedOrigins.includes(origin)) {
    throw new Fault('origin_refused',
      `${origin} asked from inside a frame. Only the top page may use Tokenbridge, unless the administrator lists the origin in "framedOrigins".`);
  }
  if (topOrigin === null) {
    throw new Fault('origin_refused', `${origin} asked from inside a frame of a page that has no origin of its own.`);
  }
  if (policy.blockedOrigins.includes(topOrigin)) {
    throw new Fault('origin_refused', `The administrator's policy does not let frames inside ${topOrigin} use Tokenbridge.`);
  }
}
