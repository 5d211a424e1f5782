/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker's requests in one process, on the module of tests/fuzz: each C_* call fails once, or
 * from there on, with each of several codes; each allocation of OpenSSL's and core's fails; each
 * read of the PIN. Each answer is well formed, a signature is right, and the next request works.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/secret.h"
#include "host/common/log.h"
#include "host/worker/service.h"
#include "tests/fuzz/module.h"
#include "tests/sweep/sweep.h"
#include "tokenbridge/reason.h"

#define CALLS_MAX 400 /* C_* calls of one request */
#define ALLOCATIONS_MAX 40000
#define INPUT "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" /* 32 bytes */

static struct {
    FuzzModuleFeed feed;
    FuzzModuleFail fail;
    FuzzModuleCount calls, sessions;
} module;

/* "held" is "sign" with the login that "reveal" left. */
static const char *const ops[] = {"list", "sign", "change_pin", "unblock_pin", "reveal", "held"};

/* PINs that the token refused are not sent again, so each use has another. */
static int
pin_pipe(const char *op)
{
    static guint serial = 100000;
    g_autofree char *text =
        g_strdup_printf("%u\n%s", serial++, strcmp(op, "sign") ? "654321\n" : "");
    int ends[2];

    if (strcmp(op, "list") == 0 || strcmp(op, "held") == 0)
        return -1;
    g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
    g_assert_cmpint(write(ends[1], text, strlen(text)), ==, (gssize)strlen(text));
    g_assert_cmpint(close(ends[1]), ==, 0);
    return ends[0];
}

static json_t *
make_request(const char *op, const char *id)
{
    gboolean held = strcmp(op, "held") == 0;
    json_t *request = json_pack("{s:s}", "op", held ? "sign" : op);

    if (strcmp(op, "list") == 0)
        return request;
    json_object_set_new(request, "slot", json_integer(1));
    json_object_set_new(request, "token", json_string("0001"));
    if (held)
        json_object_set_new(request, "held", json_true());
    if (held || strcmp(op, "sign") == 0) {
        json_object_set_new(request, "certificate", json_string(id));
        json_object_set_new(request, "algorithm", json_string("ES256"));
        json_object_set_new(request, "input", json_string(INPUT));
    }
    return request;
}

/* Asks; what is swept fails only when that is wanted, and while the worker is at work. */
static gboolean sweeping;

static json_t *
ask(TbService *service, const char *op, const char *id)
{
    json_t *request = make_request(op, id);
    int fd = pin_pipe(op);
    json_t *answer;

    if (sweeping)
        sweep_on();
    answer = tb_service_answer(service, request, fd);
    sweep_off();
    if (fd >= 0)
        g_assert_cmpint(close(fd), ==, 0);
    json_decref(request);
    return answer;
}

/* Whether it is an answer; else it must be an error that can be passed on. Takes it. */
static gboolean
is_good(json_t *answer, const char *op)
{
    static const char *const members[] = {"tokens", "signature", "pin",
                                          "pin",    "token",     "signature"};
    json_t *error = json_object_get(answer, "error");
    gboolean good = error == NULL;
    TbReason reason;

    for (gsize i = 0; good && i < G_N_ELEMENTS(ops); i++) {
        if (strcmp(op, ops[i]) == 0)
            g_assert_nonnull(json_object_get(answer, members[i]));
    }
    if (error) {
        g_assert_true(
            tb_reason_from_word(json_string_value(json_object_get(error, "reason")), &reason));
        g_assert_cmpuint(json_string_length(json_object_get(error, "message")), >, 0);
    }
    json_decref(answer);
    return good;
}

/* The id of Ann's certificate; NULL when the listing does not show it. */
static char *
list(TbService *service)
{
    json_t *answer = ask(service, "list", NULL);
    json_t *token = json_array_get(json_object_get(answer, "tokens"), 0);
    json_t *certificate = json_array_get(json_object_get(token, "certificates"), 0);
    char *id = g_strdup(json_string_value(json_object_get(certificate, "id")));

    g_assert_true(is_good(answer, "list"));
    return id;
}

static void
assert_works(TbService *service)
{
    g_autofree char *id = list(service);

    g_assert_nonnull(id);
    g_assert_true(is_good(ask(service, "sign", id), "sign"));
    g_assert_cmpuint(module.sessions(), ==, 0);
}

/* A service, warm or at its first request. */
static TbService *
start(const char *op, char **out_id)
{
    TbService *service;

    module.feed(NULL, 0);
    service = tb_service_new(FUZZ_MODULE, NULL, NULL);
    g_assert_nonnull(service);
    *out_id = strcmp(op, "list") == 0 ? NULL : list(service);
    if (strcmp(op, "held") == 0)
        g_assert_true(is_good(ask(service, "reveal", *out_id), "reveal"));
    return service;
}

static gboolean
works_without_fault(const char *op)
{
    g_autofree char *id = NULL;
    g_autoptr(TbService) service = start(op, &id);

    return is_good(ask(service, op, id), op);
}

