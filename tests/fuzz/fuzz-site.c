/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: what a stranger chose and a person reads: the name of a site, and the text of a
 * certificate. The input is a host, a line feed, and a text. What is read leads back to what is
 * signed, and nothing that is shown can rearrange what stands around it.
 */
#include <string.h>

#include "host/prompt/language.h"
#include "host/prompt/pinentry/assuan.h"
#include "host/prompt/site.h"
#include "host/prompt/text.h"
#include "tests/fuzz/fuzz.h"
#include "tokenbridge/origin.h"

#define CHARACTERS 40u
#define ROOM 100u

/* Direction marks: isolates are opened and closed in pairs, and there are no others. */
static void
check_isolated(const char *text)
{
    int depth = 0;

    FUZZ_CHECK(g_utf8_validate(text, -1, NULL));
    for (const char *p = text; *p; p += g_utf8_skip[(guchar)*p]) {
        gunichar c = g_utf8_get_char(p);

        depth += c >= 0x2066 && c <= 0x2068 ? 1 : c == 0x2069 ? -1 : 0;
        FUZZ_CHECK(depth >= 0 && depth <= 2);
        FUZZ_CHECK(!g_unichar_iscntrl(c) || c == '\n');
        FUZZ_CHECK(!(c >= 0x202a && c <= 0x202e) && c != 0x200e && c != 0x200f && c != 0x61c);
    }
    FUZZ_CHECK(depth == 0);
}

static void
check_site(const char *host)
{
    g_autofree char *origin = g_strconcat("https://", host, NULL);
    g_autoptr(TbSite) site = NULL;

    if (tb_origin_check(origin, NULL) != TB_OK)
        return;
    site = tb_site_new(origin);
    check_isolated(site->text);
    FUZZ_CHECK(!site->plain_http && (!site->look_alike || site->other));
    /* All ASCII, or there is another form that is. */
    FUZZ_CHECK(site->other || strstr(site->text, host) || strchr(host, '.'));
}

static void
check_text(const char *text)
{
    static const char *const available[] = {"en", "fa", "pt_BR", NULL};
    g_autofree char *clean = tb_text_clean(text, CHARACTERS);
    g_autofree char *line = tb_assuan_escape(text, ROOM);

    check_isolated(clean);
    FUZZ_CHECK(g_utf8_strlen(clean, -1) <= CHARACTERS + 3); /* isolates and an ellipsis */
    FUZZ_CHECK(strlen(line) <= ROOM && g_utf8_validate(line, -1, NULL));
    FUZZ_CHECK(!strpbrk(line, "\r\n"));
    (void)tb_language_match(text, available);
    if (g_utf8_validate(text, -1, NULL))
        (void)tb_site_label_misleads(text, text[0] & 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *whole = g_strndup((const char *)data, size);
    char *text = strchr(whole, '\n');

    if (text)
        *text++ = '\0';
    check_site(whole);
    check_text(text ? text : whole);
    return 0;
}
