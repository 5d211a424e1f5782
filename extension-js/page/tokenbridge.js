// SPDX-License-Identifier: Apache-2.0
// The page's library: asks the Tokenbridge extension to sign the user in with the certificate on a
// hardware token. An ES module without dependencies; types are in tokenbridge.d.ts. Messages are
// believed only when they come from this window, this origin, and carry the id of an open request;
// the token in them is for the server to verify. One thread, the page's.

/** This library's version. */
export const VERSION = '0.1.0';

/** How long the extension may take to acknowledge, once the document is parsed. */
const ACKNOWLEDGE_MS = 1_000;
/** The longest that a user may have, for a page that leaves it to the program's configuration. */
const TIMEOUT_MAX_MS = 600_000;
/**
 * Beyond the user's time, so that nothing hangs even when the extension is removed meanwhile; the extension
 * knows the program's deadlines, and is the first to give up.
 */
const MARGIN_MS = 1_020_000;
const PLAIN_MS = 15_000;
const LIST_MAX = 32;
const HASH_LENGTHS = {'SHA-256': 32, 'SHA-384': 48, 'SHA-512': 64};

/** Every value of TokenbridgeError.code. */
export const ERROR_CODES = Object.freeze([
  'user_cancelled', 'user_timeout', 'token_missing', 'token_removed', 'no_certificate', 'pin_blocked',
  'pin_incorrect', 'pin_pad_failed', 'pin_invalid', 'puk_incorrect', 'puk_blocked', 'module_failed',
  'module_timeout', 'origin_refused', 'busy', 'aborted',
  'invalid_request', 'unsupported', 'internal', 'extension_unavailable', 'host_unavailable',
  'version_mismatch', 'insecure_context', 'gesture_required',
]);

/** A failure; `code` is a stable word, `message` is for people. */
export class TokenbridgeError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = 'TokenbridgeError';
    this.code = code;
  }
}

/** @param {string} what */
const invalid = what => new TokenbridgeError('invalid_request', what);

/** @param {unknown} value */
const isBase64 = value => typeof value === 'string' && value.length > 0 && value.length % 4 === 0 &&
  /^[A-Za-z0-9+/]+={0,2}$/.test(value);

/**
 * Checks of options, by name; each returns what is wrong, or nothing.
 * @type {Record<string, (value: any) => string|false>}
 */
const CHECKS = {
  lang: value => !(typeof value === 'string' && value.length <= 64 && /^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$/.test(value)) &&
    'is not a language tag such as "en"',
  issuers: value => !(Array.isArray(value) && value.length <= LIST_MAX && value.every(isBase64)) &&
    `is not a list of up to ${LIST_MAX} base64 DER names`,
  policies: value => !(Array.isArray(value) && value.length <= LIST_MAX &&
    value.every(oid => typeof oid === 'string' && /^[0-2](\.(0|[1-9]\d*))+$/.test(oid))) &&
    `is not a list of up to ${LIST_MAX} dotted object identifiers`,
  chain: value => typeof value !== 'boolean' && 'is neither true nor false',
  timeout: value => !(Number.isInteger(value) && value >= 1_000 && value <= 600_000) &&
    'is not a whole number of milliseconds from 1000 to 600000',
  signal: value => !(value instanceof AbortSignal) && 'is not an AbortSignal',
};

/**
 * The options that go to the extension; throws invalid_request for a wrong or unknown one.
 * @param {any} options
 * @param {string[]} names
 * @returns {Record<string, any>}
 */
function checkOptions(options, names) {
  if (typeof options !== 'object' || options === null) throw invalid('The options are not an object.');
  /** @type {Record<string, any>} */
  const params = {};
  for (const [name, value] of Object.entries(options)) {
    if (name !== 'signal' && !names.includes(name)) throw invalid(`There is no option "${name}" here.`);
    if (value === undefined) continue;
    const wrong = CHECKS[name](value);
    if (wrong) throw invalid(`The option "${name}" ${wrong}.`);
    if (name !== 'signal') params[name] = value;
  }
  return params;
}

/** @returns {Promise<void>} when the document has been parsed */
function documentReady() {
  if (document.readyState !== 'loading') return Promise.resolve();
  return new Promise(resolve => document.addEventListener('DOMContentLoaded', () => resolve(), {once: true}));
}

/**
 * Sends one request and waits for its answer.
 * @param {string} method
 * @param {Record<string, any>} params
 * @param {AbortSignal|undefined} signal
 * @param {number} patience
 * @returns {Promise<any>}
 */
