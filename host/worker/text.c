/* SPDX-License-Identifier: Apache-2.0
 *
 * Text from tokens and certificates: see text.h. The input is not trusted. No state.
 */
#include "host/worker/text.h"

#include <string.h>

char *
tb_text_clean(const char *bytes, gsize length)
{
    GString *clean = g_string_sized_new(MIN(length, TB_TEXT_MAX) + 1);

    for (gsize i = 0; i < length && clean->len + 4 <= TB_TEXT_MAX;) {
        gunichar c = g_utf8_get_char_validated(bytes + i, (gssize)(length - i));
        gboolean bad = c == (gunichar)-1 || c == (gunichar)-2;

        i += bad ? 1 : (gsize)g_unichar_to_utf8(c, NULL);
        /* Noncharacters and controls have no place in a name; joiners (U+200C, U+200D) have. */
        if (bad || c == 0 || g_unichar_iscntrl(c) || (c & 0xfffe) == 0xfffe)
            c = 0xfffd;
        g_string_append_unichar(clean, c);
    }
    return g_string_free(clean, FALSE);
}

char *
tb_text_from_padded(const unsigned char *field, gsize size)
{
    const unsigned char *nul = memchr(field, '\0', size);
    gsize length = nul ? (gsize)(nul - field) : size;

    while (length > 0 && field[length - 1] == ' ')
        length--;
    return tb_text_clean((const char *)field, length);
}
