/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSC's configuration: see opensc.h. OpenSC takes the first block "pkcs11" of "app NAME", then
 * of "app default". So a block of our own is added to a copy of the system's file, and OPENSC_CONF
 * names the copy, a file without a name; where there is such a block already, it would be hidden,
 * and everything stays as it is.
 */
#include "host/worker/opensc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/common/log.h"

#define VARIABLE "OPENSC_CONF"
#define SYSTEM_FILE "/etc/opensc/opensc.conf"
#define TEXT_MAX 65536u
#define MANUFACTURER "OpenSC"

static const char block[] = " {\n    pkcs11 {\n"
                            "        user_pin_unblock_style = set_pin_in_unlogged_session;\n"
                            "    }\n}\n";

/* The names under which OpenSC's modules look for their configuration. */
static const char *const names[] = {"opensc-pkcs11", "onepin-opensc-pkcs11"};

static gboolean configured; /* the process's environment is, too */

/* Without comments: Debian's and upstream's files have examples in them. */
static gboolean
mentions_pkcs11(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (gsize i = 0; lines[i]; i++) {
        char *comment = strchr(lines[i], '#');

        if (comment)
            *comment = '\0';
        if (strstr(lines[i], "pkcs11"))
            return TRUE;
    }
    return FALSE;
}

char *
tb_opensc_extend(const char *text)
{
    GString *extended;

    if (mentions_pkcs11(text))
        return NULL;
    extended = g_string_new(text);
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        g_string_append_printf(extended, "\napp %s%s", names[i], block);
    return g_string_free(extended, FALSE);
}

static gboolean
is_openscs(const char *module_path)
{
    g_autofree char *real = realpath(module_path, NULL);
    g_autofree char *name = g_path_get_basename(real ? real : module_path);

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_has_prefix(name, names[i]))
            return TRUE;
    }
    return FALSE;
}

/* The descriptor stays open as long as the process. */
static gboolean
write_copy(const char *text)
{
    gsize length = strlen(text);
    int fd = memfd_create("opensc.conf", MFD_CLOEXEC);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);

    if (fd >= 0 && write(fd, text, length) == (gssize)length && access(path, R_OK) == 0)
        return g_setenv(VARIABLE, path, TRUE);
    if (fd >= 0)
        (void)close(fd);
    return FALSE;
}

void
tb_opensc_configure(const char *module_path)
{
    const char *named = g_getenv(VARIABLE);
    g_autofree char *text = NULL;
    g_autofree char *extended = NULL;
    gsize length = 0;

    if (!is_openscs(module_path))
        return;
    if (!g_file_get_contents(named ? named : SYSTEM_FILE, &text, &length, NULL))
        text = g_strdup("");
    if (length > TEXT_MAX || strlen(text) != length)
        return;
    extended = tb_opensc_extend(text);
    configured = extended && write_copy(extended);
    tb_log(TB_LOG_DEBUG, "opensc", "configured=%s", configured ? "yes" : "no");
}

TbOpensc
tb_opensc_kind(const unsigned char *manufacturer)
{
    if (memcmp(manufacturer, MANUFACTURER, strlen(MANUFACTURER)) != 0)
        return TB_OPENSC_NOT;
    return configured ? TB_OPENSC_UNBLOCKS : TB_OPENSC_UNKNOWN;
}
