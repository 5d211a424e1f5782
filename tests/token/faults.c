/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: faults: see faults.h. Test code only.
 */
#include "tests/token/faults.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/token/reader.h"

static const char *const actions[] = {
    [TT_ACTION_RETURN] = "return",       [TT_ACTION_SLEEP] = "sleep",
    [TT_ACTION_HANG] = "hang",           [TT_ACTION_SEGV] = "segv",
    [TT_ACTION_ABORT] = "abort",         [TT_ACTION_EXIT] = "exit",
    [TT_ACTION_PRINT] = "print",         [TT_ACTION_REMOVE] = "remove",
    [TT_ACTION_LENGTH] = "length",       [TT_ACTION_WRONG_SIGNATURE] = "wrong_signature",
    [TT_ACTION_NULL_LIST] = "null_list", NULL,
};

TtFault *
tt_fault_parse(json_t *entry, const char *where)
{
    static const char *const members[] = {"call",  "slot",   "attribute", "nth", "from",
                                          "after", "do",     "rv",        "ms",  "value",
                                          "text",  "status", NULL};
    TtFault *fault = g_new0(TtFault, 1);

    tt_read_only(entry, where, members);
    fault->call = g_strdup(tt_read_string(entry, where, "call", NULL));
    if (!fault->call || !(strcmp(fault->call, "*") == 0 || g_str_has_prefix(fault->call, "C_")))
        tt_fail(where, "\"call\" is neither \"C_...\" nor \"*\"");
    fault->on_slot = json_object_get(entry, "slot") != NULL;
    fault->slot = tt_read_integer(entry, where, "slot", 0);
    fault->on_attribute = json_object_get(entry, "attribute") != NULL;
    fault->attribute = tt_read_number(entry, where, "attribute", TT_NAMES_ATTRIBUTE, 0);
    fault->nth = tt_read_integer(entry, where, "nth", 0);
    fault->from = tt_read_integer(entry, where, "from", 1);
    fault->after = tt_read_boolean(entry, where, "after", FALSE);
    fault->action = (TtAction)tt_read_choice(entry, where, "do", actions);
    fault->rv = tt_read_number(entry, where, "rv", TT_NAMES_RV, CKR_GENERAL_ERROR);
    fault->ms = tt_read_integer(entry, where, "ms", 0);
    fault->status = (int)(tt_read_integer(entry, where, "status", 0) & 0xff);
    fault->text = g_strdup(tt_read_string(entry, where, "text", ""));
    fault->value = tt_read_number(entry, where, "value", TT_NAMES_FLAG, CK_UNAVAILABLE_INFORMATION);
    return fault;
}

void
tt_fault_free(TtFault *fault)
{
    g_free(fault->call);
    g_free(fault->text);
    g_free(fault);
}

static gboolean
has_attribute(const TtOccasion *occasion, CK_ATTRIBUTE_TYPE type)
{
    for (CK_ULONG i = 0; occasion->attributes && i < occasion->attribute_count; i++) {
        if (occasion->attributes[i].type == type)
            return TRUE;
    }
    return FALSE;
}

static gboolean
matches(const TtFault *fault, const TtOccasion *occasion)
{
    return (strcmp(fault->call, "*") == 0 || strcmp(fault->call, occasion->call) == 0) &&
           (!fault->on_slot || (occasion->has_slot && fault->slot == occasion->slot)) &&
           (!fault->on_attribute || has_attribute(occasion, fault->attribute));
}

GPtrArray *
tt_faults_due(GPtrArray *faults, const TtOccasion *occasion)
{
    GPtrArray *due = g_ptr_array_new();

    for (guint i = 0; i < faults->len; i++) {
        TtFault *fault = g_ptr_array_index(faults, i);

        if (!matches(fault, occasion))
            continue;
        fault->seen++;
        if (fault->nth > 0 ? fault->seen == fault->nth : fault->seen >= fault->from)
            g_ptr_array_add(due, fault);
    }
    return due;
}

gboolean
tt_fault_is_final(const TtFault *fault)
{
    return fault->action == TT_ACTION_HANG || fault->action == TT_ACTION_SEGV ||
           fault->action == TT_ACTION_ABORT || fault->action == TT_ACTION_EXIT;
}

const char *
tt_fault_word(const TtFault *fault)
{
    return actions[fault->action];
}

/* A real one, and not the sanitizer's idea of it. */
static void
crash(int number)
{
    (void)signal(number, SIG_DFL);
    (void)raise(number);
    _exit(128 + number);
}

void
tt_fault_act(const TtFault *fault)
{
    switch (fault->action) {
    case TT_ACTION_SLEEP:
        g_usleep(fault->ms * 1000);
        break;
    case TT_ACTION_HANG:
        for (;;)
            (void)pause();
    case TT_ACTION_SEGV:
        crash(SIGSEGV);
        break;
    case TT_ACTION_ABORT:
        crash(SIGABRT);
        break;
    case TT_ACTION_EXIT:
        exit(fault->status); /* with the exit handlers, as a module would */
    case TT_ACTION_PRINT:
        (void)fputs(fault->text, stdout);
        (void)fflush(stdout);
        break;
    case TT_ACTION_RETURN:
    case TT_ACTION_REMOVE:
    case TT_ACTION_LENGTH:
    case TT_ACTION_WRONG_SIGNATURE:
    case TT_ACTION_NULL_LIST:
        break;
    }
}
