// SPDX-License-Identifier: Apache-2.0
// Stand-ins for what the extension's real files run in: a browser (ports, storage), windows
// (messages), and a native program at the end of a native port. The extension's files themselves
// are loaded as they are shipped. Messages are copied as JSON and arrive later, as in Chromium.
import fs from 'node:fs';
import {afterEach, beforeEach, mock} from 'node:test';
import {Bridge} from '../../extension-js/src/bridge.js';

const root = new URL('../../extension-js/', import.meta.url);
const contentSource = fs.readFileSync(new URL('content.js', root), 'utf8');
const librarySource = fs.readFileSync(new URL('page/tokenbridge.js', root), 'utf8');

export const EXTENSION_ID = 'ccefchpnjpglhijhmdpndlfcgnhjebni';
/** The popup as a sender. */
export const POPUP = Object.freeze({id: EXTENSION_ID, url: `chrome-extension://${EXTENSION_ID}/popup/popup.html`, origin: `chrome-extension://${EXTENSION_ID}`});
export const NONCE = `${'A'.repeat(43)}=`;
export const TOKEN = Object.freeze({
  unverifiedCertificate: 'MIIB', algorithm: 'ES256', signature: 'c2ln', format: 'web-eid:1.0',
  appVersion: 'https://tokenbridge.invalid/releases/0.1.0', unverifiedIntermediateCertificates: ['MIIC'],
});

const copy = value => JSON.parse(JSON.stringify(value));

/** Lets everything that is under way arrive (setImmediate is never mocked here). */
export async function settle(rounds = 12) {
  for (let i = 0; i < rounds; i++) await new Promise(resolve => setImmediate(resolve));
}

class Event {
  listeners = new Set();
  addListener(listener) { this.listeners.add(listener); }
  removeListener(listener) { this.listeners.delete(listener); }
  emit(...args) { for (const listener of [...this.listeners]) listener(...args); }
}

/** Timers and the clock of every test of a file move only by mock.timers.tick(). */
export function holdTime() {
  beforeEach(() => {
    mock.timers.reset(); // a subtest runs its hooks inside those of its parent
    mock.timers.enable({apis: ['setTimeout', 'Date'], now: Date.UTC(2026, 0, 1)});
  });
  afterEach(() => mock.timers.reset());
}

/** Lets time pass, and what follows from it happen. */
export async function pass(ms) {
  await settle();
  mock.timers.tick(ms);
  await settle();
}

/** One end of a port; make both with portPair(). */
class Port {
  onMessage = new Event();
  onDisconnect = new Event();
  open = true;
  constructor(name, sender) {
    this.name = name;
    this.sender = sender;
  }
  postMessage(message) {
    if (!this.open) throw new Error('Attempting to use a disconnected port object');
    const sent = copy(message);
    setImmediate(() => { if (this.other.open) this.other.onMessage.emit(sent, this.other); });
  }
  disconnect() {
    if (!this.open) return;
    this.open = false;
    setImmediate(() => this.other.closed());
  }
  closed() {
    if (!this.open) return;
    this.open = false;
    this.onDisconnect.emit(this);
  }
}

function portPair(name, sender) {
  const near = new Port(name);
  const far = new Port(name, sender);
  near.other = far;
  far.other = near;
  return [near, far];
}

/**
 * A native program. `answers` maps a method to a function of (params, request, program); what it
 * returns is the result, what it throws as {reason, message} the error, undefined means no answer yet.
 */
export class Program {
  answers = {
    status: () => ({name: 'tokenbridge', version: '0.1.0', protocol: 1, methods: [], prompt: 'gtk', modules: [{name: 'OpenSC', path: '/usr/lib/opensc.so', source: 'p11-kit'}]}),
    listTokens: () => ({modules: []}),
    changePin: () => ({pin: {state: 'ok', pad: false, min: 4, max: 8}}),
    unblockPin: () => ({pin: {state: 'ok', pad: false, min: 4, max: 8}}),
    authenticate: () => TOKEN,
    getSigningCertificate: () => ({certificate: 'MIID', supportedSignatureAlgorithms: [{cryptoAlgorithm: 'ECC', hashFunction: 'SHA-256', paddingScheme: 'NONE'}], intermediates: ['MIIC']}),
    sign: () => ({signature: 'c2ln', signatureAlgorithm: {cryptoAlgorithm: 'ECC', hashFunction: 'SHA-256', paddingScheme: 'NONE'}}),
    cancel: ({id}) => {
      const cancelled = this.pending.has(id);
      if (cancelled) this.fail(id, 'aborted', 'taken back');
      return {cancelled};
    },
  };
  requests = [];
  pending = new Map();
  starts = 0;
  ends = 0;

  started(port) {
    this.starts++;
    this.port = port;
    port.onDisconnect.addListener(() => { this.ends++; });
    port.onMessage.addListener(request => {
      this.requests.push(request);
      this.pending.set(request.id, request);
      try {
        const result = this.answers[request.method](request.params, request, this);
        if (result !== undefined) this.reply(request.id, result);
      } catch (error) {
        if (!error.reason) throw error;
        this.fail(request.id, error.reason, error.message);
      }
    });
  }
  say(message) { if (this.port.open) this.port.postMessage(message); }
  reply(id, result) {
    this.pending.delete(id);
    this.say({jsonrpc: '2.0', id, result});
  }
  fail(id, reason, message) {
    this.pending.delete(id);
    this.say({jsonrpc: '2.0', id, error: {code: -32000, message, data: {reason}}});
  }
  /** Ends by itself, with the text that the browser gives. */
  exit(text = 'Native host has exited.') {
    const {other} = this.port;
    this.port.open = false;
    this.lastError = text;
    other.closed();
  }
  /** The requests that a dialog would open for. */
  get dialogs() { return this.requests.filter(({method}) => !['status', 'listTokens', 'cancel'].includes(method)); }
  named(method) { return this.requests.filter(request => request.method === method); }
}

