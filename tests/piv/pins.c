/* SPDX-License-Identifier: Apache-2.0
 *
 * For the PIV card emulator: PIN and PUK. See pins.h.
 */
#include "tests/piv/pins.h"

#include <string.h>

#define LENGTH_MIN 6
#define PADDING 0xff

static const char *const groups[] = {[PIV_SECRET_PIN] = "pin", [PIV_SECRET_PUK] = "puk"};
static const char *const defaults[] = {[PIV_SECRET_PIN] = "123456", [PIV_SECRET_PUK] = "12345678"};

struct PivPins {
    char *path;
    struct {
        char *value;
        guint tries;
    } secrets[G_N_ELEMENTS(groups)];
};

static gboolean
save(const PivPins *pins, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();

    for (gsize i = 0; i < G_N_ELEMENTS(groups); i++) {
        g_key_file_set_string(file, groups[i], "value", pins->secrets[i].value);
        g_key_file_set_uint64(file, groups[i], "tries", pins->secrets[i].tries);
    }
    return g_key_file_save_to_file(file, pins->path, error);
}

static void
save_or_die(const PivPins *pins)
{
    g_autoptr(GError) error = NULL;

    if (!save(pins, &error))
        g_error("%s", error->message);
}

static gboolean
read_one(PivPins *pins, PivSecret which, GKeyFile *file, GError **error)
{
    guint64 tries;

    pins->secrets[which].value = g_key_file_get_string(file, groups[which], "value", error);
    if (!pins->secrets[which].value)
        return FALSE;
    tries = g_key_file_get_uint64(file, groups[which], "tries", NULL);
    pins->secrets[which].tries = (guint)MIN(tries, PIV_TRIES);
    return TRUE;
}

PivPins *
piv_pins_new(const char *path, GError **error)
{
    g_autoptr(PivPins) pins = g_new0(PivPins, 1);
    g_autoptr(GKeyFile) file = g_key_file_new();

    pins->path = g_strdup(path);
    if (g_file_test(path, G_FILE_TEST_EXISTS)) {
        if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, error) ||
            !read_one(pins, PIV_SECRET_PIN, file, error) ||
            !read_one(pins, PIV_SECRET_PUK, file, error))
            return NULL;
        return g_steal_pointer(&pins);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(groups); i++) {
        pins->secrets[i].value = g_strdup(defaults[i]);
        pins->secrets[i].tries = PIV_TRIES;
    }
    return save(pins, error) ? g_steal_pointer(&pins) : NULL;
}

void
piv_pins_free(PivPins *pins)
{
    if (!pins)
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(groups); i++)
        g_free(pins->secrets[i].value);
    g_free(pins->path);
    g_free(pins);
}

guint
piv_pins_tries(const PivPins *pins, PivSecret which)
{
    return pins->secrets[which].tries;
}

void
piv_pins_set_tries(PivPins *pins, PivSecret which, guint tries)
{
    pins->secrets[which].tries = MIN(tries, PIV_TRIES);
    save_or_die(pins);
}

gboolean
piv_pins_try(PivPins *pins, PivSecret which, const guint8 padded[PIV_PIN_SIZE])
{
    guint8 right[PIV_PIN_SIZE];
    const char *value = pins->secrets[which].value;
    gboolean good;

    if (pins->secrets[which].tries == 0)
        return FALSE;
    memset(right, PADDING, sizeof right);
    memcpy(right, value, MIN(strlen(value), sizeof right));
    good = memcmp(right, padded, sizeof right) == 0;
    piv_pins_set_tries(pins, which, good ? PIV_TRIES : pins->secrets[which].tries - 1);
    return good;
}

gboolean
piv_pins_set(PivPins *pins, PivSecret which, const guint8 padded[PIV_PIN_SIZE])
{
    gsize length = 0;

    while (length < PIV_PIN_SIZE && padded[length] != PADDING) {
        /* A PUK may be any bytes; the file takes what is printable. */
        if (which == PIV_SECRET_PIN ? !g_ascii_isdigit(padded[length])
                                    : !g_ascii_isgraph(padded[length]))
            return FALSE;
        length++;
    }
    for (gsize i = length; i < PIV_PIN_SIZE; i++) {
        if (padded[i] != PADDING)
            return FALSE;
    }
    if (length < LENGTH_MIN)
        return FALSE;
    g_free(pins->secrets[which].value);
    pins->secrets[which].value = g_strndup((const char *)padded, length);
    piv_pins_set_tries(pins, which, PIV_TRIES);
    return TRUE;
}
