/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: the module's state: see module.h. Test code only.
 */
#include "tests/token/module.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/token/reader.h"
#include "tests/token/sessions.h"

/* A PKCS#11 module has one state for a process, because its functions get no context. */
static GMutex lock;
static TtModule state;

/* Which file the script was read from: a new one has another inode, size or time. */
static struct stat script_file;

static gboolean
is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

TtPresence *
tt_module_presence(TtModule *module, CK_SLOT_ID slot)
{
    TtPresence *presence;

    for (guint i = 0; i < module->presences->len; i++) {
        presence = g_ptr_array_index(module->presences, i);
        if (presence->slot == slot)
            return presence;
    }
    presence = g_new0(TtPresence, 1);
    presence->slot = slot;
    presence->login = TT_NOBODY;
    presence->generation = ++module->generations;
    g_ptr_array_add(module->presences, presence);
    return presence;
}

static void
change(TtModule *module, TtPresence *presence, gboolean removed)
{
    presence->generation = ++module->generations;
    presence->removed = removed;
    presence->login = TT_NOBODY;
    presence->event = TRUE;
}

/* Compares what is in each slot with what was. */
static void
compare(TtModule *module, const TtScript *before, const TtScript *after)
{
    for (guint i = 0; before && i < before->slots->len; i++) {
        const TtSlot *slot = g_ptr_array_index(before->slots, i);

        if (!tt_script_slot(after, slot->id))
            change(module, tt_module_presence(module, slot->id), FALSE);
    }
    for (guint i = 0; i < after->slots->len; i++) {
        const TtSlot *slot = g_ptr_array_index(after->slots, i);
        const TtSlot *was = before ? tt_script_slot(before, slot->id) : NULL;
        TtPresence *presence = tt_module_presence(module, slot->id);
        const TtToken *old = was && !presence->removed ? was->token : NULL;

        if (before && !tt_token_is_same(old, slot->token))
            change(module, presence, FALSE);
        presence->removed = FALSE;
    }
}

static void
refresh(TtModule *module)
{
    const char *path = g_getenv(TT_SCRIPT_VARIABLE);
    struct stat now;
    TtScript *script;

    if (!path)
        tt_fail(TT_SCRIPT_VARIABLE, "the environment does not name a script");
    if (stat(path, &now) != 0)
        tt_fail(path, "%s", g_strerror(errno));
    if (module->script && is_same_file(&now, &script_file))
        return;
    ERR_set_mark(); /* the queue is the caller's too */
    script = tt_script_read(path);
    ERR_pop_to_mark();
    compare(module, module->script, script);
    tt_script_unref(module->script);
    module->script = script;
    script_file = now;
}

TtModule *
tt_module_lock(void)
{
    g_mutex_lock(&lock);
    if (!state.presences) {
        state.presences = g_ptr_array_new_with_free_func(g_free);
        state.sessions = g_ptr_array_new_with_free_func((GDestroyNotify)tt_session_free);
    }
    refresh(&state);
    return &state;
}

void
tt_module_unlock(void)
{
    g_mutex_unlock(&lock);
}

void
tt_module_pause(guint64 ms)
{
    g_mutex_unlock(&lock);
    g_usleep(ms * 1000);
    g_mutex_lock(&lock);
    refresh(&state);
}

CK_RV
tt_module_slot(TtModule *module, CK_SLOT_ID id, TtSlot **out_slot)
{
    TtSlot *slot = tt_script_slot(module->script, id);

    if (!slot)
        return CKR_SLOT_ID_INVALID;
    *out_slot = slot;
    return CKR_OK;
}

CK_RV
tt_module_token(TtModule *module, CK_SLOT_ID id, TtToken **out_token)
{
    TtSlot *slot = NULL;
    CK_RV rv = tt_module_slot(module, id, &slot);

    if (rv != CKR_OK)
        return rv;
    if (!slot->token || tt_module_presence(module, id)->removed)
        return CKR_TOKEN_NOT_PRESENT;
    *out_token = slot->token;
    return CKR_OK;
}

void
tt_module_remove(TtModule *module, CK_SLOT_ID slot)
{
    TtToken *token = NULL;

    if (tt_module_token(module, slot, &token) == CKR_OK)
        change(module, tt_module_presence(module, slot), TRUE);
}

CK_RV
tt_module_initialise(TtModule *module, const CK_C_INITIALIZE_ARGS *args)
{
    if (module->initialised)
        return CKR_CRYPTOKI_ALREADY_INITIALIZED;
    /* All four or none of the mutex functions (PKCS#11 2.40, 5.4); we use the system's own. */
    if (args &&
        (!args->CreateMutex || !args->DestroyMutex || !args->LockMutex || !args->UnlockMutex) !=
            (!args->CreateMutex && !args->DestroyMutex && !args->LockMutex && !args->UnlockMutex))
        return CKR_ARGUMENTS_BAD;
    if (args && args->CreateMutex && !(args->flags & CKF_OS_LOCKING_OK))
        return CKR_CANT_LOCK;
    module->initialised = TRUE;
    module->told_first = FALSE;
    return CKR_OK;
}

CK_RV
tt_module_finalise(TtModule *module, const void *reserved)
{
    if (reserved)
        return CKR_ARGUMENTS_BAD;
    module->initialised = FALSE;
    g_ptr_array_set_size(module->sessions, 0);
    for (guint i = 0; i < module->presences->len; i++) {
        TtPresence *presence = g_ptr_array_index(module->presences, i);

        presence->login = TT_NOBODY;
        presence->event = FALSE;
    }
    return CKR_OK;
}
