/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests host/common/json.c: a table of texts that are and are not one strict JSON object (in the
 * manner of JSONTestSuite), and the typed readers of members.
 */
#include <string.h>

#include "host/common/fault.h"
#include "host/common/json.h"
#include "tests/support/assert.h"

typedef struct Row {
    const char *what;
    const char *text;
    gsize length;
} Row;

#define ROW(what, text)                                                                            \
    {                                                                                              \
        (what), (text), sizeof(text) - 1                                                           \
    }

static const Row accepted[] = {
    ROW("empty object", "{}"),
    ROW("white space around", " \t\r\n{ } \n"),
    ROW("all types", "{\"a\":null,\"b\":true,\"c\":-1,\"d\":1.5,\"e\":\"x\",\"f\":[],\"g\":{}}"),
    ROW("eight deep", "{\"a\":[[[[[[[]]]]]]]}"),
    ROW("eight deep, objects", "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}"),
    ROW("eight deep, twice", "{\"a\":[[[[[[[]]]]]]],\"b\":[[[[[[[]]]]]]]}"),
    ROW("brackets in a string", "{\"a\":\"[[[[[[[[[[{{{{{{{{{{\"}"),
    ROW("brackets after an escaped quote", "{\"a\":\"\\\"[[[[[[[[[[\\\\\"}"),
    ROW("brackets in a name", "{\"[[[[[[[[[[\":1}"),
    ROW("minus zero", "{\"a\":-0}"),
    ROW("2^63 - 1", "{\"a\":9223372036854775807}"),
    ROW("-2^63", "{\"a\":-9223372036854775808}"),
    ROW("1e308", "{\"a\":1e308}"),
    ROW("negative exponent", "{\"a\":0.5e-1}"),
    ROW("escapes", "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\"}"),
    ROW("a pair of surrogates", "{\"a\":\"\\ud83d\\ude00\"}"),
    ROW("UTF-8 of 2, 3 and 4 bytes", "{\"a\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"}"),
    ROW("the last code point", "{\"a\":\"\xf4\x8f\xbf\xbf\"}"),
    ROW("the last before the surrogates", "{\"a\":\"\xed\x9f\xbf\"}"),
    ROW("DEL", "{\"a\":\"\x7f\"}"),
    ROW("NFC and NFD are two members", "{\"\xc3\xa4\":1,\"a\xcc\x88\":2}"),
    ROW("empty name", "{\"\":1}"),
};