/** Throws what Program takes for an error answer. */
export function refuse(reason, message = reason) {
  throw Object.assign(new Error(message), {reason});
}

/** A window as seen by a page and by the content script in it. */
class Window extends EventTarget {
  constructor(origin, secure) {
    super();
    this.origin = origin;
    this.isSecureContext = secure;
    this.posted = [];
    this.targets = new Set();
  }
  postMessage(data, target) {
    const sent = structuredClone(data);
    this.posted.push(sent);
    this.targets.add(target);
    if (target !== '*' && target !== this.origin) return;
    setImmediate(() => this.deliver(sent));
  }
  /** Hands in a message, by default one that this window posted to itself. */
  deliver(data, {source = this, origin = this.origin} = {}) {
    this.dispatchEvent(Object.assign(new globalThis.Event('message'), {data, source, origin}));
  }
}

/** A document with the real content script, and the real page library. */
export class Page {
  now = 1_000_000;
  active = true;
  constructor(browser, {origin = 'https://site.example', frameId = 0, tabUrl = `${origin}/sign-in`, secure = true, extension = true, readyState = 'complete'} = {}) {
    this.browser = browser;
    this.window = new Window(origin, secure);
    this.document = Object.assign(new EventTarget(), {readyState});
    this.sender = {id: EXTENSION_ID, origin, url: `${origin}/sign-in`, frameId, tab: {id: 7, url: tabUrl}};
    const page = this;
    const chrome = {
      runtime: {
        lastError: undefined,
        connect({name}) {
          if (page.orphaned) throw new Error('Extension context invalidated.');
          const [near, far] = portPair(name, page.sender);
          page.port = near;
          setImmediate(() => browser.api.runtime.onConnect.emit(far));
          return near;
        },
      },
    };
    if (extension) {
      new Function('window', 'chrome', 'navigator', 'performance', `${contentSource}\n//# sourceURL=content.js`)(
        this.window, chrome, {userActivation: {get isActive() { return page.active; }}}, {now: () => page.now});
    }
    const exported = ['status', 'authenticate', 'getSigningCertificate', 'sign', 'TokenbridgeError', 'ERROR_CODES', 'VERSION'];
    this.library = new Function('window', 'document', `${librarySource.replace(/^export /gm, '')}\nreturn {${exported}};\n//# sourceURL=tokenbridge.js`)(
      this.window, this.document);
  }
  /** Messages to the page that have this member. */
  seen(member) { return this.window.posted.filter(message => message[member] !== undefined); }
  answers(id) { return this.window.posted.filter(message => message.tokenbridge === 'response' && message.id === id); }
  ask(id, method, params) { this.window.postMessage({tokenbridge: 'request', id, method, params}, this.window.origin); }
  leave() { this.window.dispatchEvent(new globalThis.Event('pagehide')); }
  /** The tab is closed: no event of the page's, the port just goes. */
  close() { this.port?.disconnect(); }
}

export class Browser {
  managed = {};
  session = {};
  /** Text of a failing start, or null. */
  missing = null;
  constructor({firefox = false} = {}) {
    const browser = this;
    this.firefox = firefox;
    this.program = new Program();
    this.api = {
      runtime: {
        id: EXTENSION_ID,
        lastError: undefined,
        onConnect: new Event(),
        getManifest: () => ({version: '0.1.0'}),
        getURL: path => `chrome-extension://${EXTENSION_ID}/${path}`,
        connectNative: name => browser.connectNative(name),
      },
      storage: {
        onChanged: new Event(),
        managed: {
          async get() {
            if (browser.managed === null) throw new Error('Managed storage manifest not found');
            return copy(browser.managed);
          },
        },
        session: {
          async get(key) {
            await settle(1); // as far away as in a browser: others get in between
            return browser.session[key] === undefined ? {} : {[key]: copy(browser.session[key])};
          },
          async set(values) {
            await settle(1);
            Object.assign(browser.session, copy(values));
          },
        },
      },
    };
    this.startBackground();
  }

  /** The worker starts (again): nothing in globals survives. */
  startBackground() {
    this.api.runtime.onConnect = new Event();
    this.bridge = new Bridge(this.api);
    this.bridge.listen();
  }

  connectNative(name) {
    this.nativeName = name;
    const [near, far] = portPair(name);
    const {closed} = near;
    const text = () => this.missing ?? this.program.lastError ?? 'Native host has exited.';
    near.closed = () => {
      if (this.firefox) near.error = {message: text()};
      else this.api.runtime.lastError = {message: text()};
      closed.call(near);
      this.api.runtime.lastError = undefined;
    };
    if (this.missing !== null) setImmediate(() => near.closed());
    else this.program.started(far);
    return near;
  }

  setPolicy(managed) {
    this.managed = managed;
    this.api.storage.onChanged.emit({}, 'managed');
  }

  /** Connects as an extension page does. */
  connectAs(name, sender) {
    const [near, far] = portPair(name, sender);
    near.messages = [];
    near.gone = false;
    near.onMessage.addListener(message => near.messages.push(message));
    near.onDisconnect.addListener(() => { near.gone = true; });
    this.api.runtime.onConnect.emit(far);
    return near;
  }
}

/** What a promise came to, in one object. */
export async function outcome(promise) {
  try {
    return {result: await promise};
  } catch (error) {
    return {code: error.code, message: error.message, error};
  }
}
