/* SPDX-License-Identifier: Apache-2.0
 *
 * The sentences of the pinentry dialog; see the header.
 */
#include "host/prompt/pinentry/texts.h"

#include <string.h>

#include <glib/gi18n.h>

#include "host/prompt/advice.h"
#include "host/prompt/pinentry/assuan.h"
#include "host/prompt/site.h"
#include "host/prompt/text.h"

#define NAME_MAX_CHARACTERS 60
#define NAME_SHORT_CHARACTERS 24
#define DETAILS_MAX_CHARACTERS 200
#define UNUSABLE_SHOWN 4
#define UNUSABLE_ENOUGH 250 /* bytes; some reasons are long, and a screen has one line for all */
/* What is left of a line after the command's word. */
#define DESCRIPTION_MAX (TB_ASSUAN_LINE_MAX - sizeof "SETDESC")

char *
tb_texts_title(const TbMessage *show)
{
    g_autoptr(TbSite) site = tb_site_new(show->origin);
    return tb_text_window_title(show->operation, site->text);
}

/* A site as it is shown in the window, with the other form of an international name in brackets. */
static char *
site_text(const char *origin)
{
    g_autoptr(TbSite) site = tb_site_new(origin);
    if (site->other == NULL)
        return g_strdup(site->text);
    return g_strdup_printf("%s (%s)", site->text, site->other);
}

static char *
request_sentence(const TbMessage *show)
{
    g_autofree char *site = site_text(show->origin);
    g_autofree char *top = show->top_origin != NULL ? site_text(show->top_origin) : NULL;

    switch (show->operation) {
    case TB_OPERATION_AUTHENTICATE:
        if (top != NULL)
            /* TRANSLATORS: the second site is the one in whose page the first one is embedded. */
            return g_strdup_printf(_("The site %1$s, shown inside %2$s, asks you to sign in."),
                                   site, top);
        return g_strdup_printf(_("The site %s asks you to sign in."), site);
    case TB_OPERATION_SIGN:
        if (top != NULL)
            return g_strdup_printf(
                _("The site %1$s, shown inside %2$s, asks you to sign a document."), site, top);
        return g_strdup_printf(_("The site %s asks you to sign a document."), site);
    case TB_OPERATION_CHOOSE:
        if (top != NULL)
            return g_strdup_printf(
                _("The site %1$s, shown inside %2$s, asks for your certificate."), site, top);
        return g_strdup_printf(_("The site %s asks for your certificate."), site);
    case TB_OPERATION_CHANGE_PIN:
    case TB_OPERATION_UNBLOCK_PIN:
        break;
    }
    g_assert_not_reached();
}

static char *
certificate_lines(const TbChoice *choice, gboolean brief)
{
    gsize max = brief ? NAME_SHORT_CHARACTERS : NAME_MAX_CHARACTERS;
    g_autofree char *name = tb_text_clean(choice->name, max);
    g_autofree char *issuer = tb_text_clean(choice->issuer_name, max);
    g_autofree char *label = tb_text_clean(choice->token, max);
    g_autofree char *reader = tb_text_clean(choice->reader, max);
    /* Two tokens may say the same of themselves: the reader tells them apart. */
    g_autofree char *token = *reader ? g_strdup_printf("%s (%s)", label, reader) : g_strdup(label);

    if (choice->hidden) {
        g_autofree char *line = g_strdup_printf(_("Token: %s"), token);
        return g_strdup_printf("%s\n%s", line,
                               _("This token shows its certificates only after the PIN."));
    }
    g_autofree char *until = tb_text_day(choice->not_after);

    /* TRANSLATORS: a certificate: its holder, its issuer, the label of its token, a day. */
    return g_strdup_printf(_("Certificate: %1$s\nIssued by: %2$s\nToken: %3$s\nValid until: %4$s"),
                           name, issuer, token, until);
}

static char *
compose(const TbMessage *show, const TbChoice *choice, guint position, guint count,
        const char *note, gboolean brief)
{
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);

    g_ptr_array_add(parts, request_sentence(show));
    if (show->hash_hex != NULL) {
        g_autofree char *hex = tb_text_hex_groups(show->hash_hex);
        /* TRANSLATORS: the name of a hash function, then the hash in groups of digits. */
        g_ptr_array_add(parts, g_strdup_printf(_("The document has this %1$s hash:\n%2$s"),
                                               show->hash_function, hex));
    }
    if (choice != NULL && count > 1) {
        g_autofree char *number = tb_text_number(position);
        g_autofree char *of = tb_text_number(count);
        g_ptr_array_add(parts, g_strdup_printf(_("This is certificate %1$s of %2$s."), number, of));
    }
    if (choice != NULL)
        g_ptr_array_add(parts, certificate_lines(choice, brief));
    if (note != NULL)
        g_ptr_array_add(parts, g_strdup(note));
    g_ptr_array_add(parts, NULL);
    return g_strjoinv("\n\n", (char **)parts->pdata);
}