static const Row refused[] = {
    ROW("empty", ""),
    ROW("white space only", " \n"),
    ROW("null", "null"),
    ROW("number", "1"),
    ROW("string", "\"a\""),
    ROW("array", "[]"),
    ROW("array of objects (a batch)", "[{}]"),
    ROW("nine deep", "{\"a\":[[[[[[[[]]]]]]]]}"),
    ROW("nine deep, objects",
        "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}"),
    ROW("nine deep after an escaped quote", "{\"a\":\"\\\"\",\"b\":[[[[[[[[]]]]]]]]}"),
    ROW("nine deep after an escaped backslash", "{\"a\":\"\\\\\",\"b\":[[[[[[[[]]]]]]]]}"),
    ROW("unbalanced, closing first", "]]]]]]]]]]{}"),
    ROW("duplicate member", "{\"a\":1,\"a\":1}"),
    ROW("duplicate member, apart", "{\"a\":1,\"b\":2,\"a\":3}"),
    ROW("duplicate member, one escaped", "{\"a\":1,\"\\u0061\":2}"),
    ROW("duplicate member, inner", "{\"a\":{\"b\":1,\"b\":2}}"),
    ROW("duplicate empty name", "{\"\":1,\"\":2}"),
    ROW("NUL after", "{}\0"),
    ROW("NUL before", "\0{}"),
    ROW("NUL in a string", "{\"a\":\"x\0y\"}"),
    ROW("NUL escaped in a string", "{\"a\":\"x\\u0000y\"}"),
    ROW("NUL escaped in a name", "{\"a\\u0000\":1}"),
    ROW("lone high surrogate", "{\"a\":\"\\ud800\"}"),
    ROW("lone low surrogate", "{\"a\":\"\\udc00\"}"),
    ROW("high surrogate and a letter", "{\"a\":\"\\ud800x\"}"),
    ROW("two high surrogates", "{\"a\":\"\\ud800\\ud800\"}"),
    ROW("surrogates in the wrong order", "{\"a\":\"\\udc00\\ud800\"}"),
    ROW("lone surrogate in a name", "{\"\\udfff\":1}"),
    ROW("UTF-8: lone continuation", "{\"a\":\"\x80\"}"),
    ROW("UTF-8: last continuation", "{\"a\":\"\xbf\"}"),
    ROW("UTF-8: overlong, 2 bytes", "{\"a\":\"\xc0\xaf\"}"),
    ROW("UTF-8: overlong NUL", "{\"a\":\"\xc0\x80\"}"),
    ROW("UTF-8: overlong, c1", "{\"a\":\"\xc1\xbf\"}"),
    ROW("UTF-8: overlong, 3 bytes", "{\"a\":\"\xe0\x9f\xbf\"}"),
    ROW("UTF-8: overlong, 4 bytes", "{\"a\":\"\xf0\x8f\xbf\xbf\"}"),
    ROW("UTF-8: surrogate d800", "{\"a\":\"\xed\xa0\x80\"}"),
    ROW("UTF-8: surrogate dfff", "{\"a\":\"\xed\xbf\xbf\"}"),
    ROW("UTF-8: over U+10FFFF", "{\"a\":\"\xf4\x90\x80\x80\"}"),
    ROW("UTF-8: f5", "{\"a\":\"\xf5\x80\x80\x80\"}"),
    ROW("UTF-8: 5 bytes", "{\"a\":\"\xf8\x88\x80\x80\x80\"}"),
    ROW("UTF-8: fe", "{\"a\":\"\xfe\"}"),
    ROW("UTF-8: ff", "{\"a\":\"\xff\"}"),
    ROW("UTF-8: cut after 1 of 2", "{\"a\":\"\xc3\"}"),
    ROW("UTF-8: cut after 2 of 3", "{\"a\":\"\xe2\x82\"}"),
    ROW("UTF-8: cut after 3 of 4", "{\"a\":\"\xf0\x9f\x98\"}"),
    ROW("UTF-8: cut by the end", "{\"a\":\"\xf0\x9f\x98"),
    ROW("UTF-8: bad in a name", "{\"\xff\":1}"),
    ROW("Latin-1", "{\"a\":\"\xe4\"}"),
    ROW("UTF-16", "{\0\"\0a\0\"\0:\0001\0}\0"),
    ROW("BOM", "\xef\xbb\xbf{}"),
    ROW("trailing bytes", "{}x"),
    ROW("two objects", "{}{}"),
    ROW("two objects on lines", "{}\n{}"),
    ROW("trailing brace", "{}}"),
    ROW("2^63", "{\"a\":9223372036854775808}"),
    ROW("-2^63 - 1", "{\"a\":-9223372036854775809}"),
    ROW("10^40", "{\"a\":10000000000000000000000000000000000000000}"),
    ROW("1e999", "{\"a\":1e999}"),
    ROW("-1e999", "{\"a\":-1e999}"),
    ROW("NaN", "{\"a\":NaN}"),
    ROW("Infinity", "{\"a\":Infinity}"),
    ROW("-Infinity", "{\"a\":-Infinity}"),
    ROW("leading zero", "{\"a\":01}"),
    ROW("plus", "{\"a\":+1}"),
    ROW("hexadecimal", "{\"a\":0x1}"),
    ROW("no digit before the dot", "{\"a\":.5}"),
    ROW("no digit after the dot", "{\"a\":1.}"),
    ROW("no exponent", "{\"a\":1e}"),
    ROW("minus alone", "{\"a\":-}"),
    ROW("True", "{\"a\":True}"),
    ROW("single quotes", "{'a':1}"),
    ROW("name without quotes", "{a:1}"),
    ROW("number as name", "{1:1}"),
    ROW("comma at the end", "{\"a\":1,}"),
    ROW("comma at the start", "{,\"a\":1}"),
    ROW("no comma", "{\"a\":1 \"b\":2}"),
    ROW("no colon", "{\"a\" 1}"),
    ROW("no value", "{\"a\":}"),
    ROW("comment", "{/**/}"),
    ROW("line comment", "{}//"),
    ROW("raw line feed in a string", "{\"a\":\"x\ny\"}"),
    ROW("raw tab in a string", "{\"a\":\"x\ty\"}"),
    ROW("raw control character", "{\"a\":\"\x1f\"}"),
    ROW("bad escape", "{\"a\":\"\\x41\"}"),
    ROW("short escape", "{\"a\":\"\\u12\"}"),
    ROW("escape that is not hexadecimal", "{\"a\":\"\\u12g4\"}"),
    ROW("vertical tab as white space", "\v{}"),
    ROW("no-break space as white space", "\xc2\xa0{}"),
    ROW("open string", "{\"a"),
    ROW("open string, backslash last", "{\"a\\"),
    ROW("open object", "{"),
    ROW("open object after a value", "{\"a\":1"),
    ROW("open array", "{\"a\":["),
    ROW("mismatch", "{\"a\":[}"),
    ROW("mismatch the other way", "{\"a\":1]"),
};

