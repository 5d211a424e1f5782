/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages from the host: see message.h. The names in them come from certificates and tokens, which
 * anybody can make; their lengths are bounded here, and text.c makes them fit for the screen.
 */
#include "host/prompt/message.h"

#include <string.h>

#include "core/secret.h"
#include "host/common/fault.h"
#include "host/common/json.h"
#include "tokenbridge/origin.h"

#define CHOICES_MAX 256
#define NAME_MAX_BYTES 4096
#define MEMBERS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char *const OPERATIONS[] = {"authenticate", "sign", "choose", "change_pin",
                                         "unblock_pin"};
static const char *const PIN_STATES[] = {"ok",     "low",           "final_try",
                                         "locked", "to_be_changed", "not_initialised"};
static const char *const CHOICE_PROBLEMS[] = {"",           "expired",     "not_yet_valid",
                                              "pin_locked", "pin_not_set", "pin_to_be_changed"};
static const char *const PROBLEMS[] = {
    "",          "no_module", "no_token",    "no_certificate", "module_failed", "no_reader_service",
    "no_reader", "no_card",   "card_unknown"};
static const char *const PIN_KINDS[] = {"pin", "puk", "new"};
static const char *const TYPES[] = {"show",       "certificates", "token",  "pin",  "working",
                                    "pin_failed", "done",         "failed", "close"};

G_STATIC_ASSERT(G_N_ELEMENTS(OPERATIONS) == TB_OPERATION_LAST + 1);
G_STATIC_ASSERT(G_N_ELEMENTS(PIN_STATES) == TB_PIN_STATE_LAST + 1);
G_STATIC_ASSERT(G_N_ELEMENTS(CHOICE_PROBLEMS) == TB_CHOICE_PROBLEM_LAST + 1);
G_STATIC_ASSERT(G_N_ELEMENTS(PROBLEMS) == TB_PROBLEM_LAST + 1);
G_STATIC_ASSERT(G_N_ELEMENTS(PIN_KINDS) == TB_PIN_KIND_LAST + 1);
G_STATIC_ASSERT(G_N_ELEMENTS(TYPES) == TB_MESSAGE_LAST + 1);

/* A PUK has no state "not_initialised", which is the last of the words. */
#define PUK_STATES (G_N_ELEMENTS(PIN_STATES) - 1)

gboolean
tb_operation_is_pin_care(TbOperation operation)
{
    return operation == TB_OPERATION_CHANGE_PIN || operation == TB_OPERATION_UNBLOCK_PIN;
}

void
tb_choice_free(TbChoice *choice)
{
    if (!choice)
        return;
    g_free(choice->id);
    g_free(choice->name);
    g_free(choice->issuer_name);
    g_free(choice->token);
    g_free(choice->reader);
    g_free(choice);
}

void
tb_token_free(TbToken *token)
{
    if (!token)
        return;
    g_free(token->label);
    g_free(token->reader);
    g_free(token);
}

void
tb_message_free(TbMessage *message)
{
    if (!message)
        return;
    g_free(message->origin);
    g_free(message->top_origin);
    g_free(message->lang);
    g_free(message->hash_function);
    g_free(message->hash_hex);
    g_clear_pointer(&message->choices, g_ptr_array_unref);
    g_free(message->preferred);
    tb_token_free(message->token);
    g_free(message->text);
    g_free(message);
}

/* One of a list of words as its index. Absent is 0 where the list begins with "", else an error. */
static gboolean
read_word(json_t *object, const char *member, const char *const *words, gsize count,
          guint *out_index, GError **error)
{
    const char *word = NULL;

    if (!tb_json_string(object, member, 64, &word, error))
        return FALSE;
    if (!word) {
        if (*words[0])
            return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"%s\" is missing.", member);
        *out_index = 0;
        return TRUE;
    }
    for (guint i = 0; i < count; i++) {
        if (*words[i] && strcmp(words[i], word) == 0) {
            *out_index = i;
            return TRUE;
        }
    }
    return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"%s\" is not one of its words.", member);
}

