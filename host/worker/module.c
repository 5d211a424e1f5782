/* SPDX-License-Identifier: Apache-2.0
 *
 * One PKCS#11 module: see module.h. libp11 0.4.12 hangs for ever when C_OpenSession fails
 * (libp11-guard.c stands before that), gives up on all slots when one fails, gives up on all
 * certificates when one is not X.509, and must not enumerate twice in one context. So Cryptoki
 * looks first, each reading has a context of its own, and what libp11 cannot read, Cryptoki reads.
 */
#include "host/worker/module.h"

#include <dlfcn.h>
#include <libp11.h>
#include <openssl/err.h>
#include <string.h>
#include <unistd.h>

#include "host/common/fault.h"
#include "host/common/log.h"
#include "host/worker/chain.h"
#include "host/worker/ckr.h"
#include "host/worker/libp11-guard.h"
#include "host/worker/objects.h"
#include "host/worker/text.h"

#define SLOTS_MAX 256u
#define LIBP11_ID_MAX 255u /* bytes of a CKA_ID that libp11 0.4.12 has room for */
#define SLOT_LIST_TRIES 3  /* a reader may come between the two calls of C_GetSlotList */

struct TbModule {
    char *path;
    char *init_args;
    void *handle; /* our own reference to the library; never closed, see tb_module_free() */
    CK_FUNCTION_LIST *functions;
    CK_INFO info;
    PKCS11_CTX *context; /* holds the initialisation; NULL when there is none */
    gboolean context_used;
    gboolean guarded; /* libp11 may open sessions in the context */
};

TbModule *
tb_module_new(const char *path, const char *init_args)
{
    TbModule *module = g_new0(TbModule, 1);

    module->path = g_strdup(path);
    module->init_args = g_strdup(init_args);
    return module;
}

/* PKCS11_CTX_unload() finalises the module for the whole process; it must not be called on a
 * context that did not load. */
static void
finalise(TbModule *module)
{
    if (!module->context)
        return;
    PKCS11_CTX_unload(module->context);
    g_clear_pointer(&module->context, PKCS11_CTX_free);
    memset(&module->info, 0, sizeof module->info);
    ERR_clear_error();
}

void
tb_module_free(TbModule *module)
{
    if (!module)
        return;
    finalise(module);
    /* No dlclose: modules leave threads and exit handlers behind that need their code. */
    g_free(module->path);
    g_free(module->init_args);
    g_free(module);
}

/* The dynamic loader says "No such file" of a file that is there, when it is for another machine.
 */
static void
load_fault(const TbModule *module, GError **error)
{
    const char *said = dlerror();

    if (g_str_has_prefix(said, module->path) && strstr(said, "No such file") &&
        access(module->path, F_OK) == 0)
        tb_fault(error, TB_REASON_MODULE_FAILED,
                 "The PKCS#11 module %s was made for another kind of computer. Install the one for "
                 "this computer.",
                 module->path);
    else
        tb_fault(error, TB_REASON_MODULE_FAILED,
                 "The PKCS#11 module cannot be loaded: %s. Check its path and that all of its "
                 "package is installed.",
                 said);
}

/* Our own dlopen, before libp11's: it gives the reason, which libp11 writes to standard error, and
 * the function list, which libp11 hides. The second dlopen of one path yields the same library. */
static gboolean
open_library(TbModule *module, GError **error)
{
    union {
        void *symbol;
        CK_C_GetFunctionList function;
    } get_list;
    CK_RV rv;

    if (!module->handle)
        module->handle = dlopen(module->path, RTLD_LAZY | RTLD_LOCAL);
    if (!module->handle) {
        load_fault(module, error);
        return FALSE;
    }
    get_list.symbol = dlsym(module->handle, "C_GetFunctionList");
    if (!get_list.symbol) {
        tb_fault(error, TB_REASON_MODULE_FAILED,
                 "%s is a library, but not a PKCS#11 module: it has no C_GetFunctionList.",
                 module->path);
        return FALSE;
    }
    rv = get_list.function(&module->functions);
    if (rv != CKR_OK || !module->functions) {
        char buffer[TB_CKR_NAME_MAX];

        module->functions = NULL;
        tb_fault(error, TB_REASON_MODULE_FAILED,
                 "The PKCS#11 module %s did not hand out its functions "
                 "(C_GetFunctionList: %s).",
                 module->path, tb_ckr_name(rv, buffer));
        return FALSE;
    }
    return TRUE;
}

