/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: host/common/frame.c and json.c, as the host reads its standard input. The first byte
 * chooses the pieces in which the rest arrives; whatever they are, the events are the same, and an
 * object that is accepted is accepted again as jansson writes it.
 */
#include <string.h>

#include "host/common/fault.h"
#include "host/common/frame.h"
#include "host/common/json.h"
#include "tests/fuzz/fuzz.h"

#define FRAME_LIMIT 4096u
#define SKIP_LIMIT 16384u

static guint
depth_of(json_t *value)
{
    guint deepest = 0;
    const char *name;
    json_t *item;
    size_t index;

    json_object_foreach (value, name, item) {
        guint depth = depth_of(item);

        deepest = MAX(deepest, depth);
    }
    json_array_foreach (value, index, item) {
        guint depth = depth_of(item);

        deepest = MAX(deepest, depth);
    }
    return json_is_object(value) || json_is_array(value) ? deepest + 1 : 0;
}

/* What the readers do with one object, wrong types and absent members included. */
static void
read_members(json_t *object)
{
    static const char *const members[] = {"id", "method", "params", "jsonrpc", NULL};
    const char *string = NULL;
    g_autoptr(GPtrArray) strings = NULL;
    gint64 integer = 7;
    gboolean boolean = FALSE;

    (void)tb_json_only(object, "The request", members, NULL);
    if (tb_json_required_string(object, "id", 64, &string, NULL))
        FUZZ_CHECK(string && strlen(string) <= 64);
    if (tb_json_integer(object, "id", 0, 1000, &integer, NULL))
        FUZZ_CHECK(integer >= 0 && integer <= 1000);
    (void)tb_json_boolean(object, "params", &boolean, NULL);
    if (tb_json_strings(object, "params", 4, 16, &strings, NULL))
        FUZZ_CHECK(strings->len <= 4);
}

static void
parse(const guint8 *frame, gsize length, GString *events)
{
    g_autoptr(GError) error = NULL;
    json_t *object = tb_json_parse(frame, length, &error);
    json_t *again;
    char *text;

    if (!object) {
        FUZZ_CHECK(tb_fault_reason(error) == TB_REASON_INVALID_REQUEST);
        FUZZ_CHECK(g_utf8_validate(error->message, -1, NULL));
        g_string_append(events, " refused");
        return;
    }
    FUZZ_CHECK(!error && json_is_object(object) && depth_of(object) <= TB_JSON_DEPTH_MAX);
    FUZZ_CHECK(g_utf8_validate_len((const char *)frame, length, NULL));
    text = json_dumps(object, JSON_COMPACT);
    FUZZ_CHECK(text);
    again = tb_json_parse((const guint8 *)text, strlen(text), NULL);
    FUZZ_CHECK(again && json_equal(object, again));
    read_members(object);
    json_decref(again);
    json_decref(object);
    free(text);
    g_string_append(events, " object");
}

/* Returns FALSE when the stream cannot be followed any further. */
static gboolean
drain(TbFrameReader *reader, GString *events)
{
    for (;;) {
        const guint8 *frame = NULL;
        gsize length = 0;

        switch (tb_frame_reader_next(reader, &frame, &length)) {
        case TB_FRAME_NONE:
            FUZZ_CHECK(tb_frame_reader_wants(reader) > 0);
            return TRUE;
        case TB_FRAME_WHOLE:
            FUZZ_CHECK(length <= FRAME_LIMIT);
            g_string_append_printf(events, "whole %" G_GSIZE_FORMAT, length);
            parse(frame, length, events);
            break;
        case TB_FRAME_TOO_LONG:
            FUZZ_CHECK(length > FRAME_LIMIT && length <= SKIP_LIMIT);
            g_string_append_printf(events, "long %" G_GSIZE_FORMAT, length);
            break;
        case TB_FRAME_ABSURD:
            FUZZ_CHECK(length > SKIP_LIMIT);
            g_string_append(events, "absurd");
            return FALSE;
        }
        g_string_append_c(events, ';');
    }
}

/* piece 0: just what the reader wants. */
static GString *
events_of(const uint8_t *data, size_t size, gsize piece)
{
    g_autoptr(TbFrameReader) reader = tb_frame_reader_new(FRAME_LIMIT, SKIP_LIMIT);
    GString *events = g_string_new(NULL);
    gboolean going = TRUE;

    for (size_t at = 0; going && at < size;) {
        gsize now = MIN(piece ? piece : tb_frame_reader_wants(reader), size - at);
        /* A block of just that size, so that reading past its end shows. */
        g_autofree guint8 *exact = g_memdup2(data + at, now);

        tb_frame_reader_push(reader, exact, now);
        at += now;
        going = drain(reader, events);
    }
    g_string_append(events, going && tb_frame_reader_at_boundary(reader) ? "end" : "cut");
    return events;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GString) whole = NULL;
    g_autoptr(GString) pieces = NULL;
    g_autoptr(GString) wanted = NULL;

    if (size == 0)
        return 0;
    whole = events_of(data + 1, size - 1, size);
    pieces = events_of(data + 1, size - 1, data[0] % 31u + 1u);
    wanted = events_of(data + 1, size - 1, 0);
    FUZZ_CHECK(g_string_equal(whole, pieces));
    FUZZ_CHECK(g_string_equal(whole, wanted));
    return 0;
}
