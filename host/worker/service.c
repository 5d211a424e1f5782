/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker's requests: see service.h.
 */
#include "host/worker/service.h"

#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "host/common/fault.h"
#include "host/common/json.h"
#include "host/common/log.h"
#include "host/worker/certificate.h"
#include "host/worker/listing.h"
#include "host/worker/module.h"
#include "host/worker/pin-change.h"
#include "host/worker/pin.h"
#include "host/worker/reveal.h"
#include "host/worker/session.h"

#define INPUT_MAX 4096u /* bytes to be signed; the host builds 64 to 128 of them */
#define WORD_MAX 32u
#define SERIAL_MAX 256u

struct TbService {
    TbModule *module;
    TbListing *listing;
    TbPinMemory *memory;
    TbLogin held; /* after "reveal", until the next request; else no session is open in it */
    CK_SLOT_ID doubted_slot; /* whose token refused a PIN without a reason */
    char *doubted_serial;    /* NULL: none */
};

TbService *
tb_service_new(const char *module_path, const char *init_args, GError **error)
{
    g_autoptr(TbPinMemory) memory = tb_pin_memory_new();
    TbService *service;

    if (!memory) {
        tb_fault(error, TB_REASON_INTERNAL, "There is no secure memory for PINs.");
        return NULL;
    }
    service = g_new0(TbService, 1);
    service->held.session = CK_INVALID_HANDLE;
    service->module = tb_module_new(module_path, init_args);
    service->listing = tb_listing_new(service->module);
    service->memory = g_steal_pointer(&memory);
    return service;
}

void
tb_service_free(TbService *service)
{
    if (!service)
        return;
    tb_service_let_go(service);
    tb_listing_free(service->listing);
    tb_module_free(service->module);
    tb_pin_memory_free(service->memory);
    g_free(service->doubted_serial);
    g_free(service);
}

gboolean
tb_service_is_holding(const TbService *service)
{
    return service->held.session != CK_INVALID_HANDLE;
}

void
tb_service_let_go(TbService *service)
{
    tb_login_clear(&service->held);
}

void
tb_service_prepare(TbService *service)
{
    g_autoptr(GError) error = NULL;

    if (!tb_module_load(service->module, &error))
        tb_log(TB_LOG_WARNING, "module.load", "error=\"%s\"", error->message);
}

json_t *
tb_service_error(const GError *error)
{
    json_t *answer = json_object();
    json_t *fault = json_object();

    json_object_set_new(fault, "reason", json_string(tb_reason_word(tb_fault_reason(error))));
    json_object_set_new(fault, "message", json_string(error->message));
    json_object_set_new(answer, "error", fault);
    return answer;
}

static void
sign_request_clear(TbSignRequest *request)
{
    g_clear_pointer(&request->input, g_bytes_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbSignRequest, sign_request_clear)

static gboolean
is_certificate_id(const char *text)
{
    return strlen(text) == TB_CERTIFICATE_ID_LENGTH &&
           strspn(text, "0123456789abcdef") == TB_CERTIFICATE_ID_LENGTH;
}

static gboolean
read_input(json_t *message, GBytes **out_input, GError **error)
{
    const char *text = NULL;
    unsigned char *bytes;
    size_t length = 0;

    if (!tb_json_required_string(message, "input", INPUT_MAX * 4 / 3 + 4, &text, error))
        return FALSE;
    bytes = tb_base64_decode(text, strlen(text), &length);
    if (!bytes)
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"input\" is not base64.");
    *out_input = g_bytes_new_with_free_func(bytes, length, free, bytes);
    return TRUE;
}

/* The token that a request is about. */
typedef struct TbTarget {
    CK_SLOT_ID slot;
    const char *serial;
} TbTarget;

static gboolean
read_target(json_t *message, TbTarget *target, GError **error)
{
    gint64 slot = 0;

    if (!tb_json_integer(message, "slot", G_MININT64, G_MAXINT64, &slot, error) ||
        !tb_json_required_string(message, "token", SERIAL_MAX, &target->serial, error))
        return FALSE;
    if (!json_object_get(message, "slot"))
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"slot\" is missing.");
    target->slot = (CK_SLOT_ID)slot;
    return TRUE;
}

static gboolean
read_sign_request(json_t *message, TbTarget *target, TbSignRequest *request, gboolean *out_held,
                  GError **error)
{
    static const char *const members[] = {"op",    "slot",      "token", "certificate", "algorithm",
                                          "input", "prehashed", "held",  NULL};
    const char *algorithm = NULL;

    if (!tb_json_only(message, "sign", members, error) || !read_target(message, target, error) ||
        !tb_json_required_string(message, "certificate", TB_CERTIFICATE_ID_LENGTH,
                                 &request->certificate_id, error) ||
        !tb_json_required_string(message, "algorithm", WORD_MAX, &algorithm, error) ||
        !tb_json_boolean(message, "prehashed", &request->prehashed, error) ||
        !tb_json_boolean(message, "held", out_held, error) ||
        !read_input(message, &request->input, error))
        return FALSE;
    if (!is_certificate_id(request->certificate_id))
        return tb_fault(error, TB_REASON_INVALID_REQUEST,
                        "\"certificate\" is not a SHA-256 in hexadecimal.");
    request->serial = target->serial;
    request->algorithm = tb_algorithm_by_jwa(algorithm);
    if (!request->algorithm)
        return tb_fault(error, TB_REASON_UNSUPPORTED, "There is no such signature algorithm.");
    return TRUE;
}

