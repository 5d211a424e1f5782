/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: a kind of token, what it can do and how it behaves. The suite (suite.c) is the same
 * for all; what is declared here is what it expects, and each statement is put to the test. Test
 * code only; one thread.
 */
#pragma once

#include <glib.h>

#define TB_KIND_PEOPLE_MAX 6
#define TB_KIND_TRIES_MAX 8

/* A person of the lab (tests/lab/make-lab) with key and certificate on the token. */
typedef struct TbKindPerson {
    const char *user;
    const char *algorithms; /* exactly these, best first, with blanks between them */
    gboolean always_authenticate;
} TbKindPerson;

typedef struct TbKind {
    const char *name;
    const char *label;
    guint tokens; /* in a listing: some modules show more than the one that was made */
    const char *pin;
    const char *puk;       /* or SO PIN; NULL: none */
    const char *other_pin; /* another good one */
    const char *bad_pin;   /* one that the token does not take for a new PIN; NULL: it takes any */
    TbKindPerson people[TB_KIND_PEOPLE_MAX + 1];

    /* The PIN's state after the first, second ... wrong one. Of a token that locks its PIN the last
     * one is when it is locked; one that does not stays so. */
    const char *after_wrong[TB_KIND_TRIES_MAX + 1];
    const char *after_right; /* when the right PIN came after a wrong one */
    const char *after_last;  /* when it came at the last try */
    const char *locked_anew; /* a locked one, to a program that has just started */
    gboolean right_gives_tries_back;
    gboolean locks_silently; /* the wrong PIN that locks is just wrong; the next one is told */

    /* Why something cannot be tested; NULL: it can. */
    const char *no_lock;
    const char *no_removal;
    const char *no_always_authenticate;
    const char *no_strict_alone;
    const char *no_service;
    const char *no_hidden;

    /* The word for a token that was taken out after it was listed; those for changing the PIN, and
     * unblocking it, where that does not work. */
    const char *removed;
    const char *change_refused;
    const char *unblock_refused;

    /* What the worker needs: the module, its initialisation string or NULL, and the directories
     * that it writes to, NULL-terminated, for the strict sandbox. */
    const char *(*module)(void);
    const char *(*init_args)(void);
    const char *const *(*state)(void);
    gboolean strict_needs_state; /* without these directories it does not work there */

    /* What is missing on this machine, or NULL. */
    const char *(*missing)(void);
    /* Once: makes the token. Before each case: has it as it was made, inserted. In the end. */
    void (*make)(void);
    void (*refresh)(void);
    /* The same with the first person alone, whose certificate shows only after a login. */
    void (*hide)(void);
    void (*finish)(void);
    void (*remove)(void);
    void (*insert)(void);
    /* The daemon that the module needs. */
    void (*stop_service)(void);
    void (*start_service)(void);
    /* A number that grows by one with each wrong PIN that reaches the token, as the token itself
     * counts; NULL: it does not. */
    guint (*pins_seen)(void);
    /* The way of the token's own tools out of a lock, where unblocking does not work. */
    void (*unlock_by_tool)(void);
} TbKind;

extern const TbKind tb_kind_test;
extern const TbKind tb_kind_softhsm;
extern const TbKind tb_kind_softokn;
extern const TbKind tb_kind_opencryptoki;
extern const TbKind tb_kind_tpm;
extern const TbKind tb_kind_piv;
