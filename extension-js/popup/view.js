// SPDX-License-Identifier: Apache-2.0
// What the popup makes of the host's answers: pure functions from data to message keys. The data
// come from tokens and modules; they are shown as text only.

/** Warn so many days before a certificate expires. */
export const SOON_DAYS = 30;
const DAY_S = 86_400;
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/**
 * @typedef {{tone: 'good'|'warn'|'bad', key: string, count?: number, date?: number}} Note
 * `key` names the message, with `_one`/`_other` added when there is a count; `date` in Unix seconds.
 *
 * @typedef {{state: string, pad?: boolean, min?: number, max?: number}} Pin
 * @typedef {object} Certificate
 * @property {string} id
 * @property {string} name
 * @property {string} issuer_name
 * @property {number} not_before
 * @property {number} not_after
 * @property {boolean} ca
 * @property {'yes'|'no'|'unknown'} has_key
 * @property {string[]|null} key_usage
 * @property {string[]|null} extended_key_usage
 *
 * @typedef {object} Token
 * @property {number} slot
 * @property {string} label
 * @property {string} serial
 * @property {string} manufacturer
 * @property {string} model
 * @property {string} reader
 * @property {Pin} pin
 * @property {Pin} [puk]
 * @property {boolean} [hidden] its certificates may show only after its PIN
 * @property {{reason: string, message: string}} [error]
 * @property {Certificate[]} certificates
 *
 * @typedef {{name: string, path: string, state: string, message?: string, tokens?: Token[]}} Module
 */

/**
 * Why there is no token, and what to do, from what PC/SC knows of readers (left out when nobody tells).
 * A token with a driver of its own needs neither service nor reader, so none of it is sure.
 * @param {{service: string, readers: {name: string, card: boolean, mute: boolean}[]}} [readers]
 * @returns {{title: string, advice: string}}
 */
export function missingToken(readers) {
  const cards = (readers?.readers ?? []).filter(({card}) => card);
  if (!readers) return {title: 'no_tokens', advice: 'no_tokens_advice'};
  if (readers.service !== 'ok') return {title: 'no_tokens', advice: 'no_reader_service'};
  if (!readers.readers.length) return {title: 'no_tokens', advice: 'no_reader'};
  if (!cards.length) return {title: 'no_tokens', advice: 'no_card'};
  return {title: 'card_unknown', advice: cards.every(({mute}) => mute) ? 'card_mute' : 'card_unknown_advice'};
}

/**
 * How long a certificate is still good.
 * @param {Certificate} certificate
 * @param {number} now Unix seconds
 * @returns {Note}
 */
export function validity({not_before: from, not_after: until}, now) {
  if (now < from) return {tone: 'bad', key: 'not_yet_valid', date: from};
  if (now > until) return {tone: 'bad', key: 'expired', date: until};
  const days = Math.floor((until - now) / DAY_S);
  if (days < 1) return {tone: 'warn', key: 'expires_today', date: until};
  if (days <= SOON_DAYS) return {tone: 'warn', key: 'expires_soon', count: days, date: until};
  return {tone: 'good', key: 'valid_until', date: until};
}

/**
 * The user's own certificates: those whose key is on the token, or may be.
 * @param {Token} token
 */
export function ownCertificates(token) {
  return (token.certificates ?? []).filter(certificate => !certificate.ca && certificate.has_key !== 'no');
}

/**
 * What a certificate may be used for here: message keys.
 * @param {Certificate} certificate
 * @returns {string[]}
 */
export function purposes({key_usage: usage, extended_key_usage: extended}) {
  const keys = [];
  if ((!usage || usage.includes('digitalSignature')) && (!extended || extended.includes(CLIENT_AUTH))) keys.push('purpose_sign_in');
  if (usage?.includes('nonRepudiation')) keys.push('purpose_documents');
  return keys.length ? keys : ['purpose_none'];
}

/**
 * What there is to say about a token's PIN; null when the token did not tell of it.
 * @param {Pin|undefined} pin
 * @returns {Note|null}
 */
export function pinNote(pin) {
  switch (pin?.state) {
    case 'ok': return {tone: 'good', key: 'pin_ok'};
    case 'low': return {tone: 'warn', key: 'pin_low'};
    case 'final_try': return {tone: 'bad', key: 'pin_final_try'};
    case 'locked': return {tone: 'bad', key: 'pin_locked'};
    case 'to_be_changed': return {tone: 'warn', key: 'pin_to_be_changed'};
    case 'not_initialised': return {tone: 'warn', key: 'pin_not_initialised'};
    default: return null;
  }
}

