/* SPDX-License-Identifier: Apache-2.0
 *
 * Text from tokens and certificates, made fit for JSON and for people: valid UTF-8, no control
 * characters, bounded. The input is not trusted. No state.
 */
#pragma once

#include <glib.h>

#define TB_TEXT_MAX 1024 /* bytes of a name or label that are kept */

/* A blank-padded field of fixed size (PKCS#11 2.40, 3.1), which some modules end with a NUL. */
char *tb_text_from_padded(const unsigned char *field, gsize size);

/* Bytes that should be UTF-8. Bad sequences, control and other unprintable characters become
 * U+FFFD; what is over TB_TEXT_MAX is cut at a character. */
char *tb_text_clean(const char *bytes, gsize length);
