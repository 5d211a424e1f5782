/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: members of the script: see reader.h. Test code only.
 */
#include "tests/token/reader.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
tt_fail(const char *where, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    (void)fprintf(stderr, "test token: %s: %s\n", where, text);
    _exit(TT_EXIT_SCRIPT);
}

void
tt_read_only(json_t *value, const char *where, const char *const *members)
{
    const char *key;
    json_t *ignored;

    if (!json_is_object(value))
        tt_fail(where, "not an object");
    json_object_foreach (value, key, ignored) {
        if (!g_strv_contains(members, key))
            tt_fail(where, "there is no member \"%s\"", key);
    }
}

static json_t *
get(json_t *object, const char *member)
{
    json_t *value = json_object_get(object, member);

    return json_is_null(value) ? NULL : value;
}

const char *
tt_read_string(json_t *object, const char *where, const char *member, const char *fallback)
{
    json_t *value = get(object, member);

    if (!value)
        return fallback;
    if (!json_is_string(value))
        tt_fail(where, "\"%s\" is not a string", member);
    return json_string_value(value);
}

gboolean
tt_read_boolean(json_t *object, const char *where, const char *member, gboolean fallback)
{
    json_t *value = get(object, member);

    if (!value)
        return fallback;
    if (!json_is_boolean(value))
        tt_fail(where, "\"%s\" is not true or false", member);
    return json_is_true(value);
}

guint64
tt_read_integer(json_t *object, const char *where, const char *member, guint64 fallback)
{
    json_t *value = get(object, member);

    if (!value)
        return fallback;
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        tt_fail(where, "\"%s\" is not an integer of 0 or more", member);
    return (guint64)json_integer_value(value);
}

CK_ULONG
tt_read_number(json_t *object, const char *where, const char *member, TtNames table,
               CK_ULONG fallback)
{
    json_t *value = get(object, member);
    CK_ULONG number = 0;

    if (!json_is_string(value))
        return tt_read_integer(object, where, member, fallback);
    if (strcmp(json_string_value(value), "unavailable") == 0)
        return CK_UNAVAILABLE_INFORMATION;
    if (!tt_names_number(table, json_string_value(value), &number))
        tt_fail(where, "\"%s\": the name %s is not known", member, json_string_value(value));
    return number;
}

guint
tt_read_choice(json_t *object, const char *where, const char *member, const char *const *words)
{
    const char *word = tt_read_string(object, where, member, words[0]);

    for (guint i = 0; words[i]; i++) {
        if (strcmp(words[i], word) == 0)
            return i;
    }
    tt_fail(where, "\"%s\" cannot be \"%s\"", member, word);
}

static GBytes *
bytes_from_hex(const char *where, const char *member, const char *text)
{
    gsize length = strlen(text);
    g_autofree guint8 *bytes = g_malloc0(length / 2 + 1);

    if (length % 2 != 0 || strspn(text, "0123456789abcdefABCDEF") != length)
        tt_fail(where, "\"%s\" is not hexadecimal", member);
    for (gsize i = 0; i < length / 2; i++)
        bytes[i] = (guint8)(g_ascii_xdigit_value(text[2 * i]) << 4 |
                            g_ascii_xdigit_value(text[2 * i + 1]));
    return g_bytes_new_take(g_steal_pointer(&bytes), length / 2);
}

GBytes *
tt_read_hex(json_t *object, const char *where, const char *member)
{
    const char *text = tt_read_string(object, where, member, NULL);

    return text ? bytes_from_hex(where, member, text) : NULL;
}

void
tt_read_padded(json_t *object, const char *where, const char *member, const char *fallback,
               unsigned char *out_field, gsize size)
{
    static const char *const members[] = {"hex", NULL};
    json_t *value = get(object, member);
    gboolean raw = json_is_object(value);
    g_autoptr(GBytes) bytes = NULL;
    const char *text;

    if (raw) {
        tt_read_only(value, where, members);
        bytes = tt_read_hex(value, where, "hex");
    } else {
        text = tt_read_string(object, where, member, fallback);
        bytes = g_bytes_new(text, strlen(text));
    }
    if (!bytes || g_bytes_get_size(bytes) > size)
        tt_fail(where, "\"%s\" has more than %" G_GSIZE_FORMAT " bytes, or none", member, size);
    memset(out_field, raw ? 0 : ' ', size);
    if (g_bytes_get_size(bytes) > 0)
        memcpy(out_field, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

json_t *
tt_read_array(json_t *object, const char *where, const char *member)
{
    json_t *value = get(object, member);

    if (value && !json_is_array(value))
        tt_fail(where, "\"%s\" is not a list", member);
    return value;
}