/* Modules that use OpenSSL leave errors of their own in the queue, before libp11's. */
static gboolean
initialise_fault(const TbModule *module, GError **error)
{
    char buffer[TB_CKR_NAME_MAX];
    const char *name = "no reason given";
    unsigned long code;

    while ((code = ERR_get_error()) != 0) {
        if (ERR_GET_LIB(code) == ERR_get_CKR_code())
            name = tb_ckr_name((CK_RV)ERR_GET_REASON(code), buffer);
    }
    return tb_fault(error, TB_REASON_MODULE_FAILED,
                    "The PKCS#11 module %s could not be started (C_Initialize or C_GetInfo: %s).",
                    module->path, name);
}

static PKCS11_CTX *
new_context(TbModule *module, GError **error)
{
    PKCS11_CTX *context = PKCS11_CTX_new();

    ERR_clear_error();
    if (context) {
        if (module->init_args)
            PKCS11_CTX_init_args(context, module->init_args);
        if (PKCS11_CTX_load(context, module->path) == 0) {
            module->guarded = tb_libp11_guard(context, module->functions);
            if (!module->guarded)
                tb_log(TB_LOG_WARNING, "module.libp11", "guarded=no");
            return context;
        }
        PKCS11_CTX_free(context);
    }
    (void)initialise_fault(module, error);
    return NULL;
}

gboolean
tb_module_load(TbModule *module, GError **error)
{
    CK_RV rv;

    if (module->context)
        return TRUE;
    if (!module->functions && !open_library(module, error))
        return FALSE;
    module->context = new_context(module, error);
    if (!module->context)
        return FALSE;
    module->context_used = FALSE;
    rv = module->functions->C_GetInfo(&module->info);
    if (rv == CKR_OK)
        return TRUE;
    finalise(module);
    return tb_ckr_fault(error, rv, TB_CKR_LOOKING, "C_GetInfo");
}

gboolean
tb_module_reinitialise(TbModule *module, GError **error)
{
    finalise(module);
    return tb_module_load(module, error);
}

const CK_FUNCTION_LIST *
tb_module_functions(const TbModule *module)
{
    return module->functions;
}

const CK_INFO *
tb_module_info(const TbModule *module)
{
    return &module->info;
}

static CK_RV
slot_ids(const CK_FUNCTION_LIST *p11, CK_SLOT_ID ids[SLOTS_MAX], CK_ULONG *out_count)
{
    CK_RV rv = CKR_OK;

    for (int try = 0; try < SLOT_LIST_TRIES; try++) {
        CK_ULONG count = 0;

        /* With NULL first: modules look for new readers only then (PKCS#11 2.40, C_GetSlotList). */
        rv = p11->C_GetSlotList(CK_TRUE, NULL, &count);
        if (rv != CKR_OK)
            return rv;
        if (count > SLOTS_MAX)
            return CKR_GENERAL_ERROR;
        *out_count = SLOTS_MAX;
        rv = p11->C_GetSlotList(CK_TRUE, ids, out_count);
        if (rv != CKR_BUFFER_TOO_SMALL)
            break;
    }
    return rv == CKR_OK && *out_count > SLOTS_MAX ? CKR_GENERAL_ERROR : rv;
}

/* Opens and closes a session: only after that may libp11 touch the token. */
static CK_RV
try_session(const CK_FUNCTION_LIST *p11, TbSlot *slot)
{
    g_autoptr(GArray) handles = NULL;
    CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
    CK_RV rv = p11->C_OpenSession(slot->id, CKF_SERIAL_SESSION, NULL, NULL, &session);

    if (rv != CKR_OK)
        return rv;
    rv = tb_objects_find_class(p11, session, CKO_CERTIFICATE, TB_OBJECTS_CERTIFICATES_MAX + 1,
                               &handles);
    (void)p11->C_CloseSession(session);
    if (rv == CKR_OK)
        slot->certificate_count = handles->len;
    return rv;
}

/* NULL for a slot whose token has just gone, or that was never initialised (SoftHSM has one
 * always).
 */
