/* SPDX-License-Identifier: Apache-2.0
 *
 * Showing an origin: see site.h. The origin is the browser's word, but whoever registered its name
 * chose the letters; Unicode's UTS #39 is the background of the rules here. Any thread.
 */
#include "host/prompt/site.h"

#include <string.h>

#include <idn2.h>
#include <libpsl.h>

/* U+2066 LRI, U+2068 FSI, U+2069 PDI: a name's labels stay in their order whatever they contain. */
#define LTR_ISOLATE "\xe2\x81\xa6"
#define FIRST_STRONG_ISOLATE "\xe2\x81\xa8"
#define POP_ISOLATE "\xe2\x81\xa9"

/* Letters of Cyrillic, Greek and Armenian that a reader takes for Latin ones (from the confusables
 * of UTS #39; lower case only, since host names are). */
#define LATIN_LOOK_ALIKES                                                                          \
    "аысԁеԍһіюјӏорԗԛѕԝхуъьҽпгѵѡкт"                                     \
    "αεικνορτυχγω"                                                                     \
    "ցհոսօքյ"

static gboolean
is_latin_look_alike(gunichar c)
{
    return g_utf8_strchr(LATIN_LOOK_ALIKES, -1, c) != NULL;
}

/* Latin letters that no name is written with, but that look like those that are: dotless i (Turkish
 * names with it show their ASCII form first: the price is small), and the phonetic letters. */
static gboolean
is_latin_oddity(gunichar c)
{
    return c == 0x131 || (c >= 0x250 && c <= 0x2af);
}

typedef enum ScriptGroup {
    GROUP_LATIN = 1 << 0,
    GROUP_HAN = 1 << 1,
    GROUP_KANA = 1 << 2,
    GROUP_HANGUL = 1 << 3,
    GROUP_BOPOMOFO = 1 << 4,
    GROUP_OTHER = 1 << 5,
} ScriptGroup;

static ScriptGroup
script_group(GUnicodeScript script)
{
    /* Foreign values: whatever has no group of its own is a script that stands alone. */
    if (script == G_UNICODE_SCRIPT_LATIN)
        return GROUP_LATIN;
    if (script == G_UNICODE_SCRIPT_HAN)
        return GROUP_HAN;
    if (script == G_UNICODE_SCRIPT_HIRAGANA || script == G_UNICODE_SCRIPT_KATAKANA)
        return GROUP_KANA;
    if (script == G_UNICODE_SCRIPT_HANGUL)
        return GROUP_HANGUL;
    if (script == G_UNICODE_SCRIPT_BOPOMOFO)
        return GROUP_BOPOMOFO;
    return GROUP_OTHER;
}

/* The combinations that one language writes with ("highly restrictive" in UTS #39, 5.2). */
static gboolean
groups_belong_together(guint groups)
{
    return (groups & ~(guint)(GROUP_LATIN | GROUP_HAN | GROUP_KANA)) == 0 ||
           (groups & ~(guint)(GROUP_LATIN | GROUP_HAN | GROUP_HANGUL)) == 0 ||
           (groups & ~(guint)(GROUP_LATIN | GROUP_HAN | GROUP_BOPOMOFO)) == 0 ||
           groups == GROUP_OTHER;
}

gboolean
tb_site_label_misleads(const char *label, gboolean latin_around)
{
    GUnicodeScript other = G_UNICODE_SCRIPT_COMMON;
    guint groups = 0, letters = 0, look_alikes = 0;

    for (const char *p = label; *p; p += g_utf8_skip[(guchar)*p]) {
        gunichar c = g_utf8_get_char(p);
        GUnicodeScript script = g_unichar_get_script(c);

        if (is_latin_oddity(c))
            return TRUE;
        if (script == G_UNICODE_SCRIPT_COMMON || script == G_UNICODE_SCRIPT_INHERITED)
            continue;
        if (script_group(script) == GROUP_OTHER) {
            if (other != G_UNICODE_SCRIPT_COMMON && other != script)
                return TRUE;
            other = script;
        }
        groups |= script_group(script);
        letters++;
        look_alikes += is_latin_look_alike(c) ? 1 : 0;
    }
    if (letters == 0)
        return FALSE;
    return !groups_belong_together(groups) || (latin_around && look_alikes == letters);
}

static gboolean
name_misleads(const char *name)
{
    g_auto(GStrv) labels = g_strsplit(name, ".", -1);
    guint count = g_strv_length(labels);
    gboolean latin_around = g_str_is_ascii(labels[count - 1]);

    for (guint i = 0; i < count; i++) {
        if (!g_str_is_ascii(labels[i]) && tb_site_label_misleads(labels[i], latin_around))
            return TRUE;
    }
    return FALSE;
}

