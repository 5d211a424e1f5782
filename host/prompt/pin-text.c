/* SPDX-License-Identifier: Apache-2.0
 *
 * Sentences about PINs and PUKs: see pin-text.h. The limits in them are numbers from the worker,
 * bounded when the message was read.
 */
#include "host/prompt/pin-text.h"

#include <libintl.h>

#include <glib/gi18n.h>

#include "core/secret.h"
#include "host/prompt/text.h"

char *
tb_text_pin_length(const TbPin *pin)
{
    g_autofree char *min = tb_text_number(pin->min);
    g_autofree char *max = tb_text_number(pin->max);

    if (pin->min == pin->max)
        return g_strdup_printf(
            ngettext("The PIN has %s character.", "The PIN has %s characters.", pin->max), max);
    if (pin->min > 1 && pin->max < TB_PIN_MAX)
        return g_strdup_printf(_("The PIN has %1$s to %2$s characters."), min, max);
    if (pin->min > 1)
        return g_strdup_printf(_("The PIN has at least %s characters."), min);
    if (pin->max < TB_PIN_MAX)
        return g_strdup_printf(_("The PIN has at most %s characters."), max);
    return NULL;
}

char *
tb_text_puk_length(const TbPin *puk)
{
    g_autofree char *min = tb_text_number(puk->min);
    g_autofree char *max = tb_text_number(puk->max);

    if (puk->min == puk->max)
        return g_strdup_printf(
            ngettext("The PUK has %s character.", "The PUK has %s characters.", puk->max), max);
    if (puk->min > 1 && puk->max < TB_PIN_MAX)
        return g_strdup_printf(_("The PUK has %1$s to %2$s characters."), min, max);
    if (puk->min > 1)
        return g_strdup_printf(_("The PUK has at least %s characters."), min);
    if (puk->max < TB_PIN_MAX)
        return g_strdup_printf(_("The PUK has at most %s characters."), max);
    return NULL;
}

static char *
kind_length(TbPinKind kind, const TbPin *pin)
{
    return kind == TB_PIN_KIND_PUK ? tb_text_puk_length(pin) : tb_text_pin_length(pin);
}

static const char *
enter(TbPinKind kind)
{
    switch (kind) {
    case TB_PIN_KIND_PIN:
        return _("Enter the PIN of your token.");
    case TB_PIN_KIND_PUK:
        return _("Enter the PUK of your token.");
    case TB_PIN_KIND_NEW:
        return _("Enter the new PIN.");
    }
    g_assert_not_reached();
}

char *
tb_text_too_short(TbPinKind kind, const TbPin *pin)
{
    g_autofree char *length = kind_length(kind, pin);

    /* TRANSLATORS: followed by a sentence that says how long the PIN is. */
    return length ? g_strdup_printf(_("That was too short. %s"), length) : g_strdup(enter(kind));
}

char *
tb_text_too_long(TbPinKind kind, const TbPin *pin)
{
    g_autofree char *length = kind_length(kind, pin);

    return length ? g_strdup_printf(_("That was too long. %s"), length)
                  : g_strdup(_("That was too long."));
}

const char *
tb_text_pin_tries(TbPinState state)
{
    switch (state) {
    case TB_PIN_STATE_LOW:
        return _("A wrong PIN has been entered before. After a few more, the token locks its PIN.");
    case TB_PIN_STATE_FINAL_TRY:
        return _("This is the last try: if the PIN is wrong again, the token locks it.");
    case TB_PIN_STATE_LOCKED:
        return _("The token has locked its PIN. It can be unlocked with the PUK.");
    case TB_PIN_STATE_TO_BE_CHANGED:
        return _("The PIN of this token must be changed before it can be used.");
    case TB_PIN_STATE_NOT_INITIALISED:
        return _("This token has no PIN yet.");
    case TB_PIN_STATE_OK:
        return NULL;
    }
    g_assert_not_reached();
}

const char *
tb_text_puk_tries(TbPinState state)
{
    switch (state) {
    case TB_PIN_STATE_LOW:
        return _("A wrong PUK has been entered before. After a few more, the token locks its PUK.");
    case TB_PIN_STATE_FINAL_TRY:
        return _("This is the last try: if the PUK is wrong again, the token locks it for good.");
    case TB_PIN_STATE_LOCKED:
        return _("The token has locked its PUK.");
    case TB_PIN_STATE_TO_BE_CHANGED:
    case TB_PIN_STATE_NOT_INITIALISED:
    case TB_PIN_STATE_OK:
        return NULL;
    }
    g_assert_not_reached();
}

const char *
tb_text_last_try_consent(TbPinKind kind)
{
    return kind == TB_PIN_KIND_PUK ? _("I am sure of my PUK and want to use the last try")
                                   : _("I am sure of my PIN and want to use the last try");
}

static const char *
puk_failed(gboolean pad, gboolean repeated)
{
    if (repeated)
        return _("This PUK was wrong before, so it was not sent to the token again.");
    return pad ? _("The PUK entered on the reader was wrong.") : _("The PUK was wrong.");
}

const char *
tb_text_pin_failed(TbPinKind kind, gboolean pad, gboolean repeated)
{
    if (kind == TB_PIN_KIND_PUK)
        return puk_failed(pad, repeated);
    if (kind == TB_PIN_KIND_NEW)
        return _("The token does not accept this new PIN. Choose another one.");
    if (repeated)
        return _("This PIN was wrong before, so it was not sent to the token again.");
    return pad ? _("The PIN entered on the reader was wrong.") : _("The PIN was wrong.");
}
