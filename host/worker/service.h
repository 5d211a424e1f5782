/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker's requests (docs/protocol.md, 4.1): from a JSON object and a descriptor to a JSON
 * answer. The request comes from the host, and is checked all the same. One thread.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

typedef struct TbService TbService;

/* Serves one module; nothing is loaded yet. NULL, with an error, when memory for secrets is
 * missing.
 */
TbService *tb_service_new(const char *module_path, const char *init_args, GError **error);

/* Ends all sessions and finalises the module. */
void tb_service_free(TbService *service);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbService, tb_service_free)

/* Loads the module ahead of the first request; a failure is that request's answer. */
void tb_service_prepare(TbService *service);

/* The answer to a request; pin_fd (-1: none) is borrowed. Never NULL; the caller owns it. */
json_t *tb_service_answer(TbService *service, json_t *request, int pin_fd);

/* Whether the last answer left a user logged in, for the next request; and logging out. */
gboolean tb_service_is_holding(const TbService *service);
void tb_service_let_go(TbService *service);

/* The answer that reports an error. */
json_t *tb_service_error(const GError *error);