static TbSlot *
look_at_slot(const CK_FUNCTION_LIST *p11, CK_SLOT_ID id)
{
    g_autoptr(TbSlot) slot = g_new0(TbSlot, 1);
    CK_SLOT_INFO reader = {0};
    CK_RV rv = p11->C_GetTokenInfo(id, &slot->info);

    if (rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_SLOT_ID_INVALID)
        return NULL;
    if (rv != CKR_OK) {
        memset(&slot->info, 0, sizeof slot->info);
        tb_ckr_fault(&slot->fault, rv, TB_CKR_LOOKING, "C_GetTokenInfo");
    } else if (!(slot->info.flags & CKF_TOKEN_INITIALIZED)) {
        return NULL;
    }
    slot->id = id;
    if (p11->C_GetSlotInfo(id, &reader) != CKR_OK)
        memset(&reader, 0, sizeof reader);
    slot->reader = tb_text_from_padded(reader.slotDescription, sizeof reader.slotDescription);
    slot->label = tb_text_from_padded(slot->info.label, sizeof slot->info.label);
    slot->serial = tb_slot_serial(&slot->info);
    slot->manufacturer =
        tb_text_from_padded(slot->info.manufacturerID, sizeof slot->info.manufacturerID);
    slot->model = tb_text_from_padded(slot->info.model, sizeof slot->info.model);
    if (!slot->fault) {
        rv = try_session(p11, slot);
        if (rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_DEVICE_REMOVED)
            return NULL;
        if (rv != CKR_OK)
            tb_ckr_fault(&slot->fault, rv, TB_CKR_LOOKING, "C_OpenSession");
    }
    return g_steal_pointer(&slot);
}

gboolean
tb_module_look(TbModule *module, GPtrArray **out_slots, GError **error)
{
    g_autoptr(GPtrArray) slots = g_ptr_array_new_with_free_func((GDestroyNotify)tb_slot_free);
    CK_SLOT_ID ids[SLOTS_MAX];
    CK_ULONG count = 0;
    CK_RV rv;

    if (!tb_module_load(module, error))
        return FALSE;
    rv = slot_ids(module->functions, ids, &count);
    if (rv != CKR_OK)
        return tb_ckr_fault(error, rv, TB_CKR_LOOKING, "C_GetSlotList");
    for (CK_ULONG i = 0; i < count; i++) {
        TbSlot *slot = look_at_slot(module->functions, ids[i]);

        if (slot)
            g_ptr_array_add(slots, slot);
    }
    *out_slots = g_steal_pointer(&slots);
    return TRUE;
}

/* A context in which nothing was enumerated yet. The old one is freed but not unloaded, for that
 * would finalise the module; what it leaves behind is one count of the library's references. */
static PKCS11_CTX *
fresh_context(TbModule *module)
{
    g_autoptr(GError) error = NULL;

    if (module->context_used) {
        PKCS11_CTX *context = new_context(module, &error);

        if (!context) {
            tb_log(TB_LOG_WARNING, "module.context", "error=\"%s\"", error->message);
            return NULL;
        }
        PKCS11_CTX_free(module->context);
        module->context = context;
    }
    module->context_used = TRUE;
    return module->context;
}

static PKCS11_TOKEN *
find_token(PKCS11_SLOT *slots, guint count, CK_SLOT_ID id)
{
    for (guint i = 0; i < count; i++) {
        if (PKCS11_get_slotid_from_slot(&slots[i]) == id)
            return slots[i].token;
    }
    return NULL;
}

/* Whether the lengths that a certificate object claims are such that libp11, which believes them,
 * may read it. */
static gboolean
has_sane_lengths(const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    static const CK_ULONG absent = CK_UNAVAILABLE_INFORMATION;
    CK_ATTRIBUTE claims[] = {{CKA_VALUE, NULL, 0}, {CKA_ID, NULL, 0}, {CKA_LABEL, NULL, 0}};

    /* An attribute that is not there fails the call, and leaves the others' lengths right. */
    (void)p11->C_GetAttributeValue(session, object, claims, G_N_ELEMENTS(claims));
    return claims[0].ulValueLen <= TB_OBJECTS_CERTIFICATE_SIZE_MAX &&
           (claims[1].ulValueLen <= TB_OBJECTS_ID_MAX || claims[1].ulValueLen == absent) &&
           (claims[2].ulValueLen <= TB_OBJECTS_ID_MAX || claims[2].ulValueLen == absent);
}

