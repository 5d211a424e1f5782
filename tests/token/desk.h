/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: people with keys and certificates, a script for the test token, and a worker on it. A
 * desk has a folder of its own, which goes with it. Test code only; one thread.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "tests/worker/client.h"

#define TT_PIN "123456"
#define TT_INPUT "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

typedef struct TtDesk {
    char *folder;
    char *script;
    TbTestWorker *worker; /* NULL: not started */
    json_t *listing;      /* the last answer to "list" */
} TtDesk;

TtDesk *tt_desk_new(void);

/* Also ends the worker, and fails the test unless it ends well. */
void tt_desk_free(TtDesk *desk);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TtDesk, tt_desk_free)

/* Makes NAME.key and NAME.pem. kind: "P-256", "RSA" ... (tests/worker/issue.h); usage: the
 * keyUsage, for example "digitalSignature". */
void tt_desk_person(const TtDesk *desk, const char *name, const char *kind, const char *usage);

/* Writes the script: the members of the script after "log", with ' for ". In one step, so that the
 * module never sees half of it. */
void tt_desk_write(const TtDesk *desk, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Starts a worker on the script. */
void tt_desk_start(TtDesk *desk);

/* Ends it, as tt_desk_free does. */
void tt_desk_stop(TtDesk *desk);

/* Lists; the answer stays in desk->listing. Fails the test when the answer is not of the form of
 * docs/protocol.md, 4.1. */
json_t *tt_desk_list(TtDesk *desk);

/* How many tokens the last listing has, and the one with a label (NULL: none). */
guint tt_desk_tokens(const TtDesk *desk);
json_t *tt_desk_token(const TtDesk *desk, const char *label);

/* A person's certificate on a token of the listing; NULL when it is not there. */
json_t *tt_desk_certificate(const TtDesk *desk, json_t *token, const char *name);

/* A request to sign TT_INPUT. */
json_t *tt_desk_request(const TtDesk *desk, guint slot, const char *serial, const char *name,
                        const char *algorithm);

/* Signs with ES256 in slot 1, token "0001", and returns the answer after a look at its form. pin:
 * TB_TEST_NO_PIN for none. */
json_t *tt_desk_sign(TtDesk *desk, const char *name, const char *pin);

/* "change_pin", "unblock_pin" or "reveal" of the token "0001" in slot 1; the answer, after a look
 * at its form. pins: "OLD\nNEW"; TB_TEST_NO_PIN for none. */
json_t *tt_desk_pin_request(TtDesk *desk, const char *op, const char *pins);

/* Fails the test unless the answer (whose reference is taken) has a signature over TT_INPUT by this
 * person. */
void tt_desk_assert_signed(const TtDesk *desk, json_t *answer, const char *name,
                           const char *algorithm);

/* Fails the test unless the answer (whose reference is taken) is an error with this word, and its
 * PIN in this state (NULL: nothing is said of the PIN). */
void tt_desk_assert_refused(json_t *answer, const char *reason, const char *state);

/* Fails the test unless answer is of the form of docs/protocol.md: an error with a known word and a
 * sentence, or what was asked for. */
void tt_desk_check_form(json_t *answer);

/* How many calls of the record have this name and, in JSON with ' for ", these members (NULL:
 * any). */
guint tt_desk_count(const TtDesk *desk, const char *call, const char *members);

/* Fails the test unless, by the record, every session that was opened is closed, and every login is
 * out. */
void tt_desk_assert_nothing_left(const TtDesk *desk);

/* Forgets the record. */
void tt_desk_forget(const TtDesk *desk);

/* A script with one token "Ann", serial "0001", in slot 1, that has ann.pem and ann.key; more
 * members for the token ("'tries': 5,") and the list of faults ("{...}, {...}"). */
#define TT_ANN_OBJECTS                                                                             \
    "{'class': 'certificate', 'file': 'ann.pem', 'id': '01'},"                                     \
    "{'class': 'private_key', 'file': 'ann.key', 'id': '01'}"
#define TT_ANN_SCRIPT                                                                              \
    "'slots': [{'id': 1, 'token': {'label': 'Ann', 'serial': '0001', %s 'objects': "               \
    "[" TT_ANN_OBJECTS "]}}], 'faults': [%s]"

/* A started desk with Ann (P-256, digitalSignature), on TT_ANN_SCRIPT. */
TtDesk *tt_desk_with_ann(const char *token_members, const char *faults);
