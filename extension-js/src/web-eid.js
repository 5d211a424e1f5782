// SPDX-License-Identifier: Apache-2.0
// Pages that use the Web eID library: their page messages as requests of ours, and our results and
// failures in their words. Pure functions; inputs come from the page (requests) and from the host.
import {TIMEOUT_MAX_MS, TIMEOUT_MIN_MS} from './requests.js';

/** @type {Readonly<Record<string, string>>} */
const ACTIONS = Object.freeze({
  'web-eid:status': 'status',
  'web-eid:authenticate': 'authenticate',
  'web-eid:get-signing-certificate': 'getSigningCertificate',
  'web-eid:sign': 'sign',
});

/**
 * Our words in theirs, with the class names that their library knows. A word that has no
 * counterpart becomes NATIVE_FATAL when the program or the token failed, UNKNOWN_ERROR when the
 * extension refused; nothing but the user's own cancel is USER_CANCELLED.
 * @type {Readonly<Record<string, [code: string, name: string]>>}
 */
const CODES = Object.freeze({
  user_cancelled: ['ERR_WEBEID_USER_CANCELLED', 'UserCancelledError'],
  user_timeout: ['ERR_WEBEID_USER_TIMEOUT', 'UserTimeoutError'],
  host_unavailable: ['ERR_WEBEID_NATIVE_UNAVAILABLE', 'NativeUnavailableError'],
  version_mismatch: ['ERR_WEBEID_VERSION_MISMATCH', 'VersionMismatchError'],
  insecure_context: ['ERR_WEBEID_CONTEXT_INSECURE', 'ContextInsecureError'],
  invalid_request: ['ERR_WEBEID_NATIVE_INVALID_ARGUMENT', 'NativeInvalidArgumentError'],
  origin_refused: ['ERR_WEBEID_UNKNOWN_ERROR', 'UnknownError'],
  gesture_required: ['ERR_WEBEID_UNKNOWN_ERROR', 'UnknownError'],
  aborted: ['ERR_WEBEID_UNKNOWN_ERROR', 'UnknownError'],
});
const OTHERWISE = Object.freeze(['ERR_WEBEID_NATIVE_FATAL', 'NativeFatalError']);

/**
 * @param {string} action
 * @returns {string|undefined}
 */
export function methodFor(action) {
  return Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
}

/**
 * @param {string} method
 * @param {Record<string, any>} data the page's message
 * @returns {Record<string, unknown>}
 */
export function paramsFor(method, data) {
  if (method === 'status') return {};
  /** @type {Record<string, unknown>} */
  const params = {};
  if (method === 'authenticate') params.nonce = data.challengeNonce;
  if (method === 'sign') {
    params.certificate = data.certificate;
    params.hash = data.hash;
    params.hashFunction = data.hashFunction;
  }
  const {lang, userInteractionTimeout} = data.options ?? {};
  if (typeof lang === 'string' && lang) params.lang = lang;
  // Their library sets no bounds; ours are wide enough for a person.
  if (typeof userInteractionTimeout === 'number' && userInteractionTimeout > 0) {
    params.timeout = Math.round(Math.min(Math.max(userInteractionTimeout, TIMEOUT_MIN_MS), TIMEOUT_MAX_MS));
  }
  return params;
}

/**
 * The members of the `-success` message.
 * @param {string} method
 * @param {any} result
 * @param {Record<string, any>} data
 * @param {string} extension this extension's version
 * @returns {object}
 */
export function bodyFor(method, result, data, extension) {
  switch (method) {
    case 'status':
      return {library: data.libraryVersion, extension, nativeApp: result.host};
    case 'getSigningCertificate':
      return {certificate: result.certificate, supportedSignatureAlgorithms: result.supportedSignatureAlgorithms};
    case 'sign':
      return {signature: result.signature, signatureAlgorithm: result.signatureAlgorithm};
    default:
      return result;
  }
}

/**
 * The `error` of the `-failure` message. Our own word goes along for pages that know it.
 * @param {import('./fault.js').Fault} fault
 * @param {Record<string, any>} data
 * @param {string} extension
 * @returns {object}
 */
export function errorFor(fault, data, extension) {
  const [code, name] = CODES[fault.code] ?? OTHERWISE;
  const error = {code, name, message: fault.message, tokenbridge: fault.code};
  if (fault.code !== 'version_mismatch') return error;
  return {
    ...error,
    library: data.libraryVersion,
    extension,
    nativeApp: fault.details.version,
    requiresUpdate: {extension: fault.details.update === 'extension', nativeApp: fault.details.update === 'host'},
  };
}
