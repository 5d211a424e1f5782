// SPDX-License-Identifier: Apache-2.0
//
// The demo page: signing in and signing a text with Tokenbridge. Shows only text (never HTML) from
// the server or the certificate.

import * as tokenbridge from '/tokenbridge.js';
import {texts} from '/texts.mjs';

const find = id => document.getElementById(id);
let language = 'en';
let ready = {state: 'asking'};
let user = null;
let shown = () => {};

const text = key => texts[language][key];

/** Calls the server; throws with `code` "server" when it does not answer properly. */
async function ask(path, body = {}, signal = undefined) {
  const response = await fetch(path, {
    method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify(body), signal,
  }).catch(error => {
    throw signal?.aborted ? error : Object.assign(new Error(error.message), {code: 'server'});
  });
  if (!response.ok) throw Object.assign(new Error(`${path}: status ${response.status}`), {code: 'server'});
  return response.json();
}

function chooseLanguage(wanted) {
  language = Object.hasOwn(texts, wanted) ? wanted : 'en';
  document.documentElement.lang = language;
  document.documentElement.dir = text('direction');
  document.title = text('title');
  for (const element of document.querySelectorAll('[data-text]')) element.textContent = text(element.dataset.text);
  for (const element of document.querySelectorAll('[data-label]')) element.setAttribute('aria-label', text(element.dataset.label));
  for (const button of document.querySelectorAll('[data-language]')) {
    button.setAttribute('aria-pressed', String(button.dataset.language === language));
  }
  const field = find('document-text');
  if (Object.values(texts).some(one => one.document_text === field.value) || !field.value) field.value = text('document_text');
  showReady();
  showUser();
  shown();
}

function showReady() {
  const element = find('ready');
  element.dataset.state = ready.state;
  element.textContent = ready.state === 'asking' ? text('ready_asking') :
    ready.state === 'ready' ? text('ready_yes')(ready.version) : (text('errors')[ready.code] ?? [ready.code]).join(' ');
}

function showChecks(list, checks = []) {
  list.replaceChildren(...checks.map(({id, state, detail}) => {
    const item = document.createElement('li');
    item.dataset.check = id;
    item.dataset.state = state;
    const mark = document.createElement('span');
    mark.className = 'mark';
    mark.textContent = {passed: '✓', failed: '✗', skipped: '–'}[state];
    mark.setAttribute('role', 'img');
    mark.setAttribute('aria-label', text('states')[state]);
    const body = document.createElement('span');
    body.textContent = text('check_names')[id] ?? id;
    if (state === 'skipped' || detail) {
      const small = document.createElement('small');
      small.dir = 'auto';
      small.textContent = detail || text('states').skipped;
      body.append(small);
    }
    item.append(mark, body);
    return item;
  }));
}

function showUser() {
  find('signin').hidden = user !== null;
  find('welcome').hidden = user === null;
  if (!user) return;
  find('welcome-title').textContent = text('welcome')(user.name);
  find('subject').textContent = user.subject;
  find('issuer').textContent = user.issuer;
  find('valid-until').textContent = new Date(user.notAfter).toLocaleDateString(language, {dateStyle: 'long'});
}

/** Says what went wrong, in the page's language, with the word and the exact message for those who help. */
function showTrouble(box, error) {
  // A DOMException, as an AbortSignal gives it, has a number for a code.
  const code = typeof error.code === 'string' ? error.code : error.name === 'AbortError' ? 'aborted' : 'internal';
  const [what, hint] = code === 'server' ? [text('server_trouble'), ''] :
    code === 'refused' ? [text('refused'), ''] : text('errors')[code] ?? text('errors').internal;
  const strong = document.createElement('strong');
  strong.textContent = what;
  const details = document.createElement('small');
  details.dir = 'auto';
  details.textContent = error.message ? `${code}: ${error.message}` : code;
  box.dataset.code = code;
  box.replaceChildren(strong, hint, details);
  box.hidden = false;
}

