/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: the record of calls: see record.h. Test code only.
 */
#include "tests/token/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/token/reader.h"

/* Digests of the PINs that were given, in order; the process's own, like the calls. */
static GArray *pins;

gboolean
tt_record_wants(const TtScript *script, const char *call)
{
    static const char *const telling[] = {
        "C_Initialize",       "C_Finalize",  "C_OpenSession", "C_CloseSession",
        "C_CloseAllSessions", "C_Login",     "C_Logout",      "C_SetPIN",
        "C_InitPIN",          "C_InitToken", "C_SignInit",    "C_Sign",
        "C_SignFinal",        NULL};

    return script->log_path && (script->log_all || g_strv_contains(telling, call));
}

guint
tt_record_pin_number(const void *pin, gsize length)
{
    TtPinDigest digest = tt_pin_digest(pin, length);

    if (!pins)
        pins = g_array_new(FALSE, FALSE, sizeof digest);
    for (guint i = 0; i < pins->len; i++) {
        if (memcmp(&g_array_index(pins, TtPinDigest, i), &digest, sizeof digest) == 0)
            return i + 1;
    }
    g_array_append_val(pins, digest);
    return pins->len;
}

void
tt_record_write(const TtScript *script, const char *call, gboolean has_slot, CK_SLOT_ID slot,
                const char *result, json_t *details)
{
    json_t *line = json_object();
    char *text;
    g_autofree char *ended = NULL;
    ssize_t written;
    int fd;

    json_object_set_new(line, "call", json_string(call));
    if (has_slot)
        json_object_set_new(line, "slot", json_integer((json_int_t)slot));
    json_object_set_new(line, "rv", json_string(result));
    json_object_set_new(line, "pid", json_integer(getpid()));
    if (details)
        json_object_update(line, details);
    text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    ended = g_strconcat(text, "\n", NULL);
    free(text);
    /* Opened for each line: a test may take the file away in between. One write: lines of several
     * processes do not mix. */
    fd = open(script->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    written = fd < 0 ? -1 : write(fd, ended, strlen(ended));
    if (written < 0)
        tt_fail(script->log_path, "%s", g_strerror(errno));
    (void)close(fd);
}