static json_t *
parse(const char *text, gsize length, GError **error)
{
    /* A block of just that size, so that reading past the end shows under ASan and valgrind. */
    g_autofree guint8 *exact = g_memdup2(text, MAX(length, 1));

    return tb_json_parse(exact, length, error);
}

static void
test_accepted(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(accepted); i++) {
        g_autoptr(GError) error = NULL;
        json_t *object = parse(accepted[i].text, accepted[i].length, &error);

        if (!object)
            tb_test_row_failed("%s: %s", accepted[i].what, error->message);
        else
            g_assert_no_error(error);
        json_decref(object);
    }
}

static void
test_refused(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) error = NULL;
        json_t *object = parse(refused[i].text, refused[i].length, &error);

        if (object)
            tb_test_row_failed("%s: accepted", refused[i].what);
        else
            g_assert_error(error, TB_FAULT, TB_REASON_INVALID_REQUEST);
        json_decref(object);
        g_assert_null(parse(refused[i].text, refused[i].length, NULL));
    }
}

static void
test_words(void)
{
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"", "The message is empty."},
        {"[[[[[[[[[", "The message is nested more than 8 deep."},
        {"{\"a\":1,\"a\":2}", "The message has a member twice (at byte "},
        {"{\"a\":\"\xff\"}", "The message is not UTF-8 (at byte "},
        {"{\"a\":", "The message is not JSON (at byte 5)."},
        {"[]", "The message is not a JSON object."},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(parse(rows[i].text, strlen(rows[i].text), &error));
        if (!g_str_has_prefix(error->message, rows[i].message))
            tb_test_row_failed("%s: %s", rows[i].text, error->message);
    }
}

/* jansson's own text would quote the input, and the input may be a nonce. */
static void
test_does_not_quote(void)
{
    static const char *const rows[] = {
        "{\"nonce\":\"sesame\" sesame}",
        "{\"nonce\":sesame}",
        "{\"sesame\":1,\"sesame\":2}",
        "{\"nonce\":\"sesame\xff\"}",
        "{\"nonce\":\"sesame",
        "{} sesame",
        "sesame",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(parse(rows[i], strlen(rows[i]), &error));
        if (strstr(error->message, "sesame"))
            tb_test_row_failed("%s: %s", rows[i], error->message);
    }
}

/* Megabytes that must be refused, without recursion and at once. */
static void
test_large(void)
{
    static const char *const units[] = {"[",  "{\"a\":", "[]",       "{", "]",
                                        "\"", "\\",      "{\"a\":[", ","};

    for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GError) error = NULL;

        for (gsize n = 0; n < 1000000; n++)
            g_string_append(text, units[i]);
        g_assert_null(parse(text->str, text->len, &error));
        g_assert_error(error, TB_FAULT, TB_REASON_INVALID_REQUEST);
    }
}

