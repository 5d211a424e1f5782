/* SPDX-License-Identifier: Apache-2.0
 *
 * For the PIV card emulator: data objects. See tlv.h.
 */
#include "tests/piv/tlv.h"

typedef struct Reader {
    const guint8 *at;
    gsize left;
} Reader;

static void
append_tag(GByteArray *out, guint32 tag)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        guint8 byte = (guint8)(tag >> shift);

        if (tag >> shift)
            g_byte_array_append(out, &byte, 1);
    }
}

static void
append_length(GByteArray *out, gsize length)
{
    guint8 bytes[3] = {0x82, (guint8)(length >> 8), (guint8)length};

    g_assert(length <= G_MAXUINT16);
    if (length < 0x80) {
        g_byte_array_append(out, bytes + 2, 1);
    } else if (length <= G_MAXUINT8) {
        bytes[1] = 0x81;
        g_byte_array_append(out, bytes + 1, 2);
    } else {
        g_byte_array_append(out, bytes, 3);
    }
}

void
piv_tlv_append(GByteArray *out, guint32 tag, const void *value, gsize length)
{
    append_tag(out, tag);
    append_length(out, length);
    if (length > 0)
        g_byte_array_append(out, value, (guint)length);
}

static gboolean
read_byte(Reader *reader, guint8 *out_byte)
{
    if (reader->left == 0)
        return FALSE;
    *out_byte = *reader->at++;
    reader->left--;
    return TRUE;
}

static gboolean
read_tag(Reader *reader, guint32 *out_tag)
{
    guint8 byte = 0;
    guint32 tag;

    if (!read_byte(reader, &byte))
        return FALSE;
    tag = byte;
    if ((byte & 0x1f) == 0x1f) {
        do {
            if (tag > 0xffff || !read_byte(reader, &byte))
                return FALSE;
            tag = tag << 8 | byte;
        } while (byte & 0x80);
    }
    *out_tag = tag;
    return TRUE;
}

static gboolean
read_length(Reader *reader, gsize *out_length)
{
    guint8 byte = 0;
    gsize length = 0;

    if (!read_byte(reader, &byte))
        return FALSE;
    if (byte < 0x80) {
        *out_length = byte;
        return TRUE;
    }
    if (byte != 0x81 && byte != 0x82)
        return FALSE;
    for (int count = byte & 0x7f; count > 0; count--) {
        if (!read_byte(reader, &byte))
            return FALSE;
        length = length << 8 | byte;
    }
    *out_length = length;
    return TRUE;
}

gboolean
piv_tlv_find(const guint8 *data, gsize length, guint32 tag, const guint8 **out_value,
             gsize *out_length)
{
    Reader reader = {data, length};
    guint32 seen = 0;
    gsize size = 0;

    while (read_tag(&reader, &seen) && read_length(&reader, &size) && size <= reader.left) {
        if (seen == tag) {
            *out_value = reader.at;
            *out_length = size;
            return TRUE;
        }
        reader.at += size;
        reader.left -= size;
    }
    return FALSE;
}
