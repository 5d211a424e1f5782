// SPDX-License-Identifier: Apache-2.0
// The popup: asks the background what the host sees and shows it. Everything from tokens is put in
// as text nodes, never as markup, and isolated for its direction.
import {hostProblem, moduleState, ownCertificates, pinNote, purposes, validity} from './view.js';

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

/** @param {import('./view.js').Token} token */
function showToken(token) {
  const card = element('article', 'token', element('h3', '', foreign(token.label || token.serial || text('token_unnamed'))));
  const details = [token.reader, [token.manufacturer, token.model].filter(Boolean).join(' ')].filter(Boolean);
  for (const detail of new Set(details)) card.append(element('p', 'detail', foreign(detail)));
  if (token.serial) card.append(element('p', 'detail', text('serial') + ' ', foreign(token.serial)));
  if (token.error) card.append(notice('bad', text('token_error'), foreign(token.error.message)));
  const pin = pinNote(token.pin);
  if (pin) card.append(element('p', `notice ${pin.tone}`, text(pin.key)));
  const own = ownCertificates(token);
  if (own.length) card.append(element('ul', 'certificates', ...own.map(showCertificate)));
  else if (!token.error) card.append(element('p', 'notice warn', text('no_certificates')));
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

/** @param {import('./view.js').Module[]} modules */
function showTokens(modules) {
  const tokens = modules.flatMap(module => module.tokens ?? []);
  const broken = modules.filter(module => module.state !== 'ok');
  const state = byId('tokens-state');
  state.replaceChildren();
  byId('tokens').replaceChildren(...tokens.map(showToken));
  if (!modules.length) state.append(notice('warn', text('no_modules'), text('no_modules_advice')));
  else if (!tokens.length) state.append(notice('warn', text('no_tokens'), text('no_tokens_advice')));
  else state.append(text(`tokens_found_${plurals.select(tokens.length) === 'one' ? 'one' : 'other'}`, [numbers.format(tokens.length)]));

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
 * @returns {Promise<{result?: any, error?: any}>}
 */
function ask(method) {
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
    port.postMessage({method});
  });
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
    const list = await ask('listTokens');
    if (list.error) {
      byId('tokens-state').replaceChildren(notice('bad', text('list_failed'), foreign(list.error.message)));
    } else {
      showTokens(list.result?.modules ?? []);
    }
  }
  button.disabled = false;
  root.dataset.state = 'ready';
}

document.documentElement.lang = language;
document.documentElement.dir = language === 'fa' ? 'rtl' : 'ltr';
for (const node of document.querySelectorAll('[data-text]')) {
  node.textContent = text(/** @type {HTMLElement} */ (node).dataset.text ?? '');
}
byId('refresh').addEventListener('click', refresh);
refresh();
