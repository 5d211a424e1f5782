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
    TB_OPERATION_CHANGE_PIN,
    TB_OPERATION_UNBLOCK_PIN,
    TB_OPERATION_LAST = TB_OPERATION_UNBLOCK_PIN,
} TbOperation;

/* Whether it is about the PIN itself: no site asks, and no certificate is chosen. */
gboolean tb_operation_is_pin_care(TbOperation operation);

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
    TB_PROBLEM_NO_READER_SERVICE,
    TB_PROBLEM_NO_READER,
    TB_PROBLEM_NO_CARD,      /* readers, and no card in any */
    TB_PROBLEM_CARD_UNKNOWN, /* a card that no module knows */
    TB_PROBLEM_LAST = TB_PROBLEM_CARD_UNKNOWN,
} TbProblem;

typedef struct TbPin {
    TbPinState state;
    gboolean pad;
    guint min, max; /* bytes; 0 <= min <= max, 1 <= max <= TB_PIN_MAX */
} TbPin;

/* Which secret the token refused. */
typedef enum TbPinKind {
    TB_PIN_KIND_PIN,
    TB_PIN_KIND_PUK,
    TB_PIN_KIND_NEW, /* the new PIN, by the token's own rules */
    TB_PIN_KIND_LAST = TB_PIN_KIND_NEW,
} TbPinKind;

typedef struct TbChoice {
    char *id;
    char *name; /* "", like issuer_name, when hidden */
    char *issuer_name;
    char *token;
    char *reader;
    gint64 not_before, not_after; /* Unix seconds */
    gboolean usable;
    TbChoiceProblem problem;
    TbPin pin;
    gboolean needs_pin;
    gboolean hidden; /* the token shows its certificates only after the PIN */
} TbChoice;

void tb_choice_free(TbChoice *choice);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbChoice, tb_choice_free)

/* The token whose PIN is to be changed or unblocked. */
typedef struct TbToken {
    char *label;
    char *reader;
    TbPin pin, puk;
} TbToken;

void tb_token_free(TbToken *token);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbToken, tb_token_free)

typedef enum TbMessageType {
    TB_MESSAGE_SHOW,
    TB_MESSAGE_CERTIFICATES,
    TB_MESSAGE_TOKEN,
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
    char *origin;                   /* NULL for the care of a PIN */
    char *top_origin;               /* or NULL */
    char *lang;                     /* or NULL */
    char *hash_function, *hash_hex; /* or both NULL */

    /* certificates; token */
    GPtrArray *choices; /* of TbChoice */
    char *preferred;    /* or NULL */
    gboolean again;     /* the user's turn again, after a hidden choice */
    TbToken *token;     /* or NULL */
    TbProblem problem;

    /* working; pin_failed */
    gboolean pad;
    TbPin pin; /* the state of what failed; of the PIN for TB_PIN_KIND_NEW */
    gboolean repeated;
    TbPinKind what;

    /* failed */
    TbReason reason;
    char *text;
} TbMessage;

void tb_message_free(TbMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbMessage, tb_message_free)

/* Reads a message; object is borrowed. has_fd: a descriptor came with it, as it must with "pin" and
 * with nothing else. Returns NULL with invalid_request, which names the member at fault. */
TbMessage *tb_message_parse(json_t *object, gboolean has_fd, GError **error);