static gboolean
read_certificates_with_libp11(TbSlot *slot, const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session,
                              const GArray *handles, PKCS11_TOKEN *token)
{
    PKCS11_CERT *found = NULL;
    unsigned int count = 0;

    if (!token || slot->certificate_count > TB_OBJECTS_CERTIFICATES_MAX)
        return FALSE;
    for (guint i = 0; i < handles->len; i++) {
        if (!has_sane_lengths(p11, session, g_array_index(handles, CK_OBJECT_HANDLE, i)))
            return FALSE;
    }
    if (PKCS11_enumerate_certs(token, &found, &count) != 0 || count != handles->len)
        return FALSE;
    for (unsigned int i = 0; i < count; i++) {
        /* libp11 passes on whatever length the module answered. */
        g_autoptr(GBytes) key_id =
            g_bytes_new(found[i].id, found[i].id_len <= LIBP11_ID_MAX ? found[i].id_len : 0);

        if (!found[i].x509) /* not DER, or the module did not answer: we look ourselves */
            return FALSE;
        tb_slot_add_certificate(slot, tb_certificate_new(found[i].x509, found[i].label, key_id));
    }
    return TRUE;
}

static CK_RV
read_slot(TbSlot *slot, const CK_FUNCTION_LIST *p11, PKCS11_TOKEN *token)
{
    g_autoptr(GArray) handles = NULL;
    CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
    CK_RV rv = p11->C_OpenSession(slot->id, CKF_SERIAL_SESSION, NULL, NULL, &session);

    if (rv != CKR_OK)
        return rv;
    rv =
        tb_objects_find_class(p11, session, CKO_CERTIFICATE, TB_OBJECTS_CERTIFICATES_MAX, &handles);
    if (rv == CKR_OK) {
        slot->incomplete = handles->len < MIN(slot->certificate_count, TB_OBJECTS_CERTIFICATES_MAX);
        /* libp11 gives up on objects that are no X.509 certificates among those that are, on too
         * many of them, and on all slots when one fails. */
        if (!read_certificates_with_libp11(slot, p11, session, handles, token))
            tb_slot_read_certificates(slot, p11, session, handles);
        tb_slot_read_key_ids(slot, p11, session);
    }
    (void)p11->C_CloseSession(session);
    return rv;
}

/* A token that could not be read must not pass for one without certificates. */
static void
check_reading(TbSlot *slot)
{
    CK_RV rv = tb_mechanisms_rv(slot->mechanisms);

    if (slot->fault)
        return;
    if (slot->incomplete && slot->certificate_count > 0 && slot->certificates->len == 0)
        tb_fault(&slot->fault, TB_REASON_MODULE_FAILED,
                 "The token's certificates could not be read. Take the token out and insert it "
                 "again.");
    else if (slot->certificates->len > 0 && rv != CKR_OK)
        tb_ckr_fault(&slot->fault, rv, TB_CKR_LOOKING, "C_GetMechanismList");
}

void
tb_module_read(TbModule *module, GPtrArray *slots)
{
    PKCS11_CTX *context = fresh_context(module);
    PKCS11_SLOT *p11_slots = NULL;
    unsigned int count = 0;
    gboolean enumerated = context && PKCS11_enumerate_slots(context, &p11_slots, &count) == 0;

    for (guint i = 0; i < slots->len; i++) {
        TbSlot *slot = g_ptr_array_index(slots, i);
        CK_RV rv;

        slot->certificates = g_ptr_array_new_with_free_func((GDestroyNotify)tb_certificate_free);
        slot->key_ids = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
        if (slot->fault)
            continue;
        rv = read_slot(slot, module->functions,
                       find_token(p11_slots, enumerated && module->guarded ? count : 0, slot->id));
        if (rv != CKR_OK)
            tb_ckr_fault(&slot->fault, rv, TB_CKR_LOOKING, "C_FindObjects");
        tb_chain_link(slot->certificates);
        slot->mechanisms = tb_mechanisms_read(module->functions, slot->id);
        check_reading(slot);
        slot->incomplete = slot->incomplete || tb_mechanisms_are_none(slot->mechanisms);
    }
    /* This closes libp11's sessions, so no session of ours may be open here. */
    if (enumerated)
        PKCS11_release_all_slots(context, p11_slots, count);
    ERR_clear_error();
}
