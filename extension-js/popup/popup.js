// SPDX-License-Identifier: Apache-2.0
// The popup: asks the background what the host sees and shows it. Everything from tokens is put in
// as text nodes, never as markup, and isolated for its direction.
import {hostProblem, missingToken, moduleState, ownCertificates, pinActions, pinNote, pinTaskNote, pukNote, purposes, validity} from './view.js';

/** @typedef {import('./view.js').Note} Note */

const i18n = chrome.i18n;
/** The language of the texts in use, which may differ from the browser's. */
const language = i18n.getMessage('language') || 'en';
const dates = new Intl.DateTimeFormat(language, {dateStyle: 'medium'});
const numbers = new Intl.NumberFormat(language);
const plurals = new Intl.PluralRules(language);

/**
 * @param {string} key
 * @param {string[]} [values]
 */
const text = (key, values = []) => i18n.getMessage(key, values);

/** @param {string} id */
const byId = id => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * @param {string} tag
 * @param {string} className
 * @param {(Node|string)[]} content
 */
function element(tag, className, ...content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

/** Text from a token, whose direction must not disturb ours. @param {string} value */
function foreign(value) {
  const made = document.createElement('bdi');
  made.textContent = value;
  return made;
}

/** The same within a sentence. @param {string} value */
const isolated = value => `\u2068${value.replace(/[\u202a-\u202e\u2066-\u2069]/g, '')}\u2069`;

/** @param {Note} note */
function sentence({key, count, date}) {
  const values = [];
  if (count !== undefined) values.push(numbers.format(count));
  if (date !== undefined) values.push(dates.format(new Date(date * 1000)));
  return text(count === undefined ? key : `${key}_${plurals.select(count) === 'one' ? 'one' : 'other'}`, values);
}

/**
 * @param {'good'|'warn'|'bad'} tone
 * @param {string} title
 * @param {(Node|string)[]} rest
 */
const notice = (tone, title, ...rest) => element('div', `notice ${tone}`, element('strong', '', title), ...rest);

/** @param {import('./view.js').Certificate} certificate */
function showCertificate(certificate) {
  const note = validity(certificate, Date.now() / 1000);
  const item = element('li', 'certificate',
    element('h4', '', foreign(certificate.name)),
    element('p', 'detail', text('issued_by') + ' ', foreign(certificate.issuer_name)),
    element('p', 'detail', purposes(certificate).map(key => text(key)).join(text('list_separator'))),
    element('span', `badge ${note.tone}`, sentence(note)));
  item.dataset.validity = note.key;
  return item;
}

/** For people. @param {import('./view.js').Token} token */
const tokenName = token => token.label || token.serial || text('token_unnamed');

/**
 * @param {string} module
 * @param {import('./view.js').Token} token
 * @param {number} index makes ids
 */
function showPinButtons(module, token, index) {
  const buttons = pinActions(token).map(({method, key, main}) => {
    const button = /** @type {HTMLButtonElement} */ (element('button', main ? 'main' : '', text(key)));
    button.type = 'button';
    button.setAttribute('aria-describedby', `token-${index}`);
    button.dataset.pin = JSON.stringify([method, module, token.slot, token.serial]);
    button.disabled = pinTaskOpen;
    button.addEventListener('click', () => {
      startedBy = button.dataset.pin ?? '';
      startPinTask(method, module, token);
    });
    return button;
  });
  return buttons.length ? [element('p', 'actions', ...buttons)] : [];
}

/** @param {import('./view.js').Note} note */
const showPinNote = note => element('p', note.tone === 'good' ? 'detail' : `notice ${note.tone}`, text(note.key));

/** @param {{module: string, token: import('./view.js').Token}} of @param {number} index */
function showToken({module, token}, index) {
  const title = element('h3', '', foreign(tokenName(token)));
  title.id = `token-${index}`;
  const card = element('article', 'token', title);
  const details = [token.reader, [token.manufacturer, token.model].filter(Boolean).join(' ')].filter(Boolean);
  for (const detail of new Set(details)) card.append(element('p', 'detail', foreign(detail)));
  if (token.serial) card.append(element('p', 'detail', text('serial') + ' ', foreign(token.serial)));
  if (token.error) card.append(notice('bad', text('token_error'), foreign(token.error.message)));
  for (const note of [pinNote(token.pin), pukNote(token.puk)]) if (note) card.append(showPinNote(note));
  card.append(...showPinButtons(module, token, index));
  const own = ownCertificates(token);
  if (own.length) card.append(element('ul', 'certificates', ...own.map(showCertificate)));
  else if (!token.error) card.append(element('p', 'notice warn', text(token.hidden ? 'certificates_hidden' : 'no_certificates')));
  return card;
}

/** @param {import('./view.js').Module} module */
function showModule(module) {
  const item = element('li', '', foreign(module.name), ': ', text(moduleState(module.state)));
  if (module.message) item.append(element('p', 'detail', foreign(module.message)));
  const path = foreign(module.path);
  path.dir = 'ltr';
  item.append(element('p', 'path', path));
  item.dataset.state = module.state;
  return item;
}

/**
 * @param {import('./view.js').Module[]} modules
 * @param {Parameters<typeof missingToken>[0]} readers
 */
function showTokens(modules, readers) {
  const tokens = modules.flatMap(({name, tokens: all}) => (all ?? []).map(token => ({module: name, token})));
  const broken = modules.filter(module => module.state !== 'ok');
  const state = byId('tokens-state');
  state.replaceChildren();
  const focused = document.activeElement instanceof HTMLElement && document.activeElement.dataset.pin;
  const wanted = document.activeElement === document.body ? startedBy : focused;
  byId('tokens').replaceChildren(...tokens.map(showToken));
  if (wanted) focusPinButton(wanted);
  if (!modules.length) state.append(notice('warn', text('no_modules'), text('no_modules_advice')));
  else if (!tokens.length) {
    const {title, advice} = missingToken(readers);
    state.append(notice('warn', text(title), text(advice)));
  } else state.append(text(`tokens_found_${plurals.select(tokens.length) === 'one' ? 'one' : 'other'}`, [numbers.format(tokens.length)]));

  byId('modules-section').hidden = !modules.length;
  byId('modules-summary').textContent = broken.length
    ? text('modules_summary_broken', [numbers.format(modules.length), numbers.format(broken.length)])
    : text('modules_summary', [numbers.format(modules.length)]);
  /** @type {HTMLDetailsElement} */ (byId('modules-details')).open = broken.length > 0;
  byId('modules').replaceChildren(...modules.map(showModule));
}

/** @param {{code: string, message: string, details?: Record<string, unknown>}} error */
function showProblem(error) {
  const problem = hostProblem(error);
  const box = notice('bad', text(problem.title), text(problem.advice));
  if (problem.showMessage) box.append(element('p', 'detail', foreign(error.message)));
  if (problem.command) box.append(element('code', 'command', problem.command));
  byId('program').replaceChildren(box);
  byId('program').dataset.state = error.code;
}

/** @param {string} [host] */
function showVersions(host) {
  const own = chrome.runtime.getManifest().version;
  byId('versions').textContent = host ? text('versions', [own, host]) : text('version', [own]);
}

/**
 * Asks the background for one thing, over a port of its own, so that closing the popup takes it back.
 * @param {string} method
 * @param {object} [params]
 * @returns {Promise<{result?: any, error?: any}>}
 */
function ask(method, params) {
  return new Promise(resolve => {
    const port = chrome.runtime.connect({name: 'popup'});
    port.onMessage.addListener(answer => {
      resolve(answer);
      port.disconnect();
    });
    port.onDisconnect.addListener(() => {
      void chrome.runtime.lastError;
      resolve({error: {code: 'internal', message: text('background_stopped')}});
    });
    port.postMessage({method, params});
  });
}

// PINs: the background has the request, and this shows how it stands.

/** @typedef {import('../src/pin-care.js').PinTask} PinTask */

let pinTaskOpen = false;
/** @type {chrome.runtime.Port|null} */
let watching = null;

const pinButtons = () => /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll('button[data-pin]')]);

