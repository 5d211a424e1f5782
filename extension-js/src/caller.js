// SPDX-License-Identifier: Apache-2.0
// Who is asking, in the browser's own words: everything here comes from `sender`, nothing from the
// page.
import {Fault} from './fault.js';

/**
 * @typedef {object} Caller
 * @property {string} origin of the frame that asks
 * @property {boolean} framed true when that frame is not the top one
 * @property {string|null} topOrigin the top frame's origin when framed, null when it has none
 */

/**
 * @param {string|undefined} url
 * @returns {string|null}
 */
function originOf(url) {
  if (!url) return null;
  try {
    const {origin} = new URL(url);
    return origin === 'null' ? null : origin;
  } catch {
    return null;
  }
}

/**
 * The caller behind a content script's port; throws origin_refused for an opaque origin.
 * @param {chrome.runtime.MessageSender} sender
 * @returns {Caller}
 */
export function callerFrom(sender) {
  const origin = sender.origin;
  if (!origin || !/^https?:\/\//.test(origin)) {
    throw new Fault('origin_refused',
      'The page has no origin of its own (a sandboxed frame, for example). Only pages with an https origin may use Tokenbridge.');
  }
  const framed = sender.frameId !== 0;
  return {origin, framed, topOrigin: framed ? originOf(sender.tab?.url) : null};
}

/**
 * True when the sender is our own popup page (in its bubble or in a tab), by the browser's word.
 * No page of ours is web accessible, so it cannot sit in a frame of a site; a content script's
 * `url` is its page's.
 * @param {chrome.runtime.MessageSender|undefined} sender
 * @param {typeof chrome} api
 */
export function isOwnPage(sender, api) {
  if (!sender || sender.id !== api.runtime.id || !sender.url) return false;
  return sender.url.split(/[?#]/)[0] === api.runtime.getURL('popup/popup.html') && !sender.frameId;
}