static gboolean
copy_string(json_t *object, const char *member, gboolean required, char **inout_copy,
            GError **error)
{
    const char *string = NULL;
    gboolean good = required
                        ? tb_json_required_string(object, member, NAME_MAX_BYTES, &string, error)
                        : tb_json_string(object, member, NAME_MAX_BYTES, &string, error);

    if (good && string)
        *inout_copy = g_strdup(string);
    return good;
}

static gboolean
required_boolean(json_t *object, const char *member, gboolean *out_value, GError **error)
{
    if (!json_object_get(object, member))
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"%s\" is missing.", member);
    return tb_json_boolean(object, member, out_value, error);
}

static gboolean
read_pin(json_t *parent, const char *member, gsize states, TbPin *out_pin, GError **error)
{
    json_t *object = json_object_get(parent, member);
    guint state = 0;
    gboolean pad = FALSE;
    gint64 min = 0, max = TB_PIN_MAX;

    if (!json_is_object(object))
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"%s\" is not an object.", member);
    if (!tb_json_only(object, member, MEMBERS("state", "pad", "min", "max"), error) ||
        !read_word(object, "state", PIN_STATES, states, &state, error) ||
        !required_boolean(object, "pad", &pad, error) ||
        !tb_json_integer(object, "min", 0, G_MAXINT64, &min, error) ||
        !tb_json_integer(object, "max", 0, G_MAXINT64, &max, error))
        return FALSE;
    /* Tokens report all kinds of nonsense here (0, or all bits set); they mean "no limit". */
    out_pin->state = (TbPinState)state;
    out_pin->pad = pad;
    out_pin->max = max >= 1 && max <= TB_PIN_MAX ? (guint)max : TB_PIN_MAX;
    out_pin->min = min <= out_pin->max ? (guint)min : 0;
    return TRUE;
}

/* A hidden choice stands for whatever the token will show: it has no names, and needs the PIN. */
static gboolean
check_hidden(const TbChoice *choice, GError **error)
{
    if (choice->hidden && (*choice->name || *choice->issuer_name))
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "A hidden certificate has a name.");
    if (choice->hidden && !choice->needs_pin)
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "A hidden certificate needs no PIN.");
    return TRUE;
}

static gboolean
read_choice(json_t *object, TbChoice *choice, GError **error)
{
    guint problem = 0;

    if (!json_is_object(object))
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "A certificate is not an object.");
    if (!tb_json_only(object, "certificate",
                      MEMBERS("id", "name", "issuer_name", "token", "reader", "not_before",
                              "not_after", "usable", "problem", "pin", "needs_pin", "hidden"),
                      error) ||
        !copy_string(object, "id", TRUE, &choice->id, error) ||
        !copy_string(object, "name", TRUE, &choice->name, error) ||
        !copy_string(object, "issuer_name", TRUE, &choice->issuer_name, error) ||
        !copy_string(object, "token", TRUE, &choice->token, error) ||
        !copy_string(object, "reader", TRUE, &choice->reader, error) ||
        !tb_json_integer(object, "not_before", G_MININT64, G_MAXINT64, &choice->not_before,
                         error) ||
        !tb_json_integer(object, "not_after", G_MININT64, G_MAXINT64, &choice->not_after, error) ||
        !required_boolean(object, "usable", &choice->usable, error) ||
        !read_word(object, "problem", CHOICE_PROBLEMS, G_N_ELEMENTS(CHOICE_PROBLEMS), &problem,
                   error) ||
        !read_pin(object, "pin", G_N_ELEMENTS(PIN_STATES), &choice->pin, error) ||
        !required_boolean(object, "needs_pin", &choice->needs_pin, error) ||
        !tb_json_boolean(object, "hidden", &choice->hidden, error) || !check_hidden(choice, error))
        return FALSE;
    choice->problem = (TbChoiceProblem)problem;
    return TRUE;
}