/** The button that was pressed last: a disabled one loses the focus, and a new listing makes new ones. */
let startedBy = '';

/** The same button again, or another one of the same token. @param {string} key */
function focusPinButton(key) {
  const ofToken = (/** @type {string|undefined} */ one) => JSON.stringify(JSON.parse(one ?? '[]').slice(1));
  const all = pinButtons();
  (all.find(button => button.dataset.pin === key) ?? all.find(button => ofToken(button.dataset.pin) === ofToken(key)))?.focus();
}

/** The background's word on PINs, for as long as both live. */
function watchPins() {
  if (watching) return;
  const port = chrome.runtime.connect({name: 'popup'});
  watching = port;
  port.onMessage.addListener(({result}) => showPinTask(result));
  port.onDisconnect.addListener(() => {
    void chrome.runtime.lastError;
    watching = null;
  });
  port.postMessage({method: 'watchPin'});
}

/** @param {PinTask} task */
function showPinTask(task) {
  const note = pinTaskNote(task);
  const box = notice(note.tone, text(note.key, [isolated(task.name)]), note.advice ? text(note.advice) : '');
  if (note.showMessage && task.error) box.append(element('p', 'detail', foreign(task.error.message)));
  byId('pin-task').replaceChildren(box);
  byId('pin-task').dataset.state = task.state;
  pinTaskOpen = task.state === 'open';
  for (const button of pinButtons()) button.disabled = pinTaskOpen;
  if (!pinTaskOpen) listTokens();
}