/**
 * The same about the PUK, where it matters: without it nobody but the issuer can help.
 * @param {Pin|undefined} puk
 * @returns {Note|null}
 */
export function pukNote(puk) {
  if (puk?.state === 'locked') return {tone: 'bad', key: 'puk_locked'};
  return puk?.state === 'final_try' ? {tone: 'bad', key: 'puk_final_try'} : null;
}

/**
 * What can be done about a token's PIN, the most useful first; `main` where it is what the token needs.
 * @param {Token} token
 * @returns {{method: 'changePin'|'unblockPin', key: string, main: boolean}[]}
 */
export function pinActions({pin, puk}) {
  if (!pin) return [];
  const change = {method: /** @type {const} */ ('changePin'), key: 'change_pin', main: pin.state === 'to_be_changed'};
  const needed = ['locked', 'not_initialised'].includes(pin.state);
  const unblock = {method: /** @type {const} */ ('unblockPin'), key: 'unblock_pin', main: needed};
  const possible = puk?.state !== 'locked';
  if (needed) return possible ? [unblock] : [];
  return possible ? [change, unblock] : [change];
}

/** Why a PIN was not changed or unblocked, by the host's word. */
const PIN_PROBLEMS = Object.freeze({
  user_cancelled: 'because_cancelled', user_timeout: 'because_timeout',
  token_missing: 'because_token_missing', token_removed: 'because_token_removed',
  pin_incorrect: 'because_pin_incorrect', pin_blocked: 'because_pin_blocked',
  puk_incorrect: 'because_puk_incorrect', puk_blocked: 'because_puk_blocked',
  pin_invalid: 'because_pin_invalid', pin_pad_failed: 'because_pin_pad',
  module_failed: 'because_module_failed', module_timeout: 'because_module_timeout',
  unsupported: 'because_unsupported', busy: 'because_busy',
});

/**
 * How a change or an unblocking stands, or ended: `key` names the message, which has the token's name;
 * `advice` the one below it.
 * @param {{method: string, state: string, error?: {code: string, message: string}}} task
 * @returns {{tone: 'good'|'warn'|'bad', key: string, advice?: string, showMessage: boolean}}
 */
export function pinTaskNote({method, state, error}) {
  const change = method === 'changePin';
  if (state === 'open') return {tone: 'warn', key: change ? 'pin_changing' : 'pin_unblocking', advice: 'pin_in_window', showMessage: false};
  if (state === 'done') return {tone: 'good', key: change ? 'pin_changed' : 'pin_unblocked', showMessage: false};
  const code = error?.code ?? '';
  const advice = Object.hasOwn(PIN_PROBLEMS, code) ? PIN_PROBLEMS[/** @type {keyof typeof PIN_PROBLEMS} */ (code)] : undefined;
  return {
    tone: code === 'user_cancelled' ? 'warn' : 'bad',
    key: change ? 'pin_not_changed' : 'pin_not_unblocked',
    advice,
    showMessage: !advice || code === 'module_failed',
  };
}

/**
 * What is wrong with the host, and what to do.
 * @param {{code: string, message: string, details?: Record<string, unknown>}} error
 * @returns {{title: string, advice: string, command?: string, showMessage: boolean}}
 */
export function hostProblem({code, details = {}}) {
  if (code === 'version_mismatch') {
    return {
      title: 'host_version',
      advice: details.update === 'extension' ? 'host_version_extension' : 'host_version_host',
      showMessage: false,
    };
  }
  if (code !== 'host_unavailable') return {title: 'host_fault', advice: 'host_fault_advice', command: 'tokenbridge status', showMessage: true};
  switch (details.hint) {
    case 'missing': return {title: 'host_missing', advice: 'host_missing_advice', command: 'tokenbridge install', showMessage: false};
    case 'forbidden': return {title: 'host_forbidden', advice: 'host_forbidden_advice', command: 'tokenbridge install', showMessage: false};
    case 'stuck': return {title: 'host_stuck', advice: 'host_stuck_advice', showMessage: false};
    default: return {title: 'host_exited', advice: 'host_exited_advice', command: 'tokenbridge status', showMessage: true};
  }
}

/**
 * The message key for a module's state.
 * @param {string} state
 */
export function moduleState(state) {
  if (state === 'ok') return 'module_ok';
  return ['module_failed', 'module_timeout'].includes(state) ? state : 'module_other';
}
