// SPDX-License-Identifier: Apache-2.0
// The native program at the other end of one port: opened on demand, checked for its protocol
// version once, shared by all requests, let go when idle. What it says is checked for shape; its
// words are mapped by fault.js. Everything runs on the background's one thread.
import {Fault, faultFromHost} from './fault.js';
import {limitsFrom} from './requests.js';

export const HOST_NAME = 'tokenbridge';
export const PROTOCOL = 1;
/** The host refuses longer requests (docs/protocol.md, section 3). */
export const REQUEST_MAX_BYTES = 64 * 1024;
/** How long an unused host is kept: long enough for a page's next step, short enough to be no burden. */
export const IDLE_MS = 20_000;
/** Time for requests that wait for no person. */
export const PLAIN_MS = 10_000;

/**
 * @typedef {{name?: string, version: string, protocol: number, methods: string[], prompt?: string,
 *   modules?: {name: string, path: string, source?: string}[], limits?: unknown}} HostStatus
 * @typedef {{resolve: (result: any) => void, reject: (fault: Fault) => void, timer: ReturnType<typeof setTimeout>}} Waiting
 */

/**
 * Why a native port was closed, from the browsers' texts.
 * @param {string} text
 * @param {boolean} answered whether the host had said anything on this port
 */
export function explainDisconnect(text, answered) {
  if (/forbidden/i.test(text)) {
    return new Fault('host_unavailable',
      'The browser knows Tokenbridge\'s program, but its manifest does not allow this extension. Run "tokenbridge install" again.',
      {hint: 'forbidden'});
  }
  if (/not found|No such native application/i.test(text)) {
    return new Fault('host_unavailable',
      'Tokenbridge\'s program is not installed for this browser. Install the package "tokenbridge", or run "tokenbridge install".',
      {hint: 'missing'});
  }
  if (/communicating|limit|exceeds/i.test(text)) {
    return new Fault('host_unavailable', 'Tokenbridge\'s program sent an answer that the browser refused.', {hint: 'garbled'});
  }
  return answered
    ? new Fault('host_unavailable', 'Tokenbridge\'s program ended before it had answered.', {hint: 'exited'})
    : new Fault('host_unavailable',
      'Tokenbridge\'s program ended as soon as it was started. Start it in a terminal, or run "tokenbridge status", to see why.',
      {hint: 'exited'});
}

export class Host {
  /** @param {typeof chrome} api */
  constructor(api) {
    this.api = api;
    /** @type {chrome.runtime.Port|null} */
    this.port = null;
    /** @type {Promise<HostStatus>|null} the first status of this port: the version check */
    this.greeting = null;
    /** @type {Map<string, Waiting>} */
    this.waiting = new Map();
    this.next = 0;
    this.answered = false;
    /** Calls under way, also those that are not sent yet. */
    this.calls = 0;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.idleTimer = undefined;
  }

  /**
   * Asks the host. Rejects with a Fault only.
   * @param {string} method
   * @param {Record<string, unknown>|undefined} params
   * @param {{signal?: AbortSignal, patience?: (limits: import('./requests.js').Limits) => number}} [options]
   *   patience: ms after which the host counts as stuck, from the limits that it has
   * @returns {Promise<any>}
   */
  async call(method, params, {signal, patience = () => PLAIN_MS} = {}) {
    this.calls++;
    clearTimeout(this.idleTimer);
    try {
      const fresh = !this.greeting;
      const status = await this.greet();
      if (signal?.aborted) throw new Fault('aborted', 'The request was taken back before the dialog opened.');
      // The greeting was made for this call: asking again would tell the same.
      if (method === 'status' && fresh) return status;
      return await this.send(method, params, patience(limitsFrom(status)), signal);
    } finally {
      this.calls--;
      if (this.calls === 0 && this.port) this.idleTimer = setTimeout(() => this.close(), IDLE_MS);
    }
  }

  /** Opens the port when there is none, and makes sure that both sides speak the same protocol. */
  greet() {
    if (!this.greeting) {
      const greeting = this.open();
      this.greeting = greeting;
      // A failed start must not be remembered: the next request tries again.
      greeting.catch(() => { if (this.greeting === greeting) this.greeting = null; });
    }
    return this.greeting;
  }

  connect() {
    try {
      return this.api.runtime.connectNative(HOST_NAME);
    } catch (error) {
      throw explainDisconnect(error instanceof Error ? error.message : String(error), false);
    }
  }

