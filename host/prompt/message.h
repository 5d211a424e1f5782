/* SPDX-License-Identifier: Apache-2.0
 *
 * What the host tells the prompt (docs/protocol.md, section 4.2), read strictly: a message with a
 * member or value that is not in that table is refused whole. No GTK, no state, any thread.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "tokenbridge/reason.h"

typedef enum TbOperation {
    TB_OPERATION_AUTHENTICATE,
    TB_OPERATION_SIGN,
    TB_OPERATION_CHOOSE,
    TB_OPERATION_LAST = TB_OPERATION_CHOOSE,
} TbOperation;

typedef enum TbPinState {
    TB_PIN_STATE_OK,
    TB_PIN_STATE_LOW,
    TB_PIN_STATE_FINAL_TRY,
    TB_PIN_STATE_LOCKED,
    TB_PIN_STATE_TO_BE_CHANGED,
    TB_PIN_STATE_NOT_INITIALISED,
    TB_PIN_STATE_LAST = TB_PIN_STATE_NOT_INITIALISED,
} TbPinState;

typedef enum TbChoiceProblem {
    TB_CHOICE_PROBLEM_NONE,
    TB_CHOICE_PROBLEM_EXPIRED,
    TB_CHOICE_PROBLEM_NOT_YET_VALID,
    TB_CHOICE_PROBLEM_PIN_LOCKED,
    TB_CHOICE_PROBLEM_PIN_NOT_SET,
    TB_CHOICE_PROBLEM_PIN_TO_BE_CHANGED,
    TB_CHOICE_PROBLEM_LAST = TB_CHOICE_PROBLEM_PIN_TO_BE_CHANGED,
} TbChoiceProblem;

/* Why there is nothing to choose from. */
typedef enum TbProblem {
    TB_PROBLEM_NONE,
    TB_PROBLEM_NO_MODULE,
    TB_PROBLEM_NO_TOKEN,
    TB_PROBLEM_NO_CERTIFICATE,
    TB_PROBLEM_MODULE_FAILED,
    TB_PROBLEM_LAST = TB_PROBLEM_MODULE_FAILED,
} TbProblem;

typedef struct TbPin {
    TbPinState state;
    gboolean pad;
    guint min, max; /* bytes; 0 <= min <= max, 1 <= max <= TB_PIN_MAX */
} TbPin;

typedef struct TbChoice {
    char *id;
    char *name;
    char *issuer_name;
    char *token;
    char *reader;
    gint64 not_before, not_after; /* Unix seconds */
    gboolean usable;
    TbChoiceProblem problem;
    TbPin pin;
    gboolean needs_pin;
} TbChoice;

void tb_choice_free(TbChoice *choice);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbChoice, tb_choice_free)

typedef enum TbMessageType {
    TB_MESSAGE_SHOW,
    TB_MESSAGE_CERTIFICATES,
    TB_MESSAGE_PIN,
    TB_MESSAGE_WORKING,
    TB_MESSAGE_PIN_FAILED,
    TB_MESSAGE_DONE,
    TB_MESSAGE_FAILED,
    TB_MESSAGE_CLOSE,
    TB_MESSAGE_LAST = TB_MESSAGE_CLOSE,
} TbMessageType;

typedef struct TbMessage {
    TbMessageType type;

    /* show */
    TbOperation operation;
    char *origin;
    char *top_origin;               /* or NULL */
    char *lang;                     /* or NULL */
    char *hash_function, *hash_hex; /* or both NULL */

    /* certificates */
    GPtrArray *choices; /* of TbChoice */
    char *preferred;    /* or NULL */
    TbProblem problem;

    /* working; pin_failed */
    gboolean pad;
    TbPin pin;
    gboolean repeated;

    /* failed */
    TbReason reason;
    char *text;
} TbMessage;

void tb_message_free(TbMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbMessage, tb_message_free)

/* Reads a message; object is borrowed. has_fd: a descriptor came with it, as it must with "pin" and
 * with nothing else. Returns NULL with invalid_request, which names the member at fault. */
TbMessage *tb_message_parse(json_t *object, gboolean has_fd, GError **error);
