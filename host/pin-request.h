/* SPDX-License-Identifier: Apache-2.0
 *
 * What changePin and unblockPin ask, checked (docs/protocol.md, section 3).
 */
#pragma once

#include <glib.h>
#include <jansson.h>

typedef enum TbPinPurpose {
    TB_PIN_CHANGE,  /* with the PIN as it is */
    TB_PIN_UNBLOCK, /* with the PUK */
} TbPinPurpose;

typedef struct TbPinRequest {
    TbPinPurpose purpose;
    guint module; /* index into the configured modules */
    guint64 slot;
    char *token;   /* serial number; may be empty, then the slot alone tells tokens apart */
    char *lang;    /* or NULL */
    guint timeout; /* ms */
} TbPinRequest;

/* Reads params (an object, or NULL for none). The module's name selects among modules (TbModule)
 * and has no other meaning. default_timeout in ms. NULL with invalid_request. */
TbPinRequest *tb_pin_request_read(TbPinPurpose purpose, json_t *params, const GPtrArray *modules,
                                  guint default_timeout, GError **error);

void tb_pin_request_free(TbPinRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbPinRequest, tb_pin_request_free)
