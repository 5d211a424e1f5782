/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of the dialog that shows a state in the middle of the window: a picture or a spinner, a
 * title, a sentence. Screen readers hear it when it changes. GTK's thread.
 */
#pragma once

#include <gtk/gtk.h>

#include "host/prompt/advice.h"
#include "host/prompt/badge.h"

typedef struct TbStatusPage TbStatusPage;

TbStatusPage *tb_status_page_new(void);
void tb_status_page_free(TbStatusPage *page); /* the widget may be gone already */

GtkWidget *tb_status_page_get_widget(TbStatusPage *page); /* borrowed */

/* Shows advice beside a picture. detail, which may be NULL, is a sentence of the host's. */
void tb_status_page_show(TbStatusPage *page, TbBadge badge, TbAdvice advice, const char *detail);

/* Shows advice with a spinner. */
void tb_status_page_wait(TbStatusPage *page, TbAdvice advice);
