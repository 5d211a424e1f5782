// SPDX-License-Identifier: Apache-2.0
// The background's entry: Chromium runs it as a service worker, Firefox as an event page.
// Listeners are added at once, or an event that wakes the worker would be missed.
import {Bridge} from './src/bridge.js';

new Bridge(chrome).listen();
