/* SPDX-License-Identifier: Apache-2.0
 *
 * Strict JSON reading: see json.h.
 */
#include "host/common/json.h"

#include "host/common/fault.h"

#include <string.h>

/* jansson nests up to 2048 deep by recursion; counted here before it sees the text. */
static gboolean
depth_is_good(const guint8 *text, gsize length)
{
    gboolean in_string = FALSE;
    guint depth = 0;

    for (gsize i = 0; i < length; i++) {
        guint8 c = text[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = FALSE;
        } else if (c == '"') {
            in_string = TRUE;
        } else if (c == '{' || c == '[') {
            if (++depth > TB_JSON_DEPTH_MAX)
                return FALSE;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return TRUE;
}

json_t *
tb_json_parse(const guint8 *text, gsize length, GError **error)
{
    json_error_t detail;
    json_t *value;

    if (length == 0) {
        tb_fault(error, TB_REASON_INVALID_REQUEST, "The message is empty.");
        return NULL;
    }
    if (!depth_is_good(text, length)) {
        tb_fault(error, TB_REASON_INVALID_REQUEST, "The message is nested more than %u deep.",
                 TB_JSON_DEPTH_MAX);
        return NULL;
    }
    value = json_loadb((const char *)text, length, JSON_REJECT_DUPLICATES, &detail);
    if (!value) {
        const char *what = json_error_code(&detail) == json_error_duplicate_key
                               ? "has a member twice"
                           : json_error_code(&detail) == json_error_invalid_utf8 ? "is not UTF-8"
                                                                                 : "is not JSON";

        tb_fault(error, TB_REASON_INVALID_REQUEST, "The message %s (at byte %d).", what,
                 detail.position);
        return NULL;
    }
    if (!json_is_object(value)) {
        json_decref(value);
        tb_fault(error, TB_REASON_INVALID_REQUEST, "The message is not a JSON object.");
        return NULL;
    }
    return value;
}

gboolean
tb_json_only(json_t *object, const char *what, const char *const *members, GError **error)
{
    const char *name;
    json_t *value;

    json_object_foreach (object, name, value) {
        g_autofree char *printable = NULL;

        if (g_strv_contains(members, name))
            continue;
        /* The name is the sender's; shown short and printable. */
        printable = g_strndup(name, 40);
        g_strcanon(printable, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.",
                   '?');
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "%s has an unknown member \"%s\".", what,
                        printable);
    }
    return TRUE;
}

gboolean
tb_json_string(json_t *object, const char *member, gsize max, const char **out_string,
               GError **error)
{
    json_t *value = json_object_get(object, member);

    if (!value) {
        *out_string = NULL;
        return TRUE;
    }
    if (!json_is_string(value))
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"%s\" is not a string.", member);
    if (json_string_length(value) > max)
        return tb_fault(error, TB_REASON_INVALID_REQUEST,
                        "\"%s\" is longer than %" G_GSIZE_FORMAT " bytes.", member, max);
    *out_string = json_string_value(value);
    return TRUE;
}

gboolean
tb_json_required_string(json_t *object, const char *member, gsize max, const char **out_string,
                        GError **error)
{
    const char *string = NULL;

    if (!tb_json_string(object, member, max, &string, error))
        return FALSE;
    if (!string)
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"%s\" is missing.", member);
    *out_string = string;
    return TRUE;
}

gboolean
tb_json_integer(json_t *object, const char *member, gint64 min, gint64 max, gint64 *inout_value,
                GError **error)
{
    json_t *value = json_object_get(object, member);

    if (!value)
        return TRUE;
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max)
        return tb_fault(error, TB_REASON_INVALID_REQUEST,
                        "\"%s\" is not an integer from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
                        ".",
                        member, min, max);
    *inout_value = json_integer_value(value);
    return TRUE;
}

gboolean
tb_json_boolean(json_t *object, const char *member, gboolean *inout_value, GError **error)
{
    json_t *value = json_object_get(object, member);

    if (!value)
        return TRUE;
    if (!json_is_boolean(value))
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"%s\" is not true or false.", member);
    *inout_value = json_is_true(value);
    return TRUE;
}

gboolean
tb_json_strings(json_t *object, const char *member, gsize count_max, gsize max,
                GPtrArray **out_strings, GError **error)
{
    json_t *value = json_object_get(object, member);
    g_autoptr(GPtrArray) strings = g_ptr_array_new_with_free_func(g_free);

    if (value && !json_is_array(value))
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"%s\" is not an array.", member);
    if (value && json_array_size(value) > count_max)
        return tb_fault(error, TB_REASON_INVALID_REQUEST,
                        "\"%s\" has more than %" G_GSIZE_FORMAT " entries.", member, count_max);
    for (gsize i = 0; value && i < json_array_size(value); i++) {
        json_t *string = json_array_get(value, i);

        if (!json_is_string(string) || json_string_length(string) > max)
            return tb_fault(error, TB_REASON_INVALID_REQUEST,
                            "\"%s\" has an entry that is not a string of up to %" G_GSIZE_FORMAT
                            " bytes.",
                            member, max);
        g_ptr_array_add(strings, g_strdup(json_string_value(string)));
    }
    *out_strings = g_steal_pointer(&strings);
    return TRUE;
}