  /** @returns {Promise<HostStatus>} */
  async open() {
    const port = this.connect();
    this.port = port;
    this.answered = false;
    port.onMessage.addListener(message => { if (this.port === port) this.receive(message); });
    port.onDisconnect.addListener(() => {
      // Chromium tells by lastError (and complains when nobody reads it), Firefox by the port.
      const text = this.api.runtime.lastError?.message ?? /** @type {any} */ (port).error?.message ?? '';
      if (this.port === port) this.drop(explainDisconnect(text, this.answered));
    });
    try {
      const status = await this.send('status', undefined, PLAIN_MS);
      if (typeof status?.version !== 'string' || !Number.isInteger(status.protocol)) {
        throw new Fault('host_unavailable', 'What answers under the name of Tokenbridge\'s program is something else.', {hint: 'garbled'});
      }
      if (status.protocol !== PROTOCOL) {
        throw new Fault('version_mismatch',
          `Tokenbridge's program ${status.version} speaks protocol ${status.protocol}, this extension speaks ${PROTOCOL}. ` +
          `Update the ${status.protocol < PROTOCOL ? 'program' : 'extension'}.`,
          {update: status.protocol < PROTOCOL ? 'host' : 'extension', version: status.version});
      }
      return status;
    } catch (fault) {
      if (this.port === port) this.close();
      throw fault;
    }
  }

  /**
   * @param {string} method
   * @param {Record<string, unknown>|undefined} params
   * @param {number} patience
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>}
   */
  send(method, params, patience, signal) {
    const id = `b${++this.next}`;
    const message = params === undefined ? {jsonrpc: '2.0', id, method} : {jsonrpc: '2.0', id, method, params};
    if (new TextEncoder().encode(JSON.stringify(message)).length > REQUEST_MAX_BYTES) {
      return Promise.reject(new Fault('invalid_request', `The request is longer than ${REQUEST_MAX_BYTES} bytes.`));
    }
    return new Promise((resolve, reject) => {
      // A host that does not even time out by itself is stuck: ending it is the only thing that helps.
      const timer = setTimeout(() => {
        this.close(new Fault('host_unavailable', 'Tokenbridge\'s program did not answer in time and was ended.', {hint: 'stuck'}));
      }, patience);
      this.waiting.set(id, {resolve, reject, timer});
      signal?.addEventListener('abort', () => {
        // The host answers the request itself with "aborted"; the answer to "cancel" tells nothing more.
        if (this.waiting.has(id)) this.send('cancel', {id}, PLAIN_MS).catch(() => {});
      }, {once: true});
      try {
        if (!this.port) throw new Error('the port is closed');
        this.port.postMessage(message);
      } catch (error) {
        this.close(new Fault('host_unavailable',
          `The request could not be handed to Tokenbridge's program: ${error instanceof Error ? error.message : error}`, {hint: 'exited'}));
      }
    });
  }

  /** @param {any} message */
  receive(message) {
    this.answered = true;
    const id = message?.id;
    if (message?.jsonrpc !== '2.0' || typeof id !== 'string' || ('result' in message) === ('error' in message)) {
      if (id === null && message.error) {
        // The host could not tell which request this is about: all of them may be.
        this.close(faultFromHost(message.error));
        return;
      }
      this.close(new Fault('host_unavailable', 'Tokenbridge\'s program sent an answer that is not JSON-RPC.', {hint: 'garbled'}));
      return;
    }
    this.settle(id, waiting => {
      if ('error' in message) waiting.reject(faultFromHost(message.error));
      else waiting.resolve(message.result);
    });
  }

  /**
   * @param {string} id
   * @param {(waiting: Waiting) => void} how
   */
  settle(id, how) {
    const waiting = this.waiting.get(id);
    if (!waiting) return;
    this.waiting.delete(id);
    clearTimeout(waiting.timer);
    how(waiting);
  }

  /**
   * Lets the host go; it ends by itself at the end of its input.
   * @param {Fault} [fault] for requests that are still open
   */
  close(fault = new Fault('host_unavailable', 'Tokenbridge\'s program was let go.', {hint: 'exited'})) {
    const port = this.port;
    this.drop(fault);
    port?.disconnect();
  }

  /**
   * Forgets the port and fails what waited for it.
   * @param {Fault} fault
   */
  drop(fault) {
    clearTimeout(this.idleTimer);
    this.port = null;
    this.greeting = null;
    for (const id of [...this.waiting.keys()]) this.settle(id, waiting => waiting.reject(fault));
  }
}