static gboolean
read_certificates(json_t *object, TbMessage *message, GError **error)
{
    json_t *list = json_object_get(object, "certificates");
    guint problem = 0;

    if (!tb_json_only(object, "certificates",
                      MEMBERS("type", "certificates", "preferred", "problem", "again"), error) ||
        !tb_json_boolean(object, "again", &message->again, error) ||
        !copy_string(object, "preferred", FALSE, &message->preferred, error) ||
        !read_word(object, "problem", PROBLEMS, G_N_ELEMENTS(PROBLEMS), &problem, error))
        return FALSE;
    if (!json_is_array(list) || json_array_size(list) > CHOICES_MAX)
        return tb_fault(error, TB_REASON_INVALID_REQUEST,
                        "\"certificates\" is not a list of at most %d.", CHOICES_MAX);
    message->problem = (TbProblem)problem;
    message->choices = g_ptr_array_new_with_free_func((GDestroyNotify)tb_choice_free);
    for (gsize i = 0; i < json_array_size(list); i++) {
        TbChoice *choice = g_new0(TbChoice, 1);

        g_ptr_array_add(message->choices, choice);
        if (!read_choice(json_array_get(list, i), choice, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_token(json_t *object, TbMessage *message, GError **error)
{
    json_t *token = json_object_get(object, "token");
    guint problem = 0;

    if (!tb_json_only(object, "token", MEMBERS("type", "token", "problem"), error) ||
        !read_word(object, "problem", PROBLEMS, G_N_ELEMENTS(PROBLEMS), &problem, error))
        return FALSE;
    message->problem = (TbProblem)problem;
    if (!token)
        return TRUE;
    if (!json_is_object(token))
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"token\" is not an object.");
    if (message->problem != TB_PROBLEM_NONE)
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "A \"token\" came with a problem.");
    message->token = g_new0(TbToken, 1);
    return tb_json_only(token, "token", MEMBERS("label", "reader", "pin", "puk"), error) &&
           copy_string(token, "label", TRUE, &message->token->label, error) &&
           copy_string(token, "reader", TRUE, &message->token->reader, error) &&
           read_pin(token, "pin", G_N_ELEMENTS(PIN_STATES), &message->token->pin, error) &&
           read_pin(token, "puk", PUK_STATES, &message->token->puk, error);
}

static gsize
digest_size(const char *function)
{
    if (strcmp(function, "SHA-256") == 0)
        return 32;
    if (strcmp(function, "SHA-384") == 0)
        return 48;
    return strcmp(function, "SHA-512") == 0 ? 64 : 0;
}

static gboolean
read_hash(json_t *hash, TbMessage *message, GError **error)
{
    const char *function = "", *hex = "";
    gsize size;

    if (!json_is_object(hash))
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"hash\" is not an object.");
    if (!tb_json_only(hash, "hash", MEMBERS("function", "hex"), error) ||
        !tb_json_required_string(hash, "function", NAME_MAX_BYTES, &function, error) ||
        !tb_json_required_string(hash, "hex", NAME_MAX_BYTES, &hex, error))
        return FALSE;
    size = digest_size(function);
    if (size == 0 || strlen(hex) != 2 * size || strspn(hex, "0123456789abcdefABCDEF") != 2 * size)
        return tb_fault(error, TB_REASON_INVALID_REQUEST,
                        "\"hash\" is not a digest of SHA-256, SHA-384 or SHA-512 in hexadecimal.");
    message->hash_function = g_strdup(function);
    message->hash_hex = g_strdup(hex);
    return TRUE;
}

static gboolean
check_origin(const char *origin, GError **error)
{
    TbError why;

    if (tb_origin_check(origin, &why) != TB_OK)
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "The origin is refused: %s.",
                        why.message);
    return TRUE;
}

/* Who asks, and for what document. */
static gboolean
read_site(json_t *object, TbMessage *message, GError **error)
{
    json_t *hash = json_object_get(object, "hash");

    if (!tb_json_only(object, "show",
                      MEMBERS("type", "operation", "origin", "top_origin", "lang", "hash"),
                      error) ||
        !copy_string(object, "origin", TRUE, &message->origin, error) ||
        !copy_string(object, "top_origin", FALSE, &message->top_origin, error) ||
        !check_origin(message->origin, error) ||
        (message->top_origin && !check_origin(message->top_origin, error)) ||
        (hash && !read_hash(hash, message, error)))
        return FALSE;
    if (message->operation == TB_OPERATION_SIGN && !hash)
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"sign\" came without a \"hash\".");
    return TRUE;
}

