/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: host/prompt/message.c, and what is shown of a message (text.c, site.c). The first
 * byte: whether a descriptor came with it, and in which language the dialog is. What is shown is
 * UTF-8, and markup that Pango takes.
 */
#include <string.h>

#include "core/secret.h"
#include "host/common/json.h"
#include "host/prompt/advice.h"
#include "host/prompt/language.h"
#include "host/prompt/message.h"
#include "host/prompt/pin-text.h"
#include "host/prompt/site.h"
#include "host/prompt/text.h"
#include "tests/fuzz/fuzz.h"

static void
check_text(char *text)
{
    FUZZ_CHECK(text && g_utf8_validate(text, -1, NULL));
    g_free(text);
}

static void
check_markup(const char *markup)
{
    static const GMarkupParser nothing = {NULL, NULL, NULL, NULL, NULL};
    GMarkupParseContext *context = g_markup_parse_context_new(&nothing, 0, NULL, NULL);
    g_autofree char *whole = g_strdup_printf("<markup>%s</markup>", markup);

    FUZZ_CHECK(g_markup_parse_context_parse(context, whole, -1, NULL) &&
               g_markup_parse_context_end_parse(context, NULL));
    g_markup_parse_context_free(context);
}

static void
show_site(const char *origin)
{
    g_autoptr(TbSite) site = tb_site_new(origin);

    check_markup(site->markup);
    if (site->other)
        check_markup(site->other);
    FUZZ_CHECK(g_utf8_validate(site->text, -1, NULL) && g_utf8_validate(site->title, -1, NULL));
    FUZZ_CHECK(!site->look_alike || site->other);
    check_text(tb_text_window_title(TB_OPERATION_SIGN, site->title));
}

static void
show_pin(const TbPin *pin)
{
    FUZZ_CHECK(pin->min <= pin->max && pin->max >= 1 && pin->max <= TB_PIN_MAX);
    g_free(tb_text_pin_length(pin));
    g_free(tb_text_puk_length(pin));
    (void)tb_text_pin_tries(pin->state);
    (void)tb_text_puk_tries(pin->state);
}

static void
show_choice(const TbChoice *choice)
{
    check_text(tb_text_clean(choice->name, 80));
    check_text(tb_text_day(choice->not_before));
    check_text(tb_text_day(choice->not_after));
    check_text(tb_text_choice_spoken(choice));
    if (!choice->usable)
        g_free(tb_text_choice_problem(choice));
    show_pin(&choice->pin);
}

static void
show(const TbMessage *message)
{
    if (message->origin)
        show_site(message->origin);
    if (message->top_origin)
        show_site(message->top_origin);
    if (message->hash_hex)
        check_text(tb_text_hex_groups(message->hash_hex));
    for (guint i = 0; message->choices && i < message->choices->len; i++)
        show_choice(message->choices->pdata[i]);
    if (message->token) {
        (void)tb_advice_token(message->token, TB_OPERATION_CHANGE_PIN);
        check_text(tb_text_clean(message->token->label, 80));
        show_pin(&message->token->pin);
        show_pin(&message->token->puk);
    }
    if (message->type == TB_MESSAGE_PIN_FAILED) {
        show_pin(&message->pin);
        FUZZ_CHECK(*tb_text_pin_failed(message->what, message->pin.pad, message->repeated));
    }
    if (message->type == TB_MESSAGE_FAILED)
        FUZZ_CHECK(*tb_advice_failure(message->reason, message->operation).title && message->text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *language = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(TbMessage) message = NULL;
    const char *wanted;
    json_t *object;

    if (size == 0)
        return 0;
    wanted = data[0] & 2 ? "fa" : "en";
    if (language != wanted)
        (void)tb_language_set(language = wanted);
    object = tb_json_parse(data + 1, size - 1, NULL);
    if (!object)
        return 0;
    message = tb_message_parse(object, data[0] & 1, &error);
    json_decref(object);
    FUZZ_CHECK((message == NULL) == (error != NULL));
    if (message) {
        FUZZ_CHECK((message->type == TB_MESSAGE_PIN) == ((data[0] & 1) != 0));
        show(message);
    } else {
        FUZZ_CHECK(g_utf8_validate(error->message, -1, NULL));
    }
    return 0;
}
