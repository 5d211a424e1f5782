/* SPDX-License-Identifier: Apache-2.0
 *
 * The workers: one process for each PKCS#11 module, started when it is first needed, asked one
 * thing at a time, ended when it does not answer in time, and kept for a while when it is idle,
 * because loading a module costs more than a signature. One module's fault never delays or hides
 * another's.
 *
 * Lives in the default main context. Callbacks never come from within the call that asked.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "host/card-readers.h"
#include "host/common/config.h"

typedef struct TbWorkers TbWorkers;

/* What is known of one module. */
typedef struct TbModuleState {
    const TbModule *module;
    gboolean asked;       /* a listing is under way, or was answered */
    GPtrArray *tokens;    /* TbToken of the last good listing, or NULL */
    json_t *listing;      /* the worker's answer as it came, or NULL */
    GError *error;        /* why there is none, or NULL */
    gboolean pcsc;        /* it reaches its tokens by PC/SC, as far as is known */
    gint64 asked_at;      /* when (g_get_monotonic_time) the last good listing was begun */
    gint64 lost_at;       /* when it showed no token for the first time after it had one */
    gboolean sign_failed; /* it crashed or did not answer when it was last to sign */
} TbModuleState;

/* Both are borrowed and must outlive the workers. modules: TbModule. */
TbWorkers *tb_workers_new(const GPtrArray *modules, const TbConfig *config);

/* Ends all worker processes at once. */
void tb_workers_free(TbWorkers *workers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbWorkers, tb_workers_free)

/* How the worker of a module is started: arguments for tb_child_start(). */
GStrv tb_workers_arguments(const TbModule *module);

guint tb_workers_count(const TbWorkers *workers);
const TbModuleState *tb_workers_state(const TbWorkers *workers, guint module);

/* What PC/SC says, which modules do not; borrowed. */
TbCardReaders *tb_workers_card_readers(const TbWorkers *workers);

/* A module's entry in the result of listTokens (docs/protocol.md, section 3): a new reference. */
json_t *tb_workers_describe(const TbModuleState *state);

/* The tokens of all modules as an array for tb_selection_fitting(): borrowed entries, NULL where
 * there is no listing. */
GPtrArray *tb_workers_listings(const TbWorkers *workers);

typedef struct TbWorkersCall TbWorkersCall;

/* Asks all modules at once what they have. listed is called after each module's answer or failure,
 * the last time with complete TRUE (also, once, when there is no module). The handle is valid until
 * then. */
TbWorkersCall *tb_workers_list(TbWorkers *workers, void (*listed)(gboolean complete, gpointer data),
                               gpointer data);

/* The same of one module; listed comes once, with complete TRUE. */
TbWorkersCall *tb_workers_list_module(TbWorkers *workers, guint module,
                                      void (*listed)(gboolean complete, gpointer data),
                                      gpointer data);

typedef struct TbSignEvents {
    /* The worker waits for the PIN: pin_fd is the write end of the pipe, borrowed; -1 for a PIN
     * pad. */
    void (*started)(int pin_fd, gpointer data);
    /* The worker's answer, borrowed; or NULL and an error that names the module. */
    void (*answered)(json_t *answer, const GError *error, gpointer data);
} TbSignEvents;

/* Sends a "sign" request (borrowed) to a module's worker; pad: the PIN comes from the reader's
 * keys. */
TbWorkersCall *tb_workers_sign(TbWorkers *workers, guint module, json_t *request, gboolean pad,
                               const TbSignEvents *events, gpointer data);

/* Sends a "sign" request to a worker that holds a login: nothing more is asked of the user. */
TbWorkersCall *tb_workers_sign_held(TbWorkers *workers, guint module, json_t *request,
                                    const TbSignEvents *events, gpointer data);

/* A token (as in docs/protocol.md, 4.1; not trusted) that a worker has told of apart from a
 * listing: it takes its place in the last one. */
gboolean tb_workers_put_token(TbWorkers *workers, guint module, json_t *token, GError **error);

/* No more callbacks for this call. A signature under way is stopped by ending its worker. */
void tb_workers_cancel(TbWorkers *workers, TbWorkersCall *call);
