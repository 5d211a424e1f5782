/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON from the other side of a pipe: parsed strictly, and read member by member. Nothing read here
 * is trusted. jansson's own error texts quote the input, which may hold a nonce; they are never
 * passed on.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#define TB_JSON_DEPTH_MAX 8u

/* Parses one JSON object: UTF-8, at most TB_JSON_DEPTH_MAX deep, no duplicate members, no NUL,
 * nothing after it. Returns a new reference, or NULL with invalid_request and the position. */
json_t *tb_json_parse(const guint8 *text, gsize length, GError **error);

/* invalid_request when object has a member that is not in the NULL-terminated list. */
gboolean tb_json_only(json_t *object, const char *what, const char *const *members, GError **error);

/* A member as a string (borrowed from object), NULL without error when it is absent; a string of
 * over max bytes, or a member of another type, is invalid_request. */
gboolean tb_json_string(json_t *object, const char *member, gsize max, const char **out_string,
                        GError **error);

/* As tb_json_string, but the member must be there. */
gboolean tb_json_required_string(json_t *object, const char *member, gsize max,
                                 const char **out_string, GError **error);

/* An integer in [min, max]; *inout_value keeps its value when the member is absent. */
gboolean tb_json_integer(json_t *object, const char *member, gint64 min, gint64 max,
                         gint64 *inout_value, GError **error);

/* true or false; *inout_value keeps its value when the member is absent. */
gboolean tb_json_boolean(json_t *object, const char *member, gboolean *inout_value, GError **error);

/* An array of up to count_max strings of up to max bytes; an empty array when absent. The strings
 * are copies. */
gboolean tb_json_strings(json_t *object, const char *member, gsize count_max, gsize max,
                         GPtrArray **out_strings, GError **error);
