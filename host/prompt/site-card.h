/* SPDX-License-Identifier: Apache-2.0
 *
 * Who asks: the card with the site's name, and what document it wants signed. GTK's thread.
 */
#pragma once

#include <gtk/gtk.h>

#include "host/prompt/message.h"
#include "host/prompt/site.h"

/* show is a message of that type for a site's request; site was made from its origin. */
GtkWidget *tb_site_card_new(const TbMessage *show, const TbSite *site);

/* The document's hash; *out_focus is what takes the keyboard in it, borrowed. */
GtkWidget *tb_site_card_new_hash(const TbMessage *show, GtkWidget **out_focus);