static json_t *
sign_answer(GBytes *signature)
{
    char *text = tb_base64_encode(g_bytes_get_data(signature, NULL), g_bytes_get_size(signature));
    json_t *answer;

    if (!text) {
        g_autoptr(GError) error = NULL;

        tb_fault(&error, TB_REASON_INTERNAL, "There is no memory for the signature.");
        return tb_service_error(error);
    }
    answer = json_object();
    json_object_set_new(answer, "signature", json_string(text));
    free(text);
    return answer;
}

static gboolean
begin(TbService *service, const TbTarget *target, TbLogin *login, GError **error)
{
    if (!tb_module_load(service->module, error))
        return FALSE;
    tb_login_init(login, tb_module_functions(service->module), target->slot, service->memory);
    return TRUE;
}

/* A PIN that was refused without a reason was not wrong, perhaps, when the token turns out to be
 * gone, or its module to be out of order: it may be sent again. */
static json_t *
list(TbService *service, GError **error)
{
    json_t *answer = tb_listing_answer(service->listing, error);
    const TbSlot *slot =
        service->doubted_serial
            ? tb_listing_find(service->listing, service->doubted_slot, service->doubted_serial)
            : NULL;

    if (service->doubted_serial && (!slot || slot->fault)) {
        tb_pin_memory_forget_doubtful(service->memory);
        g_clear_pointer(&service->doubted_serial, g_free);
    }
    return answer;
}

/* Not every module says that a token has gone: SoftHSM, for one, reports a general error. What a
 * listing shows decides. */
static void
explain_failure(TbService *service, const TbTarget *target, const TbLogin *login, GError **error)
{
    json_t *answer;

    if (login->rv == CKR_GENERAL_ERROR) {
        g_free(service->doubted_serial);
        service->doubted_serial = g_strdup(target->serial);
        service->doubted_slot = target->slot;
    }
    if (tb_fault_reason(*error) != TB_REASON_MODULE_FAILED ||
        !tb_listing_find(service->listing, target->slot, target->serial))
        return;
    answer = list(service, NULL);
    if (answer && !tb_listing_find(service->listing, target->slot, target->serial) &&
        !tb_listing_has_failure(service->listing, target->slot)) {
        tb_log(TB_LOG_INFO, "token.removed", "error=\"%s\"", (*error)->message);
        g_clear_error(error);
        tb_fault(error, TB_REASON_TOKEN_REMOVED,
                 "The token was removed while it was in use. Insert it and try again.");
    }
    json_decref(answer);
}

/* After these the token, or what is on it, may not be what the listing shows. */
static gboolean
makes_listing_stale(TbReason reason)
{
    return reason == TB_REASON_TOKEN_MISSING || reason == TB_REASON_TOKEN_REMOVED ||
           reason == TB_REASON_NO_CERTIFICATE;
}

/* with_puk: the request was about both. */
static json_t *
login_error(TbService *service, const GError *error, const TbPinReport *report, gboolean with_puk)
{
    json_t *answer = tb_service_error(error);
    json_t *fault = json_object_get(answer, "error");

    if (report->known)
        json_object_set_new(fault, "pin", tb_pin_to_json(&report->info));
    if (report->known && with_puk)
        json_object_set_new(fault, "puk", tb_pin_puk_to_json(&report->info));
    if (report->repeated)
        json_object_set_new(fault, "repeated", json_true());
    if (tb_fault_reason(error) == TB_REASON_MODULE_FAILED)
        tb_listing_distrust(service->listing);
    else if (makes_listing_stale(tb_fault_reason(error)))
        tb_listing_forget(service->listing);
    return answer;
}

/* The login of the last request in place of one of its own. */
static gboolean
take_held(TbService *service, const TbTarget *target, int pin_fd, TbLogin *login, GError **error)
{
    if (pin_fd >= 0 || service->held.session == CK_INVALID_HANDLE ||
        service->held.slot != target->slot)
        return tb_fault(error, TB_REASON_INVALID_REQUEST,
                        "No login is held for this token; ask for the PIN.");
    *login = service->held;
    service->held = (TbLogin){.session = CK_INVALID_HANDLE};
    return TRUE;
}