/* Whether text goes on one line: a line break takes three bytes there. */
static gboolean
fits(const char *text)
{
    gsize size = strlen(text);
    for (const char *p = text; *p != '\0'; p++)
        size += *p == '\n' || *p == '%' ? 2 : 0;
    return size <= DESCRIPTION_MAX;
}

char *
tb_texts_request(const TbMessage *show, const TbChoice *choice, guint position, guint count,
                 const char *note)
{
    char *text = compose(show, choice, position, count, note, FALSE);
    if (!fits(text)) {
        g_free(text);
        text = compose(show, choice, position, count, note, TRUE);
    }
    return text;
}

char *
tb_texts_unusable(GPtrArray *choices)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    gsize size = 0;

    for (guint i = 0; i < choices->len && lines->len < UNUSABLE_SHOWN && size < UNUSABLE_ENOUGH;
         i++) {
        const TbChoice *choice = g_ptr_array_index(choices, i);
        if (choice->usable)
            continue;
        g_autofree char *name =
            tb_text_clean(choice->hidden ? choice->token : choice->name, NAME_SHORT_CHARACTERS);
        g_autofree char *why = tb_text_choice_problem(choice);
        /* TRANSLATORS: a certificate's holder, and a sentence that says why it cannot be used. */
        char *line = g_strdup_printf(_("Not usable: %1$s. %2$s"), name, why);
        size += strlen(line);
        g_ptr_array_add(lines, line);
    }
    if (lines->len == 0)
        return NULL;
    g_ptr_array_add(lines, NULL);
    return g_strjoinv("\n", (char **)lines->pdata);
}

char *
tb_texts_paragraphs(TbAdvice advice)
{
    return advice.text != NULL ? g_strdup_printf("%s\n\n%s", advice.title, advice.text)
                               : g_strdup(advice.title);
}

char *
tb_texts_problem(TbProblem problem, TbOperation operation)
{
    return tb_texts_paragraphs(tb_advice_problem(problem, operation));
}

char *
tb_texts_failure(const TbMessage *failed, TbOperation operation)
{
    g_autofree char *advice = tb_texts_paragraphs(tb_advice_failure(failed->reason, operation));
    g_autofree char *details = tb_text_clean(failed->text, DETAILS_MAX_CHARACTERS);
    return g_strdup_printf("%s\n\n%s", advice, details);
}

static char *
compose_care(TbOperation operation, const TbToken *token, const char *note, const char *question,
             gsize max)
{
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);

    g_ptr_array_add(parts, g_strdup(tb_text_operation(operation)));
    if (token != NULL) {
        g_autofree char *label = tb_text_clean(token->label, max);
        g_autofree char *reader = tb_text_clean(token->reader, max);
        g_ptr_array_add(parts, *token->reader != '\0'
                                   ? g_strdup_printf(_("Token: %1$s\nReader: %2$s"), label, reader)
                                   : g_strdup_printf(_("Token: %s"), label));
    }
    if (note != NULL)
        g_ptr_array_add(parts, g_strdup(note));
    if (question != NULL)
        g_ptr_array_add(parts, g_strdup(question));
    g_ptr_array_add(parts, NULL);
    return g_strjoinv("\n\n", (char **)parts->pdata);
}

char *
tb_texts_care(TbOperation operation, const TbToken *token, const char *note, const char *question)
{
    char *text = compose_care(operation, token, note, question, NAME_MAX_CHARACTERS);
    if (!fits(text)) {
        g_free(text);
        text = compose_care(operation, token, note, question, NAME_SHORT_CHARACTERS);
    }
    return text;
}

gboolean
tb_texts_pin_is_text(const TbSecret *pin)
{
    const char *bytes = (const char *)tb_secret_data(pin);
    gsize length = tb_secret_length(pin);

    /* The pipe ends a PIN at a newline (docs/protocol.md, 4.3); g_utf8_validate refuses NUL. */
    return memchr(bytes, '\n', length) == NULL && g_utf8_validate(bytes, (gssize)length, NULL);
}
