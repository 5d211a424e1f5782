// SPDX-License-Identifier: Apache-2.0
// What pages may ask, and which members they may give. Input: whatever a page sent. Names are
// checked here, so that no page can slip in an origin; values are the host's to check, except those
// the extension itself uses.
import {Fault} from './fault.js';

/**
 * Methods of pages: the members a page may give, and whether the native dialog opens.
 * `listTokens` is not among them: it is for the extension's own pages.
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
export const TIMEOUT_DEFAULT_MS = 120_000;
/** Beyond the user's time: listing and signing have deadlines of their own in the host. */
const MARGIN_MS = 60_000;

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
 * How long the host may take before it counts as stuck.
 * @param {Record<string, unknown>} params
 */
export function patienceFor(params) {
  return Number(params.timeout ?? TIMEOUT_DEFAULT_MS) + MARGIN_MS;
}