/**
 * @param {'changePin'|'unblockPin'} method
 * @param {string} module
 * @param {import('./view.js').Token} token
 */
async function startPinTask(method, module, token) {
  const named = {module, slot: token.slot, token: token.serial, name: tokenName(token)};
  watchPins();
  const {error} = await ask(method, {...named, lang: language});
  if (error) showPinTask({method, ...named, state: 'failed', error});
}

async function listTokens() {
  const list = await ask('listTokens');
  if (list.error) byId('tokens-state').replaceChildren(notice('bad', text('list_failed'), foreign(list.error.message)));
  else showTokens(list.result?.modules ?? [], list.result?.readers);
}

async function refresh() {
  const button = /** @type {HTMLButtonElement} */ (byId('refresh'));
  const root = document.documentElement;
  button.disabled = true;
  root.dataset.state = 'loading';
  byId('program').replaceChildren(text('looking_for_program'));
  showVersions();

  const [policy, status] = await Promise.all([ask('policy'), ask('status')]);
  byId('policy').hidden = !policy.error;
  byId('policy').textContent = policy.error ? text('policy_wrong', [String(policy.error.details?.policy ?? policy.error.message)]) : '';
  byId('tokens-section').hidden = !status.result;
  if (status.error) {
    showProblem(status.error);
    byId('modules-section').hidden = true;
  } else {
    showVersions(status.result.version);
    byId('program').replaceChildren(element('p', 'notice good', text('host_ready')));
    byId('program').dataset.state = 'ok';
    byId('tokens').replaceChildren();
    byId('tokens-state').replaceChildren(text('looking_for_tokens'));
    watchPins();
    await listTokens();
  }
  button.disabled = false;
  root.dataset.state = 'ready';
}

document.documentElement.lang = language;
document.documentElement.dir = language === 'fa' ? 'rtl' : 'ltr';
for (const node of document.querySelectorAll('[data-text]')) {
  node.textContent = text(/** @type {HTMLElement} */ (node).dataset.text ?? '');
}
byId('refresh').addEventListener('click', () => {
  if (!pinTaskOpen) byId('pin-task').replaceChildren();
  refresh();
});
refresh();
