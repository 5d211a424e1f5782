// SPDX-License-Identifier: Apache-2.0
// Failures and their words (docs/protocol.md, section 1). Inputs: the host's error objects, which
// are taken as untrusted: an unknown word becomes "internal".

/** Words that the host may use. */
export const HOST_WORDS = Object.freeze([
  'user_cancelled', 'user_timeout', 'token_missing', 'token_removed', 'no_certificate',
  'pin_blocked', 'pin_incorrect', 'pin_pad_failed', 'pin_invalid', 'puk_incorrect', 'puk_blocked',
  'module_failed', 'module_timeout',
  'origin_refused', 'busy', 'aborted', 'invalid_request', 'unsupported', 'internal',
]);

/** Words for what fails before the host is reached. */
export const LOCAL_WORDS = Object.freeze([
  'extension_unavailable', 'host_unavailable', 'version_mismatch', 'insecure_context',
  'gesture_required',
]);

/** A failure with its word, and what a program may need to tell cases apart. */
export class Fault extends Error {
  /**
   * @param {string} code one of the words
   * @param {string} message a sentence for people: what is wrong and what to do
   * @param {Record<string, unknown>} [details] for the extension's own use, never sent to pages
   */
  constructor(code, message, details = {}) {
    super(message);
    this.name = 'Fault';
    this.code = code;
    this.details = details;
  }
}

/**
 * Whatever was thrown, as a Fault; what is not one is a fault of our own.
 * @param {unknown} thrown
 * @returns {Fault}
 */
export function asFault(thrown) {
  if (thrown instanceof Fault) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new Fault('internal', `Tokenbridge's extension failed: ${text}`);
}

/**
 * The Fault for a JSON-RPC error object from the host.
 * @param {any} error
 * @returns {Fault}
 */
export function faultFromHost(error) {
  const reason = error?.data?.reason;
  const message = typeof error?.message === 'string' ? error.message : '';
  if (HOST_WORDS.includes(reason)) return new Fault(reason, message || reason);
  return new Fault('internal', `Tokenbridge's program reported an error without a known word. ${message}`.trim());
}