static void
test_many_members(void)
{
    g_autoptr(GString) text = g_string_new("{");
    g_autoptr(GError) error = NULL;
    json_t *object;

    for (int i = 0; i < 10000; i++)
        g_string_append_printf(text, "%s\"m%d\":%d", i ? "," : "", i, i);
    g_string_append(text, "}");
    object = parse(text->str, text->len, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(json_object_size(object), ==, 10000);
    json_decref(object);
}

static json_t *
object_of(const char *text)
{
    json_t *object = parse(text, strlen(text), NULL);

    g_assert_nonnull(object);
    return object;
}

static void
test_only(void)
{
    static const char *const members[] = {"id", "method", NULL};
    static const struct {
        const char *text;
        const char *message; /* NULL: good */
    } rows[] = {
        {"{}", NULL},
        {"{\"id\":1}", NULL},
        {"{\"id\":1,\"method\":2}", NULL},
        {"{\"id\":1,\"Id\":2}", "The request has an unknown member \"Id\"."},
        {"{\"\":1}", "The request has an unknown member \"\"."},
        {"{\"a b\\n<\xc3\xa4>\\u001b\":1}", "The request has an unknown member \"a?b??????\"."},
        {"{\"0123456789012345678901234567890123456789x\":1}",
         "The request has an unknown member \"0123456789012345678901234567890123456789\"."},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        json_t *object = object_of(rows[i].text);
        gboolean good = tb_json_only(object, "The request", members, &error);

        g_assert_true(good == (rows[i].message == NULL));
        g_assert_cmpstr(error ? error->message : NULL, ==, rows[i].message);
        if (error)
            g_assert_error(error, TB_FAULT, TB_REASON_INVALID_REQUEST);
        json_decref(object);
    }
}

static void
test_string(void)
{
    static const struct {
        const char *text;
        gboolean good;
        const char *value; /* NULL: absent */
    } rows[] = {
        {"{}", TRUE, NULL},
        {"{\"b\":\"x\"}", TRUE, NULL},
        {"{\"a\":\"\"}", TRUE, ""},
        {"{\"a\":\"12345\"}", TRUE, "12345"},
        {"{\"a\":\"123456\"}", FALSE, NULL},
        {"{\"a\":\"\xe2\x82\xac\xc3\xa4\"}", TRUE, "\xe2\x82\xac\xc3\xa4"}, /* bytes are counted */
        {"{\"a\":\"\xe2\x82\xac\xe2\x82\xac\"}", FALSE, NULL},
        {"{\"a\":null}", FALSE, NULL},
        {"{\"a\":1}", FALSE, NULL},
        {"{\"a\":true}", FALSE, NULL},
        {"{\"a\":[\"x\"]}", FALSE, NULL},
        {"{\"a\":{}}", FALSE, NULL},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GError) required_error = NULL;
        json_t *object = object_of(rows[i].text);
        const char *value = "untouched";
        const char *required = "untouched";
        gboolean good = tb_json_string(object, "a", 5, &value, &error);
        gboolean required_good =
            tb_json_required_string(object, "a", 5, &required, &required_error);

        g_assert_true(good == rows[i].good);
        g_assert_cmpstr(value, ==, good ? rows[i].value : "untouched");
        g_assert_true(required_good == (rows[i].good && rows[i].value));
        g_assert_cmpstr(required, ==, required_good ? rows[i].value : "untouched");
        if (!good)
            g_assert_error(error, TB_FAULT, TB_REASON_INVALID_REQUEST);
        if (!required_good)
            g_assert_error(required_error, TB_FAULT, TB_REASON_INVALID_REQUEST);
        if (good && !rows[i].value)
            g_assert_cmpstr(required_error->message, ==, "\"a\" is missing.");
        json_decref(object);
    }
}

static void
test_integer(void)
{
    static const struct {
        const char *text;
        gint64 min, max;
        gboolean good;
        gint64 value;
    } rows[] = {
        {"{}", 1000, 600000, TRUE, 77},
        {"{\"a\":1000}", 1000, 600000, TRUE, 1000},
        {"{\"a\":600000}", 1000, 600000, TRUE, 600000},
        {"{\"a\":999}", 1000, 600000, FALSE, 77},
        {"{\"a\":600001}", 1000, 600000, FALSE, 77},
        {"{\"a\":-1}", 0, 10, FALSE, 77},
        {"{\"a\":-0}", 0, 10, TRUE, 0},
        {"{\"a\":9223372036854775807}", G_MININT64, G_MAXINT64, TRUE, G_MAXINT64},
        {"{\"a\":-9223372036854775808}", G_MININT64, G_MAXINT64, TRUE, G_MININT64},
        {"{\"a\":4294967296}", 0, G_MAXUINT32, FALSE, 77},
        {"{\"a\":5.0}", 0, 10, FALSE, 77},
        {"{\"a\":5e0}", 0, 10, FALSE, 77},
        {"{\"a\":\"5\"}", 0, 10, FALSE, 77},
        {"{\"a\":true}", 0, 10, FALSE, 77},
        {"{\"a\":null}", 0, 10, FALSE, 77},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        json_t *object = object_of(rows[i].text);
        gint64 value = 77;

        if (tb_json_integer(object, "a", rows[i].min, rows[i].max, &value, &error) != rows[i].good)
            tb_test_row_failed("%s", rows[i].text);
        g_assert_cmpint(value, ==, rows[i].value);
        if (!rows[i].good)
            g_assert_error(error, TB_FAULT, TB_REASON_INVALID_REQUEST);
        json_decref(object);
    }
}