/* The readable form of an ASCII host; NULL when it has none, or when the way back does not lead to
 * the same ASCII, so that what is read would not be what is signed. */
static char *
readable_host(const char *ascii)
{
    char *unicode = NULL, *again = NULL;
    char *result = NULL;

    if (!strstr(ascii, "xn--"))
        return NULL;
    if (idn2_to_unicode_8z8z(ascii, &unicode, 0) == IDN2_OK && unicode &&
        g_utf8_validate(unicode, -1, NULL) &&
        idn2_to_ascii_8z(unicode, &again, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK &&
        strcmp(again, ascii) == 0 && strcmp(unicode, ascii) != 0)
        result = g_strdup(unicode);
    idn2_free(unicode);
    idn2_free(again);
    return result;
}

/* How many labels at the end of an ASCII host name can be registered as one; 0: all are one unit
 * (an address, localhost, a public suffix itself). */
static guint
registrable_labels(const char *ascii)
{
    psl_ctx_t *latest;
    const char *registrable;
    guint labels = 0;

    if (ascii[0] == '[' || g_hostname_is_ip_address(ascii))
        return 0;
    latest = psl_latest(NULL);
    registrable = psl_registrable_domain(latest ? latest : psl_builtin(), ascii);
    if (registrable) {
        labels = 1;
        for (const char *p = registrable; *p; p++)
            labels += *p == '.' ? 1 : 0;
    }
    psl_free(latest);
    return labels;
}

static void
append_label(GString *markup, GString *text, const char *label, gboolean last)
{
    g_autofree char *escaped = g_markup_escape_text(label, -1);
    gboolean ascii = g_str_is_ascii(label);
    const char *dot = last ? "" : ".";

    g_string_append_printf(markup, "%s%s%s%s", ascii ? "" : FIRST_STRONG_ISOLATE, escaped,
                           ascii ? "" : POP_ISOLATE, dot);
    g_string_append_printf(text, "%s%s%s%s", ascii ? "" : FIRST_STRONG_ISOLATE, label,
                           ascii ? "" : POP_ISOLATE, dot);
}

/* prefix ("http://" or "") and suffix (":port" or "") are ASCII without special characters. */
static void
render(const char *host, guint bold_labels, const char *prefix, const char *suffix,
       char **out_markup, char **out_text)
{
    GString *markup = g_string_new(LTR_ISOLATE);
    GString *text = g_string_new(LTR_ISOLATE);
    g_auto(GStrv) labels = g_strsplit(host, ".", -1);
    guint count = g_strv_length(labels);
    guint first_bold = bold_labels > 0 && bold_labels < count ? count - bold_labels : 0;

    g_string_append_printf(markup, "%s%s", prefix, first_bold > 0 ? "<span alpha=\"75%\">" : "");
    g_string_append(text, prefix);
    for (guint i = 0; i < count; i++) {
        if (i == first_bold)
            g_string_append(markup, i > 0 ? "</span><b>" : "<b>");
        append_label(markup, text, labels[i], i + 1 == count);
    }
    g_string_append_printf(markup, "</b>%s" POP_ISOLATE, suffix);
    g_string_append_printf(text, "%s" POP_ISOLATE, suffix);
    *out_markup = g_string_free(markup, FALSE);
    *out_text = g_string_free(text, FALSE);
}

TbSite *
tb_site_new(const char *origin)
{
    TbSite *site = g_new0(TbSite, 1);
    const char *rest = strstr(origin, "://") + 3;
    const char *colon = strrchr(rest, ':');
    const char *suffix = colon && !strchr(colon, ']') ? colon : "";
    g_autofree char *ascii = g_strndup(rest, strlen(rest) - strlen(suffix));
    g_autofree char *readable = readable_host(ascii);
    guint bold = registrable_labels(ascii);
    const char *prefix;

    site->plain_http = g_str_has_prefix(origin, "http://");
    prefix = site->plain_http ? "http://" : "";
    site->look_alike = readable && name_misleads(readable);
    render(readable && !site->look_alike ? readable : ascii, bold, prefix, suffix, &site->markup,
           &site->text);
    site->title = readable && !site->look_alike ? g_strdup(site->text) : g_strdup(rest);
    if (readable) {
        g_autofree char *markup = NULL;

        render(site->look_alike ? readable : ascii, bold, prefix, suffix, &markup, &site->other);
    }
    return site;
}

void
tb_site_free(TbSite *site)
{
    if (!site)
        return;
    g_free(site->markup);
    g_free(site->text);
    g_free(site->title);
    g_free(site->other);
    g_free(site);
}
