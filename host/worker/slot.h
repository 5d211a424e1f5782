/* SPDX-License-Identifier: Apache-2.0
 *
 * A slot with a token, and what was read from it. In bare Cryptoki, and not trusted. Objects belong
 * to one thread.
 */
#pragma once

#include <glib.h>
#include <p11-kit/pkcs11.h>

#include "host/worker/certificate.h"
#include "host/worker/mechanism.h"

/* A slot with an initialised token. */
typedef struct TbSlot {
    CK_SLOT_ID id;
    CK_TOKEN_INFO info;
    char *reader;
    char *label;
    char *serial;
    char *manufacturer;
    char *model;
    GError *fault; /* why the token cannot be used; NULL when it can */
    guint certificate_count;
    /* From tb_module_read(): */
    GPtrArray *certificates; /* TbCertificate, each once, chains linked */
    GPtrArray *key_ids;      /* GBytes: CKA_ID of private keys that show without login */
    TbMechanisms *mechanisms;
    gboolean revealed;   /* certificates are among them that show only after login */
    gboolean incomplete; /* the token did not show all of it; it may at the next reading */
} TbSlot;

void tb_slot_free(TbSlot *slot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbSlot, tb_slot_free)

/* The serial of a token as text, as in TbSlot. */
char *tb_slot_serial(const CK_TOKEN_INFO *info);

/* Adds a certificate (taken; NULL: none) unless it is there already. */
void tb_slot_add_certificate(TbSlot *slot, TbCertificate *certificate);

/* Adds the certificates with these handles (CK_OBJECT_HANDLE). What cannot be read makes the slot
 * incomplete; what is no X.509 is left out. */
void tb_slot_read_certificates(TbSlot *slot, const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session,
                               const GArray *handles);

/* Reads key_ids anew. */
void tb_slot_read_key_ids(TbSlot *slot, const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session);

/* Adds the certificates that another reading of the same token has, and this one has not. */
void tb_slot_take_revealed(TbSlot *slot, const TbSlot *before);
