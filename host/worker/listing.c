/* SPDX-License-Identifier: Apache-2.0
 *
 * Listings: see listing.h. What is shown again is compared with the tokens by slot, token info and
 * number of certificates; PIN flags change with use, and are always those of the last look.
 */
#include "host/worker/listing.h"

#include <dlfcn.h>
#include <string.h>

#include "host/common/fault.h"
#include "host/worker/chain.h"
#include "host/worker/pin.h"
#include "host/worker/text.h"

struct TbListing {
    TbModule *module;
    GPtrArray *slots; /* TbSlot of the last listing; NULL: none */
    json_t *tokens;   /* what it said, in the order of slots */
    gboolean looked;  /* since the module was initialised */
    gboolean distrusted;
};

TbListing *
tb_listing_new(TbModule *module)
{
    TbListing *listing = g_new0(TbListing, 1);

    listing->module = module;
    return listing;
}

void
tb_listing_forget(TbListing *listing)
{
    g_clear_pointer(&listing->slots, g_ptr_array_unref);
    g_clear_pointer(&listing->tokens, json_decref);
}

void
tb_listing_distrust(TbListing *listing)
{
    tb_listing_forget(listing);
    listing->distrusted = TRUE;
}

void
tb_listing_free(TbListing *listing)
{
    if (!listing)
        return;
    tb_listing_forget(listing);
    g_free(listing);
}

TbSlot *
tb_listing_find(const TbListing *listing, CK_SLOT_ID id, const char *serial)
{
    for (guint i = 0; listing->slots && i < listing->slots->len; i++) {
        TbSlot *slot = g_ptr_array_index(listing->slots, i);

        if (slot->id == id && strcmp(slot->serial, serial) == 0)
            return slot;
    }
    return NULL;
}

gboolean
tb_listing_has_failure(const TbListing *listing, CK_SLOT_ID id)
{
    for (guint i = 0; listing->slots && i < listing->slots->len; i++) {
        const TbSlot *slot = g_ptr_array_index(listing->slots, i);

        if (slot->id == id && slot->fault &&
            tb_fault_reason(slot->fault) != TB_REASON_TOKEN_MISSING)
            return TRUE;
    }
    return FALSE;
}

/* "yes" and "no" only where the token shows it: most hide private keys until login. */
static const char *
has_key(const TbSlot *slot, const TbCertificate *certificate)
{
    for (guint i = 0; i < slot->key_ids->len; i++) {
        if (g_bytes_get_size(certificate->key_id) > 0 &&
            g_bytes_equal(g_ptr_array_index(slot->key_ids, i), certificate->key_id))
            return "yes";
    }
    return slot->info.flags & CKF_LOGIN_REQUIRED ? "unknown" : "no";
}

static json_t *
certificate_json(const TbSlot *slot, const TbCertificate *certificate)
{
    json_t *object = tb_certificate_to_json(certificate);

    json_object_set_new(object, "has_key", json_string(has_key(slot, certificate)));
    json_object_set_new(object, "algorithms",
                        tb_mechanisms_algorithms(slot->mechanisms, certificate));
    json_object_set_new(object, "digest_algorithms",
                        tb_mechanisms_digest_algorithms(slot->mechanisms, certificate));
    json_object_set_new(object, "issuers", tb_chain_issuers_to_json(certificate));
    json_object_set_new(object, "chain",
                        certificate->ca ? json_array() : tb_chain_to_json(certificate));
    return object;
}

/* Whether there may be certificates that show only after login. */
static gboolean
is_hidden(const TbSlot *slot)
{
    return !slot->fault && !slot->revealed && slot->certificate_count == 0 &&
           (slot->info.flags & CKF_LOGIN_REQUIRED) &&
           (slot->info.flags & CKF_USER_PIN_INITIALIZED) &&
           !(slot->info.flags & CKF_USER_PIN_LOCKED);
}

/* What changes with the use of a token. */
static void
set_pin_state(json_t *token, const TbSlot *slot)
{
    json_object_set_new(token, "pin", tb_pin_to_json(&slot->info));
    json_object_set_new(token, "puk", tb_pin_puk_to_json(&slot->info));
    json_object_set_new(token, "hidden", json_boolean(is_hidden(slot)));
}

static json_t *
token_json(const TbSlot *slot)
{
    json_t *token = json_object();
    json_t *certificates = json_array();

    json_object_set_new(token, "slot", json_integer((json_int_t)slot->id));
    json_object_set_new(token, "label", json_string(slot->label));
    json_object_set_new(token, "serial", json_string(slot->serial));
    json_object_set_new(token, "manufacturer", json_string(slot->manufacturer));
    json_object_set_new(token, "model", json_string(slot->model));
    json_object_set_new(token, "reader", json_string(slot->reader));
    set_pin_state(token, slot);
    if (slot->fault) {
        json_t *fault = json_object();

        json_object_set_new(fault, "reason",
                            json_string(tb_reason_word(tb_fault_reason(slot->fault))));
        json_object_set_new(fault, "message", json_string(slot->fault->message));
        json_object_set_new(token, "error", fault);
    }
    for (guint i = 0; !slot->fault && i < slot->certificates->len; i++)
        json_array_append_new(certificates,
                              certificate_json(slot, g_ptr_array_index(slot->certificates, i)));
    json_object_set_new(token, "certificates", certificates);
    return token;
}