static gboolean
read_show(json_t *object, TbMessage *message, GError **error)
{
    guint operation = 0;

    if (!read_word(object, "operation", OPERATIONS, G_N_ELEMENTS(OPERATIONS), &operation, error) ||
        !copy_string(object, "lang", FALSE, &message->lang, error))
        return FALSE;
    message->operation = (TbOperation)operation;
    if (tb_operation_is_pin_care(message->operation))
        return tb_json_only(object, "show", MEMBERS("type", "operation", "lang"), error);
    return read_site(object, message, error);
}

static gboolean
read_pin_failed(json_t *object, TbMessage *message, GError **error)
{
    guint what = TB_PIN_KIND_PIN;

    if (!tb_json_only(object, "pin_failed", MEMBERS("type", "pin", "repeated", "what"), error) ||
        !required_boolean(object, "repeated", &message->repeated, error) ||
        (json_object_get(object, "what") &&
         !read_word(object, "what", PIN_KINDS, G_N_ELEMENTS(PIN_KINDS), &what, error)))
        return FALSE;
    message->what = (TbPinKind)what;
    return read_pin(object, "pin",
                    message->what == TB_PIN_KIND_PUK ? PUK_STATES : G_N_ELEMENTS(PIN_STATES),
                    &message->pin, error);
}

static gboolean
read_failed(json_t *object, TbMessage *message, GError **error)
{
    const char *word = NULL;

    if (!tb_json_only(object, "failed", MEMBERS("type", "reason", "message"), error) ||
        !tb_json_required_string(object, "reason", 64, &word, error) ||
        !copy_string(object, "message", TRUE, &message->text, error))
        return FALSE;
    if (!tb_reason_from_word(word, &message->reason))
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"reason\" is not one of its words.");
    return TRUE;
}

static gboolean
read_members(json_t *object, TbMessage *message, GError **error)
{
    switch (message->type) {
    case TB_MESSAGE_SHOW:
        return read_show(object, message, error);
    case TB_MESSAGE_CERTIFICATES:
        return read_certificates(object, message, error);
    case TB_MESSAGE_TOKEN:
        return read_token(object, message, error);
    case TB_MESSAGE_WORKING:
        return tb_json_only(object, "working", MEMBERS("type", "pad"), error) &&
               required_boolean(object, "pad", &message->pad, error);
    case TB_MESSAGE_PIN_FAILED:
        return read_pin_failed(object, message, error);
    case TB_MESSAGE_FAILED:
        return read_failed(object, message, error);
    case TB_MESSAGE_PIN:
    case TB_MESSAGE_DONE:
    case TB_MESSAGE_CLOSE:
        return tb_json_only(object, TYPES[message->type], MEMBERS("type"), error);
    }
    g_assert_not_reached();
}

static gboolean
read_message(json_t *object, gboolean has_fd, TbMessage *message, GError **error)
{
    guint type = 0;

    if (!read_word(object, "type", TYPES, G_N_ELEMENTS(TYPES), &type, error))
        return FALSE;
    message->type = (TbMessageType)type;
    if (has_fd != (message->type == TB_MESSAGE_PIN))
        return tb_fault(error, TB_REASON_INVALID_REQUEST,
                        has_fd ? "A descriptor came with \"%s\"."
                               : "\"%s\" came without a descriptor.",
                        TYPES[type]);
    return read_members(object, message, error);
}

TbMessage *
tb_message_parse(json_t *object, gboolean has_fd, GError **error)
{
    TbMessage *message = g_new0(TbMessage, 1);

    if (read_message(object, has_fd, message, error))
        return message;
    tb_message_free(message);
    return NULL;
}
