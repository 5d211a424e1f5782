// SPDX-License-Identifier: Apache-2.0
// In every page and frame, in a world of its own: passes on requests that a page posts to its own
// window, and posts the answers back. It does nothing until a page asks. What the page sends is
// untrusted: shape and source are checked here, everything else in the background, which learns
// from the browser who asks. One thread, the page's.
(() => {
  'use strict';
  const METHODS = ['status', 'authenticate', 'getSigningCertificate', 'sign', 'cancel'];
  const ACTIONS = ['web-eid:status', 'web-eid:authenticate', 'web-eid:get-signing-certificate', 'web-eid:sign'];
  const SIGNING = ['sign', 'web-eid:sign'];
  const PLAIN = ['status', 'web-eid:status'];
  const TEXT_MAX = 64 * 1024;
  /** A page may fetch its nonce between the click and the request. */
  const GESTURE_MS = 10_000;
  /** After an act in the native dialog, one signature may follow without another click on the page. */
  const ACT_MS = 60_000;
  /** Web eID's own extension, where there is one, acknowledges well within this time. */
  const FOREIGN_MS = 150;

  /** Open requests: key to what makes the page's failure message. @type {Map<string, (code: string, message: string) => object>} */
  const open = new Map();
  /** @type {chrome.runtime.Port|null} */
  let port = null;
  let seenActive = -Infinity;
  let seenAct = -Infinity;
  let ownAcks = 0;
  let foreign = false;
  let actions = 0;

  /** @param {any} message */
  function post(message) {
    if (typeof message.action === 'string' && message.action.endsWith('-ack')) ownAcks++;
    // An opaque origin cannot be named as a target; such frames get refusals only.
    window.postMessage(message, window.origin === 'null' ? '*' : window.origin);
  }

  /**
   * Whether the user acted on the page just now. A gesture opens one dialog: it is used up.
   * @param {string} method
   */
  function takeGesture(method) {
    const now = performance.now();
    if (navigator.userActivation?.isActive) seenActive = now;
    if (PLAIN.includes(method)) return false;
    const gesture = now - seenActive < GESTURE_MS || (SIGNING.includes(method) && now - seenAct < ACT_MS);
    seenActive = seenAct = -Infinity;
    return gesture;
  }

  function letGo() {
    window.removeEventListener('pagehide', gone);
    const old = port;
    port = null;
    old?.disconnect();
  }

  /** The page is left: the request ends with it, also when the page is kept for the back button. */
  function gone() {
    letGo();
    failAll('aborted', 'The page was left.');
  }

  /**
   * @param {string} code
   * @param {string} message
   */
  function failAll(code, message) {
    const failures = [...open.values()];
    open.clear();
    for (const failure of failures) post(failure(code, message));
  }

  function connect() {
    const made = chrome.runtime.connect({name: 'page'});
    made.onMessage.addListener(answer => {
      if (!open.has(answer.key)) return;
      if (answer.act) seenAct = performance.now();
      if (answer.done) open.delete(answer.key);
      if (answer.post) post(answer.post);
      if (open.size === 0 && port === made) letGo();
    });
    made.onDisconnect.addListener(() => {
      void chrome.runtime.lastError;
      if (port !== made) return;
      letGo();
      failAll('extension_unavailable', 'Tokenbridge\'s extension was stopped or updated. Reload the page and try again.');
    });
    window.addEventListener('pagehide', gone);
    return made;
  }

  /**
   * @param {string} key
   * @param {object} request
   * @param {(code: string, message: string) => object} failure
   */
  function send(key, request, failure) {
    open.set(key, failure);
    try {
      port ??= connect();
      port.postMessage({key, secure: window.isSecureContext, ...request});
    } catch {
      // The extension was updated or removed under this page: connect() throws from now on.
      letGo();
      failAll('extension_unavailable', 'Tokenbridge\'s extension was updated or removed. Reload the page and try again.');
    }
  }

  /** @param {any} data */
  function tokenbridge({id, method, params = {}}) {
    if (typeof id !== 'string' || id.length < 1 || id.length > 64 || !METHODS.includes(method)) return;
    const failure = (/** @type {string} */ code, /** @type {string} */ message) => ({tokenbridge: 'response', id, error: {code, message}});
    post({tokenbridge: 'acknowledged', id});
    let copy;
    try {
      const text = JSON.stringify(params);
      if (text.length > TEXT_MAX) throw new Error(`it is longer than ${TEXT_MAX} characters`);
      copy = JSON.parse(text);
    } catch (error) {
      post(failure('invalid_request', `"params" cannot be passed on: ${error instanceof Error ? error.message : error}.`));
      return;
    }
    if (method === 'cancel') {
      const key = `t:${copy?.id}`;
      const cancelled = port !== null && open.has(key);
      if (cancelled) port?.postMessage({key, kind: 'cancel'});
      post({tokenbridge: 'response', id, result: {cancelled}});
      return;
    }
    if (open.has(`t:${id}`)) {
      post(failure('invalid_request', 'This id belongs to a request that is still open.'));
      return;
    }
    send(`t:${id}`, {kind: 'tokenbridge', id, method, params: copy, gesture: takeGesture(method)}, failure);
  }

  /** @param {any} data */
  function webEid(data) {
    const {action} = data;
    if (action.endsWith('-ack')) {
      // Not one that we posted ourselves: Web eID's own extension is here, and the page is its.
      if (ownAcks > 0) ownAcks--;
      else foreign = true;
      return;
    }
    if (foreign || !ACTIONS.includes(action)) return;
    let copy;
    try {
      copy = JSON.parse(JSON.stringify(data));
    } catch {
      return;
    }
    const gesture = takeGesture(action);
    const key = `w:${++actions}`;
    try {
      // Wakes the background meanwhile: their library waits one second for the acknowledgement.
      port ??= connect();
    } catch {
      // send() meets the same, and tells the page if the page is ours to answer.
    }
    setTimeout(() => {
      if (foreign) {
        if (open.size === 0) letGo();
        return;
      }
      send(key, {kind: 'web-eid', method: action, params: copy, gesture}, (code, message) => ({
        action: `${action}-failure`,
        error: {code: 'ERR_WEBEID_UNKNOWN_ERROR', name: 'UnknownError', message, tokenbridge: code},
      }));
    }, FOREIGN_MS);
  }

  window.addEventListener('message', event => {
    const {data} = event;
    if (event.source !== window || typeof data !== 'object' || data === null) return;
    if (data.tokenbridge === 'request') tokenbridge(data);
    else if (typeof data.action === 'string' && data.action.startsWith('web-eid:')) webEid(data);
  });
})();