static void
test_boolean(void)
{
    static const struct {
        const char *text;
        gboolean good;
        gboolean from_true, from_false; /* the value after, by the value before */
    } rows[] = {
        {"{}", TRUE, TRUE, FALSE},
        {"{\"a\":true}", TRUE, TRUE, TRUE},
        {"{\"a\":false}", TRUE, FALSE, FALSE},
        {"{\"a\":null}", FALSE, TRUE, FALSE},
        {"{\"a\":0}", FALSE, TRUE, FALSE},
        {"{\"a\":1}", FALSE, TRUE, FALSE},
        {"{\"a\":\"true\"}", FALSE, TRUE, FALSE},
        {"{\"a\":[]}", FALSE, TRUE, FALSE},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (int before = 0; before < 2; before++) {
            g_autoptr(GError) error = NULL;
            json_t *object = object_of(rows[i].text);
            gboolean value = before;

            g_assert_true(tb_json_boolean(object, "a", &value, &error) == rows[i].good);
            g_assert_true(value == (before ? rows[i].from_true : rows[i].from_false));
            if (!rows[i].good)
                g_assert_error(error, TB_FAULT, TB_REASON_INVALID_REQUEST);
            json_decref(object);
        }
    }
}

static void
test_strings(void)
{
    static const struct {
        const char *text;
        int count; /* -1: refused */
    } rows[] = {
        {"{}", 0},
        {"{\"a\":[]}", 0},
        {"{\"a\":[\"\"]}", 1},
        {"{\"a\":[\"1\",\"12345\",\"1\"]}", 3},
        {"{\"a\":[\"1\",\"2\",\"3\",\"4\"]}", -1},
        {"{\"a\":[\"1\",\"123456\"]}", -1},
        {"{\"a\":[\"1\",2]}", -1},
        {"{\"a\":[null]}", -1},
        {"{\"a\":[[\"1\"]]}", -1},
        {"{\"a\":\"1\"}", -1},
        {"{\"a\":{}}", -1},
        {"{\"a\":null}", -1},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) strings = NULL;
        json_t *object = object_of(rows[i].text);
        json_t *array = json_incref(json_object_get(object, "a"));
        gboolean good = tb_json_strings(object, "a", 3, 5, &strings, &error);

        if (good != (rows[i].count >= 0))
            tb_test_row_failed("%s", rows[i].text);
        json_decref(object); /* the strings are copies */
        if (good) {
            g_assert_cmpint((int)strings->len, ==, rows[i].count);
            for (guint k = 0; k < strings->len; k++)
                g_assert_cmpstr(g_ptr_array_index(strings, k), ==,
                                json_string_value(json_array_get(array, k)));
        } else {
            g_assert_error(error, TB_FAULT, TB_REASON_INVALID_REQUEST);
            g_assert_null(strings);
        }
        json_decref(array);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/common/json/accepted", test_accepted);
    g_test_add_func("/common/json/refused", test_refused);
    g_test_add_func("/common/json/words", test_words);
    g_test_add_func("/common/json/does-not-quote", test_does_not_quote);
    g_test_add_func("/common/json/large", test_large);
    g_test_add_func("/common/json/many-members", test_many_members);
    g_test_add_func("/common/json/only", test_only);
    g_test_add_func("/common/json/string", test_string);
    g_test_add_func("/common/json/integer", test_integer);
    g_test_add_func("/common/json/boolean", test_boolean);
    g_test_add_func("/common/json/strings", test_strings);
    return g_test_run();
}