static gboolean
is_same_token(const TbSlot *a, const TbSlot *b)
{
    /* What failed, or was read in part, is read again each time: it may have recovered. */
    return a->id == b->id && !a->fault && !b->fault && !a->incomplete &&
           memcmp(a->info.label, b->info.label, sizeof a->info.label) == 0 &&
           memcmp(a->info.serialNumber, b->info.serialNumber, sizeof a->info.serialNumber) == 0 &&
           ((a->info.flags ^ b->info.flags) & ~(CK_FLAGS)TB_PIN_FLAGS) == 0 &&
           a->certificate_count == b->certificate_count;
}

/* What a login has shown of a token stays as long as the token does. */
static void
keep_revealed(const TbListing *listing, GPtrArray *slots)
{
    for (guint i = 0; listing->slots && i < slots->len; i++) {
        TbSlot *slot = g_ptr_array_index(slots, i);
        const TbSlot *before = tb_listing_find(listing, slot->id, slot->serial);

        if (before && before->revealed && !slot->fault && !before->fault &&
            strcmp(before->label, slot->label) == 0 && strcmp(before->model, slot->model) == 0)
            tb_slot_take_revealed(slot, before);
    }
}

static gboolean
is_unchanged(const TbListing *listing, const GPtrArray *slots)
{
    if (!listing->slots || listing->slots->len != slots->len)
        return FALSE;
    for (guint i = 0; i < slots->len; i++) {
        if (!is_same_token(g_ptr_array_index(listing->slots, i), g_ptr_array_index(slots, i)))
            return FALSE;
    }
    return TRUE;
}

static void
take_pin_states(TbListing *listing, const GPtrArray *slots)
{
    for (guint i = 0; i < slots->len; i++) {
        TbSlot *kept = g_ptr_array_index(listing->slots, i);
        const TbSlot *seen = g_ptr_array_index(slots, i);

        kept->info = seen->info;
        set_pin_state(json_array_get(listing->tokens, i), kept);
    }
}

/* Several modules see only a new start what came or went since C_Initialize: a first token or
 * reader, a soft token's folder. So they are started anew when they show no token at all, and when
 * a token that was good fails; but not for a failure that stays. */
static gboolean
needs_new_start(const TbListing *listing, const GPtrArray *slots)
{
    gboolean usable = FALSE;

    for (guint i = 0; i < slots->len; i++) {
        const TbSlot *slot = g_ptr_array_index(slots, i);

        for (guint j = 0; slot->fault && listing->slots && j < listing->slots->len; j++) {
            const TbSlot *before = g_ptr_array_index(listing->slots, j);

            if (before->id == slot->id && !before->fault)
                return TRUE;
        }
        usable = usable || !slot->fault;
    }
    return !usable && listing->looked;
}

static gboolean
look(TbListing *listing, GPtrArray **out_slots, GError **error)
{
    g_autoptr(GPtrArray) slots = NULL;

    if (listing->distrusted && !tb_module_reinitialise(listing->module, error))
        return FALSE;
    listing->distrusted = FALSE;
    if (!tb_module_look(listing->module, &slots, error))
        return FALSE;
    if (needs_new_start(listing, slots)) {
        g_clear_pointer(&slots, g_ptr_array_unref);
        if (!tb_module_reinitialise(listing->module, error) ||
            !tb_module_look(listing->module, &slots, error))
            return FALSE;
    }
    listing->looked = TRUE;
    *out_slots = g_steal_pointer(&slots);
    return TRUE;
}

static json_t *
version_json(const CK_VERSION *version)
{
    g_autofree char *text = g_strdup_printf("%u.%u", version->major, version->minor);

    return json_string(text);
}

/* Whether the module has loaded PC/SC's library: then its tokens need the reader service. */
static gboolean
uses_pcsc(void)
{
    void *library = dlopen("libpcsclite.so.1", RTLD_LAZY | RTLD_NOLOAD);

    if (library)
        (void)dlclose(library);
    return library != NULL;
}

static json_t *
module_json(const CK_INFO *info)
{
    g_autofree char *description =
        tb_text_from_padded(info->libraryDescription, sizeof info->libraryDescription);
    g_autofree char *manufacturer =
        tb_text_from_padded(info->manufacturerID, sizeof info->manufacturerID);
    json_t *module = json_object();

    json_object_set_new(module, "description", json_string(description));
    json_object_set_new(module, "manufacturer", json_string(manufacturer));
    json_object_set_new(module, "version", version_json(&info->libraryVersion));
    json_object_set_new(module, "cryptoki", version_json(&info->cryptokiVersion));
    json_object_set_new(module, "pcsc", json_boolean(uses_pcsc()));
    return module;
}

json_t *
tb_listing_answer(TbListing *listing, GError **error)
{
    g_autoptr(GPtrArray) slots = NULL;
    json_t *answer;

    if (!look(listing, &slots, error)) {
        tb_listing_forget(listing);
        return NULL;
    }
    if (is_unchanged(listing, slots)) {
        take_pin_states(listing, slots);
    } else {
        tb_module_read(listing->module, slots);
        keep_revealed(listing, slots);
        tb_listing_forget(listing);
        listing->tokens = json_array();
        for (guint i = 0; i < slots->len; i++)
            json_array_append_new(listing->tokens, token_json(g_ptr_array_index(slots, i)));
        listing->slots = g_steal_pointer(&slots);
    }
    answer = json_object();
    json_object_set_new(answer, "module", module_json(tb_module_info(listing->module)));
    json_object_set(answer, "tokens", listing->tokens);
    return answer;
}

json_t *
tb_listing_revealed(TbListing *listing, const TbSlot *slot)
{
    guint index = 0;

    if (!g_ptr_array_find(listing->slots, slot, &index))
        return NULL;
    json_array_set_new(listing->tokens, index, token_json(slot));
    return json_incref(json_array_get(listing->tokens, index));
}