/**
 * Runs one of the page's two actions: button, cancel button, progress, trouble.
 * @param {string} name of the section
 * @param {(signal: AbortSignal, say: (key: string) => void) => Promise<void>} work
 */
async function run(name, work) {
  const section = find(name);
  const [button, cancel, waiting, trouble] = ['button', 'cancel', 'waiting', 'error'].map(part => find(`${name}-${part}`));
  const controller = new AbortController();
  const say = key => { waiting.textContent = key ? text(key) : ''; };
  const stop = () => controller.abort();
  section.dataset.state = 'waiting';
  button.disabled = true;
  cancel.hidden = false;
  cancel.addEventListener('click', stop);
  trouble.hidden = true;
  showChecks(find(`${name}-checks`));
  shown = () => {};
  let state = 'done';
  try {
    await work(controller.signal, say);
  } catch (error) {
    state = 'failed';
    shown = () => showTrouble(trouble, error);
    shown();
    trouble.focus();
  }
  say(null);
  button.disabled = false;
  cancel.hidden = true;
  cancel.removeEventListener('click', stop);
  section.dataset.state = state;
}

function demandOk(result, list) {
  if (result.ok) return;
  showChecks(list, result.checks);
  throw Object.assign(new Error(''), {code: 'refused'});
}

const signIn = () => run('signin', async (signal, say) => {
  say('signin_waiting');
  const {nonce} = await ask('/api/nonce', {}, signal);
  const token = await tokenbridge.authenticate(nonce, {lang: language, signal});
  say('checking');
  const result = await ask('/api/signin', {token}, signal);
  demandOk(result, find('signin-checks'));
  user = result.certificate;
  showUser();
  showChecks(find('welcome-checks'), result.checks);
  shown = () => showChecks(find('welcome-checks'), result.checks);
  find('welcome-title').focus();
});

const signDocument = () => run('document', async (signal, say) => {
  find('document-done').hidden = true;
  say('document_choosing');
  const chosen = await tokenbridge.getSigningCertificate({lang: language, signal});
  const [algorithm] = chosen.supportedSignatureAlgorithms;
  const document = find('document-text').value;
  const {hash} = await ask('/api/document/hash', {text: document, hashFunction: algorithm.hashFunction}, signal);
  say('document_signing');
  const signed = await tokenbridge.sign(chosen.certificate, hash, algorithm.hashFunction, {lang: language, signal});
  say('checking');
  const result = await ask('/api/document/verify', {
    text: document, certificate: chosen.certificate, intermediates: chosen.intermediates, ...signed,
  }, signal);
  demandOk(result, find('document-checks'));
  shown = () => {
    find('document-done-title').textContent = text('document_done')(result.certificate.name);
    showChecks(find('document-checks'), result.checks);
  };
  shown();
  find('document-hash').textContent = `${algorithm.hashFunction} ${hash}`;
  find('document-done').hidden = false;
  find('document-done-title').focus();
});

async function signOut() {
  await ask('/api/signout');
  user = null;
  shown = () => {};
  find('signin').dataset.state = 'idle';
  showUser();
  find('signin-button').focus();
}

for (const button of document.querySelectorAll('[data-language]')) {
  button.addEventListener('click', () => {
    localStorage.setItem('language', button.dataset.language);
    chooseLanguage(button.dataset.language);
  });
}
find('signin-button').addEventListener('click', signIn);
find('document-button').addEventListener('click', signDocument);
find('signout-button').addEventListener('click', signOut);

chooseLanguage(new URLSearchParams(location.search).get('lang') ?? localStorage.getItem('language') ??
  navigator.language.split('-')[0]);
ask('/api/session').then(session => {
  user = session.user;
  showUser();
}, () => {});
tokenbridge.status().then(status => {
  ready = {state: 'ready', version: status.host};
}, error => {
  ready = {state: 'missing', code: error.code};
}).finally(showReady);
