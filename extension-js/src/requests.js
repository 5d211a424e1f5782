// SPDX-License-Identifier: Apache-2.0
// What pages may ask, and which members they may give. Input: whatever a page sent. Names are
// checked here, so that no page can slip in an origin; values are the host's to check, except those
// the extension itself uses.
import {Fault} from './fault.js';

/**
 * Methods of pages: the members a page may give, and whether the native dialog opens.
 * `listTokens`, `changePin` and `unblockPin` are not among them: they are for the extension's own pages.
 * @type {Readonly<Record<string, {members: string[], dialog: boolean}>>}
 */
export const PAGE_METHODS = Object.freeze({
  status: {members: [], dialog: false},
  authenticate: {members: ['nonce', 'lang', 'issuers', 'policies', 'timeout', 'chain'], dialog: true},
  getSigningCertificate: {members: ['lang', 'issuers', 'policies', 'timeout'], dialog: true},
  sign: {members: ['certificate', 'hash', 'hashFunction', 'lang', 'timeout'], dialog: true},
});

export const TIMEOUT_MIN_MS = 1_000;
export const TIMEOUT_MAX_MS = 600_000;
/** Beyond what the host allows itself. */
const MARGIN_MS = 15_000;

/**
 * The host's deadlines in milliseconds, as its status tells them: for the user, where a request does
 * not say; for a listing; for what a token does; and for that on a reader's keys.
 * @typedef {{user: number, list: number, sign: number, pinPad: number}} Limits
 */
/** What a host has that was not configured otherwise, and does not tell. @type {Readonly<Limits>} */
export const LIMITS = Object.freeze({user: 120_000, list: 5_000, sign: 30_000, pinPad: 90_000});
/** No deadline that can be configured is longer. */
const LIMIT_MAX_MS = 600_000;

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
export function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The host's params for a page's params; throws invalid_request.
 * @param {string} method a key of PAGE_METHODS
 * @param {unknown} params
 * @param {import('./caller.js').Caller} caller
 * @returns {Record<string, unknown>|undefined}
 */
export function hostParams(method, params, caller) {
  const {members, dialog} = PAGE_METHODS[method];
  if (!isObject(params)) throw new Fault('invalid_request', '"params" is not an object.');
  for (const name of Object.keys(params)) {
    if (!members.includes(name)) {
      throw new Fault('invalid_request', `"${name.slice(0, 64)}" is not a member of the params of "${method}".`);
    }
  }
  const {timeout} = params;
  if (timeout !== undefined &&
      (!Number.isInteger(timeout) || Number(timeout) < TIMEOUT_MIN_MS || Number(timeout) > TIMEOUT_MAX_MS)) {
    throw new Fault('invalid_request', `"timeout" is not a whole number of milliseconds from ${TIMEOUT_MIN_MS} to ${TIMEOUT_MAX_MS}.`);
  }
  if (!dialog) return undefined;
  /** @type {Record<string, unknown>} */
  const out = {origin: caller.origin};
  if (caller.framed) out.topOrigin = caller.topOrigin;
  for (const name of members) {
    if (params[name] !== undefined) out[name] = params[name];
  }
  return out;
}

/**
 * The limits in a host's status; what is left out or nonsense is as usual.
 * @param {{limits?: unknown}} status
 * @returns {Limits}
 */
export function limitsFrom({limits}) {
  const told = /** @type {Record<string, unknown>} */ (isObject(limits) ? limits : {});
  const limit = (/** @type {keyof Limits} */ name) => {
    const value = Number.isFinite(told[name]) ? Number(told[name]) : -1;
    return value >= 0 && value <= LIMIT_MAX_MS ? value : LIMITS[name];
  };
  return {user: limit('user'), list: limit('list'), sign: limit('sign'), pinPad: limit('pinPad')};
}

/**
 * How long the host may take for a request with a dialog before it counts as stuck: at the end of the
 * user's time, a key pad and then the token have theirs.
 * @param {Record<string, unknown>} params
 * @returns {(limits: Limits) => number}
 */
export function patienceFor({timeout}) {
  return ({user, list, sign, pinPad}) => Number(timeout ?? user) + list + sign + pinPad + MARGIN_MS;
}

/**
 * The same for listTokens, which may have to wait for a token that is at work.
 * @param {Limits} limits
 */
export function listPatience({list, sign, pinPad}) {
  return list + Math.max(sign, pinPad) + MARGIN_MS;
}