/* One request with the nth call failing; whether there was such a call. */
static gboolean
request_with_fault(const char *op, unsigned long nth, CK_RV rv, gboolean lasting)
{
    g_autofree char *id = NULL;
    g_autoptr(TbService) service = start(op, &id);
    unsigned long before = module.calls();
    gboolean failed;

    module.fail(nth, rv, lasting);
    (void)is_good(ask(service, op, id), op);
    g_assert_cmpuint(module.sessions(), <=, 1); /* one may be held for the next request */
    failed = module.calls() >= before + nth;
    module.fail(0, CKR_OK, FALSE);
    assert_works(service);
    return failed;
}

static void
test_calls(gconstpointer data)
{
    static const struct {
        CK_RV rv;
        gboolean lasting;
    } faults[] = {
        {CKR_GENERAL_ERROR, FALSE},         {CKR_DEVICE_REMOVED, FALSE},
        {CKR_DEVICE_REMOVED, TRUE},         {CKR_TOKEN_NOT_PRESENT, TRUE},
        {CKR_PIN_INCORRECT, FALSE},         {CKR_SESSION_HANDLE_INVALID, TRUE},
        {CKR_FUNCTION_NOT_SUPPORTED, TRUE}, {CKR_BUFFER_TOO_SMALL, TRUE},
        {CKR_VENDOR_DEFINED | 1, FALSE},
    };
    const char *op = data;
    guint runs = 0;

    g_assert_true(works_without_fault(op));
    for (gsize i = 0; i < G_N_ELEMENTS(faults); i++) {
        unsigned long nth = 1;

        while (request_with_fault(op, nth, faults[i].rv, faults[i].lasting)) {
            g_assert_cmpuint(nth, <, CALLS_MAX);
            nth++;
            runs++;
        }
    }
    g_test_message("%s: %u runs", op, runs);
    g_assert_cmpuint(runs, >, G_N_ELEMENTS(faults) * 4);
}

/* What is kept from one run to the next. */
typedef struct Kept {
    const char *op;
    TbService *service; /* NULL: each run has its own, which lists for the first time */
    char *id;
} Kept;

static void
request_with_sweep(const SweepFault *fault, gpointer data)
{
    Kept *kept = data;
    g_autofree char *id = NULL;
    g_autoptr(TbService) fresh = kept->service ? NULL : start(kept->op, &id);
    TbService *service = kept->service ? kept->service : fresh;
    json_t *answer;

    if (kept->service && strcmp(kept->op, "held") == 0)
        g_assert_true(is_good(ask(service, "reveal", kept->id), "reveal"));
    sweeping = TRUE;
    answer = ask(service, kept->op, kept->id);
    sweeping = FALSE;
    if (!is_good(answer, kept->op))
        g_assert_true(sweep_fired() && !fault->harmless);
    g_assert_cmpuint(module.sessions(), <=, 1);
    /* A listing made without memory may lack something, and is kept for as long as its worker. */
    if (kept->service)
        g_assert_true(is_good(ask(service, "sign", kept->id), "sign"));
    else if (fault->what != SWEEP_ALLOCATION || !sweep_fired())
        assert_works(service);
    else
        g_assert_true(is_good(ask(service, "list", NULL), "list"));
}

static void
test_resources(gconstpointer data)
{
    Kept kept = {.op = data};
    /* Thousands of allocations, most of them in loops and in reading the same key. */
    guint step = strcmp(kept.op, "sign") == 0                                     ? 3
                 : strcmp(kept.op, "reveal") == 0 || strcmp(kept.op, "held") == 0 ? 11
                                                                                  : 1;

    if (strcmp(kept.op, "list") != 0)
        kept.service = start(kept.op, &kept.id);
    for (const SweepFault *fault = sweep_faults; fault->name; fault++) {
        guint runs = sweep_run(fault, request_with_sweep, &kept, ALLOCATIONS_MAX, step);

        g_test_message("%s, %s: %u runs", kept.op, fault->name, runs);
        if (fault->what == SWEEP_ALLOCATION)
            g_assert_cmpuint(runs, >, 0);
    }
    tb_service_free(kept.service);
    g_free(kept.id);
}

static void
set_up(void)
{
    void *handle = dlopen(FUZZ_MODULE, RTLD_NOW | RTLD_LOCAL);

    g_assert_nonnull(handle);
    g_assert_true(tb_secret_init(NULL));
    module.feed = (FuzzModuleFeed)dlsym(handle, FUZZ_MODULE_FEED);
    module.fail = (FuzzModuleFail)dlsym(handle, FUZZ_MODULE_FAIL);
    module.calls = (FuzzModuleCount)dlsym(handle, FUZZ_MODULE_CALLS);
    module.sessions = (FuzzModuleCount)dlsym(handle, FUZZ_MODULE_SESSIONS);
    g_assert_true(g_setenv("TOKENBRIDGE_LOG", "error", TRUE));
    tb_log_init("test-sweep-worker");
}

int
main(int argc, char **argv)
{
    sweep_init();
    g_test_init(&argc, &argv, NULL);
    set_up();
    for (gsize i = 0; i < G_N_ELEMENTS(ops); i++) {
        g_autofree char *calls = g_strdup_printf("/sweep/worker/calls/%s", ops[i]);
        g_autofree char *resources = g_strdup_printf("/sweep/worker/resources/%s", ops[i]);

        g_test_add_data_func(calls, ops[i], test_calls);
        g_test_add_data_func(resources, ops[i], test_resources);
    }
    return g_test_run();
}
