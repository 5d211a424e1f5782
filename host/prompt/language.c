/* SPDX-License-Identifier: Apache-2.0
 *
 * Language of the dialog: see language.h. The catalogues come from the installed locale directory,
 * or, in a build tree, from po/ of the build.
 */
#include "host/prompt/language.h"

#include <libintl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "tokenbridge-config.h"

#define DOMAIN "tokenbridge"
#define SOURCE_LANGUAGE "en"
#define NAME "LANGUAGE="
#define VALUE_MAX 256 /* bytes */

static const char *current = SOURCE_LANGUAGE;

/* Lies in the environment, and is written in place: GTK has threads that read the environment when
 * the host tells the page's language, and setenv(3) would move it from under them. */
static char variable[sizeof NAME + VALUE_MAX] = NAME;

/* Without regard to case, or to whether the parts are joined by '-' or by '_'. */
static gboolean
same_tag(const char *a, gsize a_length, const char *b)
{
    if (strlen(b) != a_length)
        return FALSE;
    for (gsize i = 0; i < a_length; i++) {
        int x = a[i] == '-' ? '_' : g_ascii_tolower(a[i]);
        int y = b[i] == '-' ? '_' : g_ascii_tolower(b[i]);

        if (x != y)
            return FALSE;
    }
    return TRUE;
}

const char *
tb_language_match(const char *wanted, const char *const *available)
{
    gsize length = strcspn(wanted, ".@");

    /* Shorter and shorter: "fa-Arab-IR", "fa-Arab", "fa" (RFC 4647, 3.4). */
    while (length > 0) {
        for (guint i = 0; available[i]; i++) {
            if (same_tag(wanted, length, available[i]))
                return available[i];
        }
        while (length > 0 && wanted[length - 1] != '-' && wanted[length - 1] != '_')
            length--;
        if (length > 0)
            length--;
    }
    return NULL;
}

static const char *
choose(const char *wanted, const char *const *available)
{
    const char *const *own = g_get_language_names();
    const char *match = wanted ? tb_language_match(wanted, available) : NULL;

    for (guint i = 0; !match && own[i]; i++)
        match = tb_language_match(own[i], available);
    return match ? match : SOURCE_LANGUAGE;
}

/* Where the catalogues are: in po/ of the build when this program runs from its build tree
 * (<build>/host/prompt/, or pinentry/ below that), else where they are installed. */
static char *
find_catalogues(void)
{
    static const char *const up[] = {"../..", "../../.."};
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = program ? g_path_get_dirname(program) : NULL;

    if (!folder || strcmp(folder, TB_LIBEXECDIR) == 0)
        return g_strdup(TB_LOCALEDIR);
    for (guint i = 0; i < G_N_ELEMENTS(up); i++) {
        g_autofree char *marker = g_build_filename(folder, up[i], "tokenbridge-config.h", NULL);

        if (g_file_test(marker, G_FILE_TEST_EXISTS))
            return g_build_filename(folder, up[i], "po", NULL);
    }
    return g_strdup(TB_LOCALEDIR);
}

/* gettext looks at LANGUAGE only when the locale is not "C"; C.UTF-8 is everywhere, the locale of
 * the page's language need not be. */
static void
set_locale(const char *language)
{
    const char *messages;
    gsize length = strlen(language);
    const char *time = setlocale(LC_TIME, NULL);

    messages = setlocale(LC_MESSAGES, NULL);
    if (!messages || strcmp(messages, "C") == 0 || strcmp(messages, "POSIX") == 0)
        (void)setlocale(LC_MESSAGES, "C.UTF-8");
    /* Names of months in the language of the dialog, not in another one of the user's. */
    if (!time || strncmp(time, language, length) != 0 || g_ascii_isalpha(time[length]))
        (void)setlocale(LC_TIME, "C");
}

void
tb_language_init(void)
{
    static gboolean done;
    const char *own = g_getenv("LANGUAGE");

    if (done)
        return;
    done = TRUE;
    if (own)
        (void)g_strlcat(variable, own, sizeof variable);
    (void)putenv(variable);
}

gboolean
tb_language_set(const char *wanted)
{
    static const char *const available[] = {SOURCE_LANGUAGE, TB_LINGUAS, NULL};
    static const char *const right_to_left[] = {"ar", "ckb", "fa", "he", "ps", "ug", "ur", NULL};
    g_autofree char *catalogues = find_catalogues();

    tb_language_init();
    current = choose(wanted, available);
    (void)g_strlcpy(variable + strlen(NAME), current, VALUE_MAX);
    set_locale(current);
    bindtextdomain(DOMAIN, catalogues); /* also makes gettext forget what it has looked up */
    bind_textdomain_codeset(DOMAIN, "UTF-8");
    textdomain(DOMAIN);
    return tb_language_match(current, right_to_left) != NULL;
}

const char *
tb_language_get(void)
{
    return current;
}
