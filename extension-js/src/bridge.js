// SPDX-License-Identifier: Apache-2.0
// The background: takes requests from content scripts and from the extension's own popup, decides
// whether they may pass, and hands them to the host. A content script is believed in two things
// only, which a page cannot forge (it runs in a world of its own): whether the context is secure and
// whether the user just acted. Who asks comes from the browser.
import {callerFrom, isOwnPage} from './caller.js';
import {Cancels} from './cancels.js';
import {Fault, asFault} from './fault.js';
import {Host} from './host.js';
import {PIN_METHODS, PinCare} from './pin-care.js';
import {PolicyStore, checkOrigin} from './policy.js';
import {PAGE_METHODS, hostParams, isObject, listPatience, patienceFor} from './requests.js';
import * as webEid from './web-eid.js';

/** Names of the ports: content.js and popup.js use the same. */
export const PAGE_PORT = 'page';
export const POPUP_PORT = 'popup';
/** Open requests of one document; a page has no use for more. */
export const OPEN_MAX = 16;

/**
 * What a content script sends.
 * @typedef {object} PageMessage
 * @property {string} key the content script's name for the request; answers carry it
 * @property {'tokenbridge'|'web-eid'|'cancel'} kind
 * @property {string} [id] the page's id, for answers (tokenbridge)
 * @property {string} [method] (tokenbridge) or the action (web-eid)
 * @property {unknown} [params]
 * @property {boolean} [secure]
 * @property {boolean} [gesture]
 *
 * What it gets: `post`, if there, goes to the page as it is; `done` ends the request; `act` tells
 * that the user has just acted in the dialog.
 * @typedef {{key: string, post?: object, done?: boolean, act?: boolean}} PageAnswer
 */

export class Bridge {
  /** @param {typeof chrome} api */
  constructor(api) {
    this.api = api;
    this.version = api.runtime.getManifest().version;
    this.host = new Host(api);
    this.policy = new PolicyStore(api);
    this.cancels = new Cancels(api);
    this.pinCare = new PinCare(api, this.host);
  }

  listen() {
    this.api.runtime.onConnect.addListener(port => this.connected(port));
  }

  /** @param {chrome.runtime.Port} port */
  connected(port) {
    if (port.name === PAGE_PORT && port.sender?.id === this.api.runtime.id) this.servePage(port);
    else if (port.name === POPUP_PORT && isOwnPage(port.sender, this.api)) this.servePopup(port);
    else port.disconnect();
  }

  /** @param {chrome.runtime.Port} port */
  servePage(port) {
    /** @type {Map<string, AbortController>} */
    const open = new Map();
    port.onMessage.addListener(async message => {
      if (!isObject(message) || typeof message.key !== 'string') return;
      const request = /** @type {PageMessage} */ (/** @type {unknown} */ (message));
      const {key} = request;
      if (request.kind === 'cancel') {
        open.get(key)?.abort();
        return;
      }
      if (open.has(key)) return;
      const abort = new AbortController();
      const crowded = open.size >= OPEN_MAX;
      open.set(key, abort);
      const answer = (/** @type {Omit<PageAnswer, 'key'>} */ what) => {
        // After the page has gone nobody hears: posting would throw.
        if (open.get(key) === abort) port.postMessage({key, ...what});
      };
      const sender = /** @type {chrome.runtime.MessageSender} */ (port.sender);
      const ask = (/** @type {string} */ method, /** @type {unknown} */ params) =>
        this.ask(method, params, sender, request, crowded, abort.signal);
      await (request.kind === 'web-eid' ? this.answerWebEid(request, ask, answer) : this.answerPage(request, ask, answer));
      open.delete(key);
    });
    port.onDisconnect.addListener(() => {
      void this.api.runtime.lastError;
      const gone = [...open.values()];
      open.clear();
      for (const abort of gone) abort.abort();
    });
  }

  /**
   * @param {PageMessage} request
   * @param {(method: string, params: unknown) => Promise<any>} ask
   * @param {(what: Omit<PageAnswer, 'key'>) => void} answer
   */
  async answerPage(request, ask, answer) {
    const head = {tokenbridge: 'response', id: request.id};
    const method = request.method ?? '';
    try {
      const result = await ask(method, request.params);
      answer({post: {...head, result}, done: true, act: PAGE_METHODS[method].dialog});
    } catch (thrown) {
      const {code, message} = asFault(thrown);
      answer({post: {...head, error: {code, message}}, done: true});
    }
  }