static json_t *
answer_sign(TbService *service, json_t *message, int pin_fd)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) signature = NULL;
    g_auto(TbSignRequest) request = {.pin_fd = pin_fd};
    g_auto(TbLogin) login = {.session = CK_INVALID_HANDLE};
    TbTarget target = {0};
    gboolean held = FALSE;
    gboolean readable = read_sign_request(message, &target, &request, &held, &error);
    gboolean ready = readable && (held ? take_held(service, &target, pin_fd, &login, &error)
                                       : begin(service, &target, &login, &error));

    tb_service_let_go(service);
    if (ready &&
        tb_session_sign(&login, tb_listing_find(service->listing, target.slot, target.serial),
                        &request, &signature, &error))
        return sign_answer(signature);
    tb_login_clear(&login);
    if (readable)
        explain_failure(service, &target, &login, &error);
    return login_error(service, error, &login.report, FALSE);
}

/* A slot of a listing, which is made for it if need be. */
static TbSlot *
find_slot(TbService *service, const TbTarget *target, GError **error)
{
    TbSlot *slot = tb_listing_find(service->listing, target->slot, target->serial);
    json_t *answer = NULL;

    if (!slot) {
        answer = list(service, error);
        if (!answer)
            return NULL;
        json_decref(answer);
        slot = tb_listing_find(service->listing, target->slot, target->serial);
    }
    if (slot && !slot->fault)
        return slot;
    if (slot)
        g_propagate_error(error, g_error_copy(slot->fault));
    else
        tb_fault(error, TB_REASON_TOKEN_MISSING,
                 "The token is not there any more. Insert it and try again.");
    return NULL;
}

static json_t *
answer_reveal(TbService *service, json_t *message, int pin_fd)
{
    static const char *const members[] = {"op", "slot", "token", NULL};
    g_autoptr(GError) error = NULL;
    g_auto(TbLogin) login = {.session = CK_INVALID_HANDLE};
    TbTarget target = {0};
    gboolean readable =
        tb_json_only(message, "reveal", members, &error) && read_target(message, &target, &error);
    TbSlot *slot = readable ? find_slot(service, &target, &error) : NULL;

    if (slot && begin(service, &target, &login, &error) &&
        tb_reveal(&login, slot, pin_fd, &error)) {
        json_t *answer = json_object();

        json_object_set_new(answer, "token", tb_listing_revealed(service->listing, slot));
        service->held = login;
        login = (TbLogin){.session = CK_INVALID_HANDLE};
        return answer;
    }
    tb_login_clear(&login);
    if (readable)
        explain_failure(service, &target, &login, &error);
    return login_error(service, error, &login.report, FALSE);
}

/* Changing and unblocking a PIN. */
static json_t *
answer_pin(TbService *service, json_t *message, const char *op, int pin_fd)
{
    static const char *const members[] = {"op", "slot", "token", NULL};
    g_autoptr(GError) error = NULL;
    g_auto(TbLogin) login = {.session = CK_INVALID_HANDLE};
    TbPinChange change = {.pin_fd = pin_fd};
    TbTarget target = {0};
    gboolean readable =
        tb_json_only(message, op, members, &error) && read_target(message, &target, &error);
    gboolean unblock = strcmp(op, "unblock_pin") == 0;

    change.serial = target.serial;
    if (readable && begin(service, &target, &login, &error)) {
        change.opensc = tb_opensc_kind(tb_module_info(service->module)->manufacturerID);
        if (unblock ? tb_pin_unblock(&login, &change, &error)
                    : tb_pin_change(&login, &change, &error)) {
            json_t *answer = json_object();

            json_object_set_new(answer, "pin", tb_pin_to_json(&login.report.info));
            json_object_set_new(answer, "puk", tb_pin_puk_to_json(&login.report.info));
            return answer;
        }
    }
    tb_login_clear(&login);
    if (readable)
        explain_failure(service, &target, &login, &error);
    return login_error(service, error, &login.report, TRUE);
}

static json_t *
answer_list(TbService *service, json_t *message)
{
    static const char *const members[] = {"op", NULL};
    g_autoptr(GError) error = NULL;
    json_t *answer = NULL;

    if (tb_json_only(message, "list", members, &error))
        answer = list(service, &error);
    return answer ? answer : tb_service_error(error);
}

json_t *
tb_service_answer(TbService *service, json_t *request, int pin_fd)
{
    g_autoptr(GError) error = NULL;
    const char *op = NULL;

    if (!tb_json_required_string(request, "op", WORD_MAX, &op, &error)) {
        tb_service_let_go(service);
        return tb_service_error(error);
    }
    if (strcmp(op, "sign") == 0) /* which may use the login that is held */
        return answer_sign(service, request, pin_fd);
    tb_service_let_go(service);
    if (strcmp(op, "list") == 0)
        return answer_list(service, request);
    if (strcmp(op, "reveal") == 0)
        return answer_reveal(service, request, pin_fd);
    if (strcmp(op, "change_pin") == 0 || strcmp(op, "unblock_pin") == 0)
        return answer_pin(service, request, op, pin_fd);
    tb_fault(&error, TB_REASON_INVALID_REQUEST, "\"op\" is none of the known ones.");
    return tb_service_error(error);
}
