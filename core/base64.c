/* SPDX-License-Identifier: Apache-2.0
 *
 * Strict base64 over OpenSSL's block coder. The text comes from pages and is not trusted:
 * everything OpenSSL would forgive (white space, padding in the middle, stray bits) is refused
 * before it sees it.
 */
#include "core/base64.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

static int
sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    if (c == '/')
        return 63;
    return -1;
}

char *
tb_base64_encode(const void *data, size_t length)
{
    char *text;

    if (length > (INT_MAX - 1) / 4 * 3 - 3)
        return NULL;
    text = malloc((length + 2) / 3 * 4 + 1);
    if (!text)
        return NULL;
    text[0] = '\0';
    (void)EVP_EncodeBlock((unsigned char *)text, data, (int)length);
    return text;
}

bool
tb_base64_check(const char *text, size_t length)
{
    size_t digits = length;

    if (length % 4 != 0)
        return false;
    while (digits > 0 && length - digits < 2 && text[digits - 1] == '=')
        digits--;
    for (size_t i = 0; i < digits; i++) {
        if (sextet(text[i]) < 0)
            return false;
    }
    /* The bits that padding leaves over must be zero, or two texts would mean the same bytes. */
    if (length - digits == 1)
        return (sextet(text[digits - 1]) & 0x3) == 0;
    if (length - digits == 2)
        return (sextet(text[digits - 1]) & 0xf) == 0;
    return true;
}

unsigned char *
tb_base64_decode(const char *text, size_t length, size_t *out_length)
{
    unsigned char *data;
    size_t padding = 0;

    if (length > INT_MAX || !tb_base64_check(text, length))
        return NULL;
    data = malloc(length / 4 * 3 + 1);
    if (!data)
        return NULL;
    if (length > 0 && EVP_DecodeBlock(data, (const unsigned char *)text, (int)length) < 0) {
        free(data);
        return NULL;
    }
    while (padding < length && text[length - 1 - padding] == '=')
        padding++;
    *out_length = length / 4 * 3 - padding;
    return data;
}