  /**
   * @param {PageMessage} request
   * @param {(method: string, params: unknown) => Promise<any>} ask
   * @param {(what: Omit<PageAnswer, 'key'>) => void} answer
   */
  async answerWebEid(request, ask, answer) {
    const action = request.method ?? '';
    const data = isObject(request.params) ? request.params : {};
    const method = webEid.methodFor(action);
    const policy = await this.policy.get().catch(() => null);
    if (!method || policy?.webEid === false) {
      answer({done: true});
      return;
    }
    answer({post: {action: `${action}-ack`}});
    try {
      const result = await ask(method, webEid.paramsFor(method, data));
      const body = webEid.bodyFor(method, result, data, this.version);
      answer({post: {action: `${action}-success`, ...body}, done: true, act: PAGE_METHODS[method].dialog});
    } catch (thrown) {
      answer({post: {action: `${action}-failure`, error: webEid.errorFor(asFault(thrown), data, this.version)}, done: true});
    }
  }

  /**
   * One request of a page, from the checks to the host's result; throws a Fault.
   * @param {string} method
   * @param {unknown} params
   * @param {chrome.runtime.MessageSender} sender
   * @param {PageMessage} request
   * @param {boolean} crowded
   * @param {AbortSignal} signal
   */
  async ask(method, params, sender, request, crowded, signal) {
    if (!Object.hasOwn(PAGE_METHODS, method)) throw new Fault('unsupported', `There is no method "${method.slice(0, 64)}".`);
    if (request.secure !== true) {
      throw new Fault('insecure_context', 'Tokenbridge works on https pages (and http://localhost) only, also in all frames above.');
    }
    const caller = callerFrom(sender);
    const policy = await this.policy.get();
    checkOrigin(policy, caller);
    if (crowded) throw new Fault('busy', `The page has more than ${OPEN_MAX} requests open.`);
    const checked = hostParams(method, params, caller);
    if (!checked) {
      const {version, protocol} = await this.host.call('status', undefined, {signal});
      return {extension: this.version, host: version, protocol};
    }
    if (request.gesture !== true && !policy.gestureExemptOrigins.includes(caller.origin)) {
      throw new Fault('gesture_required', `"${method}" has to follow from a click or key press of the user on the page.`);
    }
    await this.cancels.check(caller.origin);
    try {
      const result = await this.host.call(method, checked, {signal, patience: patienceFor(checked)});
      await this.cancels.succeeded(caller.origin);
      return result;
    } catch (thrown) {
      const fault = asFault(thrown);
      if (fault.code === 'user_cancelled') await this.cancels.cancelled(caller.origin);
      throw fault;
    }
  }

  /**
   * The popup asks for {method, params?}: policy, status, listTokens; changePin and unblockPin, which
   * are only begun by it; and watchPin, which is answered as often as there is something to tell of them.
   * @param {chrome.runtime.Port} port
   */
  servePopup(port) {
    const gone = new AbortController();
    port.onDisconnect.addListener(() => {
      void this.api.runtime.lastError;
      gone.abort();
    });
    port.onMessage.addListener(async message => {
      const {method, params} = message;
      const answer = (/** @type {object} */ what) => { if (!gone.signal.aborted) port.postMessage({method, ...what}); };
      const watch = () => {
        const end = this.pinCare.watch(result => answer({result}));
        gone.signal.addEventListener('abort', end, {once: true});
      };
      try {
        let result;
        if (method === 'status') result = await this.host.call('status', undefined, {signal: gone.signal});
        else if (method === 'listTokens') result = await this.host.call('listTokens', undefined, {signal: gone.signal, patience: listPatience});
        else if (method === 'policy') result = await this.policy.get();
        else if (PIN_METHODS.includes(method)) result = this.pinCare.start(method, params) ?? {};
        else if (method === 'watchPin') return watch();
        else throw new Fault('unsupported', 'The popup asked for something unknown.');
        answer({result});
      } catch (thrown) {
        const {code, message: text, details} = asFault(thrown);
        answer({error: {code, message: text, details}});
      }
    });
  }
}