async function request(method, params, signal, patience) {
  signal?.throwIfAborted();
  if (typeof window === 'undefined' || typeof document === 'undefined') {
    throw new TokenbridgeError('extension_unavailable', 'Tokenbridge works in a page\'s window only, not in a worker or on a server.');
  }
  if (!window.isSecureContext) {
    throw new TokenbridgeError('insecure_context', 'Tokenbridge works on https pages (and http://localhost) only, also in all frames above.');
  }
  const {origin} = window;
  if (origin === 'null') {
    throw new TokenbridgeError('origin_refused', 'A sandboxed frame or a page without an origin cannot use Tokenbridge.');
  }
  const id = crypto.randomUUID();
  const post = (/** @type {string} */ messageId, /** @type {string} */ name, /** @type {object} */ content) =>
    window.postMessage({tokenbridge: 'request', id: messageId, method: name, params: content}, origin);

  return new Promise((resolve, reject) => {
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    let timer;
    let acknowledged = false;
    let over = false;

    const finish = () => {
      over = true;
      clearTimeout(timer);
      window.removeEventListener('message', receive);
      signal?.removeEventListener('abort', abort);
    };
    const fail = (/** @type {unknown} */ reason) => {
      finish();
      reject(reason);
    };
    const abort = () => {
      post(crypto.randomUUID(), 'cancel', {id});
      fail(signal?.reason);
    };
    const receive = (/** @type {MessageEvent} */ event) => {
      const {data} = event;
      if (event.source !== window || event.origin !== origin || typeof data !== 'object' || data === null || data.id !== id) return;
      if (data.tokenbridge === 'acknowledged' && !acknowledged) {
        acknowledged = true;
        clearTimeout(timer);
        timer = setTimeout(() => fail(new TokenbridgeError('extension_unavailable',
          'The Tokenbridge extension stopped answering. Reload the page and try again.')), patience);
      } else if (data.tokenbridge === 'response') {
        if (typeof data.error === 'object' && data.error !== null) {
          const code = ERROR_CODES.includes(data.error.code) ? data.error.code : 'internal';
          fail(new TokenbridgeError(code, String(data.error.message ?? code)));
        } else {
          finish();
          resolve(data.result);
        }
      }
    };

    window.addEventListener('message', receive);
    signal?.addEventListener('abort', abort, {once: true});
    post(id, method, params);
    documentReady().then(() => {
      if (acknowledged || over) return;
      timer = setTimeout(() => fail(new TokenbridgeError('extension_unavailable',
        'The Tokenbridge extension does not answer: it is not installed, is switched off for this site, or was installed after this page was loaded (then reload the page).')),
      ACKNOWLEDGE_MS);
    });
  });
}

/**
 * @param {string} method
 * @param {Record<string, any>} params
 * @param {AbortSignal|undefined} signal
 */
const withDialog = (method, params, signal) =>
  request(method, params, signal, (params.timeout ?? TIMEOUT_MAX_MS) + MARGIN_MS);

/**
 * Tells whether everything is in place, without disturbing the user.
 * @param {import('./tokenbridge.js').StatusOptions} [options]
 */
export async function status(options = {}) {
  checkOptions(options, []);
  const {extension, host, protocol} = await request('status', {}, options.signal, PLAIN_MS);
  return {library: VERSION, extension, host, protocol};
}

/**
 * Signs the user in: resolves with the authentication token that the server verifies.
 * @param {string} nonce
 * @param {import('./tokenbridge.js').AuthenticateOptions} [options]
 */
export async function authenticate(nonce, options = {}) {
  if (!isBase64(nonce) || nonce.length < 44 || nonce.length > 128) {
    throw invalid('The nonce is not 44 to 128 characters of standard base64 with padding (32 random bytes make 44).');
  }
  const params = checkOptions(options, ['lang', 'issuers', 'policies', 'chain', 'timeout']);
  return withDialog('authenticate', {nonce, ...params}, options.signal);
}

/**
 * Lets the user choose a certificate for signing documents.
 * @param {import('./tokenbridge.js').CertificateOptions} [options]
 */
export async function getSigningCertificate(options = {}) {
  const params = checkOptions(options, ['lang', 'issuers', 'policies', 'timeout']);
  return withDialog('getSigningCertificate', params, options.signal);
}

/**
 * Signs the digest of a document with a certificate from getSigningCertificate().
 * @param {string} certificate
 * @param {string} hash
 * @param {import('./tokenbridge.js').HashFunction} hashFunction
 * @param {import('./tokenbridge.js').SignOptions} [options]
 */
export async function sign(certificate, hash, hashFunction, options = {}) {
  if (!isBase64(certificate)) throw invalid('The certificate is not base64 of its DER form.');
  if (!Object.hasOwn(HASH_LENGTHS, hashFunction)) {
    throw invalid(`The hash function is not one of ${Object.keys(HASH_LENGTHS).join(', ')}.`);
  }
  const length = HASH_LENGTHS[hashFunction];
  if (!isBase64(hash) || atob(hash).length !== length) {
    throw invalid(`The hash is not base64 of the ${length} bytes of a ${hashFunction} digest.`);
  }
  const params = checkOptions(options, ['lang', 'timeout']);
  return withDialog('sign', {certificate, hash, hashFunction, ...params}, options.signal);
}
